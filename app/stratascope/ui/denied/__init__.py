"""The page "Denied": what the chosen container was refused, by whom, and what would allow it."""
