"""Stratascope shows what really stands between a container and the host's kernel."""

__version__ = "0.1.0"
