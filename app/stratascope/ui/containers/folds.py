"""Which groups of the list a person folded, kept over starts; a group is known by its key, however the list is divided.

Only what was done by hand: a group that opens because a container in it is wanted in view is folded again at the next
start.
"""

from __future__ import annotations

import json

from stratascope.ui.widgets.feed import SettingsLike

_SETTING = "folded"
MOST, LONGEST = 200, 200  # groups, and characters of a key: projects have the names that strangers give them


class Folds:
    """`all` has the last one last; where there are too many, the first are forgotten."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        self.all: tuple[str, ...] = _read(settings.get(_SETTING) or "")

    def turn(self, group: str, folded: bool) -> None:
        """It was folded, or unfolded."""
        others = tuple(each for each in self.all if each != group)
        self.all = (*others, group)[-MOST:] if folded and len(group) <= LONGEST else others
        self._settings.set(_SETTING, json.dumps(self.all))


def _read(text: str) -> tuple[str, ...]:
    """What makes no sense is left out."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    groups = found if isinstance(found, list) else []
    good = [each for each in groups if isinstance(each, str) and len(each) <= LONGEST]
    return tuple(dict.fromkeys(good))[-MOST:]
