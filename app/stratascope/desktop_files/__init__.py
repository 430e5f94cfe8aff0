"""Puts what the desktop and polkit need in its place on this machine, and takes exactly that away again."""
