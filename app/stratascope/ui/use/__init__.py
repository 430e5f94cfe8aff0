"""The page "Use": what a container was observed to use, compared with what it has."""
