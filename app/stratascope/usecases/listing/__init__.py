"""Listing many containers: parsing a filter, matching it, and grouping like containers."""
