"""The main job before your eyes, without Azure."""
