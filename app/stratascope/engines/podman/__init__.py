"""Podman: its API, its JSON into core types, and how to create a container again."""
