"""What lines and signs of the chart mean, beside its title; those that find no room are left out."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.history.changes import What
from stratascope.core.history.fold import Past
from stratascope.core.message import Message, msg
from stratascope.i18n.translate import listed, translate
from stratascope.ui.history.signs import paint_sign
from stratascope.ui.widgets.theme import Theme

_WORDS: tuple[tuple[str | What, Message], ...] = (
    ("worst", msg("worst")),
    ("best", msg("at best")),
    (What.SETTINGS, msg("setting changed")),
    (What.RESTARTED, msg("restart")),
    (What.RELAUNCHED, msg("relaunch")),
    (What.DRIFT, msg("drift")),
    (What.ENDED, msg("ended")),
)


class Legend(QWidget):
    """Only of what is in the chart."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[tuple[str | What, Message], ...] = _WORDS[:2]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self._name()

    def show_past(self, past: Past) -> None:
        """What happened in it."""
        there = {each.what for each in past.changes}
        self._parts = tuple(each for each in _WORDS if isinstance(each[0], str) or each[0] in there)
        self._name()
        self.update()

    def _name(self) -> None:
        self.setAccessibleName(listed(translate(word) for _, word in self._parts))

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self._theme.box(12))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._theme.box(12))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(12))
        x, middle = 0.0, self.height() / 2
        for what, word in self._parts:
            text = translate(word)
            wide = theme.px(22 if isinstance(what, str) else 14)
            length = wide + theme.px(6) + painter.fontMetrics().horizontalAdvance(text)
            if x + length > self.width():
                return
            if isinstance(what, What):
                paint_sign(painter, QPointF(x + wide / 2, middle), theme.px(10), what, theme)
            else:
                worst = what == "worst"
                style = Qt.PenStyle.SolidLine if worst else Qt.PenStyle.DashLine
                painter.setPen(QPen(theme.color("open" if worst else "text2"), 2.4 if worst else 1.2, style))
                painter.drawLine(QPointF(x, middle), QPointF(x + wide, middle))
            painter.setPen(theme.color("text2"))
            box = QRectF(x + wide + theme.px(6), 0, length, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
            x += length + theme.px(14)
