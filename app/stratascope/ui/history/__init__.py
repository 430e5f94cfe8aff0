"""The page "History": how the container in view changed, on one time axis, and what is different since yesterday."""
