"""Quadlet units."""
