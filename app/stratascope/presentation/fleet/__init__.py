"""Captures of many machines told as one: what is alike once, with the machines that it is on."""
