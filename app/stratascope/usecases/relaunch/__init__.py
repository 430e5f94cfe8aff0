"""A relaunch carried out: in a crash-safe order, watched, verified, rolled back or undone."""
