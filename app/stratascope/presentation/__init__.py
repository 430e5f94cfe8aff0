"""Pure renderers of a snapshot: text, JSON, and one HTML page."""
