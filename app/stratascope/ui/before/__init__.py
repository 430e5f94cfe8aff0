"""What would stand of a container before it is started: a text, and the strata that it would come to."""
