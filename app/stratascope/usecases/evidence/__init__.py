"""What is read of a container before and after a relaunch, to see whether it works."""
