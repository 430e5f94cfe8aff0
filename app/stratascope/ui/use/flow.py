"""Short words one after the other, each with a small sign before it, broken into lines where they must be."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.i18n.translate import listed
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme
from stratascope.value import Value


def paint_sign(painter: QPainter, box: QRectF, sign: str, theme: Theme) -> None:
    """At the left of `box`: a tick, a cross, a question mark; anything else is a dash."""
    x, middle, unit = box.left() + theme.scale, box.center().y(), theme.scale
    painter.setPen(QPen(theme.color("open" if sign == "cross" else "enf"), 1.6 * unit))
    if sign == "tick":
        points = [
            QPointF(x, middle),
            QPointF(x + 3 * unit, middle + 3 * unit),
            QPointF(x + 8 * unit, middle - 4 * unit),
        ]
        painter.drawPolyline(QPolygonF(points))
    elif sign == "cross":
        for up in (-1, 1):
            painter.drawLine(QPointF(x, middle - 3.6 * unit * up), QPointF(x + 7.2 * unit, middle + 3.6 * unit * up))
    elif sign == "?":
        paint_mark(painter, QRectF(x - unit, middle - 5.5 * unit, 11 * unit, 11 * unit), Mark.UNKNOWN, theme)
    else:
        painter.fillRect(QRectF(x, middle - 0.8 * unit, theme.px(8), 1.8 * unit), theme.color("text3"))


class Word(Value):
    """`sign`: tick, dash, or none. `strong`: the part of the text that is bold, a number mostly."""

    text: str
    sign: str = ""
    strong: str = ""
    ink: str = "text2"

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """Parts of the text, and whether they are bold."""
        before, strong, after = self.text.partition(self.strong) if self.strong else (self.text, "", "")
        return tuple(piece for piece in ((before, False), (strong, True), (after, False)) if piece[0])


class WordLine(QWidget):
    """As high as its lines."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.words: tuple[Word, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def say(self, words: tuple[Word, ...]) -> None:
        """Other words."""
        if words != self.words:
            self.words = words
            self.setAccessibleName(listed(word.text for word in words))
            self._tell_what_is_cut()
            self.updateGeometry()
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_what_is_cut()

    def _tell_what_is_cut(self) -> None:
        """In the tooltip: words that are longer than a line."""
        cut = (word.text for word, needed in zip(self.words, self._needed(), strict=True) if needed > self.width())
        give_tip(self, "\n".join(cut))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._lines(width) * self._line()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._lines(max(self.width(), self._theme.px(160))) * self._line())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._line())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for (x, line), word in zip(self._places(self.width()), self.words, strict=True):
            box = QRectF(x, line * self._line(), self.width() - x, self._line())
            if word.sign:
                paint_sign(painter, box, word.sign, theme)
                box.setLeft(box.left() + theme.px(16))
            painter.setPen(theme.color(word.ink))
            for text, bold in word.pieces:
                painter.setFont(theme.font(12, BOLD if bold else REGULAR))
                shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()) + 1)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
                box.setLeft(box.left() + painter.fontMetrics().horizontalAdvance(text))

    def _line(self) -> int:
        return self._theme.box(12) + self._theme.px(3)

    def _lines(self, width: int) -> int:
        return max((line for _, line in self._places(width)), default=0) + 1

    def _places(self, width: int) -> list[tuple[int, int]]:
        found, x, line = [], 0, 0
        for needed in self._needed():
            if x and x + needed > width:
                x, line = 0, line + 1
            found.append((x, line))
            x += needed + self._theme.px(18)
        return found

    def _needed(self) -> list[int]:
        """The width of each word, with its sign."""
        theme = self._theme
        plain_text, bold = QFontMetrics(theme.font(12, REGULAR)), QFontMetrics(theme.font(12, BOLD))
        return [
            (theme.px(16) if word.sign else 0)
            + sum((bold if strong else plain_text).horizontalAdvance(text) for text, strong in word.pieces)
            for word in self.words
        ]
