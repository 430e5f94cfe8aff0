"""Tries threats on a copy of a container, harmlessly, and compares with what was predicted (`attempts.tries`)."""
