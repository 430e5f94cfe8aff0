"""Every system call and what the filters say to it."""
