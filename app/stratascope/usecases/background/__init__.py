"""What runs without a window: the history is recorded, and the desktop told, by a service that has no Qt."""
