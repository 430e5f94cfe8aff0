"""The findings of a container, each with the toggle that fixes it, in a layer's panel and in a column."""
