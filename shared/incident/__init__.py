"""An incident: one failed backup, its record in the store, and the moves that its
status may make."""
