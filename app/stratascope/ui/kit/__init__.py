"""Building blocks shared by all parts of the window: theme, marks, labels, focus, selection, tables."""
