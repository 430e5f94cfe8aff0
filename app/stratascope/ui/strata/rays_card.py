"""The card beside a ray in hand: what the threat is, and what each layer and the ground say to it, with evidence."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.threat import Outcome, Ruling, Stance, evidence
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import Lane, Sort, stops
from stratascope.presentation.threat_outcomes import family_word, protection, protection_word, stance_word
from stratascope.ui.kit.marks import SEVERITY_INK, Mark, paint_mark, paint_number, severity_word, stance_mark
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme
from stratascope.ui.strata.rays_spoken import end_words, head

WIDTH = 400
NAMED = 16  # of those that share a line
_INKS = {Stance.STOPS: "enf", Stance.UNKNOWN: "unk"}


class RayCard(QWidget):
    """Floats over the window and never takes the pointer; all of it is in the matrix too."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._texts: list[tuple[QRect, QFont, str, str]] = []  # place, font, ink, text
        self._marks: list[tuple[QRectF, Mark | None, int, str]] = []  # place, mark or the layer's number, ink
        self._let = "text2"  # ink of "lets it through": loud only where a serious threat is open
        self.hide()

    def show_threat(
        self, state: ThreatState, layers: tuple[tuple[int, str, str], ...], away: frozenset[str], pid: int | None
    ) -> None:
        """Write it. `layers`: number, id and name from above; `away`: ids of those taken away in thought."""
        titles = {layer: title for _, layer, title in layers}
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
        y = self._write(pad, y, inner, theme.font(12), "text", translate(state.threat.what)) + theme.px(6)
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
        """Write it, of those that share a line or a bar: how many, where they end, and each by its name."""
        theme = self._theme
        self._texts, self._marks = [], []
        pad = theme.px(14)
        inner = theme.px(WIDTH) - 2 * pad
        title = msg("{family}: {count}", family=family_word(lane.rays[0].state.threat.family), count=head(lane))
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
        """Add a paragraph; the place below it."""
        text = plain(text, 600)
        metrics = QFontMetrics(font)
        flags = int(Qt.TextFlag.TextWordWrap.value)
        tall = metrics.boundingRect(QRect(0, 0, width, 10000), flags, text).height()
        tall = max(tall, round(metrics.height() * 1.12))
        self._texts.append((QRect(x, y, width, tall), font, ink, text))
        return y + tall + 1

    def stand_by(self, lane: QRect) -> None:
        """Beside that lane (in the parent's coordinates), at its right where there is room."""
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
        """All that is written on it."""
        return tuple(text for _, _, _, text in self._texts)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
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
