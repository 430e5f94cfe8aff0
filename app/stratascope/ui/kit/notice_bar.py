"""A line of full width below the toolbar that wants attention: its ground and its margins."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import Theme


class NoticeBar(QWidget):
    """A triangle, and what is added to `row`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        mark = MarkBox(theme, 14)
        mark.show_mark(Mark.TRIANGLE)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(theme.px(16), theme.px(4), theme.px(12), theme.px(4))
        self.row.setSpacing(theme.px(8))
        self.row.addWidget(mark)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("weak_soft"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
