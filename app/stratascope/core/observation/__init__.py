"""What a container really used while it was watched: the stream of events, and what it folds into. Pure."""
