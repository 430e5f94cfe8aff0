"""The strip above the layers (the process) and the ground below (the kernel): a title and lines, no verdict."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.strata.band import LEAST

STRIP, GROUND, LOW_GROUND = 34, 78, 60
KERNEL = 200  # width of what is said of the kernel; right of it are the names of what is open


class StrataEdge(QWidget):
    """The strip above the layers, or the ground below: a title and lines, no verdict."""

    def __init__(self, theme: Theme, height: int, *, ground: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._height, self._ground = theme, height, ground
        self._title, self._right = "", 0
        self._lines: tuple[str, ...] = ("",)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, title: str, lines: tuple[str, ...], more: tuple[str, ...] = ()) -> None:
        """Write the lines; `more` is for the tooltip and for the ear."""
        self._title, self._lines = title, lines
        self.setAccessibleName(title)
        self.setAccessibleDescription(". ".join(line for line in (*lines, *more) if line))
        give_tip(self, "\n".join((title, *lines, *more)))
        self.update()

    def keep_to(self, right: int) -> None:
        """Write only as far as that; 0: all the way. The rest belongs to the rays."""
        if right != self._right:
            self._right = right
            self.update()

    def set_compact(self, compact: bool) -> None:
        """A ground with fewer rows of names, for a low window."""
        self._height = LOW_GROUND if compact else GROUND
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        theme = self._theme
        lines = theme.box(13) + (2 * theme.box(11) + theme.px(4) if self._ground else theme.px(10))
        return QSize(theme.px(LEAST), max(theme.px(self._height), lines))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen if self._ground else QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("ground" if self._ground else "panel"))
        painter.drawRoundedRect(box, theme.px(7), theme.px(7))
        left, right = theme.px(13), (self._right or self.width()) - theme.px(12)
        ink = theme.color("ground_text" if self._ground else "text")
        painter.setPen(ink)
        painter.setFont(theme.font(13, BOLD))
        one = theme.box(13)
        if not self._ground:
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, self._title)
            left += painter.fontMetrics().horizontalAdvance(self._title) + theme.px(8)
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            text = painter.fontMetrics().elidedText(self._lines[0], Qt.TextElideMode.ElideRight, right - left)
            painter.drawText(QRect(left, 0, right - left, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            return
        text, flags = "\n".join(self._lines), Qt.TextFlag.TextWordWrap
        painter.setFont(theme.font(11))
        room = QRect(left, 0, right - left, self.height() - one)
        high = painter.fontMetrics().boundingRect(room, flags, text).height()
        if high > room.height():  # in a very low window: one whole line rather than parts of two
            text = painter.fontMetrics().elidedText(self._lines[0], Qt.TextElideMode.ElideRight, room.width())
            high = painter.fontMetrics().height()
        top = (self.height() - one - high) // 2
        painter.drawText(QRect(left, top + one, right - left, high), flags, text)
        painter.setFont(theme.font(13, BOLD))
        painter.drawText(QRect(left, top, right - left, one), Qt.AlignmentFlag.AlignVCenter, self._title)
