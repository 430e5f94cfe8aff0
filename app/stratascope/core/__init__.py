"""Stratascope's concepts as types, and the rules that need no layer."""
