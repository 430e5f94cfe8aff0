"""The page *Before it starts*: a text, and below it the card, the strata and the panel as for a real container.

It has its own selection, so that every widget that shows running containers also shows these, and its own column, which
the window shows in place of the one for running containers. The text is judged on a thread a moment after the last key;
nothing is started.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from stratascope import atomic_file
from stratascope.core.layer import Layer
from stratascope.core.message import Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import exposure_sentence, number_text, worst_open
from stratascope.ui.before.column import Before, FileColumn
from stratascope.ui.before.head import EmptyPanel, TextHead
from stratascope.ui.before.text_field import MOST, LineNote, StatusBar, TextField, notes
from stratascope.ui.containers.rows import worst_first
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.ui.kit.buttons import ChoiceBox
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.file_dialogs import ask_open
from stratascope.ui.kit.flow import Scrolled, card_frame
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.usecases.check.corrections import Corrected, Judged
from stratascope.value import replace

CHIPS = 24  # services that get a chip each
_LETTERS = 40


class ServiceChips(ChoiceChips):
    """A chip for each service. `chosen` carries the id of a container."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self._shown: tuple[tuple[str, str, Mark], ...] = ()
        self.setAccessibleName(translate(msg("Containers it asks for")))

    def show_states(self, states: Sequence[ContainerState], current: ContainerState | None) -> None:
        """Show the services of a text; the current one has a chip in any case."""
        first = list(states[:CHIPS])
        if current is not None and current.key not in [each.key for each in first]:
            first[-1:] = [each for each in states if each.key == current.key]
        shown = tuple((each.container.id, number_text(each.matrix), mark_of(each)) for each in first)
        if shown != self._shown:
            self._make(first, shown)
        if current is not None and current.container.id in self.chips:
            self.current = current.container.id
            self.chips[self.current].setChecked(True)
        self.setVisible(bool(shown))
        self.arrange()

    def _make(self, states: Sequence[ContainerState], shown: tuple[tuple[str, str, Mark], ...]) -> None:
        had = any(chip.hasFocus() for chip in self.chips.values())
        self._shown = shown
        self.clear()
        for state, (which, number, mark) in zip(states, shown, strict=True):
            name = plain(which, _LETTERS)
            chip = FilterChip(self._theme, f"{name}  {number}", mark)
            told = colon(plain(which, 100), exposure_sentence(state.matrix))
            chip.setAccessibleName(translate(told))
            give_tip(chip, translate(told))
            self.add(which, chip)
            chip.show()
        if had and self.current in self.chips:
            self.chips[self.current].setFocus()


class ServicesRow(QWidget):
    """The chips, and a note beside them; below them if there is no room for both."""

    def __init__(self, theme: Theme, services: ServiceChips, note: Line) -> None:
        super().__init__()
        self._services, self._note = services, note
        self._row = theme.lay(QHBoxLayout(self), (services, 1), note, around=0, gap=8)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Place the note, after a change of width or chips."""
        wanted = self._services.wanted + self._row.spacing() + self._note.sizeHint().width()
        below = wanted > self.width()
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight)


def mark_of(state: ContainerState) -> Mark:
    """How bad the worst open threat is; not known if that may be a worse one."""
    worst = worst_open(state)
    if state.matrix is None:
        return Mark.UNKNOWN
    severity = Severity.LOW if worst is None else worst.threat.severity
    perhaps = [each.threat.severity.rank for each in state.matrix.threats if each.outcome is Outcome.UNKNOWN]
    if min(perhaps, default=severity.rank) < severity.rank:
        return Mark.UNKNOWN
    if severity is Severity.LOW:
        return Mark.ENFORCED
    return Mark.WEAKENED if severity is Severity.MEDIUM else Mark.OPEN


SETTLE = 200  # ms after the last key
TEXT, LEAST = 256, 170  # px of the design: the text with head and foot, and its minimum
# Heights below which there is no room for the card's button, for two lines in a band, for the whole card, for the panel
BARE, COMPACT, CARD, PANEL = 480, 710, 760, 1120


class StrataLike(Protocol):
    """The widget that draws a container."""

    @property
    def widget(self) -> QWidget:
        """The whole widget."""

    def adapt(self, *, low: bool, compact: bool, low_card: bool, bare: bool | None = None) -> None:
        """Fold parts away, or bring them back. `bare`: fold the card's button."""


