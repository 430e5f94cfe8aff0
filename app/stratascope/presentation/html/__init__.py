"""One snapshot as one self-contained HTML page."""
