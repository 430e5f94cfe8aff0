"""The header of the middle: name, chips, and the card that says what can happen and what closes it.

While a layer is supposed to fail, the card says what then reaches the kernel, with a button that drops the supposition.
The header follows the selection while it is visible.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import Container, Status
from stratascope.core.ground import Ground
from stratascope.core.layer import Layer
from stratascope.core.message import Message, age, comma, msg, plural
from stratascope.core.overview.processes import Process, processes_of
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import together, translate
from stratascope.presentation import processes
from stratascope.presentation.exposure import ended_word, status_word
from stratascope.presentation.reach_report import reaches
from stratascope.presentation.takeover import runs
from stratascope.presentation.terms import maker_of, since_text
from stratascope.presentation.what_if import sentence
from stratascope.ui.containers.rows import Reach, nothing_of, short_image
from stratascope.ui.harden.next_step import PlanButton
from stratascope.ui.harden.plan_draft import PlanDraft
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.history import moments
from stratascope.ui.kit.chip import Chip
from stratascope.ui.kit.engine_icons import EngineBox
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import Line, give_tip
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter
from stratascope.ui.relaunch.result import ResultText
from stratascope.ui.relaunch.result_card import RefusedList, ResultCard
from stratascope.ui.threats.exposure import ExposureSheet
from stratascope.ui.window.answer import Tone, answer
from stratascope.ui.window.answer_card import AnswerCard
from stratascope.usecases.listing.alike import drifts

_OPENS = msg("Click to see its processes.")


def told_of(state: ContainerState, ground: Ground, now: float) -> tuple[Message, Message] | None:
    """Return what differs between processes, in a few words and in full; None if nothing does. `now`: the moment that
    ages count from.
    """
    if not drifts(state):
        return None
    found = processes_of(state, ground)
    sessions = [each for each in found if each.session == each.pid and _differs(found, each)]
    if not sessions:
        count = sum(each.beyond for each in found) or 1
        return (
            plural("{count} process can do more", "{count} processes can do more", count),
            plural(
                "{count} process can do more than the first one.",
                "{count} processes can do more than the first one.",
                count,
            ),
        )
    oldest = min(sessions, key=lambda each: each.began or now)
    name, since = processes.session(oldest, now)
    whole = msg("{name}. {since}", name=name, since=since)
    if oldest.began is None:
        return plural("session open", "{count} sessions open", len(sessions)), whole
    age = processes.short_age(now - oldest.began)
    return plural("session open, {age}", "{count} sessions open, {age}", len(sessions), age=age), whole


def _differs(found: tuple[Process, ...], session: Process) -> bool:
    its = (each for each in found if each.session == session.pid)
    return any(each.beyond or (each.state is not None and bool(each.state.drift)) for each in its)


class DriftChip(QAbstractButton):
    """A dot and a few words of what makes it worse. `opens`: what a click shows."""

    def __init__(self, theme: Theme, opens: Message) -> None:
        super().__init__()
        self._theme, self._opens = theme, opens
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.hide()

    @property
    def empty(self) -> bool:
        """Whether it shows nothing."""
        return not self.text()

    def say(self, told: tuple[Message, Message] | None) -> None:
        """Show what differs; None: nothing."""
        short, whole = ("", "") if told is None else (translate(told[0]), translate(told[1]))
        if short != self.text():
            self.setText(short)
            self.setAccessibleName(short)
            give_tip(self, together((whole, translate(self._opens))) if whole else "")
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(11, MEDIUM))
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + theme.px(29), theme.box(11) + theme.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        hot = self.hasFocus() or self.underMouse()
        painter.setPen(outline_pen(theme, "card_line_open", focused=self.hasFocus()) if hot else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open_soft"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open"))
        painter.drawEllipse(QPointF(theme.px(12), self.height() / 2), theme.px(3), theme.px(3))
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("open"))
        painter.drawText(self.rect().adjusted(theme.px(20), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())


STATUS = 3  # its index among the chips


class Header(QWidget):
    """The header: name 22, chips, and the card.

    `processes_wanted`, `reach_wanted`: to the processes in it, and to what it can get at. `threat_chosen` carries the
    id of a threat.
    """

    threat_chosen = Signal(str)
    processes_wanted = Signal()
    reach_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, *, named: bool = True) -> None:
        """`named`: show name and chips, too, not just the card."""
        super().__init__()
        self._theme, self._selection = theme, selection
        self._titles = {layer.number: translate(layer.about.title) for layer in layers}
        self._draft: PlanDraft | None = None
        self._button: Callable[[], PlanButton] | None = None
        self.name = Line(theme, 22, BOLD, middle=True)
        self.chips = [Chip(theme, widest=260 if place == STATUS else 160) for place in range(5)]
        self._apart = False  # another engine of this kind has a container of this name
        self._status = "", ""  # in a word, and in full
        self._age = "", ""  # for how long it has been up, or over
        self.drift = DriftChip(theme, _OPENS)
        self.reach = DriftChip(theme, msg("Click to see all that it can get at."))
        self.reach_of: Reach = nothing_of
        self.as_text = False  # whether the command that creates a container can be shown
        self.card, self.result = AnswerCard(theme), ResultCard(theme)
        self.result.hide()
        self._low, self._bare, self._below = False, False, ""
        self.exposure = self.card.exposure
        line = QWidget()
        self._line, self._named = line, named
        if not named:
            line.hide()
        self.icon = EngineBox(theme, 18)
        top = theme.lay(QHBoxLayout(line), self.icon, self.name, 6, around=0, gap=6)
        for chip in (*self.chips, self.drift, self.reach):
            top.addWidget(chip, 0)
        top.addStretch(1)
        self._top, self._beside = top, QWidget()  # buttons at the right, if any
        theme.lay(QVBoxLayout(self), line, self.result, self.card, around=0, gap=8)
        self.exposure.clicked.connect(self.show_sheet)
        self.result.exposure.clicked.connect(self.show_sheet)
        self.drift.clicked.connect(self.processes_wanted)
        self.reach.clicked.connect(self.reach_wanted)
        self.card.session_wanted.connect(self.processes_wanted)
        self.card.suppose.back.clicked.connect(selection.bring_back)
        selection.container_changed.connect(self._show)
        selection.supposed.connect(self._show_exposure)

    def follow(self, draft: PlanDraft, button: Callable[[], PlanButton]) -> None:
        """Show the plan of the container in view and its button, as the column does."""
        self._draft, self._button = draft, button
        draft.changed.connect(self._show)

    def set_low(self, low: bool, *, bare: bool = False, live: bool = False) -> None:
        """Use one line for the card; `bare`: without its button; `live`: with the latest refusals below it."""
        self._low, self._bare = low, bare
        self.result.set_low(low, live=live)
        self._fit_cards()

    def set_planned(self, planned: bool, *, low: bool) -> None:
        """Whether the card carries the numbers of the plan, which is below it; `low`: and one line of text."""
        self.card.set_planned(planned, low=low)

    def set_named(self, *, named: bool) -> None:
        """Show the container's name, chips and buttons above the card."""
        self._line.setVisible(named and self._named)

    def show_result(self, text: ResultText | None, refused: RefusedList | None) -> None:
        """Show how the relaunch of the container in view ended; None: there was none, or it is over."""
        there = text is not None
        if text is not None:
            self.result.show_result(text, refused)
            self._below = text.below
        held = not there and self.result.isAncestorOf(QApplication.focusWidget() or self)
        if held:  # else Qt hands it on to some row of the plan, and the plan scrolls there
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        if there is self.result.isHidden():
            self.result.setVisible(there)
        self._show_exposure()
        self._fit_cards()
        if held:
            self.exposure.setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit_cards(self) -> None:
        """What is still serious, or supposed, stands below a result; what is calm gives way to it, and so does all
        while there is much to say of a relaunch that stays: its number says how serious it is.
        """
        result = not self.result.isHidden()
        beside = result and not self.result.shown.folded
        self.card.set_low(self._low or beside, bare=self._bare or beside)
        calm = self.card.answer.tone is Tone.ENF and not self.card.supposed
        gives_way = calm or self._low or (beside and self.result.shown.proof)
        self.card.setHidden(result and gives_way and not self.card.supposed)

    def put_right(self, buttons: QWidget) -> None:
        """Put buttons at the right of the name's line."""
        self._beside = buttons
        self._top.addWidget(buttons)

    @cached_property
    def sheet(self) -> ExposureSheet:
        """The sheet, made when first opened."""
        sheet = ExposureSheet(self._theme, self)
        sheet.threat_chosen.connect(self.threat_chosen)
        return sheet

    def show_sheet(self) -> None:
        """Show how the exposure comes about."""
        matrix = self._selection.what_if.result()
        if matrix is not None:
            button = self.exposure if self.result.isHidden() else self.result.exposure
            self.sheet.open_below(button, matrix, button.accessibleName(), self._selection.current)

    def refresh(self) -> None:
        """Show the button as it is by now."""
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    def _show(self) -> None:
        state = self._selection.current
        if state is not None and self.isVisible():
            self._show_state(state, self._selection.now)
            self._show_exposure()

    def _show_state(self, state: ContainerState, now: float | None) -> None:
        container = state.container
        self.name.say(container.name or container.id[:12])
        engine, image, _, _, asked = self.chips
        sandbox = container.sandbox
        title = self._selection.engine_title(container.engine) if sandbox is None else translate(sandbox.sign)
        self.icon.show_engine(self._selection.sign(container.engine), title)
        self._apart = bool(self._selection.apart(state.key))
        engine.say(maker_of(container), title)
        what = container.image if sandbox is None else sandbox.command
        image.say(short_image(what) if sandbox is None else what, what)
        self._say_age(state, now)
        stated = sum(layer.assessment.basis is Basis.ASKED for layer in state.layers) if runs(state) else 0
        text = plural("{count} of {layers} layers as the engine states it", "{count} of {layers} layers as the engine"
                      " states it", stated, layers=len(state.layers))  # fmt: skip
        short = msg("{count} of {layers} as asked", count=stated, layers=len(state.layers))
        asked.say(translate(short) if stated else "", translate(text), ink="weak")
        selection = self._selection
        self._show_drift(state)
        reached = self.reach_of(state)
        self.reach.say(None if reached is None else (reaches(reached), reached.thing.can))
        as_text = self.as_text and selection.engine is not None
        draft, plan, button, coming = self._draft, None, None, False
        if draft is not None and draft.state is not None and draft.state.key == state.key and draft.nothing is None:
            plan, button = draft.plan, None if self._button is None else self._button()
        if draft is not None:
            self.card.show_plan(plan)
            coming = draft.coming or draft.state is None or draft.state.key != state.key
        lines = draft.left_lines if plan is not None and isinstance(draft, RelaunchDraft) else ()
        told = answer(state.judged, selection.engine, plan, button, lines, can_ask=selection.can_ask_root,
                      as_text=as_text, coming=coming, silent=self._silent())  # fmt: skip
        self.card.show_answer(told)
        self._fit_cards()
        self._fit()

    def _silent(self) -> str:
        """Return since when its engine does not answer: a time, and of another day its date."""
        since = self._selection.silent_since
        if since is None:
            return ""
        return moments.hour(since) if time.time() - since < moments.DAY else moments.moment(since)

    def tell_age(self) -> None:
        """Show anew for how long it has been up, or over."""
        state, before = self._selection.current, self._age
        if state is not None and self.isVisible():
            self._say_age(state, self._selection.now)
            self._show_drift(state)
            if self._age != before:
                self._fit()

    def _say_age(self, state: ContainerState, now: float | None) -> None:
        container, now = state.container, time.time() if now is None else now
        whole = ended(container, now)
        self._age = since(container, now) if runs(state) else "", whole
        self._status = status_word(container) if whole else "", whole
        self.chips[2].say(self._age[0])

    def _show_drift(self, state: ContainerState) -> None:
        snapshot, now = self._selection.snapshot, self._selection.now
        if snapshot is not None:
            ground = snapshot.ground_of(state.container.engine)
            self.drift.say(told_of(state, ground, time.time() if now is None else now) if runs(state) else None)

    def _show_exposure(self) -> None:
        """Show the exposure as it is and as supposed, and what then reaches the kernel."""
        state, what_if = self._selection.current, self._selection.what_if
        layers = state.layers if state is not None else ()
        supposed = sentence(what_if, {layer.id: self._titles.get(layer.number, layer.id) for layer in layers})
        would = state is not None and state.judged.would_start
        self.exposure.show_exposure(what_if.matrix, what_if.result(), would=would)
        self.result.exposure.show_exposure(what_if.matrix, what_if.result(), below=self._below)
        had_focus = self.card.suppose.back.hasFocus()
        self.card.show_supposed(supposed)
        self._fit_cards()
        if had_focus and not supposed:
            self.exposure.setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit(self) -> None:
        """Give the name precedence; chips without room are hidden, the least telling first."""
        room = self.width() - self._beside.sizeHint().width()
        room -= 0 if self.icon.isHidden() else self.icon.sizeHint().width() + self._theme.px(6)
        room -= min(self.name.sizeHint().width(), round(room * 0.6)) + self._theme.px(60)
        engine, image, up, status, asked = self.chips
        word, whole = self._status
        status.say(whole, ink="weak")
        if status.sizeHint().width() + self._theme.px(6) > room:
            status.say(word, whole, ink="weak")
        first = (engine,) if self._apart else ()  # the icon does not tell it apart
        for chip in (*first, status, self.drift, self.reach, image, asked, *(() if first else (engine,)), up):
            needed = chip.sizeHint().width() + self._theme.px(6)
            fits = not chip.empty and needed <= room
            chip.setVisible(fits)
            room -= needed if fits else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def ended(container: Container, now: float) -> str:
    """Return a stopped container's state, with exit code and how long ago, as far as the engine says; else empty."""
    if container.status is Status.RUNNING:
        return ""
    word = ended_word(container)
    if container.exit_code is None or not container.ended:
        return word
    return translate(comma(word, since_text(now - container.ended)))


def since(container: Container, now: float) -> str:
    """Return how long it has been up, in one unit; empty if the engine does not say."""
    seconds = now - container.started
    if container.started <= 0 or seconds < 0:
        return ""
    return translate(msg("up {age}", age=age(seconds)))
