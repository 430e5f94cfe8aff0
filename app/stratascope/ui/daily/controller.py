"""The daily verbs in the window: from a menu, a button or a key to the engine, off the window's thread.

Without `daily` (tests, a capture) what would need an engine is there and says why it can't be done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from stratascope.core.container import Status
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.column import ContainerColumn
from stratascope.ui.containers.rows import Pin
from stratascope.ui.daily import menu, questions
from stratascope.ui.daily.title_buttons import UNDER_WAY, TitleButtons
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import Failure, QueryRunner, SettingsLike
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.daily import verbs
from stratascope.usecases.daily.daily import Daily, NoShellError, VerbPreview
from stratascope.usecases.daily.verbs import Verb

if TYPE_CHECKING:
    from stratascope.ui.daily.log_window import LogWindow


_SETTING = "pinned"
MOST = 200


class Pins:
    """What was kept and makes no sense is left out."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        self.all: frozenset[Pin] = _read(settings.get(_SETTING) or "")

    def turn(self, pin: Pin) -> None:
        """Pin it, or let it go."""
        self.all = self.all ^ {pin} if pin in self.all or len(self.all) < MOST else self.all
        self._settings.set(_SETTING, json.dumps(sorted(self.all)))


def _read(text: str) -> frozenset[Pin]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return frozenset()
    pairs = found if isinstance(found, list) else []
    good = [
        (pair[0], pair[1])
        for pair in pairs[:MOST]
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
    ]
    return frozenset(good)


Callback = Callable[[], object]


