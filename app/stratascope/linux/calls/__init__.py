"""System calls with their arguments: what each takes, what values are called, how strace(1) prints them."""
