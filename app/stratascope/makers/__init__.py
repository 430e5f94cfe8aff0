"""Sandboxes of other makers, offered as an engine's containers are: listed, followed, translated."""
