"""System calls with their arguments: their types, the names of their values, and how strace(1) prints them."""
