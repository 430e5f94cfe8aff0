"""The page "History": how the container in view changed, on one time axis, and what has changed since yesterday."""
