"""From an event to an incident: a failure is claimed once, or joins one that is at
work; anything else is set aside or quarantined."""
