"""What would stand of a container before it is started."""
