"""The page "Processes": the process tree of the container in view, and below it the layers of the selected process.

It shows the live view's repeated readings of the container in view; only command lines are read for this page, on a
background thread. An exec session can be ended here, after a question and on a thread.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QMenu, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from stratascope import sandbox
from stratascope.core.capture import gap_words, or_none, whole_gap
from stratascope.core.layer import Layer
from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.overview.processes import Process, processes_of
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import together, translate
from stratascope.presentation import processes as words
from stratascope.presentation.processes import LayerComparison
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.flow import TextColumn, card_frame
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox, assessed_word, mark_of
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Key as ContainerKey
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.ui.processes.table import SHOW_WORDS, Key, ProcessTable, Show, wanted
from stratascope.ui.relaunch.questions import ask_end_session
from stratascope.usecases import end_session
from stratascope.usecases.command_lines import CommandLines
from stratascope.usecases.end_session import SessionEnd


class _LayerRow:
    """A layer's number, name, mark → mark, and what is different."""

    def __init__(self, theme: Theme, layer: Layer, grid: QGridLayout, place: int) -> None:
        self.layer = layer
        number = MarkBox(theme, 16)
        number.show_number(layer.number)
        self.name, self.arrow = Line(theme, 13), Label(theme, 12, ink="text3")
        self.name.say(translate(layer.about.title))
        self.arrow.setText("→")
        marks = QWidget()
        marks.setFixedSize(theme.px(54), theme.box(13))
        self.first, self.own = MarkBox(theme, 12), MarkBox(theme, 12)
        self.text = Label(theme, 12, ink="text2", wrap=True).selectable()
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Copy has the whole text
        shown = QWidget()
        theme.lay(QVBoxLayout(shown), self.text, around=(0, 6, 0, 4))
        top = Qt.AlignmentFlag.AlignTop
        theme.lay(QHBoxLayout(marks), self.first, self.arrow, self.own, STRETCH, around=0, gap=6)
        for at, widget in enumerate((number, self.name, marks)):
            cell = theme.lay(QVBoxLayout(), (widget, 0, top), around=(0, 3, 0, 0))
            grid.addLayout(cell, place, at)
        grid.addWidget(shown, place, 3)

    def show(self, beside: LayerComparison) -> None:
        """Show the comparison for that process."""
        one, two = beside.first.assessment, beside.own.assessment
        self.first.show_mark(mark_of(one))
        self.own.show_mark(mark_of(two))
        changed = mark_of(one) is not mark_of(two)
        self.arrow.setVisible(changed)
        self.own.setVisible(changed)
        spoken = translate(colon(self.layer.about.title, assessed_word(two)))
        self.name.setAccessibleName(spoken)
        self.text.tint("open" if beside.more else "text" if beside.differs else "text2")
        if self.text.text() != beside.text:
            self.text.setText(beside.text)


