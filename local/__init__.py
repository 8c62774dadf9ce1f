"""What never leaves the developer's machine: the local host, the ARM simulator,
scenarios, the demo."""
