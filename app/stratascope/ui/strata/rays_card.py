"""The rays in words: a lane's accessible text, the card of the current ray, and the legend below the strata.

The card describes the threat, and how each layer and the ground answer it, with evidence. The legend counts the threats
of each kind, next to a sample of how that kind is drawn.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QLineF, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.threat import Outcome, Ruling, Stance, evidence
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.rays import GROUND, Lane, Ray, Sort, Stop, stops
from stratascope.presentation.takeover import danger
from stratascope.presentation.threat_outcomes import (
    SERIOUS,
    ThreatOutcome,
    family_word,
    protection,
    protection_word,
    small,
    stance_word,
)
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import SEVERITY_INK, Mark, paint_mark, paint_number, severity_word, stance_mark
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme, smooth_painter
from stratascope.ui.strata.rays_scene import HEAD, POINT


def spoken(lane: Lane) -> str:
    """Return a lane's accessible name: the threat and its outcome."""
    if lane.ray is None:
        return plain(translate(colon(_family(lane), translate(head(lane)))))
    words: dict[ThreatOutcome, Message] = {
        ThreatOutcome.CRITICAL: msg("open, critical"),
        ThreatOutcome.HIGH: msg("open, high"),
        ThreatOutcome.MEDIUM: msg("open, medium"),
    }
    return plain(translate(colon(title(lane.ray), words[lane.ray.kind])))


def more(lane: Lane, of: ContainerState | None) -> str:
    """Return a lane's accessible description: of the container's threat; for several, their ends and names."""
    if lane.ray is not None:
        return plain(translate(danger(lane.ray.state, of)), 400)
    ends = [translate(end_words(end)) for end in stops(lane)] if lane.sort is Sort.STOPPED else []
    return plain(together([*ends, listed(map(title, lane.rays))]), 4000)


def head(lane: Lane) -> Message:
    """Return how many threats a lane has, and their outcome."""
    count = len(lane.rays)
    match lane.sort:
        case Sort.MEDIUM:
            return msg("{count} medium, open", count=count)
        case Sort.MINOR:
            return msg("{count} minor, open", count=count)
        case Sort.UNKNOWN:
            return msg("{count} not known", count=count)
    return msg("{count} stopped", count=count)


def end_words(end: Stop) -> Message:
    """Return how many of the stopped ones end there."""
    if end.band == GROUND:
        return msg("{count} by the host's settings alone.", count=end.count)
    if end.least <= 1 and end.count == 1:
        return msg("{count} by layer {number} alone.", count=end.count, number=end.band)
    if end.least <= 1:
        return msg("{count} first by layer {number}; at least one of these by no other.", count=end.count,
                   number=end.band)  # fmt: skip
    return msg("{count} first by layer {number}; each by {least} layers or more.", count=end.count, number=end.band,
               least=end.least)  # fmt: skip


def title(ray: Ray) -> str:
    """Return the threat's name, as in the middle of a sentence."""
    return small(translate(ray.state.threat.title))


def _family(lane: Lane) -> str:
    return family_word(lane.rays[0].state.threat.family)


WIDTH = 400
NAMED = 16  # names shown of threats that share a line
_INKS = {Stance.STOPS: "enf", Stance.UNKNOWN: "unk"}


