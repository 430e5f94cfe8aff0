"""A relaunch thought through: what it leads to, what stands in its way."""
