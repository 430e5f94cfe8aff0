"""Pure renderers of a snapshot: text and JSON."""
