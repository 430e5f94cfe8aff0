"""The commands that change containers: `harden`, `tighten`, `undo`, `discard`, `recover`, and what they share."""
