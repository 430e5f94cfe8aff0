"""Installs the files that the desktop and polkit need on this machine, and removes exactly those again."""
