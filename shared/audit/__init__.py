"""The audit log: append only, one hash chain an incident. Entries are never changed;
docs/audit-format.md has the format."""
