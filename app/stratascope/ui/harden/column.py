"""The right column: presets, toggles, prediction, command, and the button. It asks for a relaunch; it runs none."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QResizeEvent, QTextLayout
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Remedy, Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.presentation.terms import since_text
from stratascope.ui.harden.draft import SETTLE, ContainerChoices, Draft
from stratascope.ui.harden.exports import CommandBox, Exports
from stratascope.ui.harden.status_note import (
    ButtonAction,
    ButtonPair,
    StatusNote,
    TrialButtons,
    remedy_title,
    status_note,
    why_nothing,
)
from stratascope.ui.harden.switch_column import LINK, SwitchColumn
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import MEDIUM, STRETCH, Theme
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Offer
from stratascope.usecases.plan.plan import Plan


class RelaunchDraft(Draft):
    """The plan comes a moment after the last switch, since it asks the engine."""

    def __init__(self, hardening: Hardening, queries: QueryRunner, seen: Callable[[], bool], parent: QObject) -> None:
        """Nothing is planned that is not `seen`."""
        super().__init__(hardening, queries, parent)
        self._hardening, self._seen = hardening, seen
        self.running = ""  # the step of a run that is under way
        self.plan: Plan | None = None
        self.command = ""
        self._kept: tuple[Transaction, ...] = ()
        self._timer = later(self, SETTLE, self.ask_plan)

    # -- what is in view

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is set aside now, of all containers."""
        self._kept = kept
        self._say_why_again()

    def show_running(self, step: str) -> None:
        """A run is under way: its step in words; "" when it is over."""
        before, self.running = self.running, step
        if bool(before) != bool(step):
            self._say_why_again()
        if before and not step:
            self._make_soon()
        self.changed.emit()

    def _why_nothing(self) -> Message | None:
        return why_nothing(self.state, self._refused, self._kept, running=bool(self.running))

    def _say_why_again(self) -> None:
        """Why there is nothing here may be another by now."""
        why = None if self.nothing is None else self._why_nothing()
        if why is not None:  # else what hides the rest is the offer, which is late or failed
            self._hide(why)

    # -- the plan

    def turn_remedy(self, remedy: Remedy, on: bool) -> None:
        """An option that makes it safe."""
        if (chosen := self.chosen) is not None:
            chosen.remedies = chosen.remedies | {remedy} if on else chosen.remedies - {remedy}
            self.ask_again()

    def ask_again(self) -> None:
        """What stood in the way may be gone."""
        self._make_soon()
        self.changed.emit()

    def ask_if_missing(self) -> None:
        """It is seen now."""
        if self.plan is None and self.choices:
            self._timer.start()

    def ask_plan(self) -> None:
        """At once."""
        state, choices, self.failure = self.state, self.choices, None
        if state is not None and choices and self._seen() and self.look_only is None:
            remedies = self.memory.of(state.key).remedies
            asking = partial(_plan, self._hardening, state, choices, remedies)
            self._queries.ask("plan", asking, self._planned, state.container.engine)
        self.changed.emit()

    def _make_soon(self) -> None:
        self._forget_made()
        if self.choices and self.preview is not None:
            self._timer.start()

    def _forget_made(self) -> None:
        self._timer.stop()
        self._queries.drop("plan")
        self.plan, self.command = None, ""

    def _planned(self, answer: tuple[Plan, str] | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure = answer
        else:
            self.plan, self.command = answer
        self.changed.emit()


def _plan(
    hardening: Hardening, state: ContainerState, choices: tuple[Choice, ...], remedies: frozenset[Remedy]
) -> tuple[Plan, str]:
    made = hardening.plan(state, choices, remedies)
    return made, hardening.command(made)


def about(kept: tuple[Transaction, ...], container: str) -> Transaction | None:
    """The transaction that this container has a part in; the newest of several."""
    return next((each for each in reversed(kept) if container in (each.old, each.new)), None)


def kept_text(done: Transaction, container: str, *, running: bool) -> Message:
    """What is set aside, as a sentence. `running`: whether that container runs."""
    since = since_text(time.time() - done.started_at)
    if done.owner is not None:
        return msg("Relaunched {since} through its owner; this can still be undone.", since=since)
    if container == done.new:
        if done.kind is TransactionKind.UNDO:
            return msg("Undone {since}; the hardened container is set aside.", since=since)
        return msg("Relaunched {since}; the original is set aside.", since=since)
    if done.kind is TransactionKind.UNDO:
        text = msg("This is the hardened {name}, set aside {since} by an undo.", name=done.name, since=since)
    else:
        text = msg("This is the original of {name}, set aside {since}.", name=done.name, since=since)
    return msg("{what} It runs all the same.", what=text) if running else text


class SetAsideLine(QWidget):
    """`undo_wanted` and `discard_wanted` have the transaction."""

    undo_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.done: Transaction | None = None
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.undo = self._link(lambda: self.undo_wanted.emit(self.done))
        self.discard = self._link(lambda: self.discard_wanted.emit(self.done))
        self.discard.setText(translate(msg("Discard…")))
        links = theme.lay(QHBoxLayout(), self.undo, self.discard, STRETCH, around=(LINK, 0, 0, 0), gap=10)
        theme.lay(QVBoxLayout(self), self.text, links, around=0, gap=2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def _link(self, call: Callable[[], None]) -> QPushButton:
        button = QPushButton()
        button.setObjectName("link")
        button.setFont(self._theme.font(12, MEDIUM))
        button.clicked.connect(lambda _=False: call())
        return button

    def show_kept(self, done: Transaction | None, container: str, *, running: bool) -> None:
        """None: nothing is set aside, and there is no trace of the line."""
        self.done = done
        self.setVisible(done is not None)
        if done is not None:
            self.text.setText(plain(translate(kept_text(done, container, running=running))))
            self.discard.setText(translate(msg("Accept…") if done.owner is not None else msg("Discard…")))
            self.undo.setText(translate(msg("Go back to it…") if done.kind is TransactionKind.UNDO else msg("Undo…")))


class WrappedBox(QCheckBox):
    """In as many lines as its width asks for; Qt's own cuts its words off."""

    def __init__(self, theme: Theme, words: str) -> None:
        super().__init__(words)
        self._words = words
        self.setFont(theme.font(12))
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        layout, lines = QTextLayout(self._words, self.font()), []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(room)
            lines.append(self._words[line.textStart() : line.textStart() + line.textLength()].rstrip())
        layout.endLayout()
        self.setText("\n".join(lines))


class RemedyBoxes(QWidget):
    """`turned` is the person's doing."""

    turned = Signal(object, bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[Remedy, WrappedBox] = {}
        self.any = False
        column = theme.lay(QVBoxLayout(self), around=0, gap=4)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        for remedy in Remedy:
            box = self.boxes[remedy] = WrappedBox(theme, translate(remedy_title(remedy)))
            box.clicked.connect(lambda on, remedy=remedy: self.turned.emit(remedy, on))
            column.addWidget(box)

    def show_remedies(self, shown: tuple[Remedy, ...], taken: frozenset[Remedy]) -> None:
        """`shown`: those that are offered or taken."""
        self.any = bool(shown)
        for remedy, box in self.boxes.items():
            box.setVisible(remedy in shown)
            box.setChecked(remedy in taken)


FOLD_TRY = 640  # height of the window, px of the design


class HardenColumn(SwitchColumn):
    """`wanted` has a plan that nothing stands in the way of, its preview and command; `show_wanted` asks for the sheet
    of the run.

    `aside_wanted` asks for the list of what is set aside, `recover_wanted` to put right what a crash left.
    `trial_wanted`: settings shall be tried on a twin, those that are switched on (True), or the tightest that work.
    """

    wanted = Signal(object, object, str)
    show_wanted = Signal()
    aside_wanted = Signal()
    recover_wanted = Signal()
    trial_wanted = Signal(bool)

    draft: RelaunchDraft

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        queries: QueryRunner,
        exports: Exports | None = None,
    ) -> None:
        super().__init__(theme, layers, msg("Harden"))
        self._kept: tuple[Transaction, ...] = ()
        self._noted: StatusNote | None = None
        self._refused = False  # whether what is told is why something was refused
        self._before: tuple[tuple[str, str], ContainerChoices] | None = None  # the card's button was pressed
        self._pressing: ContainerState | None = None  # the button is to be pressed once its plan has come
        self.trials = TrialButtons(theme)
        self.kept = SetAsideLine(theme)
        self.command = CommandBox(theme, exports)
        self.remedies = RemedyBoxes(theme)
        self.note_mark = MarkBox(theme, 11)
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self.button = MainButton(theme)
        self._lay_out()
        draft = RelaunchDraft(hardening, queries, self.isVisible, self)
        self.draft: RelaunchDraft = self.begin(draft, self.command)
        self.command.failed.connect(self.tell)
        self.remedies.turned.connect(draft.turn_remedy)
        self.button.clicked.connect(self._pressed)
        self.trials.wanted.connect(self.trial_wanted)
        self.show_state(None)

    def _lay_out(self) -> None:
        theme, body = self._theme, self.body
        noted = theme.lay(QHBoxLayout(), (self.note_mark, 0, Qt.AlignmentFlag.AlignTop), (self.note, 1), gap=6)
        rule = Rule(theme)
        self._foot = (rule, self.note, self.button)
        self.above.addWidget(self.trials.tighten)
        body.insertWidget(body.indexOf(self.nothing), self.kept)
        theme.lay(
            body, self.command, rule, self.remedies, noted, ButtonPair(theme, self.trials.try_chosen, self.button)
        )

    # -- what is shown

    def show_state(
        self, state: ContainerState | None, refused: Message | None = None, look_only: Message | None = None
    ) -> None:
        """Another container, or the same one read anew. `refused`: nothing can be hardened here at all. `look_only`:
        why all can be looked at, and nothing done.
        """
        before = self.draft.state
        name = "" if state is None else plain(state.container.name, 200)
        self.title.say(translate(msg("Harden {name}", name=name)) if name else translate(msg("Harden")))
        if state is None or before is None or state.key != before.key:
            self.told.hide()
            self.sheet.forget()
        elif runs(state) != runs(before):
            self.take_back_refusal()
        self.draft.show_state(state, refused, look_only)
        self._show_kept()

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is set aside now, of all containers."""
        self._kept = kept
        self.draft.show_kept(kept)
        self._show_kept()

    def tell(self, message: Message, words: str = "") -> None:
        """See `SwitchColumn`."""
        super().tell(message, words)
        self._refused = False

    def tell_refused(self, message: Message) -> None:
        """The same, until the container in view starts or stops, which may have been the reason."""
        self.tell(message)
        self._refused = True

    def take_back_refusal(self) -> None:
        """What was refused may be asked for again."""
        if self._refused:
            self.told.hide()

    def set_height(self, height: int) -> None:
        """See `SwitchColumn`."""
        self.trials.set_low(height < self._theme.px(FOLD_TRY))
        super().set_height(height)

    def showEvent(self, event: object) -> None:
        self.draft.ask_if_missing()

    # -- what the person does

    def _pressed(self) -> None:
        self._before = None  # what is on now is what the person wants
        self.press()

    def press(self) -> None:
        """The button: relaunch, show the run, try again, or the way out where something blocks."""
        noted, plan = self._noted, self.draft.plan
        if noted is None:
            return
        match noted.act:
            case ButtonAction.SHOW:
                self.show_wanted.emit()
            case ButtonAction.AGAIN:
                self.draft.ask_plan()
            case ButtonAction.REMEDY if noted.remedy is not None:
                self.draft.turn_remedy(noted.remedy, True)
            case ButtonAction.ASIDE:
                self.aside_wanted.emit()
            case ButtonAction.RECOVER:
                self.recover_wanted.emit()
            case ButtonAction.EXPORT if self.command.can_export:
                self.command.open_exports(self.button)
            case ButtonAction.EXPORT:
                self.command.copy_command()
            case ButtonAction.RELAUNCH if plan is not None and self.draft.preview is not None:
                self.wanted.emit(plan, self.draft.preview, self.draft.command)

    def take(self, key: tuple[str, str], choices: tuple[Choice, ...]) -> None:
        """Just these for the container in view; the relaunch is asked for as soon as it is planned."""
        self._before = self.draft.as_it_is()
        self.draft.take_choices(key, choices)
        self._pressing = self.draft.state

    def close_critical(self) -> None:
        """The smallest set and nothing else; the relaunch is asked for as soon as it is planned."""
        self._before = self.draft.as_it_is()
        super().close_critical()
        self._pressing = self.draft.state if self.draft.look_only is None else None

    def take_back(self) -> None:
        """The relaunch was not agreed to: what the card's button switched on is as it was before."""
        before, self._before = self._before, None
        if before is not None:
            self.draft.put_back(*before)

    def show_trials(self, *, under_way: bool) -> None:
        """The buttons of trials, as far as there can be any. `under_way`: both lead to those."""
        draft = self.draft
        able = draft.usable
        self.trials.show_able(able, chosen=able and bool(draft.choices) and not draft.running, under_way=under_way)

    # -- how

    def _show_kept(self) -> None:
        state = self.draft.state
        if state is None:
            self.kept.show_kept(None, "", running=False)
        else:
            self.kept.show_kept(about(self._kept, state.container.id), state.container.id, running=runs(state))

    def _show_offer(self, offer: Offer, another: bool) -> None:
        super()._show_offer(offer, another)
        if another:
            self.remedies.show_remedies((), frozenset())

    def show_changed(self) -> None:
        """See `SwitchColumn`."""
        super().show_changed()
        draft, usable = self.draft, self.draft.nothing is None
        self.command.show_plan(draft.plan, draft.command)
        if draft.ours or draft.running:
            self._show_note()
        else:
            self._allow(False)
        self.note_mark.setVisible(self._noted is not None and self._noted.attention and usable)
        self.remedies.setVisible(usable and self.remedies.any)
        for widget in self._foot:  # a run that is under way is told whatever is in view; the button leads back to it
            widget.setVisible(usable or bool(draft.running))
        self.set_height(self.window().height())

    def _allow(self, on: bool) -> None:
        """The button; while there is nothing for it to do it keeps the keyboard, which Qt would hand to a far field."""
        if not on and self.button.hasFocus():
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.button.setEnabled(on)
        if on and self.hasFocus():
            self.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_note(self) -> None:
        """The line above the button, and the button."""
        draft = self.draft
        noted = self._noted = status_note(
            running=draft.running,
            look_only=draft.look_only,
            failure=draft.failure,
            chosen=bool(draft.choices),
            preset=self.presets.current is not None,
            plan=draft.plan,
            preview=draft.preview,
            can_export=self.command.can_export,
        )
        told = plain(translate(noted.text))
        self.note.setText(told)
        give_tip(self.note, noted.more)
        self.note_mark.show_mark(Mark.TRIANGLE)
        self.button.say(translate(noted.word))
        self.button.setAccessibleDescription(told)
        self._allow(noted.act is not ButtonAction.NOTHING)
        if draft.plan is not None:  # while it is looked for, the boxes stay as they are
            taken = draft.plan.remedies
            offered = {block.remedy for block in draft.plan.checked.blocks if block.remedy is not None}
            self.remedies.show_remedies(tuple(each for each in Remedy if each in taken or each in offered), taken)
        if self._pressing is not None and (draft.plan is not None or draft.failure is not None or draft.state is None):
            pressing, self._pressing = self._pressing, None
            exports = noted.act is ButtonAction.EXPORT and self.command.can_export
            able = noted.act is ButtonAction.RELAUNCH or exports
            if able and draft.state is not None and pressing.key == draft.state.key:
                self.press()
