"""A container checked before it is started."""
