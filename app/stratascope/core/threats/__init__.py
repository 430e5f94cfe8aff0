"""What a compromised process might try, what each attempt needs, and how many layers stop it."""
