"""Layer 1: namespaces(7), and what the mount namespace shows of the host."""
