"""A stand-alone program that reads raw kernel text where it runs. Imports nothing of ours outside this folder.

Standard library only and Python 3.8 syntax: its files are sent as one text to machines that have nothing of ours
(`probe.bundle`). It opens only what stands on the lists in `read`, `cgroups` and `host`, and decodes nothing.
"""
