"""Recreating a container: from what, how, and by whom. Types and rules, no calls."""
