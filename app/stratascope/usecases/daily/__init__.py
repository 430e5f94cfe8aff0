"""Everyday operations on a container: start, stop, restart and their consequences; its log; a shell in it."""
