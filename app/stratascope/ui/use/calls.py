"""System calls: how many of those that pass are used, since when no new one came, and the notable ones with reasons."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import Message, age, msg, plural
from stratascope.core.observation.harmless import notable_reason
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.use_picture import CallsUse, UsePicture
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import Theme
from stratascope.ui.use.card import Card, by_words
from stratascope.ui.use.flow import Word, WordLine
from stratascope.ui.use.rows import Cell, Row
from stratascope.ui.use.table import RowTable
from stratascope.value import Value


class Segment(Value):
    """One part of a bar. `look`: full, hatched (it could go), dotted (not known whether), quiet."""

    count: int
    look: str


class CountBar(QWidget):
    """Parts side by side, as wide as their counts."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[Segment, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_parts(self, parts: tuple[Segment, ...], told: str) -> None:
        """Those of a count above 0 are drawn."""
        self._parts = tuple(part for part in parts if part.count > 0)
        self.setAccessibleName(told)
        self.setVisible(bool(self._parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(17))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gap, radius = theme.px(2), theme.px(3)
        least = theme.px(4)
        room = self.width() - gap * (len(self._parts) - 1) - least * len(self._parts)
        whole = sum(part.count for part in self._parts)
        x = 0.0
        for part in self._parts:
            width = least + room * part.count / whole
            box = QRectF(x, 0, width, self.height())
            if part.look == "full":
                self._fill(painter, box, radius, "accent")
            elif part.look == "quiet":
                self._fill(painter, box, radius, "barlow")
            else:
                self._outlined(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), radius, hatched=part.look == "hatched")
            x += width + gap

    def _fill(self, painter: QPainter, box: QRectF, radius: float, ink: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(ink))
        painter.drawRoundedRect(box, radius, radius)

    def _outlined(self, painter: QPainter, box: QRectF, radius: float, *, hatched: bool) -> None:
        theme = self._theme
        path = QPainterPath()
        path.addRoundedRect(box, radius, radius)
        painter.fillPath(path, theme.color("weak_soft" if hatched else "unk_soft"))
        painter.save()
        painter.setClipPath(path)
        if hatched:
            painter.setPen(QPen(theme.color("weak", 0.4), 1.2))
            x = box.left() - box.height()
            while x < box.right():
                painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
                x += theme.px(6)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("weak" if hatched else "line2"), 1))
        painter.drawPath(path)


