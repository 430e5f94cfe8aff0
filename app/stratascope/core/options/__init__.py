"""The options of `docker run` and `podman run`: their table, their effects, and differences of two sets."""
