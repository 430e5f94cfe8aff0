"""What is recorded of containers while somebody looks at them, and what of it is shown."""
