"""Captures of many machines as one report: what is alike once, with the machines that it is on."""
