"""Why something was denied: what was tried, which layer refused it, what would allow it. Pure."""
