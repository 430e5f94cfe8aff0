"""The window. Qt is imported here only."""
