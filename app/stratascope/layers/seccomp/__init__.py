"""Layer 4: seccomp(2), the mode and what the filters say to each system call."""
