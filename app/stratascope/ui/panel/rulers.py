"""An id map as two rulers: the container's ids above, the host's below, the mapped ranges between them.

The usual map has a range of one id next to one of 65536, so lengths are drawn by their logarithm and the scale is
broken between ranges that do not touch. Decided against a true scale: one of the two would vanish.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import RulerRange, Rulers, Tone
from stratascope.core.message import msg, plural
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import TONE_INK
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.value import Value

MOST = 12  # ranges drawn; the kernel allows 340 lines (user_namespaces(7))


class Span(Value):
    """A range's position on a ruler, as fractions of the ruler's length."""

    start: float
    end: float


def place(starts: tuple[tuple[int, int], ...], *, gap: float = 0.6) -> tuple[Span, ...]:
    """Return spans of (first id, length) on one ruler, in the order given; each as wide as 1 + log2(length) / 4."""
    order = sorted(range(len(starts)), key=lambda at: starts[at])
    at, end_of_last, spans = 0.0, 0, {}
    for position in order:
        first, length = starts[position]
        if first > end_of_last:
            at += gap  # unmapped ids in between: the scale is broken here
        width = 1.0 + math.log2(max(1, length)) / 4
        spans[position] = (at, at + width)
        at, end_of_last = at + width, first + length
    whole = at + gap or 1.0
    return tuple(Span(spans[position][0] / whole, spans[position][1] / whole) for position in range(len(starts)))


def range_text(part: RulerRange) -> str:
    """Return one range in words."""
    if part.length == 1:
        text = msg("ID {inside} is ID {outside} on the host", inside=str(part.inside), outside=str(part.outside))
    else:
        text = msg(
            "IDs {inside} to {inside_end} are IDs {outside} to {outside_end} on the host",
            inside=str(part.inside),
            inside_end=str(part.inside + part.length - 1),
            outside=str(part.outside),
            outside_end=str(part.outside + part.length - 1),
        )
    return translate(text)


class RulersWidget(QWidget):
    """The rulers; Left and Right move through the ranges, the line below describes the current one."""

    def __init__(self, theme: Theme, rulers: Rulers, line: Line, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._line = theme, line
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.current = 0
        self.show_rulers(rulers)
        accessibility.expose(self, self)

    def show_rulers(self, rulers: Rulers) -> None:
        """Show another map."""
        self.rulers = rulers
        self.ranges = rulers.ranges[:MOST]
        self.current = min(self.current, max(0, len(self.ranges) - 1))
        self.inside = place(tuple((part.inside, part.length) for part in self.ranges))
        self.outside = place(tuple((part.outside, part.length) for part in self.ranges))
        self.setAccessibleName(plain(translate(rulers.title)))
        self.setAccessibleDescription("\n".join(range_text(part) for part in self.ranges))
        give_tip(self, "\n".join(range_text(part) for part in self.ranges))
        self._show_range()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(theme.px(200), 4 * theme.box(11) + theme.px(2 * 20 + 44))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self.ranges:
            self.take_part((self.current + step) % len(self.ranges))
            return
        super().keyPressEvent(event)

    # -- for screen readers

    def part_count(self) -> int:
        return len(self.ranges)

    def part_name(self, place: int) -> str:
        return range_text(self.ranges[place])

    def part_more(self, place: int) -> str:
        return ""

    def part_box(self, place: int) -> QRect:
        above = self.inside[place]
        left, right = round(above.start * self.width()), round(above.end * self.width())
        return QRect(left, 0, max(1, right - left), self.height())

    def part_in_hand(self) -> int:
        return self.current if self.ranges else -1

    def take_part(self, place: int) -> None:
        self.current = place
        self._show_range()
        self.update()
        accessibility.tell_taken(self, place)

    def open_part(self, place: int) -> None:
        """Do nothing: a range has nothing to open."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x() / max(1, self.width())
        for at, (above, below) in enumerate(zip(self.inside, self.outside, strict=True)):
            if above.start <= x <= above.end or below.start <= x <= below.end:
                self.take_part(at)
                break
        super().mousePressEvent(event)

    def _show_range(self) -> None:
        if not self.ranges:
            self._line.say(translate(msg("No ID is mapped")))
            return
        self._line.say(range_text(self.ranges[self.current]))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        text, bar = theme.box(11), theme.px(20)
        width = self.width() - 2
        y_above = text * 2.0
        y_below = self.height() - text * 2.0 - bar
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color("text2"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, width, text), middle, plain(translate(self.rulers.inside), 200))
        foot = QRectF(0, self.height() - text, width, text)
        painter.drawText(foot, middle, plain(translate(self.rulers.outside), 200))
        painter.setPen(QPen(theme.color("line2"), 1, Qt.PenStyle.DashLine))
        for y in (y_above, y_below):
            painter.drawLine(QPointF(0, y + bar / 2), QPointF(width, y + bar / 2))
        for at, part in enumerate(self.ranges):
            self._range(painter, part, at, width, (y_above, y_below, bar))
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(4), theme)

    def _range(
        self, painter: QPainter, part: RulerRange, at: int, width: float, lines: tuple[float, float, float]
    ) -> None:
        theme = self._theme
        y_above, y_below, bar = lines
        ink = "accent" if part.tone is Tone.PLAIN else TONE_INK[part.tone]
        above, below = self.inside[at], self.outside[at]
        a0, a1 = above.start * width + 1, above.end * width - 1
        b0, b1 = below.start * width + 1, below.end * width - 1
        chosen = at == self.current
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(ink, 0.30 if chosen else 0.13))
        painter.drawPolygon(
            QPolygonF(
                [QPointF(a0, y_above + bar), QPointF(a1, y_above + bar), QPointF(b1, y_below), QPointF(b0, y_below)]
            )
        )
        for x0, x1, y, first in ((a0, a1, y_above, part.inside), (b0, b1, y_below, part.outside)):
            painter.setPen(QPen(theme.color("text"), 2) if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(ink))
            painter.drawRoundedRect(QRectF(x0, y, x1 - x0, bar), 3, 3)
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text"))
            label = str(first) if part.length == 1 else f"{first} – {first + part.length - 1}"
            metrics = painter.fontMetrics()
            if metrics.horizontalAdvance(label) > x1 - x0:
                label = metrics.elidedText(str(first), Qt.TextElideMode.ElideRight, max(14, int(x1 - x0 + 8)))
            top = y - theme.box(11) if y == y_above else y + bar
            painter.drawText(QRectF(x0, top, x1 - x0 + 12, theme.box(11)), Qt.AlignmentFlag.AlignVCenter, label)


class RulersBlock(QWidget):
    """A heading, the rulers, the current range, and the number of ranges left out."""

    def __init__(self, theme: Theme, rulers: Rulers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Label(theme, 13, BOLD)
        self.line = Line(theme, 12)
        self.source = Line(theme, 11, ink="text3", fixed=True)
        self.more = Line(theme, 11, ink="text2")
        self.drawing = RulersWidget(theme, rulers, self.line)
        theme.lay(QVBoxLayout(self), self.title, self.drawing, self.line, self.more, self.source, around=0, gap=4)
        self.show_rulers(rulers)

    def show_rulers(self, rulers: Rulers) -> None:
        """Show another map."""
        self.title.setText(plain(translate(rulers.title)))
        self.drawing.show_rulers(rulers)
        self.source.say(rulers.source)
        rest = len(rulers.ranges) - MOST
        self.more.setVisible(rest > 0)
        if rest > 0:
            self.more.say(
                translate(
                    plural("{count} more range is in the raw text", "{count} more ranges are in the raw text", rest)
                )
            )
