"""Every threat and what each layer says to it."""
