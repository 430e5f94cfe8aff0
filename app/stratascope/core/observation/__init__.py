"""What a container used while it was observed: the stream of events, and the observation built from it. Pure."""

SECONDS_MOST = 7 * 24 * 3600.0  # longest observation
