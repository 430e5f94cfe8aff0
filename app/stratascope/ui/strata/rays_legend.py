"""The line below the strata: how many threats of each kind, beside a small picture of how that kind is drawn."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.threat_outcomes import SERIOUS, ThreatOutcome
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.strata.rays_paint import HEAD, POINT

HEIGHT = 18
_LEFT, _PICTURE = 2, 15
_SPACES = ((False, 22), (False, 12), (True, 14), (True, 6))  # short words; space between entries


class Sign(Enum):
    """What stands before an entry."""

    SERIOUS = "serious"
    MEDIUM = "medium"
    MINOR = "minor"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    ASKED = "asked"
    ONCE = "once"
    TWICE = "twice"


def entries(
    found: dict[ThreatOutcome, int],
    asked: int = 0,
    *,
    minor_drawn: bool = True,
    short: bool = False,
    would: bool = False,
) -> tuple[tuple[Sign, str], ...]:
    """Sign and words of each entry; those that count nothing are left out, but for the serious ones. `asked`: of how
    many of all only the engine states what becomes of them. `would`: all of it is predicted, and drawn so.
    """
    serious = sum(found[kind] for kind in SERIOUS)
    host, once, deeper = found[ThreatOutcome.HOST], found[ThreatOutcome.ONCE], found[ThreatOutcome.DEEPER]
    minor = msg("{count} minor", count=found[ThreatOutcome.LOW])
    if not minor_drawn:
        minor = msg("{count} minor, not drawn", count=found[ThreatOutcome.LOW])
    stopped = msg("{count} stopped", count=host + once + deeper)
    if host and not short:
        stopped = msg("{count} stopped, {host} by the host alone", count=host + once + deeper, host=host)
    all_asked = msg("{count} as asked", count=asked) if short else msg("{count} of them as asked", count=asked)
    told: tuple[tuple[Sign, int, Message], ...] = (
        (Sign.SERIOUS, 1, msg("{count} serious", count=serious) if short else msg("{count} serious, open",
                                                                                 count=serious)),
        (Sign.MEDIUM, found[ThreatOutcome.MEDIUM], msg("{count} medium", count=found[ThreatOutcome.MEDIUM])),
        (Sign.MINOR, found[ThreatOutcome.LOW], minor),
        (Sign.UNKNOWN, found[ThreatOutcome.UNKNOWN], msg("{count} not known", count=found[ThreatOutcome.UNKNOWN])),
        (Sign.ASKED if would else Sign.STOPPED, host + once + deeper, stopped),
        (Sign.ASKED, asked, all_asked),
        (Sign.ONCE, once, msg("by one") if short else msg("by one layer")),
        (Sign.TWICE, deeper, msg("by two or more") if short else msg("by two or more (depth)")),
    )  # fmt: skip
    return tuple((sign, translate(words)) for sign, count, words in told if count)


class RayLegend(QWidget):
    """18 high; words are shortened where there is no room for all."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._found: dict[ThreatOutcome, int] = {}
        self._asked, self._minor_drawn, self._would = 0, True, False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_counts(
        self, found: dict[ThreatOutcome, int], asked: int = 0, *, minor_drawn: bool = True, would: bool = False
    ) -> None:
        """Tell these numbers; `asked`: how many of all only the engine states; `would`: they are predicted."""
        self._found, self._asked, self._minor_drawn, self._would = found, asked, minor_drawn, would
        text = listed(word for _, word in self._entries(short=False)) if found else ""
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def _entries(self, *, short: bool) -> tuple[tuple[Sign, str], ...]:
        return entries(self._found, self._asked, minor_drawn=self._minor_drawn, short=short, would=self._would)

    def fitted(self, width: int) -> tuple[tuple[tuple[Sign, str], ...], int]:
        """The entries as they are written in that width, and the space between two of them."""
        for short, gap in _SPACES:
            shown, space = self._entries(short=short), self._theme.px(gap)
            if _LEFT + self.wide(shown) + (len(shown) - 1) * space <= width:
                break
        return shown, space

    def wide(self, shown: tuple[tuple[Sign, str], ...]) -> int:
        """How wide these entries are, without space between them."""
        metrics = QFontMetrics(self._theme.font(12))
        return sum(self._theme.px(_PICTURE) + metrics.horizontalAdvance(word) for _, word in shown)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(HEIGHT), self._theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._found:
            return
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(theme.font(12))
        picture = theme.px(_PICTURE)
        shown, space = self.fitted(self.width())
        x = _LEFT
        for sign, word in shown:
            if x > _LEFT and x + picture + metrics.horizontalAdvance(word) > self.width():
                break  # half an entry says nothing
            self.paint_sign(painter, sign, x + theme.px(5) + 0.5)
            x += picture
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            width = metrics.horizontalAdvance(word)
            cut = metrics.elidedText(word, Qt.TextElideMode.ElideRight, max(0, round(self.width() - x)))
            painter.drawText(QRectF(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, cut)
            x += width + space

    def paint_sign(self, painter: QPainter, sign: Sign, x: float) -> None:
        """How it is drawn above."""
        theme, scale, middle = self._theme, self._theme.scale, self.height() / 2
        top, bottom = theme.px(3.0) + 0.0, self.height() - theme.px(3.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        match sign:
            case Sign.SERIOUS:
                half, point = 4.5 * scale, POINT * scale
                painter.setPen(QPen(theme.color("rayopen"), 1))
                painter.setBrush(theme.color("rayopen"))
                corners = [(-half, top), (half, top), (half, bottom - point), (0, bottom), (-half, bottom - point)]
                painter.drawPolygon(QPolygonF([QPointF(x + dx, y) for dx, y in corners]))
            case Sign.MEDIUM:
                half, head = 3.0 * scale, HEAD * scale
                painter.setPen(QPen(theme.color("raywarn"), 1.5 * scale))
                painter.drawLine(QLineF(x, top, x, bottom - head / 2))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("raywarn"))
                corners = [(-half, bottom - head), (half, bottom - head), (0.0, bottom)]
                painter.drawPolygon(QPolygonF([QPointF(x + dx, y) for dx, y in corners]))
            case Sign.MINOR | Sign.UNKNOWN:
                painter.setPen(QPen(theme.color("raylow" if sign is Sign.MINOR else "ray"), 1.2 * scale))
                painter.drawEllipse(QPointF(x, middle), 6 * scale, 5 * scale)
                if sign is Sign.UNKNOWN:
                    painter.setFont(theme.font(9, BOLD))
                    painter.drawText(QRectF(x - 6, 0, 12, self.height()), Qt.AlignmentFlag.AlignCenter, "?")
            case Sign.STOPPED | Sign.ASKED:
                side = 10 * scale
                painter.setPen(QPen(theme.color("ray"), 1.5 * scale))
                if sign is Sign.STOPPED:
                    painter.setBrush(theme.color("ray"))
                painter.drawRoundedRect(QRectF(x - side / 2, middle - side / 2, side, side), 2 * scale, 2 * scale)
            case Sign.ONCE | Sign.TWICE:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("ray"))
                for dx in (0.0,) if sign is Sign.ONCE else (-2 * scale, 2 * scale):
                    painter.drawEllipse(QPointF(x + dx, middle), 1.3 * scale, 1.3 * scale)