class DailyController(QObject):
    """`harden` and `compare`: what the menu's lines of that name do for the container in view; None: no such line."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        daily: Daily | None,
        selection: Selection,
        column: ContainerColumn,
        settings: SettingsLike,
        refresh: Callable[[Key], None],
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._daily = window, theme, daily
        self._selection, self._column, self._refresh = selection, column, refresh
        self.pins = Pins(settings)
        self.harden: Callback | None = None
        self.compare: Callback | None = None
        self.kept: Callable[[], tuple[Transaction, ...]] = tuple  # what relaunches have set aside
        self.under_way: dict[Key, Verb] = {}
        self.windows: dict[Key, LogWindow] = {}
        self.question: QMessageBox | None = None
        self.menu: QMenu | None = None
        self._queries = QueryRunner(self)
        self._buttons: list[TitleButtons] = []
        column.model.set_pinned(self.pins.all)
        column.view.menu_wanted.connect(self.open_menu)
        selection.container_changed.connect(self._show)
        selection.snapshot_changed.connect(self._follow)

    def make_buttons(self) -> TitleButtons:
        """One more row of them; all say the same."""
        buttons = TitleButtons(self._theme)
        buttons.logs_wanted.connect(self.logs)
        buttons.shell_wanted.connect(self.shell)
        buttons.verb_wanted.connect(self.ask)
        self._buttons.append(buttons)
        return buttons

    def stop(self) -> None:
        """Nothing is told any more."""
        self._queries.end()
        for window in tuple(self.windows.values()):
            window.close()

    # -- what can be done, and what is said of it

    def why_not(self, verb: Verb, state: ContainerState) -> Message | None:
        """None where it can be done now."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        if state.key in self.under_way:
            return UNDER_WAY[self.under_way[state.key]]
        return verbs.impossible(verb, state, snapshot)

    def no_log(self, state: ContainerState) -> Message | None:
        """Why its log can't be read at all."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        return verbs.unreachable(state, snapshot)

    def no_shell(self, state: ContainerState) -> Message | None:
        """Why no shell can be tried in it."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        return verbs.no_shell(state, snapshot)

    def open_menu(self, key: Key, at: QPoint) -> None:
        """Of that container, which is not chosen by it."""
        state = self._state(key)
        if state is None:
            return
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = menu.container_menu(self, state, self._window)
        self.menu.popup(at)

    def on(self, state: ContainerState, call: Callback) -> None:
        """For what works on the container in view: it comes into view first."""
        self._selection.go_to(state.key)
        call()

    def turn_pin(self, state: ContainerState) -> None:
        """Pin it, or let it go."""
        self.pins.turn((state.container.engine, state.container.name))
        self._column.model.set_pinned(self.pins.all)

    def pinned(self, state: ContainerState) -> bool:
        return (state.container.engine, state.container.name) in self.pins.all

    def copy(self, text: str) -> None:
        """Plain text onto the clipboard."""
        feedback.copy(self._window, text)

    # -- what is done; without a container that is the one in view

    def logs(self, state: ContainerState | None = None) -> None:
        """Its log, in a window; the one that is there comes forward."""
        state, daily = state or self._selection.current, self._daily
        if state is None or daily is None or self.no_log(state) is not None:
            return
        key = state.key
        if key not in self.windows:
            from stratascope.ui.daily.log_window import LogWindow

            window = LogWindow(self._theme, _name(state), partial(daily.log, key), self._window)
            window.closed.connect(lambda: self.windows.pop(key, None))
            self.windows[key] = window
        self.windows[key].show()
        self.windows[key].raise_()
        self.windows[key].activateWindow()

    def shell(self, state: ContainerState | None = None) -> None:
        """A shell in it, in the user's terminal."""
        state, daily = state or self._selection.current, self._daily
        if state is None or daily is None or self.no_shell(state) is not None:
            return
        name, key = _name(state), state.key

        def ask() -> NoShellError | None:
            try:
                daily.shell(key, name)
            except NoShellError as error:
                return error
            return None

        self._queries.ask(f"shell {key}", ask, partial(self._shell_opened, name))

    def _shell_opened(self, name: str, answer: NoShellError | Failure | None) -> None:
        title = msg("No shell was opened in {name}", name=name)
        if isinstance(answer, NoShellError):
            self._put(questions.tell(self._window, title, answer.message, command=answer.command))
        elif isinstance(answer, Failure):
            self._put(questions.tell(self._window, title, answer.message, answer.words))

    def ask(self, verb: Verb, state: ContainerState | None = None) -> None:
        """A start is done, but asked about beside the container that took its place; before a stop or a restart it is
        said what that means.
        """
        state, daily = state or self._selection.current, self._daily
        if state is None or daily is None or self.why_not(verb, state) is not None:
            return
        snapshot = self._selection.snapshot
        others = () if snapshot is None else tuple(each.container for each in snapshot.containers)
        if verb is Verb.START or (verb is Verb.RESTART and not runs(state)):
            beside = verbs.start_beside(state.container, self.kept(), others)
            if beside:
                self._looked(state, VerbPreview(Verb.START, beside))
            else:
                self._carry_out(verb, state)
            return
        self._queries.ask("look", partial(daily.look, verb, state, others), partial(self._looked, state))

    def _looked(self, state: ContainerState, answer: VerbPreview | Failure) -> None:
        if isinstance(answer, Failure):
            self._refused(state, answer)
            return
        box = questions.ask(self._window, _name(state), answer)

        def clicked(button: QWidget) -> None:
            if button.objectName() == "go" and self.why_not(answer.verb, state) is None:
                self._carry_out(answer.verb, state)

        box.buttonClicked.connect(clicked)
        self._put(box)

    def _carry_out(self, verb: Verb, state: ContainerState) -> None:
        if self._daily is None:
            return
        key = state.key
        self.under_way[key] = verb
        self._show()
        self._queries.ask(f"verb {key}", partial(self._daily.carry_out, verb, key), partial(self._done, state))

    def _done(self, state: ContainerState, answer: Failure | None) -> None:
        self.under_way.pop(state.key, None)
        self._refresh(state.key)
        self._show()
        if isinstance(answer, Failure):
            self._refused(state, answer)

    def _refused(self, state: ContainerState, failure: Failure) -> None:
        title = msg("Not done: {name}", name=_name(state))
        self._put(questions.tell(self._window, title, failure.message, failure.words))

    def _put(self, box: QMessageBox) -> None:
        if self.question is not None:
            self.question.done(0)
        self.question = box
        box.finished.connect(partial(self._answered, box))
        box.open()

    def _answered(self, box: QMessageBox, _: int = 0) -> None:
        if self.question is box:
            self.question = None

    # -- how

    def _state(self, key: Key) -> ContainerState | None:
        snapshot = self._selection.snapshot
        states = () if snapshot is None else snapshot.containers
        return next((state for state in states if state.key == key), None)

    def _show(self) -> None:
        state = self._selection.current
        if state is None:
            return
        alive = state.container.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
        verb = Verb.RESTART if alive else Verb.START
        for buttons in self._buttons:
            buttons.show_state(
                verb,
                self.under_way.get(state.key),
                self.no_log(state),
                self.no_shell(state),
                self.why_not(verb, state),
            )

    def _follow(self, snapshot: Snapshot) -> None:
        for key, window in tuple(self.windows.items()):
            state = self._state(key)
            if state is not None and runs(state):
                window.resume()


def _name(state: ContainerState) -> str:
    return plain(state.container.name or state.container.id[:12], 200)
