"""Planning a relaunch: its effects, and its obstacles."""