class LayersCard(QFrame):
    """The card of the selected process. `end_wanted`: end its session; `copy_wanted`: copy the card."""

    end_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self._layers = layers
        self.setObjectName("card")
        self.setAccessibleName(translate(msg("Layers of the process")))
        self.dot, self.name = MarkBox(theme, 11), Line(theme, 15, BOLD)
        self.note, self.why_not = Line(theme, 12, ink="text2"), Label(theme, 12, ink="weak", wrap=True)
        self.end = text_button(theme, msg("End this session"), self.end_wanted.emit)
        self.copy = text_button(theme, msg("Copy"), self.copy_wanted.emit)
        self.end.setProperty("danger", True)
        said = ((each, 0, Qt.AlignmentFlag.AlignVCenter) for each in (self.dot, self.name, self.note))
        head = theme.lay(QHBoxLayout(), *said, STRETCH, self.end, self.copy, gap=8)
        inner = TextColumn()
        inner.setObjectName("page")
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px(8))
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(3, 1)
        ordered = sorted(layers, key=lambda each: -each.number)
        self.rows = {each.id: _LayerRow(theme, each, grid, 2 * at) for at, each in enumerate(ordered)}
        for at in range(1, len(ordered)):
            grid.addWidget(Rule(theme), 2 * at - 1, 0, 1, 4)
        grid.setRowStretch(2 * len(ordered), 1)
        self.area = QScrollArea()
        self.area.setWidget(inner)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setAccessibleName(translate(msg("Layers of the process")))
        self.source = Line(theme, 11, ink="text2", fixed=True)
        theme.lay(QVBoxLayout(self), head, self.why_not, (self.area, 1), self.source, around=(14, 10, 14, 8), gap=6)
        self.beside: tuple[LayerComparison, ...] = ()

    def show_process(self, state: ContainerState, process: Process, why_not: str, *, busy: bool) -> None:
        """Show a process. `why_not`: why its session cannot be ended; empty if it can, or it is in none."""
        self.name.say(translate(words.title(process)))
        first = process.state is None
        self.note.say(translate(msg("the first process") if first else msg("what differs from the first process")))
        self.dot.show_mark(Mark.DOT, "open" if process.beyond else "enf")
        self.beside = words.compare_layers(state, process, self._layers)
        for each in self.beside:
            self.rows[each.first.id].show(each)
        self.end.setVisible(bool(process.session))
        self.end.setEnabled(not why_not and not busy)
        give_tip(self.end, why_not)
        self.why_not.setText(why_not)
        self.why_not.setVisible(bool(process.session and why_not))
        capture = state.capture if first or process.state is None else process.state.capture
        self.source.say("" if capture is None else capture.source("status"))

    def as_text(self) -> str:
        """Return the card as text, for copying."""
        lines = [self.name.text()]
        for each in self.beside:
            title, verdict = self.rows[each.first.id].layer.about.title, assessed_word(each.own.assessment)
            lines.append(translate(msg("{layer}: {verdict}. {text}", layer=title, verdict=verdict, text=each.text)))
        return "\n".join(lines)


AT_ONCE = 60  # processes and threads that are decoded on the window's thread, in a few milliseconds
AFTER_CLICK = 5  # ms: time to handle the click and paint its effect
CARD, LEAST = 252, 120  # height of the lower panel, and below which it is hidden


