"""Recording containers while the window watches them, and what is shown of it."""
