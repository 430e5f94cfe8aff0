"""Which time is in view, and how near: a pyqtgraph view with time from left to right, and pixels from top to bottom.

The wheel and plus and minus zoom, dragging moves. pyqtgraph is imported here and nowhere else in this package, so only
with this page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyqtgraph
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QWidget

NEAREST = 300.0  # seconds that can be in view at the least
ZOOM = 1.3


class Timeline(QObject):
    """`moved`: the person has brought another time into view. Times are seconds since the epoch."""

    moved = Signal()

    def __init__(self, drawing: QGraphicsItem, parent: QWidget) -> None:
        super().__init__(parent)
        pyqtgraph.setConfigOption("exitCleanup", False)  # it would walk through all objects when the program ends
        self._view: Any = pyqtgraph.GraphicsView()
        self._box: Any = pyqtgraph.ViewBox(enableMenu=False, defaultPadding=0.0, invertY=True)
        self._view.setCentralItem(self._box)
        self._box.setMouseEnabled(x=True, y=False)
        self._box.disableAutoRange()
        self._box.addItem(drawing, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._follow)
        self.canvas: QWidget = self._view  # has the keyboard
        self.surface: QWidget = self._view.viewport()  # has the mouse
        self.surface.setMouseTracking(True)
        self._left = self._right = 0  # margins of the time, in pixels
        self._since, self._until = 0.0, 1.0

    def set_background(self, color: QColor) -> None:
        """Behind all that is drawn."""
        self._view.setBackground(color)

    def set_margins(self, left: int, right: int) -> None:
        """Pixels at both sides that are not of the time axis."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.show_time(*self.time())

    def set_whole(self, since: float, until: float) -> None:
        """There is nothing before and after that."""
        room = (until - since) * 0.02
        self._box.setLimits(xMin=since - room * 20, xMax=until + room * 20, minXRange=NEAREST / 2)

    def area(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return max(1, self.surface.width()), max(1, self.surface.height())

    def time(self) -> tuple[float, float]:
        """From when to when is in view, between the margins."""
        return self._since, self._until

    def show_time(self, since: float, until: float) -> None:
        """Bring that into view."""
        width = max(1, self.area()[0] - self._left - self._right)
        pixel = max(NEAREST, until - since) / width
        self._since, self._until = since, since + pixel * width
        self._box.setXRange(since - pixel * self._left, self._until + pixel * self._right, padding=0)

    def resized(self) -> None:
        """Keep the time that was in view."""
        self.show_time(*self.time())

    def _follow(self, *_: object) -> None:
        """Take over what wheel and mouse did."""
        (left, right), _ = self._box.viewRange()
        pixel = (right - left) / self.area()[0]
        self._since, self._until = left + pixel * self._left, right - pixel * self._right
        self.moved.emit()

    def x_of(self, at: float) -> float:
        """Where that moment is, in pixels."""
        since, until = self.time()
        width = self.area()[0] - self._left - self._right
        return self._left + (at - since) / max(1e-9, until - since) * width

    def all_x(self) -> Callable[[float], float]:
        """`x_of` as it is now, for whoever asks a thousand times."""
        since, until = self.time()
        pixels = (self.area()[0] - self._left - self._right) / max(1e-9, until - since)
        left = self._left
        return lambda at: left + (at - since) * pixels

    def at(self, x: float) -> float:
        """Which moment is there."""
        since, until = self.time()
        width = max(1, self.area()[0] - self._left - self._right)
        return since + (x - self._left) / width * (until - since)

    def zoom(self, factor: float, about: float) -> None:
        """So many times nearer, about that moment."""
        since, until = self.time()
        self.show_time(about - (about - since) / factor, about + (until - about) / factor)
        self.moved.emit()

    def move(self, share: float) -> None:
        """By that share of what is in view."""
        since, until = self.time()
        away = (until - since) * share
        self.show_time(since + away, until + away)
        self.moved.emit()
