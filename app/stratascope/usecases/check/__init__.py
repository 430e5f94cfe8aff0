"""What would stand of a container that is not started yet."""
