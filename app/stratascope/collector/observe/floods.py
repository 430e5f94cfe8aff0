"""What comes without end is left out of the kernel's telling for a moment, once so much of it has come.

A record that wakes us costs the container many times what the call itself does (18 µs to 2), so a loop over one refused
call must not cost it one each time. A class is what the kernel's filter can tell: a call and its answer, a capability
and its answer. What is left out meanwhile is not counted, which is told.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Optional, Tuple

MOST = 100  # of one class in that time
CLASSES_MAX = 16  # that are left out at one time, for the length of a filter
PERIOD = 2.0  # seconds

Class = Tuple[int, int]


class Floods:
    """Those of one event, by the names of the two fields that make a class."""

    def __init__(self, first: str, second: str) -> None:
        self._first, self._second = first, second
        self._counts: Dict[Class, int] = {}
        self._until = 0.0
        self.shut: FrozenSet[Class] = frozenset()

    def note(self, first: int, second: int) -> None:
        """One has come."""
        self._counts[first, second] = self._counts.get((first, second), 0) + 1

    def change(self, now: float) -> Optional[str]:
        """What a filter has to say besides, where that has changed; "" for nothing."""
        if now > self._until:
            self._until = now + PERIOD
            self._counts.clear()
            shut: FrozenSet[Class] = frozenset()
        else:
            many = sorted(
                (each for each in self._counts if self._counts[each] >= MOST), key=lambda each: -self._counts[each]
            )
            shut = frozenset(many[:CLASSES_MAX])
            if shut <= self.shut:
                return None
        if shut == self.shut:
            return None
        self.shut = shut
        return " && ".join(map(self._text, sorted(shut)))

    def _text(self, known: Class) -> str:
        return "(%s != %d || %s != %d)" % (self._first, known[0], self._second, known[1])
