"""Trials on twins: what a container can do without is tried on a copy of it that can change nothing of it."""
