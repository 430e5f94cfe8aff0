"""Several containers hardened at once in the window: chosen, planned together, relaunched one after the other."""
