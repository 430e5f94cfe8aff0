"""The page "History": the chart of the container in view, and below it what has changed since yesterday.

pyqtgraph is loaded with the first chart, which is made when there is something to draw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.history import LONGEST
from stratascope.core.history.entry import Limits, Subject
from stratascope.core.history.fold import Change, Past, What
from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.history_report import Line, Sign, Target, headline, since_lines
from stratascope.ui.denied.refusal_feed import RefusalFeed
from stratascope.ui.history import moments
from stratascope.ui.history.feed import HistoryAnswer, HistoryFeed
from stratascope.ui.history.paint import lines_drawn, paint_sign
from stratascope.ui.kit.background import later
from stratascope.ui.kit.buttons import Segments, text_button
from stratascope.ui.kit.flow import Scrolled, card_frame
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.labels import Line as OneLine
from stratascope.ui.kit.marks import MarkBox
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import replace

if TYPE_CHECKING:
    from stratascope.ui.history.chart import HistoryChart

_INKS = {"bad": "open", "good": "enf", "plain": "text2"}
_SIGNS = {Sign.CAME: msg("New:"), Sign.WENT: msg("Gone:"), Sign.SAME: msg("Also:")}

SwitchFor = Callable[[Line], tuple[Option | None, bool]]  # the toggle for a line, and whether it is on


class SinceRow(QWidget):
    """One change: its sign, the layer, a sentence, a link to more, and the toggle that would fix it."""

    wanted = Signal(object)  # Line
    fix_wanted = Signal(str)  # the key of that toggle

    def __init__(self, theme: Theme, line: Line, number: int) -> None:
        super().__init__()
        self.line = line
        sign = Label(theme, 15, BOLD, _INKS[line.tone])
        sign.setText(line.sign.value)
        sign.setAccessibleName(translate(_SIGNS[line.sign]))
        sign.setFixedWidth(theme.px(16))
        box = MarkBox(theme, 16)
        if number:
            box.show_number(number)
        room = box.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        box.setSizePolicy(room)
        if not number:  # showing it here too would flash it as a window of its own
            box.hide()
        self.text = Label(theme, 13, MEDIUM, wrap=True)
        self.text.setText(line.text)
        told = theme.lay(QVBoxLayout(), self.text, gap=0)
        if line.note:
            note = Label(theme, 12, ink="text2", wrap=True)
            note.setText(line.note)
            told.addWidget(note)
        row = theme.lay(QHBoxLayout(self), sign, box, (told, 1), around=(14, 5, 10, 5), gap=8)
        self._key = ""
        link = partial(text_button, theme, weight=BOLD, look="link")
        logs, show = msg("Logs: {what}", what=line.text), msg("Show: {what}", what=line.text)
        self.fix_button = link(msg("Fix"), lambda: self.fix_wanted.emit(self._key))
        self.logs_button = link(
            msg("Logs"), lambda: self.wanted.emit(replace(self.line, place=Target.LOGS)), spoken=logs
        )
        self.show_button = link(msg("Show"), lambda: self.wanted.emit(self.line), spoken=show)
        there = (False, line.logs, line.place is not Target.NOWHERE)
        for button, wanted in zip((self.fix_button, self.logs_button, self.show_button), there, strict=True):
            row.addWidget(button)
            if not wanted:
                button.hide()

    def show_fix(self, option: Option | None, on: bool) -> None:
        """Show the toggle that would fix it, if any, and whether it is on."""
        self._key = "" if option is None else option.key
        self.fix_button.setVisible(option is not None)
        if option is not None:
            title = plain(translate(option.title), 200)
            told = msg("“{title}” is switched on in the plan", title=title) if on else msg(
                "Switch on “{title}” in the plan", title=title
            )  # fmt: skip
            self.fix_button.setText(translate(msg("Switched on") if on else msg("Fix")))
            self.fix_button.setAccessibleName(translate(told))
            give_tip(self.fix_button, translate(told))


class SinceCard(QFrame):
    """The card of changes. `show_wanted`: show a Line where it belongs; `fix_wanted`: the key of the toggle that fixes
    one; `another_wanted`: compare with another day.
    """

    show_wanted = Signal(object)
    fix_wanted = Signal(str)
    another_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self.setObjectName("card")
        self._theme = theme
        self._numbers = {layer.id: layer.number for layer in layers}
        self.lines: tuple[Line, ...] | None = None
        self._parts: list[QWidget] = []  # the column's widgets, from the top
        self._switch_for: SwitchFor = lambda line: (None, False)
        self.title, self.told = OneLine(theme, 14, BOLD), OneLine(theme, 12, ink="text2")
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        drag = msg("Drag the blue line, or press Enter at a moment of the chart")
        self.another = text_button(
            theme, msg("Compare with another day…"), self.another_wanted.emit, weight=BOLD, look="link", more=drag
        )
        self._head = head = theme.lay(
            QHBoxLayout(), self.title, (self.told, 1), self.another, around=(14, 7, 10, 5), gap=10
        )
        self._rows = QWidget()
        self._column = theme.lay(QVBoxLayout(self._rows), around=0, gap=0)
        self.area = Scrolled(self._rows)
        self.area.viewport().setAutoFillBackground(False)
        self._rows.setAutoFillBackground(False)
        theme.lay(QVBoxLayout(self), head, (self.area, 1), gap=0).setContentsMargins(1, 1, 1, 1)

    @property
    def rows(self) -> list[SinceRow]:
        """The visible rows."""
        return [each for each in self._parts if isinstance(each, SinceRow)]

    def show_past(self, past: Past, now: float, refused: int) -> None:
        """Show the changes from the beginning of that past until now."""
        first = past.first if past.first is not None else past.since
        self.title.say(moments.since_word(max(past.since, first), now))
        self.setAccessibleName(self.title.text())
        self.told.say(translate(headline(past)))
        found = since_lines(past, refused, moments.moment)
        if found == self.lines:
            return
        self.lines = found
        self._clear()
        for line in found:
            row = SinceRow(self._theme, line, self._numbers.get(line.layer, 0))
            row.wanted.connect(self.show_wanted)
            row.fix_wanted.connect(self.fix_wanted)
            row.show_fix(*self._switch_for(line))
            self._parts += [Rule(self._theme), row]
        if not found:
            nothing = Label(self._theme, 13, ink="text2", wrap=True)
            nothing.setText(translate(msg("Nothing changed in that time.")))
            nothing.setContentsMargins(*(self._theme.px(length) for length in (14, 6, 14, 8)))
            self._parts.append(nothing)
        for part in self._parts:
            self._column.addWidget(part)
        self._column.addStretch(1)

    def show_switches(self, switch_for: SwitchFor) -> None:
        """Show the toggle that would fix each line now."""
        self._switch_for = switch_for
        for row in self.rows:
            row.show_fix(*switch_for(row.line))

    def whole_height(self, width: int) -> int:
        """Return the height at which nothing needs scrolling."""
        inside = max(1, width - self._theme.px(16))  # minus a scroll bar
        rows = sum(_height(each, inside) for each in self._parts)
        return self._head.sizeHint().height() + rows + self._theme.px(12)

    def _clear(self) -> None:
        while self._column.takeAt(0) is not None:
            pass
        for part in self._parts:
            part.setParent(None)
            part.deleteLater()
        self._parts = []


def _height(widget: QWidget, width: int) -> int:
    layout = widget.layout()
    if layout is not None:
        return layout.totalHeightForWidth(width)
    return widget.heightForWidth(width) if widget.hasHeightForWidth() else max(1, widget.minimumHeight())


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
_PROPOSED = msg("The limit that the plan proposes, from what was used or what this machine has")


LINES = 2


class Legend(QWidget):
    """The legend of what is in the chart; on two lines if one is too short."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: tuple[tuple[str | What, Message], ...] = _WORDS[:2]
        self._past: Past | None = None
        self._proposed = Limits()
        self._lines = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self._name()

    def show_past(self, past: Past) -> None:
        """Show the kinds of changes in this past."""
        self._past = past
        self._show()

    def show_proposed(self, proposed: Limits) -> None:
        """Include the limits that hardening would set."""
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
        """Return each sign with its word, left edge and line; entries that do not fit are left out."""
        theme, metrics = self._theme, QFontMetrics(self._theme.font(12))
        found: list[tuple[str | What, str, float, int]] = []
        x, line = 0.0, 0
        for what, word in self._parts:
            text = translate(word)
            length = theme.px(_sign_width(what) + 6) + metrics.horizontalAdvance(text)
            if x and x + length > self.width():
                x, line = 0.0, line + 1
            if line == LINES or length > self.width():
                break
            found.append((what, text, x, line))
            x += length + theme.px(14)
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setFont(theme.font(12))
        high = self.height() / self._lines
        for what, text, x, line in self.placed():
            wide, middle = theme.px(_sign_width(what)), high * (line + 0.5)
            if isinstance(what, What):
                paint_sign(painter, QPointF(x + wide / 2, middle), theme.px(10), what, theme)
            else:
                ink, width, style = _LINES[what]
                painter.setPen(QPen(theme.color(ink), width, style))
                painter.drawLine(QPointF(x, middle), QPointF(x + wide, middle))
            painter.setPen(theme.color("text2"))
            box = QRectF(x + wide + theme.px(6), high * line, self.width(), high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)


