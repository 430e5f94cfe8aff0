"""A container's history: what is recorded, and what is derived from it. Pure."""

LONGEST = 400 * 86400.0  # seconds; older records are deleted
