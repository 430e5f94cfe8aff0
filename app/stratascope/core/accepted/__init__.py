"""Findings that somebody accepts: what an exception is, what it covers, and the file that people keep."""