def _sign_width(what: str | What) -> int:
    """Return a sign's width, in pixels of the design."""
    return 22 if isinstance(what, str) else 14


DAY = 86400.0
HOUR = 3600.0
RANGES = (
    (msg("1 h"), HOUR),
    (msg("24 h"), DAY),
    (msg("7 days"), 7 * DAY),
    (msg("30 days"), 30 * DAY),
    (msg("All"), LONGEST),
)
FIRST_RANGE = 2  # or a shorter range that covers all that is recorded, until the user chooses
LOW = 420  # height of the page below which the card is hidden, in favour of the chart


class HistoryPage(QWidget):
    """The page. `show_wanted`: show a `presentation.history_report.Line` on the page where it belongs. `fix_wanted`:
    the key of a toggle to switch on.
    """

    show_wanted = Signal(object)
    fix_wanted = Signal(str)

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        history_feed: HistoryFeed,
        refused: RefusalFeed,
    ) -> None:
        super().__init__()
        self._theme, self._selection, self._history_feed, self._refused = theme, selection, history_feed, refused
        self._shown: Key | None = None  # the chart's container
        self._compared: Key | None = None  # the card's container
        self._place, self._chosen = FIRST_RANGE, False
        self._first: tuple[Key, float] | None = None  # the container, and the known beginning of its history
        self._near: tuple[float, float] | None = None  # the span that was zoomed to
        self._since: float | None = None  # the moment of the blue line
        self._offer: Offer | None = None
        self._on = frozenset[str]()
        self.setAccessibleName(translate(msg("History")))
        self.chart: HistoryChart | None = None
        self.title, self.told = OneLine(theme, 14, BOLD), OneLine(theme, 12, ink="text2")
        self.title.say(translate(msg("Exposure and use")))
        self.legend = Legend(theme)
        self.ranges = Segments(theme, translate(msg("Time range")))
        self.ranges.offer(tuple(translate(word) for word, _ in RANGES))
        self.ranges.choose(self._place)
        self.trouble = Label(theme, 12, ink="weak", wrap=True)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.first = Label(theme, 12, ink="text2", wrap=True)
        self.card = SinceCard(theme, layers)
        self._lay_out()
        self._later = later(self, 0, self._ask)
        self.ranges.chosen.connect(self.choose_range)
        self.card.show_wanted.connect(self.show_wanted)
        self.card.fix_wanted.connect(self.fix_wanted)
        self.card.another_wanted.connect(self._another)
        history_feed.wrote.connect(self._news)
        refused.told.connect(lambda _: self._news())

    def _lay_out(self) -> None:
        theme = self._theme
        head = theme.lay(QHBoxLayout(), self.title, (self.legend, 1), self.ranges, around=(14, 9, 12, 4), gap=12)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.nothing)
        told = theme.lay(QHBoxLayout(), (self.told, 1), around=(14, 0, 14, 0))
        foot = theme.lay(QVBoxLayout(), self.first, self.trouble, around=(14, 2, 14, 6))
        frame = card_frame(theme, head, told, (self.stack, 1), foot, name=self.title.text())
        theme.lay(QVBoxLayout(self), (frame, 1), self.card, around=0, gap=10)

    # -- contents

    @property
    def ready(self) -> bool:
        """Whether it shows the container in view."""
        return self._shown == self._selection.key

    def refresh(self) -> None:
        """Show the container in view."""
        if self._selection.key != self._shown:
            self._near = self._since = None
            self._later.start()
            self._fit()

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """Show what hardening offers for the container in view, None if unknown, and which toggles are on."""
        if offer is not self._offer or on != self._on:
            self._offer, self._on = offer, on
            self.card.show_switches(self._switch_for)
            self._show_proposed()

    def _show_proposed(self) -> None:
        proposed = Limits() if self._offer is None else self._offer.proposed
        self.legend.show_proposed(proposed)
        if self.chart is not None:
            self.chart.set_proposed(proposed)

    def _switch_for(self, line: Line) -> tuple[Option | None, bool]:
        """Return the toggle that fixes what a line reports, if it still applies; and whether it is on."""
        offer, on, found = self._offer, self._on, None
        if offer is not None and line.opened:
            found = offer.closing(line.opened, on)
        elif offer is not None and line.unlimited:
            found = offer.limiting(line.unlimited)
        elif offer is not None and line.weaker:
            state = self._selection.current
            layers = () if state is None else state.layers
            findings = (each for layer in layers if layer.id == line.weaker for each in layer.assessment.findings)
            mending = (offer.mending(each, on) for each in findings)  # worst first
            found = next((each for each in mending if each is not None), None)
        return found, found is not None and found.key in on

    def choose_range(self, place: int) -> None:
        """Show that range, for every container from now on."""
        self._place, self._chosen, self._near = place, True, None
        if self.chart is not None:
            self.chart.rest()
        self.ranges.choose(place)
        self._later.start()

    def _fitting(self, key: Key, now: float) -> int:
        """Return the range to show: the chosen one, else one that all that is recorded fills."""
        if self._chosen:
            return self._place
        if self._first is None or self._first[0] != key:
            return FIRST_RANGE
        age = now - self._first[1]
        return next(place for place, (_, length) in enumerate(RANGES) if age <= length or place == FIRST_RANGE)

    def _ask(self) -> None:
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None:
            return
        if snapshot.demo or not self._history_feed.able:
            self._shown = state.key
            text = (
                msg("These containers do not run here, so they have no history.")
                if snapshot.demo
                else msg("Nothing is recorded here.")
            )
            self._show_nothing(text)
            return
        now = time.time()
        key, subject = state.key, Subject(state.container.engine, state.container.recorded_as)
        self._place = self._fitting(key, now)
        since, until = self._near or (now - RANGES[self._place][1], None)
        near = self._near

        def chart(answer: HistoryAnswer) -> None:
            if key == self._selection.key and near == self._near:  # otherwise another span was requested meanwhile
                self._show_chart(key, answer, anew=near is None)

        def card(answer: HistoryAnswer) -> None:
            if key == self._selection.key and answer.past is not None:
                self._compared = key
                self.card.show_past(answer.past, now, self._refused.of(state).count)
                self._fit()

        self._history_feed.ask("history chart", subject, since, until, chart)
        marker = now - DAY if self._since is None else self._since
        self._history_feed.ask("history since", subject, marker, None, card)

    def _news(self) -> None:
        if self.isVisible():
            self._later.start()

    def _show_nothing(self, why: Message) -> None:
        self.nothing.setText(translate(why))
        self.stack.setCurrentWidget(self.nothing)
        self.legend.hide()
        self.ranges.hide()
        self.first.hide()
        self.trouble.hide()
        self.told.say("")
        self.card.hide()

    def _show_chart(self, key: Key, answer: HistoryAnswer, *, anew: bool) -> None:
        past = answer.past
        if anew and past is not None and past.first is not None and (self._first is None or self._first[0] != key):
            self._first = key, past.first
            if self._fitting(key, time.time()) != self._place:
                self._later.start()
                return
        if anew and self.chart is not None and self.chart.moves and key == self._shown:
            return  # the span is requested once the view has stopped moving
        self._shown = key
        if past is None or past.first is None:
            text = msg("The line begins when Stratascope first saw this container, and continues while its window is "
                       "open or it records in the background. Nothing is known about earlier.")  # fmt: skip
            self._show_nothing(answer.trouble or text)
            return
        if self.chart is None:
            from stratascope.ui.history.chart import HistoryChart  # loads pyqtgraph

            self.chart = HistoryChart(self._theme)
            self.stack.addWidget(self.chart)
            self.chart.time_wanted.connect(self._zoomed)
            self.chart.marker_moved.connect(self._compare)
            self.chart.told.connect(self.told.say)
            self.setFocusProxy(self.chart.canvas)
            self._show_proposed()
        self.chart.show_past(self._with_refusals(past), anew=anew)
        self.chart.set_marker(max(past.first, past.until - DAY if self._since is None else self._since))
        self.stack.setCurrentWidget(self.chart)
        self.legend.show()
        self.legend.show_past(past)
        if anew:
            self.ranges.choose(self._place)
        self.ranges.show()
        begins = past.first > past.since + 60.0 and anew
        self.first.setText(
            translate(
                msg(
                    "Since {moment}. The line begins when Stratascope first saw it, and has "
                    "gaps where nothing was recording.",
                    moment=moments.moment(past.first),
                )
            )
        )
        self.first.setVisible(begins)
        notes = [] if answer.trouble is None else [translate(answer.trouble)]
        if answer.service is not None and answer.service.trouble:
            notes.append(answer.service.trouble)
        elif answer.service is not None:
            since = moments.moment(answer.service.since)
            notes.append(translate(msg("Recorded in the background since {moment}, with or without a window.",
                                       moment=since)))  # fmt: skip
        elif answer.trouble is None and not answer.recording:
            notes.append(translate(msg("Another window of Stratascope records the history.")))
        self.trouble.setText(together(notes))
        self.trouble.setVisible(bool(notes))
        self._fit()

    def _fit(self) -> None:
        """Give the chart what the card does not need, at least three fifths; in a low window, all."""
        drawn = self.chart is not None and self.stack.currentWidget() is self.chart
        drawn = drawn and self._compared == self._shown == self._selection.key
        self.card.setVisible(drawn and self.height() >= self._theme.px(LOW))
        self.card.setFixedHeight(min(self.card.whole_height(self.width()), self.height() * 2 // 5))

    def _with_refusals(self, past: Past) -> Past:
        """Add the refusals seen while observing, from the page that explains them: they are not recorded anywhere
        else.
        """
        state = self._selection.current
        shown = () if state is None else self._refused.of(state).shown
        found = [
            Change(each.last, What.REFUSED, (each.raw,)) for each in shown if past.since <= each.last <= past.until
        ]
        return replace(past, changes=tuple(sorted((*past.changes, *found), key=lambda each: each.at)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    # -- actions

    def _zoomed(self, since: float, until: float) -> None:
        if self.ready:  # otherwise it is about the previous container, moved just before another one was shown
            self._near = (since, until)
            self.ranges.choose(-1)
            self._later.start()

    def _compare(self, at: float) -> None:
        self._since = at
        self._later.start()

    def _another(self) -> None:
        """Focus the chart at the marker."""
        if self.chart is not None:
            self.chart.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
            if self.chart.cursor_at is None and self.chart.marker is not None:
                self.chart.set_cursor(self.chart.marker)


def make(parts: Parts) -> MadePage:
    """Make the page."""
    history_feed, refused = parts.get(HistoryFeed), parts.get(RefusalFeed)
    page = HistoryPage(parts.theme, parts.layers, parts.selection, history_feed, refused)
    return MadePage(page, page.refresh)
