"""Which engines this environment has, and where they listen."""
