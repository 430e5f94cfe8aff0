"""Docker: its API, its JSON into core types, and what it takes to create a container again."""
