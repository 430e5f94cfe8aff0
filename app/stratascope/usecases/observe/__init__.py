"""Watching a container, and storing what it was seen to use."""
