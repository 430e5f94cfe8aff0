"""Several containers at once: grouped by kind, planned together, and relaunched one after the other, all or none."""
