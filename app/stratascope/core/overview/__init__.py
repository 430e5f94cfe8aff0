"""Views of containers other than their layers: process tree, shared resources, and machines as a fleet."""
