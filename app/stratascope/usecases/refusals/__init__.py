"""Explaining what a container was refused: by whom, and what would allow it at which price."""
