"""Engines' defaults for a container, as measured, by engine version."""
