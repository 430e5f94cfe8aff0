"""Layer 2: the limits of cgroups(7) and of getrlimit(2)."""
