"""Garbage is looked for on the window's thread alone, a little at a time.

Python looks for it on whatever thread happens to make an object. Where that is another one, and there is an object of
Qt's in what it finds, that one takes it apart while the window's thread may be doing the same to its neighbour: each
then waits for what the other holds, and the window hangs.
"""

from __future__ import annotations

import gc

EVERY = 1000  # ms


def collect() -> None:
    """The oldest generation of which so much has come since that Python itself would look through it."""
    counts, limits = gc.get_count(), gc.get_threshold()
    for generation in (2, 1, 0):
        if counts[generation] > limits[generation]:
            gc.collect(generation)
            return
