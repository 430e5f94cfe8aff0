"""Checks containers before they are started: their layers as predicted from a text."""
