"""`docker run` and `podman run` as a shell has them."""
