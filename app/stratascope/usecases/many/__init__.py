"""Several containers at once: which are of one kind, their plans together, and one after the other, all or none."""
