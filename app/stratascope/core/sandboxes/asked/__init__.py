"""What each maker was asked for, read from where that stands: a file a maker."""
