"""What several parts of the window are made of: theme, marks, labels, focus, selection."""
