"""What was found of a container: each finding with the switch that mends it, in a layer's panel and a column."""
