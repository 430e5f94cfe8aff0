"""What a person folded and unfolded in the list, kept over starts; a group is known by its key, however the list is
divided, and replicas that are alike by the engine and the name of the first of them.

Only what was done by hand: a group that opens because a container in it is wanted in view is folded again at the next
start.
"""

from __future__ import annotations

import json

from stratascope.ui.kit.feed import SettingsLike

FOLDED, UNFOLDED = "folded", "unfolded"  # settings: groups are whole until they are folded, replicas are one row
MOST, LONGEST = 200, 200  # keys, and characters of one: projects have the names that strangers give them


class Folds:
    """`all` has the last one last; where there are too many, the first are forgotten."""

    def __init__(self, settings: SettingsLike, setting: str) -> None:
        self._settings, self._setting = settings, setting
        self.all: tuple[str, ...] = _read(settings.get(setting) or "")

    def turn(self, key: str, turned: bool) -> None:
        """It was folded by hand, or unfolded; or it is as it is without that again."""
        others = tuple(each for each in self.all if each != key)
        self.all = (*others, key)[-MOST:] if turned and len(key) <= LONGEST else others
        self._settings.set(self._setting, json.dumps(self.all))


def _read(text: str) -> tuple[str, ...]:
    """What makes no sense is left out."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    keys = found if isinstance(found, list) else []
    good = [each for each in keys if isinstance(each, str) and len(each) <= LONGEST]
    return tuple(dict.fromkeys(good))[-MOST:]
