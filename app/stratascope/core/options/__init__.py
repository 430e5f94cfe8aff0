"""What a container was asked for: the options of `run`, what they come to, and how two sets of them differ."""
