"""From findings and policy to a plan that a person can read, or to the reason why there
is none. Pure."""
