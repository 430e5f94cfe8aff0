"""Carrying out a relaunch: in a crash-safe order, watched, verified, rolled back or undone."""
