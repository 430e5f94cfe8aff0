"""Between the window and the sheet that compares: what can be chosen, captures opened, the comparison on a thread."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.comparison import Comparison, compare
from stratascope.ui.compare.side import Side
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.file_dialogs import ask_open
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.compare.dialog import CompareDialog


class CompareController(QObject):
    """`ask` opens the sheet for a container, `show_pair` for two states that somebody else has, such as its past."""

    def __init__(self, window: QWidget, theme: Theme, layers: tuple[Layer, ...], selection: Selection) -> None:
        super().__init__(window)
        self._window, self._theme, self._layers, self._selection = window, theme, layers, selection
        self._queries = QueryRunner(self)
        self._captured: list[Side] = []
        self._made: CompareDialog | None = None

    @property
    def dialog(self) -> CompareDialog:
        """Made when it is first wanted."""
        if self._made is None:
            from stratascope.ui.compare.dialog import CompareDialog

            self._made = CompareDialog(self._theme, self._window)
            self._made.wanted.connect(self._compare)
            self._made.capture_wanted.connect(self._choose_capture)
        return self._made

    def ask(self, key: Key | None = None, other: Key | None = None) -> None:
        """Compare that container, or the one in view; with the other, or with one to be chosen."""
        wanted = self._selection.key if key is None else key
        sides = self._sides()
        one = next((each for each in sides if each.state.key == wanted and not each.source), None)
        two = next((each for each in sides if each.state.key == other and not each.source), None)
        self._open(sides, one, two)

    def show_pair(self, one: ContainerState, two: ContainerState, source: str) -> None:
        """`source`: what the second is called beside its name, such as a moment."""
        sides = self._sides()
        first = next((each for each in sides if each.state.key == one.key and not each.source), None)
        second = Side(two, plain(two.container.name, 80), source)
        self._open((*sides, second), first or Side(one, plain(one.container.name, 80)), second)

    def stop(self) -> None:
        """No more answers."""
        self._queries.end()

    def _sides(self) -> tuple[Side, ...]:
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        now = [Side(state, plain(state.container.name, 80)) for state in states]
        now.sort(key=lambda each: each.name.casefold())
        return (*now, *self._captured)

    def _open(self, sides: tuple[Side, ...], one: Side | None, two: Side | None) -> None:
        self.dialog.offer(sides, one, two)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        (self.dialog.two if one is not None else self.dialog.one).setFocus()

    def _compare(self, one: Side, two: Side) -> None:
        self._queries.ask("compare", partial(compare, one.state, two.state, self._layers), self._show)

    def _show(self, found: Comparison | Failure) -> None:
        if isinstance(found, Failure):
            self.dialog.say(found.message)
        else:
            self.dialog.show_comparison(found)

    def _choose_capture(self) -> None:
        title, kinds = translate(msg("Open a capture")), translate(msg("Captures (*.json)"))
        ask_open(self.dialog, title, self.open_capture, kinds=f"{kinds};;*")

    def open_capture(self, path: Path) -> None:
        """Its containers can be chosen then."""
        self._queries.ask("capture", partial(_read, path), partial(self._take, path))

    def _take(self, path: Path, found: Snapshot | Failure) -> None:
        if isinstance(found, Failure):
            self._queries.drop("compare")  # one that is still under way would take its place
            self.dialog.say(found.message)
            return
        source = plain(path.name, 60)
        self._captured = [each for each in self._captured if each.source != source]
        new = [Side(state, plain(state.container.name, 80), source) for state in found.containers]
        self._captured += sorted(new, key=lambda each: each.name.casefold())
        one, two = self.dialog.sides
        if one is not None and two is None:  # the same one, as it was
            two = next((each for each in self._captured if (each.source, each.name) == (source, one.name)), None)
        self.dialog.offer(self._sides(), one, two)


def _read(path: Path) -> Snapshot:
    """Raises ProbeError, OSError."""
    from stratascope.wiring import views

    return views.read(path)