class ProcessesPage(QWidget):
    """The page. `refresh_wanted`: read that container again soon."""

    refresh_wanted = Signal(object)

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], selection: Selection) -> None:
        super().__init__()
        self._theme, self._layers, self._selection = theme, layers, selection
        self._whose: ContainerKey | None = None
        self._state: ContainerState | None = None
        self.processes: tuple[Process, ...] = ()
        self._commands: dict[Key, str] = {}
        self._lines = CommandLines()
        self._queries = QueryRunner(self)
        self._later = later(self, AFTER_CLICK, self._ask)
        self._ending, self._roomy = False, True
        self.which = Show.ALL
        self.question: QMessageBox | None = None
        self.setAccessibleName(translate(msg("Processes")))
        self.table = ProcessTable(theme)
        self._card: LayersCard | None = None
        self.title = Line(theme, 15, BOLD)
        self.chips = {which: FilterChip(theme, translate(word)) for which, word in SHOW_WORDS.items()}
        self.row = ChipRow(theme)
        self.row.setAccessibleName(translate(msg("Filter processes")))
        self.dot, self.live = MarkBox(theme, 11), Line(theme, 12, ink="text2")
        self.dot.show_mark(Mark.DOT, "enf")
        self.live.say(translate(msg("live")))
        self.note = Label(theme, 12, ink="text2", wrap=True)
        self._lay_out()
        self._connect()
        self.setFocusProxy(self.table)

    def _lay_out(self) -> None:
        theme = self._theme
        for chip in self.chips.values():
            chip.setAutoExclusive(True)
            self.row.put(chip)
        self.chips[Show.ALL].setChecked(True)
        head = theme.lay(QHBoxLayout(), self.title, (self.row, 1), self.dot, self.live, around=(14, 10, 14, 8), gap=8)
        foot = theme.lay(QVBoxLayout(), self.note, around=(14, 6, 14, 8))
        self._upper = card_frame(theme, head, (self.table, 1), foot, name=self.accessibleName())
        self._whole = theme.lay(QVBoxLayout(self), (self._upper, 1), around=0, gap=10)

    def _connect(self) -> None:
        for which, chip in self.chips.items():
            chip.clicked.connect(partial(self._show_which, which))
        self.table.turned.connect(self._show_card)
        self.table.copy_wanted.connect(self._copy)
        self.table.menu_wanted.connect(self._open_menu)

    @property
    def card(self) -> LayersCard:
        """The card, made when first needed."""
        return self._make_card() if self._card is None else self._card

    def _make_card(self) -> LayersCard:
        self._card = card = LayersCard(self._theme, self._layers)
        card.hide()
        card.copy_wanted.connect(self._copy)
        card.end_wanted.connect(self.ask_end)
        self._whole.addWidget(card)
        self._share()
        return card

    # -- contents

    def refresh(self) -> None:
        """Show what is known of the container in view; no effect for the same reading."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None or state is self._state:
            return
        self._state = state
        if len(state.processes) <= AT_ONCE:
            self._later.stop()
            self._queries.drop("processes")
            self._take(state, processes_of(state, snapshot.ground_of(state.container.engine)))
        else:
            if state.key != self._whose:
                self._take(state, ())  # until then, show no other container's processes under this name
            self._later.start()

    def _ask(self) -> None:
        """Decode many processes on a thread. Painting at the same time would take twice as long, so the card is painted
        first.
        """
        state, snapshot = self._state, self._selection.snapshot
        if state is None or snapshot is None:
            return
        if self._card is None:
            self._make_card()
        make = partial(processes_of, state, snapshot.ground_of(state.container.engine))
        self._queries.ask("processes", make, partial(self._take, state))

    def _take(self, state: ContainerState, found: tuple[Process, ...] | Failure) -> None:
        snapshot = self._selection.snapshot
        if snapshot is None or isinstance(found, Failure) or state.key != self._selection.key:
            return
        another, self._whose = state.key != self._whose, state.key
        self.processes = found
        self.table.now = self._selection.now
        if another:
            self._commands = {}
            self._show_which(Show.ALL)
        else:
            self._show_rows()
        self._show_head(state, demo=snapshot.demo)
        QTimer.singleShot(AFTER_CLICK, self, partial(self._ask_commands, state))

    def _show_which(self, which: Show, _: bool = False) -> None:
        self.which = which
        self.chips[which].setChecked(True)
        self._show_rows()

    def _show_rows(self) -> None:
        self.table.show_processes(self.processes, self.which, self._commands)
        if self.table.chosen is None:
            rows = [each for each in self.processes if wanted(each, self.which)]
            worst = next((each for each in rows if each.beyond), rows[0] if rows else None)
            if worst is not None:
                self.table.choose(worst.key)

    def _show_card(self) -> None:
        process, state = self.table.chosen, self._state
        if process is None or state is None:
            if self._card is not None:
                self._card.hide()
            return
        self.card.setVisible(self._roomy)
        why = ""
        if process.session:
            refused = end_session.why_not(self._selection.engine, self._session_of(process), demo=self._is_demo())
            why = "" if refused is None else translate(refused)
        self.card.show_process(state, process, why, busy=self._ending)

    def _show_head(self, state: ContainerState, *, demo: bool) -> None:
        count = sum(each.thread_of is None for each in self.processes)
        self.title.say(translate(plural("{count} process", "{count} processes", count)))
        for which, chip in self.chips.items():
            number = sum(wanted(each, which) for each in self.processes)
            word = translate(SHOW_WORDS[which])
            chip.say(word if which is Show.ALL else f"{word} {number}")
            chip.setAccessibleName(translate(colon(word, number)))
            give_tip(chip, chip.accessibleName())
        self.row.arrange()
        for each in (self.dot, self.live):
            each.setVisible(bool(self.processes) and not demo)
        text = together(translate(each) for each in _notes(state, self.processes))
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _is_demo(self) -> bool:
        return self._selection.snapshot is not None and self._selection.snapshot.demo

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Give the list precedence if both do not fit: keys and menu do all that the card's buttons do."""
        px = self._theme.px
        least = self._upper.minimumSizeHint().height() + 2 * self.table.row_height()
        # the note wraps, and a layout takes its height at the preferred width as its minimum
        room = self.height() - max(least, self._upper.heightForWidth(self.width())) - px(10)
        self._roomy = room >= px(LEAST)
        if self._card is not None:
            self._card.setFixedHeight(max(1, min(px(CARD), room)))
            self._card.setVisible(self._roomy and self.table.chosen is not None)

    # -- command lines

    def _ask_commands(self, state: ContainerState) -> None:
        engine = self._selection.engine
        readable = engine is not None and engine.local and state.capture is not None and state.capture.via == "proc"
        if state.key == self._whose and readable and self.processes and sandbox.access() is sandbox.Access.OUTSIDE:
            asked = partial(self._lines.of, self.processes)
            self._queries.ask("command lines", asked, partial(self._take_commands, state.key))

    def _take_commands(self, key: ContainerKey, found: dict[Key, str] | Failure) -> None:
        if key == self._whose and not isinstance(found, Failure) and found != self._commands:
            self._commands = found
            self.table.show_processes(self.processes, self.which, found)

    # -- actions

    def _session_of(self, process: Process) -> tuple[Process, ...]:
        return end_session.of_session(self.processes, process.session)

    def ask_end(self) -> None:
        """Ask before ending a session; the safe answer is the default."""
        process = self.table.chosen
        if process is None or not process.session or self._ending:
            return
        there = self._session_of(process)
        self.question = ask_end_session(self.window(), translate(words.title(there[0])), len(there))
        self.question.buttonClicked.connect(lambda button: self._answered(button.objectName(), there))
        self.question.open()

    def _answered(self, name: str, there: tuple[Process, ...]) -> None:
        self.question = None
        if name == "end-session":
            self._ending = True
            self._show_card()
            self._queries.ask("end session", partial(end_session.end_session, there), self._ended)

    def _ended(self, found: SessionEnd | Failure) -> None:
        self._ending = False
        if self._whose is not None:
            self.refresh_wanted.emit(self._whose)
        self._show_card()
        text: Message | None = found.message if isinstance(found, Failure) else found.trouble
        if text is not None:
            self.card.why_not.setText(translate(text))
            self.card.why_not.setVisible(True)

    def _copy(self) -> None:
        feedback.copy(self, self.card.as_text())

    def _open_menu(self, at: QPoint) -> None:
        process = self.table.chosen
        if process is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        line = self._commands.get(process.key, "")
        for word, text in ((msg("Copy"), self.card.as_text()), (msg("Copy PID"), str(process.pid)),
                           (msg("Copy command line"), line)):  # fmt: skip
            action = QAction(translate(word), menu)
            action.setEnabled(bool(text))
            action.triggered.connect(lambda _=False, text=text: feedback.copy(self, text))
            menu.addAction(action)
        if process.session:
            menu.addSeparator()
            end = QAction(translate(msg("End this session…")), menu)
            end.setEnabled(self.card.end.isEnabled())
            end.triggered.connect(lambda _=False: self.ask_end())
            menu.addAction(end)
        menu.popup(at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.card.end.isEnabled():
            self.ask_end()
        else:
            super().keyPressEvent(event)

    def stop(self) -> None:
        """Drop pending answers."""
        self._queries.end()


def _notes(state: ContainerState, processes: tuple[Process, ...]) -> list[Message]:
    """Return what is not shown, and why."""
    gap = state.gap if state.gap is not None else (whole_gap(state.capture) if state.capture is not None else None)
    if gap is not None:
        return [gap_words(gap).sentence]
    found = []
    if state.unread:
        found.append(
            plural(
                "At least {count} other process or thread could not be read.",
                "At least {count} other processes or threads could not be read.",
                state.unread,
            )
        )
    if not state.members_from:
        found.append(msg("Its other processes can't be listed: neither its cgroup nor a PID namespace of its own "
"identifies them."))  # fmt: skip
    told = state.capture is not None and or_none(state.capture.text("status")) is not None
    if told and processes and processes[0].pid_inside != 1 and not any(each.session for each in processes):
        found.append(
            msg("It has no PID namespace of its own, so exec sessions can't be told apart from its own processes.")
        )
    return found


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page = ProcessesPage(parts.theme, parts.layers, parts.selection)
    return MadePage(page, page.refresh, stop=page.stop)
