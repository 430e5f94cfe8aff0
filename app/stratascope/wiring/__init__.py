"""Builds everything: engines, hardening, desktop files. The one place where adapters are passed in."""
