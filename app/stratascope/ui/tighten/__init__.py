"""Trials in the window: settings tried on twins of a container, and what was found taken into the column."""
