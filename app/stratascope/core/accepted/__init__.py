"""Accepted findings: what an exception is, what it covers, and the file that people keep them in."""