class RayCard(QWidget):
    """The card; floats over the window and is transparent to the mouse. The matrix has all of its content, too."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._texts: list[tuple[QRect, QFont, str, str]] = []  # box, font, colour, text
        self._marks: list[tuple[QRectF, Mark | None, int, str]] = []  # box, mark or the layer's number, colour
        self._let = "text2"  # colour of "lets it through": alarming only if a serious threat is open
        self.hide()

    def show_threat(
        self, state: ThreatState, layers: tuple[tuple[int, str, str], ...], away: frozenset[str], of: ContainerState
    ) -> None:
        """Describe a container's threat. `layers`: number, id and name from above; `away`: ids supposed to fail."""
        titles, pid = {layer: title for _, layer, title in layers}, of.container.pid
        theme = self._theme
        self._texts, self._marks = [], []
        pad = theme.px(14)
        inner = theme.px(WIDTH) - 2 * pad
        y = theme.px(11)
        y = self._write(pad, y, inner, theme.font(15, BOLD), "text", translate(state.threat.title))
        open_now = state.outcome is Outcome.OPEN
        ink = SEVERITY_INK[state.threat.severity] if open_now else "text2"
        self._let = ink if ink != "text3" else "text2"
        word = msg("{standing}, {severity} severity", standing=protection_word(protection(state)),
                   severity=severity_word(state.threat.severity).lower())  # fmt: skip
        y = self._write(pad, y, inner, theme.font(11, BOLD), ink, translate(word)) + theme.px(3)
        y = self._write(pad, y, inner, theme.font(12), "text", plain(translate(danger(state, of)), 400)) + theme.px(6)
        for number, layer, title in layers:
            ruling = state.ruling(layer)
            if layer in away:
                y = self._row(y, number, title, None, translate(msg("Supposed to fail")), pid)
            elif ruling is not None:
                y = self._row(y, number, title, ruling, stance_word(ruling), pid)
        if state.weakest.ground is not None:
            ruling = state.weakest.ground
            y = self._row(y, 0, translate(msg("The host's settings")), ruling, stance_word(ruling), pid)
        for one, other in state.linked:
            text = msg("{one} and {other} fall together: one setting undoes both.",
                       one=titles.get(one, one), other=titles.get(other, other))  # fmt: skip
            y = self._write(pad, y, inner, theme.font(11), "weak", translate(text)) + theme.px(3)
        self._end(y)

    def show_several(self, lane: Lane) -> None:
        """Describe threats that share a line or a bar: how many, where they end, and their names."""
        theme = self._theme
        self._texts, self._marks = [], []
        pad = theme.px(14)
        inner = theme.px(WIDTH) - 2 * pad
        title = colon(family_word(lane.rays[0].state.threat.family), head(lane))
        y = self._write(pad, theme.px(11), inner, theme.font(15, BOLD), "text", translate(title))
        for end in stops(lane) if lane.sort is Sort.STOPPED else ():
            y = self._write(pad, y, inner, theme.font(12), "text2", translate(end_words(end)))
        y += theme.px(3)
        for ray in lane.rays[:NAMED]:
            y = self._write(pad, y, inner, theme.font(12), "text", translate(ray.state.threat.title))
        if len(lane.rays) > NAMED:
            text = msg("and {count} more", count=len(lane.rays) - NAMED)
            y = self._write(pad, y, inner, theme.font(12), "text2", translate(text))
        self._end(y)

    def _end(self, y: int) -> None:
        theme, pad = self._theme, self._theme.px(14)
        text = translate(msg("Enter: open in Threats"))
        y = self._write(pad, y + theme.px(2), theme.px(WIDTH) - 2 * pad, theme.font(11), "text3", text)
        self.setFixedSize(theme.px(WIDTH), y + theme.px(10))
        self.update()

    def _row(self, y: int, number: int, title: str, ruling: Ruling | None, word: str, pid: int | None) -> int:
        theme = self._theme
        pad = theme.px(14)
        left = pad + theme.px(46)
        inner = theme.px(WIDTH) - left - pad
        side, small = theme.px(16), theme.px(12)
        line = theme.box(12)
        if number:
            self._marks.append((QRectF(pad, y + (line - side) / 2, side, side), None, number, ""))
        mark = stance_mark(ruling)
        ink = "accent"
        if ruling is not None:
            ink = self._let if ruling.stance is Stance.LETS_THROUGH else _INKS.get(ruling.stance, "text2")
        self._marks.append((QRectF(pad + theme.px(24), y + (line - small) / 2, small, small), mark, 0, ink))
        bold = theme.font(12, BOLD)
        self._texts.append((QRect(left, y, inner, line), bold, "text", plain(title, 80)))
        x = left + QFontMetrics(bold).horizontalAdvance(plain(title, 80)) + theme.px(7)
        self._texts.append((QRect(x, y, left + inner - x, line), theme.font(11, BOLD), ink, word))
        y += line
        if ruling is not None:
            y = self._write(left, y, inner, theme.font(11), "text2", translate(ruling.reason))
            if ruling.source:
                source = evidence(ruling.source, pid)
                font = theme.font(10, REGULAR, fixed=True)
                cut = QFontMetrics(font).elidedText(plain(source, 300), Qt.TextElideMode.ElideMiddle, inner)
                y = self._write(left, y, inner, font, "text3", cut)
        return y + theme.px(6)

    def _write(self, x: int, y: int, width: int, font: QFont, ink: str, text: str) -> int:
        """Add a paragraph; return the y below it."""
        text = plain(text, 600)
        metrics = QFontMetrics(font)
        flags = int(Qt.TextFlag.TextWordWrap.value)
        tall = metrics.boundingRect(QRect(0, 0, width, 10000), flags, text).height()
        tall = max(tall, round(metrics.height() * 1.12))
        self._texts.append((QRect(x, y, width, tall), font, ink, text))
        return y + tall + 1

    def stand_by(self, lane: QRect) -> None:
        """Place it next to a lane (in the parent's coordinates), on the right if there is room."""
        theme, room = self._theme, self._window.rect()
        gap = theme.px(16)
        x = lane.right() + gap
        if x + self.width() > room.right() - theme.px(8):
            x = lane.left() - gap - self.width()
        x = max(theme.px(8), min(x, room.right() - self.width() - theme.px(8)))
        y = min(lane.top() + theme.px(14), room.bottom() - self.height() - theme.px(8))
        self.move(QPoint(x, max(theme.px(8), y)))
        self.show()
        self.raise_()

    def words(self) -> tuple[str, ...]:
        """All texts on the card."""
        return tuple(text for _, _, _, text in self._texts)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.setBrush(theme.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(8), theme.px(8))
        for box, mark, number, ink in self._marks:
            if mark is None:
                paint_number(painter, box, number, theme)
            else:
                paint_mark(painter, box, mark, theme, ink)
        for place, font, colour, text in self._texts:
            painter.setFont(font)
            painter.setPen(theme.color(colour))
            painter.drawText(place, int(Qt.TextFlag.TextWordWrap.value), text)


