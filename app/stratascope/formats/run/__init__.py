"""`docker run` and `podman run` commands for a shell."""