class GrowthChart(QWidget):
    """Steps: calls known after so many seconds of watching. What it says stands below it in words."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._steps: tuple[tuple[float, int], ...] = ()
        self._seconds = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    def show_steps(self, steps: tuple[tuple[float, int], ...], seconds: float, told: str) -> None:
        """`seconds`: as long as was watched, at the right edge."""
        self._steps, self._seconds = steps, seconds
        self.setAccessibleName(told)
        self.setVisible(bool(steps) and seconds > 0)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(56))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._theme.px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, base = float(self.width()), self.height() - 1.5
        most = self._steps[-1][1] * 1.12
        line = QPainterPath(QPointF(0, base))
        for seconds, count in self._steps:
            x = min(width, width * seconds / self._seconds)
            line.lineTo(x, line.currentPosition().y())
            line.lineTo(x, base - (base - 2) * count / most)
        line.lineTo(width, line.currentPosition().y())
        area = QPainterPath(line)
        area.lineTo(width, base)
        area.closeSubpath()
        painter.fillPath(area, theme.color("accent_soft"))
        painter.setPen(QPen(theme.color("accent"), 1.4))
        painter.drawPath(line)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QPointF(0, base), QPointF(width, base))


QUIET = 60.0  # seconds without a new call that are worth a word


def quiet_words(calls: CallsUse) -> str:
    """How many calls are known, and for how long none was new; flat means learned."""
    if not calls.growth:
        return ""
    last, count = calls.growth[-1]
    quiet = calls.seconds - last
    if quiet < QUIET:
        return translate(plural("{count} call known, the last one is new", "{count} calls known, the last one is new",
                                count))  # fmt: skip
    return translate(plural("{count} call known, none new for {age}", "{count} calls known, none new for {age}",
                            count, age=age(quiet)))  # fmt: skip


class CallsCard(Card):
    """Bar, chart, table."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("System calls")), number, ("calls",), parent)
        self.bar = CountBar(theme)
        self.legend = WordLine(theme)
        self.chart = GrowthChart(theme)
        self.quiet = Line(theme, 11, ink="text3")
        self.notable_head = Line(theme, 12, ink="text2")
        heads = tuple(translate(text) for text in (msg("System call"), msg("Why it is listed"), msg("How often")))
        self.notable = RowTable(theme, translate(msg("System calls beyond the harmless ones")), heads, wide=1)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.legend)
        self.body.addWidget(self.chart)
        self.body.addWidget(self.quiet)
        self.body.addWidget(self.notable_head)
        self.body.addWidget(self.notable, 1)
        self.body.addStretch(0)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        calls = picture.calls
        words = _words(calls)
        self.numbers.say(translate(_numbers(calls)))
        self.legend.say(words)
        self.legend.setVisible(bool(words))
        self.bar.show_parts(_segments(calls), listed(word.text for word in words))
        quiet = quiet_words(calls)
        self.chart.show_steps(calls.growth, calls.seconds, quiet)
        self.quiet.say(quiet)
        self.quiet.setVisible(bool(quiet))
        self.notable.show_rows(tuple(_row(picture, place) for place in range(len(calls.notable))))
        count = len(calls.notable)
        self.notable_head.say(
            translate(plural("{count} notable call, let through only where it was seen",
                             "{count} notable calls, let through only where they were seen", count))
        )  # fmt: skip
        self.notable_head.setVisible(bool(calls.notable))


def _numbers(calls: CallsUse) -> Message:
    if calls.used is not None and calls.passing is not None:
        return msg("{used} used of {passing} that pass", used=calls.used, passing=calls.passing)
    if calls.used is not None:
        return msg("{count} used", count=calls.used)
    if calls.passing is not None:
        return _pass(calls.passing)
    return msg("not known")


def _pass(count: int) -> Message:
    return plural("{count} passes", "{count} pass", count)


def _segments(calls: CallsUse) -> tuple[Segment, ...]:
    if calls.passing is None:
        return ()
    if calls.used is None or calls.never is None:
        return (Segment(calls.passing, "unknown"), Segment(calls.refused or 0, "quiet"))
    return (Segment(calls.used, "full"), Segment(calls.never, "hatched"), Segment(calls.refused or 0, "quiet"))


def _words(calls: CallsUse) -> tuple[Word, ...]:
    if calls.passing is None:
        return ()
    found: list[tuple[int, Message, str]] = []
    if calls.used is not None and calls.never is not None:
        found.append((calls.used, msg("{count} used", count=calls.used), "accent"))
        never = plural("{count} passes, never used", "{count} pass, never used", calls.never)
        found.append((calls.never, never, "weak"))
    else:
        found.append((calls.passing, _pass(calls.passing), "text2"))
    refused = calls.refused or 0
    found.append((refused, msg("{count} refused", count=refused), "text2"))
    words = [Word(translate(text), strong=str(count), ink=ink) for count, text, ink in found]
    if calls.dangerous is not None:
        used, there = calls.dangerous
        text = translate(msg("{used} of {count} dangerous ones used", used=used, count=there))
        words.append(Word(text, ink="weak" if used else "enf"))
    return tuple(words)


def _row(picture: UsePicture, place: int) -> Row:
    call = picture.calls.notable[place]
    reason = translate(notable_reason(call.name))
    by = by_words(call.by)
    return (
        Cell(call.name, fixed=True, more=by),
        Cell(reason, ink="text2", more=by),
        Cell(f"{count_text(call.uses)}×", ink="text2", right=True, more=by),
    )
