"""The line below the strata: how many rays of each kind, beside a small picture of that kind."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.threat_outcomes import SERIOUS, Kind
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.theme import Theme

HEIGHT = 18


def entries(found: dict[Kind, int], asked: int = 0, *, short: bool = False) -> tuple[tuple[Kind | None, str], ...]:
    """Kind and words of each entry; those that count nothing are left out, but for the serious ones. `asked`: of how
    many of them only the engine states what becomes of them; that entry comes last, and has no kind.
    """
    serious = sum(found[kind] for kind in SERIOUS)
    numbers = {**found, Kind.CRITICAL: serious, Kind.HIGH: 0}
    words: dict[Kind, tuple[Message, Message]] = {
        Kind.CRITICAL: (msg("{count} serious, open", count=serious), msg("{count} serious", count=serious)),
        Kind.MEDIUM: (
            msg("{count} medium, open", count=found[Kind.MEDIUM]),
            msg("{count} medium", count=found[Kind.MEDIUM]),
        ),
        Kind.LOW: (msg("{count} minor, open", count=found[Kind.LOW]), msg("{count} minor", count=found[Kind.LOW])),
        Kind.UNKNOWN: (msg("{count} not known", count=found[Kind.UNKNOWN]),) * 2,
        Kind.HOST: (
            msg("{count} by the host alone", count=found[Kind.HOST]),
            msg("{count} by the host", count=found[Kind.HOST]),
        ),
        Kind.ONCE: (msg("{count} stopped once", count=found[Kind.ONCE]), msg("{count} once", count=found[Kind.ONCE])),
        Kind.DEEPER: (
            msg("{count} stopped twice or more", count=found[Kind.DEEPER]),
            msg("{count} more often", count=found[Kind.DEEPER]),
        ),
    }
    told: list[tuple[Kind | None, str]] = [
        (kind, translate(pair[1 if short else 0]))
        for kind, pair in words.items()
        if numbers[kind] or kind is Kind.CRITICAL
    ]
    if asked:
        text = msg("{count} as asked", count=asked) if short else msg("{count} of them as asked", count=asked)
        told.append((None, translate(text)))
    return tuple(told)


class RayLegend(QWidget):
    """18 high; words are shortened where there is no room for all."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._found: dict[Kind, int] = {}
        self._asked = 0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_counts(self, found: dict[Kind, int], asked: int = 0) -> None:
        """Tell these numbers; `asked`: how many of all only the engine states."""
        self._found, self._asked = found, asked
        text = listed(word for _, word in entries(found, asked)) if found else ""
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(HEIGHT), self._theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._found:
            return
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(theme.font(12))
        picture = theme.px(15)
        shown = entries(self._found, self._asked)
        for short, gap in ((False, 22), (False, 12), (True, 14), (True, 8)):
            shown = entries(self._found, self._asked, short=short)
            space = theme.px(gap)
            if sum(picture + metrics.horizontalAdvance(word) + space for _, word in shown) - space <= self.width():
                break
        x = 2
        for kind, word in shown:
            self.paint_kind(painter, kind, x + theme.px(5))
            x += picture
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            width = metrics.horizontalAdvance(word)
            cut = metrics.elidedText(word, Qt.TextElideMode.ElideRight, max(0, round(self.width() - x)))
            painter.drawText(QRectF(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, cut)
            x += width + space

    def paint_kind(self, painter: QPainter, kind: Kind | None, x: float) -> None:
        """The line of one kind; an outline for what only the engine states."""
        theme = self._theme
        top, bottom = theme.px(3.0) + 0.0, self.height() - theme.px(3.0)
        x = int(x) + 0.5

        def line(ink: QColor, width: float, end: float, begin: float = top) -> None:
            painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLine(QLineF(x, begin, x, end))

        def bar(ink: QColor, y: float, thick: float) -> None:
            painter.fillRect(QRectF(x - 3.5, y - thick / 2, 7, thick), ink)

        if kind is None:
            painter.setPen(QPen(theme.color("ray"), 1.3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            side = theme.px(9)
            painter.drawRoundedRect(QRectF(x - side / 2, (self.height() - side) / 2, side, side), 2, 2)
        elif kind in (Kind.CRITICAL, Kind.MEDIUM):
            ink = theme.color("rayopen" if kind is Kind.CRITICAL else "raywarn")
            half, head = (4.5, 8.0) if kind is Kind.CRITICAL else (3.0, 6.0)
            line(ink, 3.0 if kind is Kind.CRITICAL else 1.5, bottom - head / 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            points = [QPointF(x - half, bottom - head), QPointF(x + half, bottom - head), QPointF(x, bottom)]
            painter.drawPolygon(QPolygonF(points))
        elif kind is Kind.LOW:
            line(theme.color("raylow"), 1.0, bottom - 4)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x, bottom - 2), 2, 2)
        elif kind is Kind.UNKNOWN:
            middle = (top + bottom) / 2
            line(theme.color("ray"), 1.3, middle - 3.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            corners = [(0, -3.5), (3.5, 0), (0, 3.5), (-3.5, 0)]
            painter.drawPolygon(QPolygonF([QPointF(x + dx, middle + dy) for dx, dy in corners]))
            line(theme.color("ray"), 1.3, bottom, middle + 5)
        elif kind is Kind.HOST:
            line(theme.color("ray"), 1.3, bottom)
            bar(theme.color("ray"), bottom - 3, 3)
            painter.fillRect(QRectF(x - 5, bottom - 1.5, 10, 2.5), theme.color("ground"))
        else:
            ink = theme.color("ray")
            once = kind is Kind.ONCE
            end = bottom - 2 if once else (top + bottom) / 2
            line(ink, 1.3, end)
            bar(ink, end, 3)
            if not once:
                bar(theme.color("ray2"), bottom - 1, 2)