class BeforePage(QWidget):
    """The page. `search_field` is the text, `column` the window's right column. `column_wanted`: focus it."""

    column_wanted = Signal()

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], before: Before, selection: Selection, strata: StrataLike
    ) -> None:
        """`strata`: draws the card, the strata and the panel of the container in that selection."""
        super().__init__()
        self._theme, self._before, self.selection, self.strata = theme, before, selection, strata
        self._queries = QueryRunner(self)
        self._file, self._folder, self._as_read = translate(msg("text")), "", ""
        self._snapshot: Snapshot | None = None
        self._checked: Judged | None = None
        self._notes: tuple[LineNote, ...] = ()
        self.column = FileColumn(theme, layers, before, self._queries)
        self.head, self.text, self.status = TextHead(theme), TextField(theme), StatusBar(theme)
        self.machine = ChoiceBox(theme, letters=16)
        self.services, self.empty = ServiceChips(theme), EmptyPanel(theme)
        self.told, self.of_nobody = Line(theme, 11, ink="text2"), Line(theme, 11, ink="text2")
        unknown = msg("Its image is on no engine here, so whether it runs as root is not known: the plan assumes root.")
        self.of_nobody.say(translate(unknown))
        self._lay_out()
        self._timer = later(self, SETTLE, self._ask)
        self._connect()
        selection.worst = self._worst
        self._show(None, None)

    def _lay_out(self) -> None:
        theme = self._theme
        title = Label(theme, 18, BOLD)
        title.setText(translate(msg("Before it starts")))
        self.machine.addItems(self._before.machines)
        self.machine.setVisible(len(self._before.machines) > 1)
        self.machine.setMaxVisibleItems(20)
        self.machine.setAccessibleName(translate(msg("The machine to judge for")))
        self._box = card_frame(theme, self.head, (self.text, 1), self.status)
        self._below = ServicesRow(theme, self.services, self.of_nobody)
        first = theme.lay(
            QHBoxLayout(),
            title,
            (self.machine, 0, Qt.AlignmentFlag.AlignBottom),
            (self.told, 1, Qt.AlignmentFlag.AlignBottom),
            gap=16,
        )
        above = theme.lay(QVBoxLayout(), first, self._box, self._below, around=(16, 10, 16, 0), gap=8)
        self._rest = QWidget()
        theme.lay(QVBoxLayout(self._rest), self.empty, around=(16, 10, 16, 12))
        self._content = QWidget()
        theme.lay(QVBoxLayout(self._content), above, (self.strata.widget, 1), (self._rest, 1), around=0, gap=0)
        area = Scrolled(self._content)  # scrolls if the window is too low
        self._content.installEventFilter(self)
        theme.lay(QVBoxLayout(self), area, around=0)

    def _connect(self) -> None:
        head, column = self.head, self.column
        self.text.textChanged.connect(self._typed)
        self.text.dropped.connect(self.open_file)
        self.text.line_entered.connect(lambda: self.status.show_line(self.text.line))
        self.status.chosen.connect(self._go_to)
        head.open.clicked.connect(self._choose)
        head.paste.clicked.connect(self._paste)
        head.clear.clicked.connect(lambda: self.put(""))
        self.empty.wanted.connect(self.put)
        self.services.chosen.connect(self._show_service)
        self.machine.activated.connect(lambda row: self._choose_machine(self._before.machines[row]))
        self.selection.container_changed.connect(self._show_current)
        column.copy_wanted.connect(lambda: column.draft.ask_copy(self.text.toPlainText()))
        column.draft.copied.connect(_copied)

    def search_field(self) -> TextField:
        """The widget that takes the focus."""
        return self.text

    def open_file(self, path: Path) -> None:
        """Replace the text by that of a file."""
        self._queries.ask("file", partial(_read, path), partial(self._take, path))

    def press_plan(self) -> None:
        """Copy the text with the plan written in, as the column's button does."""
        self.column_wanted.emit()
        self.column.button.click()

    def show_switch(self, key: str, *, turn_on: bool = False) -> None:
        """Focus the row of the plan that makes what that option does."""
        draft = self.column.draft
        row = draft.row_of(key)
        if turn_on and not (row is not None and draft.is_on(row)):
            draft.add_option(key)
        self.column_wanted.emit()
        if row is not None:
            self.column.changes.show_row(row.key)

    def stop(self) -> None:
        """Drop answers that are still to come."""
        self._timer.stop()
        self._queries.end()

    # -- asking

    def _typed(self) -> None:
        self.head.show_changed(self.text.toPlainText() != self._as_read)
        self._timer.start()

    def _ask(self) -> None:
        text = self.text.toPlainText()
        if not text.strip():
            self._queries.drop("check")
            self._checked = None
            self._show(None, None)
            return
        if self._snapshot is None:
            self.empty.show_why(msg("Working out what it could do…"))
        self._queries.ask("check", partial(self._before.check, text, self._file), partial(self._take_judged, text))

    def _take_judged(self, text: str, answer: Judged | Failure) -> None:
        if isinstance(answer, Failure):
            self._checked = None
            self._show(None, answer.message)
            return
        self._checked = answer
        snapshot = answer.snapshot
        if snapshot is None or not snapshot.containers:
            why = next((each.text for each in answer.problems if each.fatal), msg("It asks for no container."))
            self._show(None, why)
            return
        self.column.draft.show_text(text, self._file, frozenset(each.key for each in snapshot.containers))
        self._show(replace(snapshot, demo=True), None)

    # -- showing

    def _show(self, snapshot: Snapshot | None, why: Message | None) -> None:
        """Show the containers of a text; `why`: the text yields nothing to show."""
        self._snapshot = snapshot
        there = snapshot is not None
        self.head.language.show_read(None if self._checked is None else self._checked.read)
        self.empty.show_why(why)
        self.told.say("" if snapshot is None else plain(translate(_where(snapshot, self._before.machine)), 300))
        self._rest.setVisible(not there)
        self._below.setVisible(there)
        self.strata.widget.setVisible(there)
        if snapshot is not None:
            self.selection.show_snapshot(snapshot)
        else:
            self._show_current()
        self._fit()

    def _show_current(self) -> None:
        state = None if self._snapshot is None else self.selection.current
        checked, states = self._checked, () if self._snapshot is None else self._snapshot.containers
        self._notes = () if checked is None else notes(checked.read, checked.problems, states)
        unknown = frozenset[str]() if checked is None else checked.nobody_knows
        self.of_nobody.setVisible(state is not None and state.container.id in unknown)
        self.services.show_states(states, state)
        self._below.fit()
        self.text.show_notes(self._notes)
        self.status.show_notes(self._notes, self.text.line)
        self.column.show_state(state)

    def _choose_machine(self, machine: str) -> None:
        self._before.choose(machine)
        self._ask()

    def _choose_service(self, name: str) -> None:
        states = () if self._snapshot is None else self._snapshot.containers
        state = next((each for each in states if each.container.id == name), None)
        if state is not None:
            self.selection.choose(state.key)

    def _worst(self) -> Key | None:
        """The worst service; of equal ones the first in the text."""
        states = () if self._snapshot is None else self._snapshot.containers
        return min(states, key=lambda state: worst_first(state)[0]).key if states else None

    def _show_service(self, name: str) -> None:
        """Choose a service by its chip, and scroll the text to where it begins."""
        self._choose_service(name)
        services = () if self._checked is None else self._checked.read.services
        states = () if self._snapshot is None else self._snapshot.containers
        begins = {state.container.id: each.place.line for state, each in zip(states, services, strict=False)}
        if len(states) == len(services) and begins.get(name):
            self.text.go_to(begins[name], focus=False)

    def _go_to(self, note: LineNote) -> None:
        self._choose_service(note.service)
        if note.layer:
            self.selection.open_layer(note.layer)
        if note.line:
            self.text.go_to(note.line)

    # -- actions

    def put(self, text: str) -> None:
        """Replace the text; the new one is no file's."""
        self.column.draft.forget()
        self.selection.begin_anew()
        self._file, self._as_read = translate(msg("text")), text
        self.head.show_file("")
        self.text.replace_all(text)
        self.text.setFocus()

    def _paste(self) -> None:
        text = QGuiApplication.clipboard().text()
        if text:
            self.put(text[:MOST])

    def _choose(self) -> None:
        ask_open(self.window(), translate(msg("Open a file")), self.open_file, folder=self._folder)

    def _take(self, path: Path, answer: str | Failure) -> None:
        if isinstance(answer, Failure):
            self.status.tell(plain(f"{translate(answer.message)} {answer.words}", 300))
            return
        self.put(answer)
        self._file, self._folder = str(path), str(path.parent)
        self._as_read = self.text.toPlainText()
        self.head.show_file(plain(path.name, 200))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit again when the card's content has changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit_text()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """Hide the panel if there is no room for it, then reduce the card to one line."""
        theme, height = self._theme, self.height()
        compact, low_card, low = (height < theme.px(least) for least in (COMPACT, CARD, PANEL))
        self.strata.adapt(low=low, compact=compact, low_card=low_card, bare=height < theme.px(BARE))
        self._fit_text()

    def _fit_text(self) -> None:
        """Give the text the height that the strata leave, or a third of the page without strata, and place the panel
        next to it.
        """
        theme, height, rest = self._theme, self.height(), self.strata.widget.layout()
        wanted, low = min(theme.px(TEXT), height * 31 // 100), 0
        if self._snapshot is not None and rest is not None and height < theme.px(PANEL):
            above = self._box.y() + self._below.sizeHint().height() + theme.px(8)
            wide = rest.hasHeightForWidth()
            needed = rest.totalHeightForWidth(self.width()) if wide else rest.totalSizeHint().height()
            low = above + needed
            wanted = min(height - low, height // 2)
        wanted = max(theme.px(LEAST), wanted)
        self._box.setFixedHeight(wanted)
        self._content.setMinimumHeight(low + wanted if low else 0)


def _copied(answer: Corrected | Failure) -> None:
    if isinstance(answer, Corrected):
        QGuiApplication.clipboard().setText(answer.text)


def _where(snapshot: Snapshot, machine: str) -> Message:
    engines = ", ".join(f"{each.id} {each.version}".strip() for each in snapshot.engines)
    if machine:
        return msg("Predicted for {engine} on {machine}; nothing is run", engine=engines, machine=machine)
    return msg("Predicted for {engine} on this machine; nothing is run", engine=engines)


def _read(path: Path) -> str:
    """Return the text of a file. Raises OSError."""
    data = atomic_file.read(path, MOST)
    if data is None:
        raise OSError(0, translate(msg("It is too long.")), str(path))
    return data.decode("utf-8-sig", "replace")
