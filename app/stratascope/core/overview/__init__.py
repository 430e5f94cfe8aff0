"""Views of containers other than their layers: processes as a tree, what is shared with whom, machines as a fleet."""
