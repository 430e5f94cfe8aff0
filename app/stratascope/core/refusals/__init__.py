"""Explain refusals: what was tried, which layer refused it, what would allow it. Pure."""
