"""Which containers are pinned, kept over starts by engine and name: one that is created anew stays pinned."""

from __future__ import annotations

import json

from stratascope.ui.containers.order import Pin
from stratascope.ui.kit.feed import SettingsLike

_SETTING = "pinned"
MOST = 200


class Pins:
    """What was kept and makes no sense is left out."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        self.all: frozenset[Pin] = _read(settings.get(_SETTING) or "")

    def turn(self, pin: Pin) -> None:
        """Pin it, or let it go."""
        self.all = self.all ^ {pin} if pin in self.all or len(self.all) < MOST else self.all
        self._settings.set(_SETTING, json.dumps(sorted(self.all)))


def _read(text: str) -> frozenset[Pin]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return frozenset()
    pairs = found if isinstance(found, list) else []
    good = [
        (pair[0], pair[1])
        for pair in pairs[:MOST]
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
    ]
    return frozenset(good)
