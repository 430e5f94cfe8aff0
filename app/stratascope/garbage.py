"""Collects garbage on the window's thread only, a little at a time.

Python runs its collector on whichever thread happens to allocate. If another thread collects a Qt object, it destroys
it while the window's thread may be destroying its neighbour: each waits for a lock that the other holds, and the window
hangs.
"""

from __future__ import annotations

import gc

EVERY = 1000  # ms


def collect() -> None:
    """Collect the oldest generation whose threshold has been exceeded, as Python itself would."""
    counts, limits = gc.get_count(), gc.get_threshold()
    for generation in (2, 1, 0):
        if counts[generation] > limits[generation]:
            gc.collect(generation)
            return
