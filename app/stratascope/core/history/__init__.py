"""How a container changed over time: what is recorded of it, and what that comes to. Pure."""

LONGEST = 400 * 86400.0  # seconds that anything is kept
