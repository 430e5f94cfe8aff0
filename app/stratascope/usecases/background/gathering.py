"""Gathers alerts, so that many at once are one notice, and many in a row are not one each. Pure, except for its memory.

The first is told after a moment, in which others may come. Each notice doubles the pause to the next, up to an hour; a
quiet time as long as the pause ends that. What is not true any more when its turn comes is not told.
"""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.message import Message, msg, plural, verbatim
from stratascope.usecases.live.alerts import Alert, Key

FIRST, LEAST, MOST = 2.0, 30.0, 3600.0  # seconds
_NAMED, _KEPT_MOST = 3, 1000


class Gathering:
    """`add` alerts; `due` returns what is to be told now. Times in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Alert, str]] = {}
        self._next = 0.0
        self._pause = LEAST
        self._told_at = float("-inf")

    def add(self, alert: Alert, name: str, now: float) -> None:
        """Tell this; `name`: the container's. A later one of the same container replaces it."""
        if not self._kept:
            if now - self._told_at > 2 * self._pause:
                self._pause = LEAST
            self._next = max(now + FIRST, self._told_at + self._pause)
        self._kept.pop(alert.key, None)
        if len(self._kept) < _KEPT_MOST:
            self._kept[alert.key] = alert, name

    def wait(self, now: float) -> float | None:
        """Seconds until `due` has something; None: nothing is waiting."""
        return max(0.0, self._next - now) if self._kept else None

    def due(self, now: float, holds: Callable[[Alert], bool]) -> Alert | None:
        """What to tell now, if anything. `holds`: whether what an alert says is still so."""
        if not self._kept or now < self._next:
            return None
        found = [each for each in self._kept.values() if holds(each[0])]
        self._kept.clear()
        if not found:
            return None
        if now - self._told_at <= 2 * self._pause:
            self._pause = min(MOST, 2 * self._pause)
        self._told_at = now
        return found[0][0] if len(found) == 1 else _together([alert for alert, _ in found], [name for _, name in found])


def _together(alerts: list[Alert], names: list[str]) -> Alert:
    title = plural("{count} container needs a look", "{count} containers need a look", len(alerts))
    return Alert(alerts[0].key, title, _names(names))


def _names(names: list[str]) -> Message:
    text = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return msg("{names} and {more} more", names=text, more=more) if more > 0 else verbatim(text)
