"""The small lines of the list: seven days of each container's exposure, asked for at once and not often.

A container that is known for less than an hour has none: a dot alone tells nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject

from stratascope.core.history.entry import Subject
from stratascope.core.snapshot import ContainerState
from stratascope.ui.containers import row_paint
from stratascope.ui.history.chronicle import HistoryFeed
from stratascope.ui.kit.background import later
from stratascope.usecases.history.history import Point

AGAIN = 60_000  # ms from one question to the next
_DAY, _LEAST = 86400.0, 3600.0  # seconds


class ExposureLines(QObject):
    """`changed` is called when there is more to draw."""

    def __init__(self, chronicle: HistoryFeed, changed: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chronicle, self._changed = chronicle, changed
        self._known: dict[Subject, tuple[Point, ...]] = {}
        self._later = later(self, AGAIN, self._ask)
        self._asked = False
        chronicle.wrote.connect(self._news)

    def of(self, state: ContainerState) -> Sequence[row_paint.Step]:
        """Its steps; none where too little is known."""
        points = self._known.get(Subject(state.container.engine, state.container.name), ())
        now = time.time()
        if not points or now - points[0].at < _LEAST:
            return ()
        return [(max(0.0, now - point.at) / _DAY, point.worst) for point in points if point.worst is not None]

    def _news(self) -> None:
        if not self._asked:
            self._asked = True
            self._ask()
        elif not self._later.isActive():
            self._later.start()

    def _ask(self) -> None:
        self._chronicle.ask_lines(time.time() - row_paint.DAYS * _DAY, self._take)

    def _take(self, found: dict[Subject, tuple[Point, ...]]) -> None:
        if found != self._known:
            self._known = found
            self._changed()
