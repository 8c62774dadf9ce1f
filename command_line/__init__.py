"""The command line. Not deployed: it drives the local host and the simulator, and reads
the audit store."""
