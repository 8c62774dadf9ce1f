"""One file a fix, named after the action: its steps as data, its preconditions, how it
is carried out, and what it loses."""
