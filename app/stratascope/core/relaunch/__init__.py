"""What a container is created from, how it is created again, and who does that: types and rules, no calls."""
