"""Messages into text of the user's language."""
