"""The right column: presets, toggles, prediction, command, and the button. It asks for a relaunch; it runs none."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.harden.choices import ContainerChoices
from stratascope.ui.harden.command_box import CommandBox
from stratascope.ui.harden.export_menu import Exports
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.harden.remedies import RemedyBoxes
from stratascope.ui.harden.set_aside_line import SetAsideLine, about
from stratascope.ui.harden.status_note import ButtonAction, StatusNote, status_note
from stratascope.ui.harden.switch_column import SwitchColumn
from stratascope.ui.harden.trial_buttons import Beside, TrialButtons
from stratascope.ui.kit.background import QueryRunner
from stratascope.ui.kit.gap_words import runs
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.main_button import MainButton
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Offer

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
        noted = QHBoxLayout()
        noted.setSpacing(theme.px(6))
        noted.addWidget(self.note_mark, 0, Qt.AlignmentFlag.AlignTop)
        noted.addWidget(self.note, 1)
        rule = Rule(theme)
        self._foot = (rule, self.note, self.button)
        self.above.addWidget(self.trials.tighten)
        body.insertWidget(body.indexOf(self.nothing), self.kept)
        body.addWidget(self.command)
        body.addWidget(rule)
        body.addWidget(self.remedies)
        body.addLayout(noted)
        body.addWidget(Beside(theme, self.trials.try_chosen, self.button))

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
