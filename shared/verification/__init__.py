"""A new backup has to show that the fix worked: start, follow, conclude."""
