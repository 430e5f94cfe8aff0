"""A container's history: what is recorded, and what follows from it. Pure."""

LONGEST = 400 * 86400.0  # seconds that anything is kept
