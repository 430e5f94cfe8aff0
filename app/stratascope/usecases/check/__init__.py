"""Checking containers that are not started yet: their layers as predicted from a text."""
