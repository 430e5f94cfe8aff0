"""The page "Denied": what the selected container was refused, by what, and what would allow it."""
