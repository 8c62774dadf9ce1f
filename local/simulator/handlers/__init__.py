"""What each resource provider answers, a file each. A handler takes a Call and returns
an Answer or raises ArmError."""
