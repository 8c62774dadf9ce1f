"""A new backup shows whether the fix worked: started, followed to its end, and
concluded."""
