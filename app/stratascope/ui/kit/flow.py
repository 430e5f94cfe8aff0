"""Layouts of widgets: rows that wrap at the width; text as high as its width requires; scrolling if there is no room;
and the notice below the toolbar.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import Part, Theme

GAP = 5
_FRAME = 32  # px of the screen that a window's frame may take


def resize_on_screen(window: QWidget, theme: Theme, wide: int, high: int) -> None:
    """Give a window that size, px of the design, or what the screen has without a window's frame."""
    room = window.screen().availableSize() - QSize(_FRAME, _FRAME)
    window.resize(QSize(theme.px(wide), theme.px(high)).boundedTo(room))


class TextColumn(QWidget):
    """The content of a scroll area, as high as its texts are at its width.

    Qt would make it as high as for the narrowest column of words, and let it scroll into nothing.
    """

    def minimumSizeHint(self) -> QSize:
        least, layout = super().minimumSizeHint(), self.layout()
        return QSize(least.width(), 0) if layout is not None and layout.hasHeightForWidth() else least


class Scrolled(QScrollArea):
    """A vertical scroll area. One that `reads` takes the focus for scrolling, with a focus ring."""

    def __init__(self, inner: QWidget | None = None, name: str = "", *, reads: bool = False) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        if reads:
            self.setProperty("reads", True)
        else:
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        if inner is not None:
            self.setWidget(inner)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt hides the bar when its range changes, which it need not at this width: it would cover the content."""
        super().resizeEvent(event)
        bar = self.verticalScrollBar()
        if bar.isVisible() and bar.maximum() == bar.minimum():
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)


def card_frame(theme: Theme, *parts: Part | tuple[Any, ...], name: str = "") -> QFrame:
    """Return a card with these parts below each other; `name` is its accessible name."""
    frame = QFrame()
    frame.setObjectName("card")
    frame.setAccessibleName(name)
    theme.lay(QVBoxLayout(frame), *parts, gap=0).setContentsMargins(1, 1, 1, 1)
    return frame


class Flow(QWidget):
    """A row of widgets that wraps, each as wide as it wants and never wider than this. Rows are centred, or aligned
    left.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, middle: bool = True) -> None:
        super().__init__(parent)
        self._theme, self._middle = theme, middle
        self._parts: tuple[QWidget, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def put(self, parts: tuple[QWidget, ...]) -> None:
        """Replace the widgets, and delete the former ones."""
        for part in self._parts:
            part.hide()
            part.setParent(None)
            part.deleteLater()
        self._parts = parts
        for part in parts:
            part.setParent(self)
            part.show()
        self.arrange()

    @property
    def wanted(self) -> int:
        """The width of all of them in one row."""
        there = self._there
        return sum(part.sizeHint().width() for part in there) + self._theme.px(GAP) * max(0, len(there) - 1)

    @property
    def _there(self) -> list[QWidget]:
        return [part for part in self._parts if not part.isHidden()]

    def sizeHint(self) -> QSize:
        return QSize(self.wanted, self._place(max(1, self.width()), move=False))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(60), self._place(max(1, self.width()), move=False))

    def resizeEvent(self, event: object) -> None:
        self.arrange()

    def arrange(self) -> None:
        """Place them again: one was hidden or shown."""
        height = self._place(self.width(), move=True)
        if height != self.maximumHeight():
            self.setFixedHeight(height)

    def _place(self, width: int, *, move: bool) -> int:
        """Place the widgets in rows of that width; return the height."""
        gap, y = self._theme.px(GAP), 0
        rows: list[list[QWidget]] = []
        room = 0
        for part in self._there:
            needed = min(part.sizeHint().width(), width)
            if not rows or needed > room:
                rows.append([])
                room = width
            rows[-1].append(part)
            room -= needed + gap
        for row in rows:
            sizes = [part.sizeHint().boundedTo(QSize(width, 9999)) for part in row]
            left = width - sum(size.width() for size in sizes) - gap * (len(row) - 1)
            x = left // 2 if self._middle else 0
            for part, size in zip(row, sizes, strict=True):
                if move:
                    part.setGeometry(x, y, size.width(), size.height())
                x += size.width() + gap
            y += max(size.height() for size in sizes) + gap
        return max(0, y - gap)


class NoticeBar(QWidget):
    """A warning triangle, and the widgets added to `row`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        mark = MarkBox(theme, 14)
        mark.show_mark(Mark.TRIANGLE)
        self.row = theme.lay(QHBoxLayout(self), mark, around=(16, 4, 12, 4), gap=8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("weak_soft"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
