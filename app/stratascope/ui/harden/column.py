"""The right column: presets, toggles, prediction, command, and the button. It asks for a relaunch; it runs none.

Prediction is worked out here at once, since that is pure and quick. What can be had (the offer) and the plan come from
`QueryRunner` a moment later, since both may ask the engine.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Preset, ToggleError
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.harden.choices import ChoiceMemory, ContainerChoices
from stratascope.ui.harden.command_box import CommandBox, Exports, MainButton
from stratascope.ui.harden.hint import HintLine
from stratascope.ui.harden.offer_query import OfferQuery, differ, start
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.presets import PresetSwitch
from stratascope.ui.harden.remedies import RemedyBoxes
from stratascope.ui.harden.set_aside_line import SetAsideLine, about
from stratascope.ui.harden.status_note import ButtonAction, StatusNote, status_note, why_nothing
from stratascope.ui.harden.toggle_list import ToggleList
from stratascope.ui.harden.toggle_row import ToggleRow
from stratascope.ui.harden.value_sheet import ValueSheet
from stratascope.ui.harden.worker import Failure, QueryRunner
from stratascope.ui.widgets import accessibility
from stratascope.ui.widgets.labels import Label, Line, Rule, give_tip
from stratascope.ui.widgets.marks import Mark, MarkBox
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Hint, Offer, Option, Preview
from stratascope.usecases.plan.plan import Plan

COLUMN, LEAST, MOST = 324, 288, 400
SETTLE = 200  # ms after the last switch before the engine is asked
FOLD_COMMAND, FOLD_LAYERS, FOLD_PREDICTION = 820, 760, 450  # height of the window, px of the design


class HardenColumn(QWidget):
    """`wanted` has a plan that nothing stands in the way of; `show_wanted` asks for the sheet of the run.

    `aside_wanted` asks for the list of what is set aside, `recover_wanted` to put right what a crash left.
    """

    wanted = Signal(object)
    show_wanted = Signal()
    aside_wanted = Signal()
    recover_wanted = Signal()

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        queries: QueryRunner,
        exports: Exports | None = None,
    ) -> None:
        super().__init__()
        self._theme, self._hardening, self._queries = theme, hardening, queries
        self._numbers = {layer.id: layer.number for layer in layers}
        self._state: ContainerState | None = None
        self._memory = ChoiceMemory()
        self.offer: Offer | None = None
        self._offered_to: ContainerState | None = None  # whose offer it is
        self.options: dict[str, Option] = {}
        self.preview: Preview | None = None
        self.plan: Plan | None = None
        self._failure: Failure | None = None
        self._refused: Message | None = None
        self._look_only: Message | None = None
        self._running: str = ""  # the step of a run that is under way
        self._noted: StatusNote | None = None
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(translate(msg("Harden")))

        self.title = Line(theme, 15, BOLD)
        self.told = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.told.hide()
        self.kept = SetAsideLine(theme)
        self._kept: tuple[Transaction, ...] = ()
        self.presets = PresetSwitch(theme)
        self.presets.chosen.connect(self._preset_chosen)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.toggles = ToggleList(theme, self._numbers)
        self.toggles.switched.connect(self.set_on)
        self.toggles.value_wanted.connect(self._open_value)
        self.prediction = Prediction(theme, {layer.number: translate(layer.about.title) for layer in layers})
        self.hint = HintLine(theme)
        self.hint.taken.connect(self.set_value)
        self.command = CommandBox(theme, exports)
        self.command.failed.connect(self.tell)
        self.remedies = RemedyBoxes(theme)
        self.remedies.turned.connect(self._remedy_turned)
        self.note_mark = MarkBox(theme, 11)
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self.button = MainButton(theme)
        self.button.clicked.connect(self.press)
        self._lay_out()
        self.sheet = ValueSheet(theme, self, self.why_not)
        self.sheet.taken.connect(self.set_value)
        self.sheet.refused.connect(self.tell)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE)
        self._timer.timeout.connect(self._ask_plan)
        self._offers = OfferQuery(hardening, queries, self)
        self._offers.arrived.connect(self._offered)
        self._offers.late.connect(self._tell_coming)
        self.show_state(None)

    def _lay_out(self) -> None:
        theme = self._theme
        noted = QHBoxLayout()
        noted.setSpacing(theme.px(6))
        noted.addWidget(self.note_mark, 0, Qt.AlignmentFlag.AlignTop)
        noted.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 12)))
        column.setSpacing(theme.px(8))
        column.addWidget(self.title)
        column.addWidget(self.told)
        column.addWidget(self.kept)
        column.addWidget(self.nothing)
        self._body = (self.presets, self.toggles, self.prediction, self.command)
        column.addWidget(self.presets)
        column.addWidget(self.toggles, 1)
        column.addWidget(self.prediction)
        column.addWidget(self.hint)
        column.addWidget(self.command)
        rule = Rule(theme)
        self._foot = (rule, self.note, self.button)
        column.addWidget(rule)
        column.addWidget(self.remedies)
        column.addLayout(noted)
        column.addWidget(self.button)
        self._filler = QWidget()
        column.addWidget(self._filler, 1)

    # -- what is shown

    def show_state(
        self, state: ContainerState | None, why_not: Message | None = None, look_only: Message | None = None
    ) -> None:
        """Another container, or the same one read anew. `why_not`: nothing can be hardened here at all. `look_only`:
        why all can be looked at, and nothing done.
        """
        if state is not None and state is self._state and why_not is self._refused:
            return
        before, self._state, self._refused, self._look_only = self._state, state, why_not, look_only
        another = state is None or before is None or state.key != before.key
        name = "" if state is None else plain(state.container.name, 200)
        self.title.say(translate(msg("Harden {name}", name=name)) if name else translate(msg("Harden")))
        if another:
            self.told.hide()
            self.sheet.forget()
        self._show_kept()
        text = self._why_nothing()
        if text is not None or state is None:
            self._offers.drop()
            self._show_body(text)
            self._forget_plan()
            return
        known = self._offered_to
        ours = known is not None and known.key == state.key
        self.toggles.setEnabled(ours)  # else these are another container's
        if ours and known is not None and not differ(known, state):
            self._offers.drop()  # of a container that was passed through on the way back to this one
            hidden = not self.nothing.isHidden()  # then the plan was forgotten
            self._show_body(None)
            self._show_chosen(ask=another or hidden or before is None or start(state) != start(before))
            return
        if not ours:
            self._failure = None
            self._forget_plan()
            self._forget_hint()
            self.button.setEnabled(bool(self._running))
        self._offers.ask(state, waited_for=not ours)

    def _offered(self, state: ContainerState, answer: Offer | Failure) -> None:
        """What can be had with that container; another may be shown by now."""
        if self._state is None or state.key != self._state.key:
            return
        if isinstance(answer, Failure):
            self._offered_to = None
            self._show_body(answer.message)
            give_tip(self.nothing, answer.words)
            return
        before, self._offered_to, self.offer = self._offered_to, state, answer
        another = before is None or before.key != state.key
        hidden = not self.nothing.isHidden()
        self._show_body(None)
        self.toggles.setEnabled(True)
        self.options = {option.toggle.id: option for option in answer.options}
        self.toggles.show_options(answer.options)
        if another:
            self.toggles.verticalScrollBar().setValue(0)
            self.remedies.show_remedies((), frozenset())
        chosen = self._memory.of(state.key)
        if not chosen.begun:
            chosen.take(Preset.RECOMMENDED, answer)
        self._show_chosen(ask=another or hidden or before is None or start(state) != start(before))
        self._ask_hint()
        if differ(state, self._state):
            self._offers.ask(self._state, waited_for=False)

    def _tell_coming(self) -> None:
        self._show_body(msg("Looking at what can be hardened…"))

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is set aside now, of all containers."""
        self._kept = kept
        self._show_kept()

    def _show_kept(self) -> None:
        state = self._state
        done = None if state is None else about(self._kept, state.container.id)
        self.kept.show_kept(done, "" if state is None else state.container.id)
        if done is not None:
            self._say_why_again()

    def show_running(self, step: str) -> None:
        """A run is under way: its step in words; "" when it is over."""
        before, self._running = self._running, step
        if bool(before) != bool(step):
            self._say_why_again()
        if before and not step:
            self._ask_soon()
        self._tell()

    def look_again(self) -> None:
        """What stood in the way may be gone."""
        self._ask_soon()

    def tell(self, message: Message, words: str = "") -> None:
        """A line below the title, until the next container; `words` are the other side's own."""
        self.told.setText(plain(translate(message)))
        give_tip(self.told, words)
        self.told.show()
        accessibility.announce(self, self.told.text())

    def set_height(self, height: int) -> None:
        """Fold parts away in a low window: first the command, then the layers of the prediction."""
        theme = self._theme
        usable = not self.presets.isHidden()
        self.command.setVisible(usable and self._look_only is None and height >= theme.px(FOLD_COMMAND))
        self.prediction.set_folded(height < theme.px(FOLD_LAYERS))
        self.prediction.setVisible(usable and height >= theme.px(FOLD_PREDICTION))  # the sheet has it too

    @property
    def offered_key(self) -> tuple[str, str] | None:
        """Whose toggles the rows show; None before the first offer has come."""
        return None if self._offered_to is None else self._offered_to.key

    @property
    def rows(self) -> dict[str, ToggleRow]:
        """The rows by toggle."""
        return self.toggles.rows

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What is switched on, in the order of the options."""
        return () if self._state is None else self._memory.of(self._state.key).choices(self.options)

    # -- what the person does

    def set_on(self, name: str, on: bool) -> None:
        """Switch one toggle."""
        chosen = self._chosen()
        if chosen is None or name not in self.options:
            return
        chosen.switch(name, chosen.values.get(name, self.options[name].value) if on else None)
        self._show_chosen()

    def leave_out(self, key: tuple[str, str], name: str) -> None:
        """Switch one toggle off for that container, whichever is in view."""
        self._memory.of(key).switch(name, None)
        if self._state is not None and self._state.key == key == self.offered_key:
            self._show_chosen()

    def set_value(self, name: str, value: str) -> None:
        """Another value, checked by the sheet; switches the toggle on."""
        chosen = self._chosen()
        if chosen is None:
            return
        chosen.values[name] = value
        chosen.switch(name, value)
        self._show_chosen()
        if name in self.rows:
            self.rows[name].value.setFocus(Qt.FocusReason.OtherFocusReason)

    def why_not(self, name: str, value: str) -> Message | None:
        """Why this value can't be, together with all else that is switched on."""
        if self._state is None:
            return None
        others = [choice for choice in self.choices if choice.toggle != name]
        try:
            self._hardening.preview(self._state, (*others, Choice(name, value)))
        except ToggleError as error:
            return error.message
        return None

    def press(self) -> None:
        """The button: relaunch, show the run, try again, or the way out where something blocks."""
        noted = self._noted
        if noted is None:
            return
        match noted.act:
            case ButtonAction.SHOW:
                self.show_wanted.emit()
            case ButtonAction.AGAIN:
                self._ask_plan()
            case ButtonAction.REMEDY if noted.remedy is not None:
                self._remedy_turned(noted.remedy, True)
            case ButtonAction.ASIDE:
                self.aside_wanted.emit()
            case ButtonAction.RECOVER:
                self.recover_wanted.emit()
            case ButtonAction.EXPORT if self.command.can_export:
                self.command.open_exports(self.button)
            case ButtonAction.EXPORT:
                self.command.copy_command()
            case ButtonAction.RELAUNCH if self.plan is not None:
                self.wanted.emit(self.plan)

    def _preset_chosen(self, preset: Preset | None) -> None:
        chosen = self._chosen()
        if chosen is None or self.offer is None:
            return
        if preset is None:
            chosen.preset = None
        else:
            chosen.take(preset, self.offer)
        self._show_chosen()

    def _remedy_turned(self, remedy: Remedy, on: bool) -> None:
        chosen = self._chosen()
        if chosen is not None:
            chosen.remedies = chosen.remedies | {remedy} if on else chosen.remedies - {remedy}
            self._ask_soon()

    # -- how

    def _chosen(self) -> ContainerChoices | None:
        """What is switched on for the container in view; None as long as the rows are another one's."""
        state = self._state
        return None if state is None or self.offered_key != state.key else self._memory.of(state.key)

    def _why_nothing(self) -> Message | None:
        return why_nothing(self._state, self._refused, self._kept, running=bool(self._running))

    def _say_why_again(self) -> None:
        """Why there is nothing here may be another by now."""
        why = None if self.nothing.isHidden() else self._why_nothing()
        if why is not None:  # else what hides the rest is the offer, which is late or failed
            self._show_body(why)

    def _show_body(self, why: Message | None) -> None:
        self.nothing.setVisible(why is not None)
        self.nothing.setText("" if why is None else plain(translate(why)))
        for widget in self._body:
            widget.setVisible(why is None)
        self.remedies.setVisible(why is None and self.remedies.any)
        if why is not None:
            self._forget_hint()
        self._filler.setVisible(why is not None)
        self.note_mark.setVisible(False)
        self._show_foot()
        self.set_height(self.window().height())

    def _show_foot(self) -> None:
        """A run that is under way is told whatever is in view, and the button leads back to it."""
        for widget in self._foot:
            widget.setVisible(self.nothing.isHidden() or bool(self._running))

    def _open_value(self, name: str) -> None:
        row = self.rows[name]
        self.sheet.open_for(self.options[name], row.value_text, row.value)

    def _show_chosen(self, *, ask: bool = True) -> None:
        """Switches, values and prediction as they are now."""
        if self._state is None:
            return
        chosen = self._memory.of(self._state.key)
        self.presets.choose(chosen.preset)
        self.toggles.show_chosen(chosen)
        healed = self.preview is None
        try:
            self.preview = self._hardening.preview(self._state, self.choices)
            self.prediction.show_preview(self.preview)
        except ToggleError as error:
            self.preview = None
            self._failure = Failure(error)
            self._forget_plan()
            self._ask_hint()
        else:
            if ask or healed:
                self._failure = None
                self._ask_soon()
                self._ask_hint()
        self._tell()

    def _forget_hint(self) -> None:
        self._queries.drop("hint")
        self.hint.show_hint(None)

    def _ask_hint(self) -> None:
        self._forget_hint()
        state, offer = self._state, self.offer
        if state is None or offer is None or self.preview is None or self.preview.live:
            return
        asking = partial(self._hardening.hint, state, self.choices, offer)
        self._queries.ask("hint", asking, self._hinted, state.container.engine)

    def _hinted(self, answer: Hint | Failure | None) -> None:
        usable = not self.presets.isHidden()
        self.hint.show_hint(answer if usable and not isinstance(answer, Failure) else None)

    def _ask_soon(self) -> None:
        self._forget_plan()
        if self.choices and self.preview is not None:
            self._timer.start()
        self._tell()

    def _forget_plan(self) -> None:
        self._timer.stop()
        self._queries.drop("plan")
        self.plan = None
        self.command.show_plan(None, "")

    def _ask_plan(self) -> None:
        state, choices = self._state, self.choices
        self._failure = None
        if state is not None and choices and self.isVisible() and self._look_only is None:
            remedies = self._memory.of(state.key).remedies
            asking = partial(_plan, self._hardening, state, choices, remedies)
            self._queries.ask("plan", asking, self._planned, state.container.engine)
        self._tell()

    def showEvent(self, event: object) -> None:
        if self.plan is None and self.choices:
            self._timer.start()

    def _planned(self, answer: tuple[Plan, str] | Failure) -> None:
        if isinstance(answer, Failure):
            self._failure = answer
        else:
            self.plan = answer[0]
            self.command.show_plan(*answer)
        self._tell()

    def _tell(self) -> None:
        """The line above the button, and the button."""
        noted = self._noted = status_note(
            running=self._running,
            look_only=self._look_only,
            failure=self._failure,
            chosen=bool(self.choices),
            preset=self.presets.current is not None,
            plan=self.plan,
            preview=self.preview,
            can_export=self.command.can_export,
        )
        told = plain(translate(noted.text))
        self.note.setText(told)
        give_tip(self.note, noted.more)
        usable = not self.presets.isHidden()
        self._show_foot()
        self.note_mark.setVisible(noted.attention and usable)
        self.note_mark.show_mark(Mark.TRIANGLE)
        self.button.say(translate(noted.word))
        self.button.setAccessibleDescription(told)
        self.button.setEnabled(noted.act is not ButtonAction.NOTHING)
        if self.plan is not None:  # while it is looked for, the boxes stay as they are
            taken = self.plan.remedies
            offered = {block.remedy for block in self.plan.checked.blocks if block.remedy is not None}
            self.remedies.show_remedies(tuple(each for each in Remedy if each in taken or each in offered), taken)
        self.remedies.setVisible(usable and self.remedies.any)


def _plan(
    hardening: Hardening, state: ContainerState, choices: tuple[Choice, ...], remedies: frozenset[Remedy]
) -> tuple[Plan, str]:
    made = hardening.plan(state, choices, remedies)
    return made, hardening.command(made)
