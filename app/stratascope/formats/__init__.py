"""The languages that a container is described in: each read into options, written from them, and edited in place."""
