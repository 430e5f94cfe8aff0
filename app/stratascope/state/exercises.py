"""Commands that exercise a twin, as they were given for the containers of an image; kept beside the settings, bounded.

Decided against keeping them with what was learned: who forgets what was learned does not mean the commands.
"""

from __future__ import annotations

import json

from stratascope.state.preferences import Kept

KEY = "exercises"
COMMANDS_MOST, LENGTH_MOST, BYTES_MOST = 12, 1000, 64 << 10  # of one image; of one command; of all


def remembered(kept: Kept, image: str) -> tuple[str, ...]:
    """Those given last come first in the order in which they were given."""
    return _all(kept).get(image, ())


def remember(kept: Kept, image: str, commands: tuple[str, ...]) -> None:
    """Given just now: they come first, and older ones of the same image stay as long as there is room."""
    if not commands:
        return
    known = _all(kept)
    every = dict.fromkeys((*commands, *known.pop(image, ())))
    known[image] = tuple(each for each in every if len(each) <= LENGTH_MOST)[:COMMANDS_MOST]
    while known and len(text := json.dumps(known)) > BYTES_MOST:
        del known[next(iter(known))]  # the image that was not tried for the longest time
    kept.set(KEY, text if known else "{}")


def _all(kept: Kept) -> dict[str, tuple[str, ...]]:
    """What is no such text (edited by hand) counts as not there."""
    try:
        found = json.loads(kept.get(KEY) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        image: tuple(each for each in commands if isinstance(each, str))
        for image, commands in found.items()
        if isinstance(commands, list)
    }
