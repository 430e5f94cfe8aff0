"""Explains what a container was refused: which layer refused it, and what would allow it, at which price."""
