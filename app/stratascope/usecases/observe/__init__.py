"""A container watched: what it uses, learned and kept."""
