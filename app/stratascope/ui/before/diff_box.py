"""The foot of the page's column: the lines of the text that change; the whole difference is copied."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import msg, plural
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.labels import Line, give_tip
from stratascope.ui.widgets.theme import MEDIUM, Theme

SHOWN = 4
BACK = 1500  # ms for which it says that it was copied


class _Lines(QWidget):
    """The first few; how many more there are stands behind the last."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        self.lines = tuple(plain(f"{each[:1]} {each[1:].strip()}", 400) for each in lines)
        told = "\n".join(self.lines)
        self.setAccessibleName(told[:4000] or translate(msg("No line changes")))
        give_tip(self, told)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        rows = max(1, min(SHOWN, len(self.lines)))
        return QSize(self._theme.px(120), rows * self._theme.box(11))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, high = self._theme, QPainter(self), self._theme.box(11)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("text2"))
        if not self.lines:
            painter.setFont(theme.font(11))
            painter.drawText(QRectF(0, 0, self.width(), high), centre, translate(msg("No line changes")))
            return
        left = len(self.lines) - SHOWN
        more = translate(plural("…{count} more", "…{count} more", left)) if left > 0 else ""
        painter.setFont(theme.font(11, MEDIUM))
        wide = painter.fontMetrics().horizontalAdvance(more)
        if more:
            last = QRectF(self.width() - wide - 1, (SHOWN - 1) * high, wide + 1, high)
            painter.drawText(last, centre, more)
        painter.setFont(theme.font(11, fixed=True))
        for row, line in enumerate(self.lines[:SHOWN]):
            room = self.width() - (wide + theme.px(8) if more and row == SHOWN - 1 else 0)
            shown = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QRectF(0, row * high, room + 1, high), centre, shown)


class DiffBox(QWidget):
    """With Copy."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self.patch = theme, ""
        self.title = Line(theme, 11, ink="text2")
        self.title.say(translate(msg("Changed lines only")))
        self.lines = _Lines(theme)
        self.copy = QPushButton(translate(msg("Copy")))
        self.copy.setObjectName("link")
        self.copy.setFont(theme.font(12, MEDIUM))
        self.copy.setAccessibleName(translate(msg("Copy the difference")))
        self.copy.clicked.connect(self.copy_patch)
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(BACK)
        self._back.timeout.connect(lambda: self.copy.setText(translate(msg("Copy"))))
        above = QHBoxLayout()
        above.addWidget(self.title, 1)
        above.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (10, 4, 6, 7)))
        column.setSpacing(0)
        column.addLayout(above)
        column.addWidget(self.lines)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_difference((), "")

    def show_difference(self, lines: tuple[str, ...], patch: str) -> None:
        """`patch`: all of it, as it is copied."""
        self.patch = patch
        self.lines.show_lines(lines)
        self.copy.setEnabled(bool(patch))

    def copy_patch(self) -> None:
        """Onto the clipboard, as patch(1) takes it."""
        if self.patch:
            QGuiApplication.clipboard().setText(self.patch)
            self.copy.setText(translate(msg("Copied")))
            self._back.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
