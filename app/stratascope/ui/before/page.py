"""The page *Before it starts*: a text above, and below it the card, the strata and the panel as of a real container.

It has a selection of its own, so that all that is drawn of containers that run is drawn of these too. What is typed is
judged a moment later on a thread; nothing is started.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from stratascope import atomic_file
from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.ui.before.lines import LineNote, marked, notes
from stratascope.ui.before.text_field import MOST, TextField
from stratascope.ui.harden.worker import Failure, QueryRunner
from stratascope.ui.widgets import accessibility
from stratascope.ui.widgets.chip import ChoiceChips, FilterChip
from stratascope.ui.widgets.file_dialogs import ask_open
from stratascope.ui.widgets.labels import Label, Line
from stratascope.ui.widgets.selection import Selection
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme
from stratascope.usecases.check.check import Checked
from stratascope.usecases.check.fix import Fixed
from stratascope.value import replace

SETTLE = 200  # ms after the last key
CHIPS = 12  # services with a chip each
_LINE = Qt.ItemDataRole.UserRole


class Before(Protocol):
    """What judges a text; on any thread. Raises ProbeError, OSError."""

    def check(self, text: str, file: str) -> Checked:
        """What would stand of each container."""

    def corrected(self, text: str, file: str) -> Fixed:
        """The text with what closes what is critical, then serious."""


class StrataLike(Protocol):
    """What draws a container."""

    @property
    def widget(self) -> QWidget:
        """All of it."""

    def adapt(self, *, low: bool, compact: bool, low_card: bool) -> None:
        """Fold parts away, or bring them back."""


class BeforePage(QWidget):
    """`search_field` is the text."""

    def __init__(self, theme: Theme, before: Before, selection: Selection, strata: StrataLike) -> None:
        """`strata`: the card, the strata and the panel of what that selection has in view."""
        super().__init__()
        self._theme, self._before, self.selection, self.strata = theme, before, selection, strata
        self._queries = QueryRunner(self)
        self._file, self._folder = translate(msg("text")), ""
        self._snapshot: Snapshot | None = None
        self._checked: Checked | None = None
        self.text = TextField(theme)
        self.notes = QListWidget()
        self.notes.setFont(theme.font(12))
        self.notes.setWordWrap(True)
        self.notes.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.notes.setAccessibleName(translate(msg("Notes on its lines")))
        self.notes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        title = Label(theme, 15, BOLD)
        title.setText(translate(msg("Before it starts")))
        self.told = Line(theme, 12, ink="text2")
        self.open = QPushButton(translate(msg("Open a file…")))
        self.copy = QPushButton(translate(msg("Copy the corrected file")))
        for button in (self.open, self.copy):
            button.setFont(theme.font(12, MEDIUM))
        self.services = ChoiceChips(theme, "")
        self.services.setAccessibleName(translate(msg("Containers it asks for")))
        head = QHBoxLayout()
        head.setSpacing(theme.px(8))
        head.addWidget(title)
        head.addWidget(self.told, 1)
        head.addWidget(self.open)
        head.addWidget(self.copy)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setHandleWidth(theme.px(8))
        both.addWidget(self.text)
        both.addWidget(self.notes)
        both.setStretchFactor(0, 3)
        both.setStretchFactor(1, 2)
        both.setChildrenCollapsible(False)
        self._both = both
        above = QVBoxLayout()
        above.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 0)))
        above.setSpacing(theme.px(8))
        above.addLayout(head)
        above.addWidget(both)
        above.addWidget(self.services)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(above)
        column.addWidget(strata.widget, 1)
        self._filler = QWidget()
        column.addWidget(self._filler, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE)
        self._timer.timeout.connect(self._ask)
        self.text.textChanged.connect(self._timer.start)
        self.text.dropped.connect(self.open_file)
        self.open.clicked.connect(self._choose)
        self.copy.clicked.connect(self._correct)
        self.services.chosen.connect(self._choose_service)
        self.notes.itemActivated.connect(self._go_to)
        self.notes.itemClicked.connect(self._go_to)
        self.selection.container_changed.connect(self._show_lines)
        self._nothing()

    def search_field(self) -> TextField:
        """Where the keyboard goes."""
        return self.text

    def open_file(self, path: Path) -> None:
        """Its text instead of the one that is there."""
        self._queries.ask("file", partial(_read, path), partial(self._take, path))

    def stop(self) -> None:
        """No more answers."""
        self._timer.stop()
        self._queries.end()

    # -- asked

    def _ask(self) -> None:
        text = self.text.toPlainText()
        if not text.strip():
            self._queries.drop("check")
            self._nothing()
            return
        self._queries.ask("check", partial(self._before.check, text, self._file), self._come)

    def _come(self, answer: Checked | Failure) -> None:
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
        self._show(replace(snapshot, demo=True), _count(snapshot))

    # -- shown

    def _nothing(self) -> None:
        self._checked = None
        self._show(None, msg("Paste or drop what asks for containers."))

    def _show(self, snapshot: Snapshot | None, told: Message) -> None:
        self.told.say(plain(translate(told), 300))
        self._snapshot = snapshot
        self.copy.setEnabled(snapshot is not None)
        self.strata.widget.setVisible(snapshot is not None)
        self._filler.setVisible(snapshot is None)
        if snapshot is not None:
            kept = self.selection.current
            self.selection.show_snapshot(snapshot)
            if kept is None or kept.key not in self.selection:
                self.selection.choose(snapshot.containers[0].key)
        self._show_services()
        self._show_lines()
        self._fit()

    def _show_services(self) -> None:
        states = () if self._snapshot is None else self._snapshot.containers[:CHIPS]
        names = [state.container.name for state in states]
        if names != list(self.services.chips):
            self.services.clear()
            for name in names:
                self.services.add(name, FilterChip(self._theme, plain(name, 40)))
        current = self.selection.current
        if current is not None and current.container.name in self.services.chips:
            self.services.current = current.container.name
            self.services.chips[current.container.name].setChecked(True)
        self.services.setVisible(len(names) > 1)
        self.services.arrange()

    def _choose_service(self, name: str) -> None:
        states = () if self._snapshot is None else self._snapshot.containers
        state = next((each for each in states if each.container.name == name), None)
        if state is not None:
            self.selection.choose(state.key)

    def _show_lines(self) -> None:
        problems = () if self._checked is None else self._checked.problems
        found = notes(problems, None if self._snapshot is None else self.selection.current)
        self.text.mark(marked(found))
        self.notes.clear()
        for note in found:
            self.notes.addItem(_item(note))

    def _go_to(self, item: QListWidgetItem) -> None:
        line, layer = item.data(_LINE)
        if layer:
            self.selection.open_layer(layer)
        if line:
            self.text.go_to(line)

    # -- what the person does

    def _choose(self) -> None:
        ask_open(self.window(), translate(msg("Open a file")), self.open_file, folder=self._folder)

    def _take(self, path: Path, answer: str | Failure) -> None:
        if isinstance(answer, Failure):
            self.told.say(plain(f"{translate(answer.message)} {answer.words}", 300))
            return
        self._file, self._folder = str(path), str(path.parent)
        self.text.setPlainText(answer)

    def _correct(self) -> None:
        text = self.text.toPlainText()
        self._queries.ask("fix", partial(self._before.corrected, text, self._file), self._corrected)

    def _corrected(self, answer: Fixed | Failure) -> None:
        if isinstance(answer, Failure):
            self.told.say(plain(translate(answer.message), 300))
            return
        QGuiApplication.clipboard().setText(answer.text)
        closed = [each for each in answer.services if each.choices]
        if closed:
            now, then = max(each.before for each in closed), max(each.after for each in closed)
            told = msg("Copied. Exposure {now} → {then}.", now=f"{now:.1f}", then=f"{then:.1f}")
        elif answer.problems:
            told = answer.problems[0].text
        else:
            told = msg("Nothing serious is open: copied unchanged.")
        self.told.say(plain(translate(told), 300))
        accessibility.announce(self, self.told.text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The text has a third of the page; the panel goes where there is no room for it."""
        theme, height = self._theme, self.height()
        self._both.setFixedHeight(max(theme.px(90), min(theme.px(256), height * 3 // 10)))
        self.strata.adapt(low=height < theme.px(880), compact=height < theme.px(620), low_card=True)


def _count(snapshot: Snapshot) -> Message:
    where = ", ".join(each.id for each in snapshot.engines)
    return plural(
        "{count} container, as {engine} would start it here. Nothing runs.",
        "{count} containers, as {engine} would start them here. Nothing runs.",
        len(snapshot.containers),
        engine=where,
    )


def _item(note: LineNote) -> QListWidgetItem:
    where = translate(msg("line {line}", line=note.line)) if note.line else ""
    layer = translate(msg("layer {number}", number=note.layer)) if note.layer else ""
    item = QListWidgetItem("  ".join(each for each in (where, layer, note.text) if each))
    item.setData(_LINE, (note.line, note.layer))
    return item


def _read(path: Path) -> str:
    """Raises OSError."""
    data = atomic_file.read(path, MOST)
    if data is None:
        raise OSError(0, translate(msg("It is too long.")), str(path))
    return data.decode("utf-8-sig", "replace")
