"""The head of a plan: the exposure now and then, how many changes are on, and each layer's mark before and after."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import msg, plural
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import (
    at_best_text,
    best_told,
    exposure_sentence,
    level_ink,
    level_word,
    number_text,
)
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark, verdict_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.usecases.plan.offers import LayerChange

HEIGHT, NUMBER, MARKS = 44, 30, 28


def paint_arrow(painter: QPainter, left: float, right: float, y: float, theme: Theme, width: float = 1.4) -> None:
    """A small arrow from left to right."""
    painter.setPen(QPen(theme.color("text2"), width * theme.scale))
    painter.drawLine(QPointF(left, y), QPointF(right, y))
    half = min(theme.px(5), (right - left) * 0.3)
    painter.drawPolyline(
        QPolygonF([QPointF(right - half, y - half), QPointF(right, y), QPointF(right - half, y + half)])
    )


class NumberLine(QWidget):
    """Now, an arrow, then; its level, and how many of the changes are on. Nothing known: now alone."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.now: Matrix | None = None
        self.then: Matrix | None = None
        self._on = self._all = self._in_force = 0
        self.counts = True  # says how many changes are on
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_plan(self, now: Matrix | None, then: Matrix | None, on: int, all_: int, in_force: int = 0) -> None:
        """`on` of `all_` changes are on; `in_force`: changes that a relaunch has made. Where there are just those, now
        stands alone.
        """
        if in_force and not on:
            then = None
        self.now, self.then, self._on, self._all, self._in_force = now, then, on, all_, in_force
        text = exposure_sentence(now)
        if then is not None:
            text = translate(
                msg("{now} With the plan: {then} {count}", now=text, then=exposure_sentence(then), count=self.counted())
            )
        self.setAccessibleName(text)
        give_tip(self, "\n".join(filter(None, (text, best_told(now if then is None else then)))))
        if not self.counts:
            self.setFixedWidth(self._wide())
        self.update()

    @property
    def told(self) -> tuple[str, ...]:
        """Now and, with a plan, then, as they are painted."""
        return tuple(number_text(each) for each in (self.now, self.then) if each is not None)

    def _wide(self) -> int:
        """Of all that is painted, but for the count."""
        theme = self._theme
        large = QFontMetrics(theme.font(NUMBER, QFont.Weight.Bold))
        numbers = [large.horizontalAdvance(number_text(each)) for each in (self.now, self.then) if each is not None]
        last = self.then or self.now
        if last is None or (self.then is None and not self._in_force):
            return sum(numbers) + theme.px(4)
        words = (theme.font(12, BOLD), level_word(last)), (theme.font(11), at_best_text(last))
        beside = max(QFontMetrics(font).horizontalAdvance(text) for font, text in words)
        return sum(numbers) + theme.px((12 if self.then is None else 52) + 10) + beside

    def counted(self) -> str:
        """How many changes are on, or in force."""
        if self.then is None:
            changes = plural("{count} change in force", "{count} changes in force", self._in_force)
            return translate(changes) if self._in_force else ""
        return translate(plural("{on} of {count} change on", "{on} of {count} changes on", self._all, on=self._on))

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(280), self._theme.px(HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        large, centre = theme.font(NUMBER, QFont.Weight.Bold), Qt.AlignmentFlag.AlignVCenter
        painter.setFont(large)
        x = 0.0
        for matrix in (self.now, self.then):
            if matrix is None:
                break
            if x:
                paint_arrow(painter, x + theme.px(10), x + theme.px(31), self.height() / 2 + 1, theme, 1.8)
                x += theme.px(40)
            text = number_text(matrix)
            wide = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(theme.color(level_ink(matrix)))
            painter.drawText(QRectF(x, 0, wide + 2, self.height()), centre, text)
            x += wide
        last = self.then or self.now
        if last is None or (self.then is None and not self._in_force):
            return
        x += theme.px(12)
        right = self._paint_count(painter) if self.counts else float(self.width())
        room = max(0.0, right - theme.px(6) - x)
        word, best = level_word(last), at_best_text(last)
        high, small = theme.box(12), theme.box(11)
        top = (self.height() - high - (small if best else 0)) / 2
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color(level_ink(last)))
        painter.drawText(QRectF(x, top, room, high), centre, _cut(painter, word, room))
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        painter.drawText(QRectF(x, top + high, room, small), centre, _cut(painter, best, room))

    def _paint_count(self, painter: QPainter) -> float:
        """In two lines at the right; where they begin."""
        theme = self._theme
        painter.save()
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("text2"))
        first, second = _halves(self.counted(), painter.fontMetrics())
        wide = max(painter.fontMetrics().horizontalAdvance(each) for each in (first, second)) + 2
        high, left = theme.box(11), self.width() - wide
        top = (self.height() - 2 * high) / 2
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(left, top, wide, high), align, first)
        painter.drawText(QRectF(left, top + high, wide, high), align, second)
        painter.restore()
        return left


def _cut(painter: QPainter, text: str, room: float) -> str:
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(room))


def _halves(text: str, metrics: QFontMetrics) -> tuple[str, str]:
    """In two lines that are about as long; a language without blanks is broken in its middle."""
    places = [at for at, letter in enumerate(text) if letter == " "] or [len(text) // 2]

    def longer(at: int) -> int:
        return max(metrics.horizontalAdvance(text[:at]), metrics.horizontalAdvance(text[at:].strip()))

    at = min(places, key=longer)
    return text[:at].strip(), text[at:].strip()


class SixMarks(QWidget):
    """Each layer's number and its mark before and after; once where it stays."""

    def __init__(self, theme: Theme, titles: dict[int, str]) -> None:
        super().__init__()
        self._theme, self._titles = theme, titles
        self.layers: tuple[LayerChange, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_layers(self, layers: Sequence[LayerChange]) -> None:
        """Tell it."""
        self.layers = tuple(sorted(layers, key=lambda each: each.number))
        text = "\n".join(self._told(each) for each in self.layers)
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def _told(self, change: LayerChange) -> str:
        title, before, after = (
            self._titles.get(change.number, ""),
            verdict_word(change.before),
            verdict_word(change.after),
        )
        if change.before is change.after:
            return translate(
                msg("Layer {number}, {title}: {verdict}", number=change.number, title=title, verdict=before)
            )
        return translate(
            msg(
                "Layer {number}, {title}: {before}, then {after}",
                number=change.number,
                title=title,
                before=before,
                after=after,
            )
        )

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(280), self._theme.px(MARKS))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.px(6), theme.px(6))
        if not self.layers:
            return
        font, side, middle = theme.font(11, MEDIUM), theme.px(11), self.height() / 2
        digit, arrow = QFontMetrics(font).horizontalAdvance("0") + theme.px(5), theme.px(12)
        wide = [digit + side + (arrow + side if each.before is not each.after else 0) for each in self.layers]
        gap = (self.width() - theme.px(12) - sum(wide)) / max(1, len(wide) - 1)
        x = float(theme.px(6))
        for each, length in zip(self.layers, wide, strict=True):
            painter.setFont(font)
            painter.setPen(theme.color("text2"))
            painter.drawText(QRectF(x, 0, digit, self.height()), Qt.AlignmentFlag.AlignVCenter, str(each.number))
            box = QRectF(x + digit, middle - side / 2, side, side)
            paint_mark(painter, box, Mark(each.before.value), theme)
            if each.before is not each.after:
                left = box.right()
                paint_arrow(painter, left + theme.px(2), left + arrow - theme.px(2), middle, theme, 1.2)
                paint_mark(painter, box.translated(side + arrow, 0), Mark(each.after.value), theme)
            x += length + gap
