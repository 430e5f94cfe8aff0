"""What is shown of a container beside its layers: its processes as a tree, and with whom it shares what."""
