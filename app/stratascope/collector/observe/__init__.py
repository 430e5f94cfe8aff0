"""The observer: what one control group really does, as a stream of lines."""
