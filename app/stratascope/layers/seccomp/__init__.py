"""Layer 4: seccomp(2), the mode and the filters' action for each system call."""
