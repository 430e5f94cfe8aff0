"""What a container really used while it was watched: the stream of events, and what it folds into. Pure."""

SECONDS_MOST = 7 * 24 * 3600.0  # of one observation
