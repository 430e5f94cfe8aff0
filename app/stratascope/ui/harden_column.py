"""The right column: presets, toggles, prediction, command, and the button. It asks for a relaunch; it runs none.

Prediction is worked out here at once, since that is pure and quick; the plan, which asks the engine, comes from the
clerk a moment later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.plain import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.toggle import Choice, Preset, ToggleError
from stratascope.i18n import translate
from stratascope.ui.gap_words import runs
from stratascope.ui.harden_foot import CommandBox, Exports, MainButton
from stratascope.ui.harden_prediction import Prediction
from stratascope.ui.harden_presets import PresetSwitch
from stratascope.ui.harden_row import Fold, ToggleRow
from stratascope.ui.harden_value import ValueSheet
from stratascope.ui.harden_work import Clerk, Failure
from stratascope.ui.labels import Label, Line, Rule, tip
from stratascope.ui.marks import Mark, MarkBox
from stratascope.ui.theme import BOLD, MEDIUM, Look
from stratascope.usecases.desk import Desk, Option, Preview
from stratascope.usecases.harden import Plan

COLUMN, LEAST, MOST = 324, 288, 400
SETTLE = 200  # ms after the last switch before the engine is asked
FOLD_COMMAND, FOLD_LAYERS = 820, 760  # height of the window, px of the design
_REMEMBERED = 200  # containers whose choices are remembered


@dataclass
class _Chosen:
    """What is switched on for one container."""

    preset: Preset | None = Preset.RECOMMENDED
    on: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)  # set by hand, also of what is off now
    begun: bool = False


class HardenColumn(QWidget):
    """`wanted` has a plan that nothing stands in the way of; `show_wanted` asks for the sheet of the run."""

    wanted = Signal(object)
    show_wanted = Signal()

    def __init__(
        self, look: Look, layers: tuple[Layer, ...], desk: Desk, clerk: Clerk, exports: Exports | None = None
    ) -> None:
        super().__init__()
        self._look, self._desk, self._clerk = look, desk, clerk
        self._numbers = {layer.id: layer.number for layer in layers}
        self._state: ContainerState | None = None
        self._chosen: dict[tuple[str, str], _Chosen] = {}
        self.options: dict[str, Option] = {}
        self.rows: dict[str, ToggleRow] = {}
        self.preview: Preview | None = None
        self.plan: Plan | None = None
        self._failure: Failure | None = None
        self._refused: Message | None = None
        self._running: str = ""  # the step of a run that is under way
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(translate(msg("Harden")))

        self.title = Line(look, 15, BOLD)
        self.told = Label(look, 12, MEDIUM, ink="weak", wrap=True)
        self.told.hide()
        self.presets = PresetSwitch(look)
        self.presets.chosen.connect(self._preset_chosen)
        self.nothing = Label(look, 13, ink="text2", wrap=True)
        self._list = QWidget()
        self._list.setObjectName("page")
        self._offered, self._already, self._never = QVBoxLayout(), QWidget(), QWidget()
        self.fold_already, self.fold_never = Fold(look), Fold(look)
        self.toggles = QScrollArea()
        self.prediction = Prediction(look, {layer.number: translate(layer.about.title) for layer in layers})
        self.command = CommandBox(look, exports)
        self.command.failed.connect(lambda words: self.tell(msg("The file could not be written: {words}", words=words)))
        self.note_mark = MarkBox(look, 11)
        self.note = Label(look, 12, ink="text2", wrap=True)
        self.button = MainButton(look)
        self.button.clicked.connect(self.press)
        self._lay_out()
        self.sheet = ValueSheet(look, self, self.why_not)
        self.sheet.taken.connect(self.set_value)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE)
        self._timer.timeout.connect(self._ask_plan)
        self.show_state(None)

    def _lay_out(self) -> None:
        look = self._look
        inner = QVBoxLayout(self._list)
        inner.setContentsMargins(0, 0, look.px(4), 0)
        inner.setSpacing(0)
        inner.addLayout(self._offered)
        for fold, rows in ((self.fold_already, self._already), (self.fold_never, self._never)):
            column = QVBoxLayout(rows)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            rows.hide()
            fold.toggled.connect(rows.setVisible)
            inner.addWidget(fold)
            inner.addWidget(rows)
        inner.addStretch(1)
        self._offered.setSpacing(0)
        self.toggles.setFrameShape(QFrame.Shape.NoFrame)
        self.toggles.setWidgetResizable(True)
        self.toggles.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.toggles.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.toggles.setWidget(self._list)
        self.toggles.setMinimumHeight(look.px(92))
        noted = QHBoxLayout()
        noted.setSpacing(look.px(6))
        noted.addWidget(self.note_mark, 0, Qt.AlignmentFlag.AlignTop)
        noted.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(look.px(length) for length in (16, 12, 16, 12)))
        column.setSpacing(look.px(8))
        column.addWidget(self.title)
        column.addWidget(self.told)
        column.addWidget(self.nothing)
        self._body = (self.presets, self.toggles, self.prediction, self.command, self.note, self.button)
        column.addWidget(self.presets)
        column.addWidget(self.toggles, 1)
        column.addWidget(self.prediction)
        column.addWidget(self.command)
        self._rule = Rule(look)
        column.addWidget(self._rule)
        column.addLayout(noted)
        column.addWidget(self.button)
        self._filler = QWidget()
        column.addWidget(self._filler, 1)

    # -- what is shown

    def show_state(self, state: ContainerState | None, why_not: Message | None = None) -> None:
        """Another container, or the same one read anew. `why_not`: nothing can be hardened here at all."""
        if state is not None and state is self._state and why_not is self._refused:
            return
        another = state is None or self._state is None or state.key != self._state.key
        asked_anew = another or state is None or self._state is None or _start(state) != _start(self._state)
        self._state, self._refused = state, why_not
        name = "" if state is None else plain(state.container.name, 200)
        self.title.say(translate(msg("Harden {name}", name=name)) if name else translate(msg("Harden")))
        text = self._why_nothing(state, why_not)
        self._show_body(text)
        if text is not None or state is None:
            self._forget_plan()
            return
        try:
            options = self._desk.options(state)
        except ToggleError as error:
            self._show_body(error.message)
            self._forget_plan()
            return
        self.options = {option.toggle.id: option for option in options}
        self._show_rows(options)
        if another:
            self.toggles.verticalScrollBar().setValue(0)
        chosen = self._of(state)
        if not chosen.begun:
            chosen.begun = True
            self._take_preset(chosen, Preset.RECOMMENDED)
        self._show_chosen(ask=asked_anew)

    def show_running(self, step: str) -> None:
        """A run is under way: its step in words; "" when it is over."""
        before, self._running = self._running, step
        if before and not step:
            self._ask_soon()
        self._tell()

    def tell(self, message: Message) -> None:
        """A line below the title, until the next container."""
        self.told.setText(plain(translate(message)))
        self.told.show()

    def set_height(self, height: int) -> None:
        """Fold parts away in a low window: first the command, then the layers of the prediction."""
        look = self._look
        usable = not self.presets.isHidden()
        self.command.setVisible(usable and height >= look.px(FOLD_COMMAND))
        self.prediction.set_folded(height < look.px(FOLD_LAYERS))

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What is switched on, in the order of the options."""
        if self._state is None:
            return ()
        on = self._of(self._state).on
        return tuple(Choice(name, on[name]) for name in self.options if name in on)

    # -- what the person does

    def set_on(self, name: str, on: bool) -> None:
        """Switch one toggle."""
        if self._state is None or name not in self.options:
            return
        chosen = self._of(self._state)
        chosen.preset = None
        if on:
            chosen.on[name] = chosen.values.get(name, self.options[name].value)
        else:
            chosen.on.pop(name, None)
        self._show_chosen()

    def set_value(self, name: str, value: str) -> None:
        """Another value, checked by the sheet; switches the toggle on."""
        if self._state is None:
            return
        chosen = self._of(self._state)
        chosen.preset = None
        chosen.on[name] = chosen.values[name] = value
        self._show_chosen()
        if name in self.rows:
            self.rows[name].value.setFocus(Qt.FocusReason.OtherFocusReason)

    def why_not(self, name: str, value: str) -> Message | None:
        """Why this value can't be, together with all else that is switched on."""
        if self._state is None:
            return None
        others = [choice for choice in self.choices if choice.toggle != name]
        try:
            self._desk.preview(self._state, (*others, Choice(name, value)))
        except ToggleError as error:
            return error.message
        return None

    def press(self) -> None:
        """The button: relaunch, show the run, try again, or the way out where something blocks."""
        if self._running:
            self.show_wanted.emit()
        elif self._failure is not None:
            self._ask_plan()
        elif self.plan is not None and self.plan.checked.blocks:
            if self.command.can_export:
                self.command.open_exports(self.button)
            else:
                self.command.copy_command()
        elif self.plan is not None and self.choices:
            self.wanted.emit(self.plan)

    def _preset_chosen(self, preset: Preset | None) -> None:
        if self._state is None:
            return
        chosen = self._of(self._state)
        if preset is None:
            chosen.preset = None
        else:
            self._take_preset(chosen, preset)
        self._show_chosen()

    def _take_preset(self, chosen: _Chosen, preset: Preset) -> None:
        if self._state is None:
            return
        try:
            choices = self._desk.preset(self._state, preset)
        except ToggleError as error:
            self.tell(error.message)
            return
        chosen.preset = preset
        chosen.on = {choice.toggle: choice.value for choice in choices}

    # -- how

    def _of(self, state: ContainerState) -> _Chosen:
        found = self._chosen.get(state.key)
        if found is None:
            while len(self._chosen) >= _REMEMBERED:
                del self._chosen[next(iter(self._chosen))]
            found = self._chosen[state.key] = _Chosen()
        return found

    def _why_nothing(self, state: ContainerState | None, why_not: Message | None) -> Message | None:
        if state is None:
            return msg("Choose a container.")
        if why_not is not None:
            return why_not
        if not runs(state):
            return msg("It does not run, so what is hardened could not be proven. Start it first.")
        if state.matrix is None:
            return msg("Nothing of its processes can be read, so what is hardened could not be proven.")
        return None

    def _show_body(self, why: Message | None) -> None:
        self.nothing.setVisible(why is not None)
        self.nothing.setText("" if why is None else plain(translate(why)))
        for widget in (*self._body, self._rule):
            widget.setVisible(why is None)
        self._filler.setVisible(why is not None)
        self.note_mark.setVisible(False)
        self.set_height(self.window().height())

    def _show_rows(self, options: tuple[Option, ...]) -> None:
        groups: tuple[list[Option], list[Option], list[Option]] = ([], [], [])
        for option in options:
            groups[2 if option.why_not is not None else 1 if option.already else 0].append(option)
        groups[0].sort(key=_first)
        order = [option.toggle.id for group in groups for option in group]
        places = (self._offered, self._already.layout(), self._never.layout())
        focus = next((name for name, row in self.rows.items() if row.hasFocus()), "")
        if list(self.rows) != order or any(
            self.rows[option.toggle.id].able != (option.why_not is None and not option.already) for option in options
        ):
            for row in self.rows.values():
                row.hide()
                row.setParent(None)
                row.deleteLater()
            self.rows = {}
            for group, place in zip(groups, places, strict=True):
                for option in group:
                    row = ToggleRow(self._look, option, self._numbers.get(option.toggle.layer, 0))
                    row.switched.connect(self.set_on)
                    row.value_wanted.connect(self._open_value)
                    self.rows[option.toggle.id] = row
                    if place is not None:
                        place.addWidget(row)
            if focus in self.rows:
                self.rows[focus].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            for option in options:
                row = self.rows[option.toggle.id]
                if row.option != option:
                    row.show_option(option)
        self.fold_already.show_head(translate(msg("In effect now")), len(groups[1]))
        self.fold_never.show_head(translate(msg("Not possible here")), len(groups[2]))
        self.fold_already.setVisible(bool(groups[1]))
        self.fold_never.setVisible(bool(groups[2]))
        self._already.setVisible(bool(groups[1]) and self.fold_already.isChecked())
        self._never.setVisible(bool(groups[2]) and self.fold_never.isChecked())

    def _open_value(self, name: str) -> None:
        row = self.rows[name]
        self.sheet.open_for(self.options[name], row.value_text, row.value)

    def _show_chosen(self, *, ask: bool = True) -> None:
        """Switches, values and prediction as they are now."""
        if self._state is None:
            return
        chosen = self._of(self._state)
        self.presets.choose(chosen.preset)
        for name, row in self.rows.items():
            if row.able:
                row.setChecked(name in chosen.on)
                row.show_value(chosen.on.get(name, chosen.values.get(name, self.options[name].value)))
        self._failure = None
        try:
            self.preview = self._desk.preview(self._state, self.choices)
            self.prediction.show_preview(self.preview)
        except ToggleError as error:
            self.preview = None
            self._failure = Failure(error)
            self._forget_plan()
        else:
            if ask:
                self._ask_soon()
        self._tell()

    def _ask_soon(self) -> None:
        self._forget_plan()
        if self.choices and self.preview is not None:
            self._timer.start()
        self._tell()

    def _forget_plan(self) -> None:
        self._timer.stop()
        self._clerk.drop("plan")
        self.plan = None
        self.command.show_plan(None, "")

    def _ask_plan(self) -> None:
        state, choices = self._state, self.choices
        self._failure = None
        if state is not None and choices and self.isVisible():
            self._clerk.ask("plan", partial(_plan, self._desk, state, choices), self._planned)
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
        plan, live = self.plan, self.preview is not None and self.preview.live
        able, attention, more = True, False, ""
        word = msg("Change limits") if live else msg("Relaunch hardened")
        if self._running:
            text, word = msg("{step}", step=self._running), msg("Show")
        elif self._failure is not None:
            text, attention, more = self._failure.message, True, self._failure.words
            word = msg("Try again")
            able = self.preview is not None
        elif not self.choices:
            text, able = msg("Switch on what it shall have, or choose a preset."), False
        elif plan is None:
            text, able = msg("Looking for what stands in the way…"), False
        elif plan.checked.blocks:
            first = plan.checked.blocks[0]
            attention = True
            text = msg("{why} {instead}", why=first.text, instead=first.instead)
            more = "\n".join(translate(block.text) for block in plan.checked.blocks)
            word = msg("Export instead…") if self.command.can_export else msg("Copy the command")
        elif live:
            text = msg("It keeps running; only its limits change.")
        else:
            text = msg(
                "Down while it stops (at most {seconds} s) and starts. The original is kept for undo.",
                seconds=plan.spec.stop_timeout,
            )
        told = plain(translate(text))
        self.note.setText(told)
        self.note.setToolTip(tip(more))
        usable = not self.presets.isHidden()
        self.note_mark.setVisible(attention and usable)
        self.note_mark.show_mark(Mark.TRIANGLE)
        self.button.say(translate(word))
        self.button.setAccessibleDescription(told)
        self.button.setEnabled(able)


def _plan(desk: Desk, state: ContainerState, choices: tuple[Choice, ...]) -> tuple[Plan, str]:
    made = desk.plan(state, choices)
    return made, desk.command(made)


def _start(state: ContainerState) -> object:
    """What a plan depends on; the rest of a container's state changes every moment."""
    container = state.container
    return container.id, container.asked, container.status, container.started


def _first(option: Option) -> tuple[int, int]:
    """Sort key: what the mildest preset has goes first, then what brings most."""
    presets = list(Preset)
    return min((presets.index(preset) for preset in option.presets), default=len(presets)), -option.gains
