"""From an event to an incident: one failure is claimed once, joined, set aside or
quarantined."""
