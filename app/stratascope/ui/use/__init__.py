"""The page "Use": what a container was seen to use, beside what it has."""
