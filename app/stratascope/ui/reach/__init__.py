"""The page "Reach": what the container in view can get at, and what is read for it."""
