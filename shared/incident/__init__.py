"""What one failed backup is called, what is known of it, and which moves its status may
make."""
