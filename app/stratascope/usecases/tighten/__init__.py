"""The tightest settings with which a container still works: derived from what it needs, found by trials."""
