"""Several containers hardened at once by the window: chosen, planned together, relaunched one after the other."""
