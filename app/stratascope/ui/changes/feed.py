"""What changed since the last visit of the page "Changes", for the number on its button; and since any other moment.

A visit ends when the page is left, and what changed from then on is counted. The history is asked rarely while the page
is hidden.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import isfinite

from PySide6.QtCore import QObject, Signal

from stratascope.core.history.machine import Direction, Moved, counted
from stratascope.ui.history.feed import HistoryFeed, MovedAnswer
from stratascope.ui.kit.background import SettingsLike, later

KEPT = "changes_seen"  # key in the settings: when the last visit ended
RARELY = 30_000  # ms between two requests while the page is hidden
FIRST = 3000  # ms from the first snapshot to the first request
DAY = 86400.0
COUNTED = (Direction.WORSE, Direction.NEW)


class ChangesFeed(QObject):
    """Emits `told` when `count` may have changed: containers that became worse or are new since the last visit; `due`
    when the page in view should ask again, as another program may be recording.
    """

    told = Signal()
    due = Signal()

    def __init__(self, history_feed: HistoryFeed, settings: SettingsLike, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history_feed, self._settings = history_feed, settings
        self.count = 0
        self.rows: tuple[Moved, ...] = ()  # what is counted, and the rest since the last visit
        self._visits = self._begun = False  # the page is seen; it asks
        self._later = later(self, FIRST, self._ask)
        history_feed.wrote.connect(self._news)

    @property
    def seen(self) -> float:
        """When the last visit ended, seconds since the epoch; 0.0: never. A clock that was set back forgets it."""
        try:
            at = float(self._settings.get(KEPT) or 0.0)
        except ValueError:
            return 0.0
        return at if isfinite(at) and 0.0 <= at <= time.time() + 1.0 else max(0.0, time.time() - DAY)

    def begin_visit(self) -> None:
        """The page is shown: what it shows stays counted until it is left."""
        self._visits = True

    def end_visit(self) -> None:
        """The page was left: all that it showed is known now."""
        if self._visits:
            self._visits = False
            self._settings.set(KEPT, repr(time.time()))
            self.count = 0
            self.told.emit()

    def ask(self, topic: str, since: float, then: Callable[[MovedAnswer], None]) -> None:
        """Request what changed since that moment."""
        self.history_feed.ask_moved(topic, since, then)

    def show_count(self, answer: MovedAnswer) -> None:
        """Count what was answered for the last visit."""
        self.rows = answer.rows
        found = counted(answer.rows)
        count = sum(found[each] for each in COUNTED)
        if count != self.count:
            self.count = count
            self.told.emit()

    def begin(self) -> None:
        """There are containers of this machine: ask, and go on asking."""
        if self.history_feed.able and not self._begun:
            self._begun = True
            self._later.start()

    def stop(self) -> None:
        """End the visit, and ask no more. May be called twice."""
        self._later.stop()
        self._begun = True
        self.end_visit()

    def _news(self) -> None:
        if self._visits:
            self.due.emit()

    def _ask(self) -> None:
        self._later.setInterval(RARELY)
        self._later.start()
        if self._visits:
            self.due.emit()
        else:
            self.ask("changes count", self.seen, lambda answer: None if self._visits else self.show_count(answer))
