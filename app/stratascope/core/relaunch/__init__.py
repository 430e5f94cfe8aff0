"""How a container is created again, from what, and by whom: types and rules, no calls."""
