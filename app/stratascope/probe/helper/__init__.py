"""The privileged helper: its contents, its installation, and the ways to start it, or the same program, as root.

The program itself is the collector (`collector/serve.py`).
"""
