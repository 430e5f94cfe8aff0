"""A stand-alone program that reads raw kernel text where it runs. Imports nothing of ours from outside this package.

Standard library only and Python 3.8 syntax: its files are sent as one text to machines without our code
(`probe.bundle`). It only opens what is on the lists in `read`, `cgroups` and `host`, and decodes nothing.
"""
