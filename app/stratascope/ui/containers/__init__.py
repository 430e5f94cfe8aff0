"""The list of containers on the left."""
