"""A container before it is started: a text, and the strata that would result from it."""
