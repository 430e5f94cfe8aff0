"""The page "System calls": every system call and the filters' answer."""
