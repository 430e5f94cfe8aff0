"""Captures: opened in a window of their own, and saved so that they can be shown to others."""
