"""Readings, judgements and texts that several layers share."""
