"""The column on the right: toggles, prediction, command."""
