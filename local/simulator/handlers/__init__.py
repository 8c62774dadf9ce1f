"""The answers of each resource provider, a file each. A handler takes a Call and
returns an Answer, or raises ArmError."""
