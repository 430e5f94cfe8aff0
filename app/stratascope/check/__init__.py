"""What is not started yet, read from its text: run commands, Compose files, Quadlet units, Kubernetes manifests."""
