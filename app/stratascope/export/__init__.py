"""A container as what would start it again: run commands, Compose, Quadlet, Kubernetes, a seccomp profile."""
