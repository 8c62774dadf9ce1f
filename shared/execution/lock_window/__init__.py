"""A resource group unlocked for as short as can be: every lock goes back, identical."""
