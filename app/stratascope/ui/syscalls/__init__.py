"""The map of system calls: every call and the filters' answer, in the layer panel."""