HEIGHT = 18
_LEFT, _PICTURE = 2, 15
# how much is said: whether words are short, the space between entries, how many of `_GOING` are left out
_SPACES = ((False, 22, 0), (False, 12, 0), (True, 14, 0), (True, 14, 2), (True, 8, 3), (True, 6, 4))


class Sign(Enum):
    """The sign of a legend entry."""

    SERIOUS = "serious"
    MEDIUM = "medium"
    MINOR = "minor"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    ASKED = "asked"
    ONCE = "once"
    TWICE = "twice"


# what goes first where there is no room: it is seen at the rays, or little
_GOING = (Sign.TWICE, Sign.ONCE, Sign.ASKED, Sign.MINOR)


def entries(
    found: dict[ThreatOutcome, int],
    asked: int = 0,
    *,
    minor_drawn: bool = True,
    short: bool = False,
    would: bool = False,
) -> tuple[tuple[Sign, str], ...]:
    """Return sign and text of each entry; zero counts are left out, except for the serious ones. `asked`: threats whose
    outcome only the engine states. `would`: all of it is predicted, and drawn so.
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
    """The legend, 18 high. If there is no room texts are shortened, then whole entries go: the tooltip has all."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._found: dict[ThreatOutcome, int] = {}
        self._asked, self._minor_drawn, self._would = 0, True, False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_counts(
        self, found: dict[ThreatOutcome, int], asked: int = 0, *, minor_drawn: bool = True, would: bool = False
    ) -> None:
        """Set the counts; `asked`: those that only the engine states; `would`: they are predicted."""
        self._found, self._asked, self._minor_drawn, self._would = found, asked, minor_drawn, would
        text = listed(word for _, word in self._entries(short=False)) if found else ""
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def _entries(self, *, short: bool) -> tuple[tuple[Sign, str], ...]:
        return entries(self._found, self._asked, minor_drawn=self._minor_drawn, short=short, would=self._would)

    def fitted(self, width: int) -> tuple[tuple[tuple[Sign, str], ...], int]:
        """Return the entries as written in that width, and the space between two of them."""
        for short, gap, gone in _SPACES:
            left_out, space = _GOING[:gone], self._theme.px(gap)
            shown = tuple(each for each in self._entries(short=short) if each[0] not in left_out)
            if _LEFT + self.wide(shown) + (len(shown) - 1) * space <= width:
                break
        return shown, space

    def wide(self, shown: tuple[tuple[Sign, str], ...]) -> int:
        """Return the width of these entries, without the space between them."""
        metrics = QFontMetrics(self._theme.font(12))
        return sum(self._theme.px(_PICTURE) + metrics.horizontalAdvance(word) for _, word in shown)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), max(self._theme.px(HEIGHT), self._theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._found:
            return
        theme, painter = self._theme, smooth_painter(self)
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
        """Paint a kind's sample."""
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
