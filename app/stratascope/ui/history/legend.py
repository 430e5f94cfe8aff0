"""What lines and signs of the chart mean, beside its title; those that find no room are left out."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.history.changes import What
from stratascope.core.history.entry import Limits
from stratascope.core.history.fold import Past
from stratascope.core.message import Message, msg
from stratascope.i18n.translate import listed, translate
from stratascope.ui.history.places import lines_drawn
from stratascope.ui.history.signs import paint_sign
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import Theme

_WORDS: tuple[tuple[str | What, Message], ...] = (
    ("worst", msg("worst")),
    ("best", msg("at best")),
    ("limit", msg("limit")),
    ("proposed", msg("proposed limit")),
    (What.SETTINGS, msg("setting changed")),
    (What.RESTARTED, msg("restart")),
    (What.RELAUNCHED, msg("relaunch")),
    (What.DRIFT, msg("drift")),
    (What.ENDED, msg("ended")),
)
_LINES = {
    "worst": ("open", 2.4, Qt.PenStyle.SolidLine),
    "best": ("text2", 1.2, Qt.PenStyle.DashLine),
    "limit": ("weak", 1.4, Qt.PenStyle.SolidLine),
    "proposed": ("weak", 1.4, Qt.PenStyle.DashLine),
}
_PROPOSED = msg("The limit that the column on the right proposes, from what was used or what this machine has")


LINES = 2


class Legend(QWidget):
    """Only of what is in the chart; in two lines where one has no room for it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[tuple[str | What, Message], ...] = _WORDS[:2]
        self._past: Past | None = None
        self._proposed = Limits()
        self._lines = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self._name()

    def show_past(self, past: Past) -> None:
        """What happened in it."""
        self._past = past
        self._show()

    def show_proposed(self, proposed: Limits) -> None:
        """Limits that hardening would set."""
        if proposed != self._proposed:
            self._proposed = proposed
            self._show()

    def _show(self) -> None:
        if self._past is not None:
            there = {"worst", "best", *(each.what for each in self._past.changes)}
            there |= lines_drawn(self._past, self._proposed)
            self._parts = tuple(each for each in _WORDS if each[0] in there)
        self._name()
        self._fit()
        self.update()

    def _name(self) -> None:
        self.setAccessibleName(listed(translate(word) for _, word in self._parts))
        proposed = any(what == "proposed" for what, _ in self._parts)
        give_tip(self, translate(_PROPOSED) if proposed else "")

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._theme.box(12) * self._lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        lines = 1 + max((line for *_, line in self.placed()), default=0)
        if lines != self._lines:
            self._lines = lines
            self.updateGeometry()

    def placed(self) -> list[tuple[str | What, str, float, int]]:
        """Each sign with its word, its left edge and its line; what does not fit into the lines is left out."""
        theme, metrics = self._theme, QFontMetrics(self._theme.font(12))
        found: list[tuple[str | What, str, float, int]] = []
        x, line = 0.0, 0
        for what, word in self._parts:
            text = translate(word)
            length = theme.px(_wide(what) + 6) + metrics.horizontalAdvance(text)
            if x and x + length > self.width():
                x, line = 0.0, line + 1
            if line == LINES or length > self.width():
                break
            found.append((what, text, x, line))
            x += length + theme.px(14)
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(12))
        high = self.height() / self._lines
        for what, text, x, line in self.placed():
            wide, middle = theme.px(_wide(what)), high * (line + 0.5)
            if isinstance(what, What):
                paint_sign(painter, QPointF(x + wide / 2, middle), theme.px(10), what, theme)
            else:
                ink, width, style = _LINES[what]
                painter.setPen(QPen(theme.color(ink), width, style))
                painter.drawLine(QPointF(x, middle), QPointF(x + wide, middle))
            painter.setPen(theme.color("text2"))
            box = QRectF(x + wide + theme.px(6), high * line, self.width(), high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)


def _wide(what: str | What) -> int:
    """Of the sign, in pixels of the design."""
    return 22 if isinstance(what, str) else 14
