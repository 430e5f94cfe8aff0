"""The daily verbs in the window: from a menu, a button or a key to the engine, on a background thread.

Without `daily` (tests, a capture) the verbs that need an engine are shown, and say why they cannot be done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QMessageBox, QSizePolicy, QWidget

from stratascope.core.container import Status
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.column import ContainerColumn
from stratascope.ui.containers.rows import Pin
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import Failure, QueryRunner, SettingsLike
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.registry import put_action
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.daily import daily as usecase
from stratascope.usecases.daily.daily import Daily, NoShellError, Verb, VerbPreview

if TYPE_CHECKING:
    from stratascope.ui.daily.log_window import LogWindow


def ask_about(parent: QWidget, name: str, asked: VerbPreview) -> QMessageBox:
    """The question before a verb. The confirming button has the object name `go`; Enter and Escape change nothing."""
    match asked.verb:
        case Verb.START:
            title, word = msg("Start {name}?", name=name), msg("Start")
        case Verb.STOP:
            title, word = msg("Stop {name}?", name=name), msg("Stop")
        case Verb.RESTART:
            title, word = msg("Restart {name}?", name=name), msg("Restart")
    more = [translate(each) for each in asked.means]
    if not more:
        more = [translate(msg("Nothing is lost: its files, volumes and log stay."))]
    box = _box(parent, QMessageBox.Icon.Question, title, "\n".join(f"• {plain(each)}" for each in more))
    go = box.addButton(translate(word), QMessageBox.ButtonRole.DestructiveRole)
    go.setObjectName("go")
    cancel = box.addButton(translate(msg("Cancel")), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    return box


def tell_why(parent: QWidget, title: Message, why: Message, words: str = "", command: str = "") -> QMessageBox:
    """The message why a verb failed. `words`: the engine's own; `command`: what to type instead, for copying."""
    lines = [translate(why)]
    if words and words not in lines[0]:
        lines.append(plain(words, 500))
    if command:
        lines.append(translate(msg("To do it yourself: {command}", command=command)))
    box = _box(parent, QMessageBox.Icon.Warning, title, "\n".join(lines))
    if command:
        copy = box.addButton(translate(msg("Copy the command")), QMessageBox.ButtonRole.ActionRole)
        copy.setObjectName("copy")
        copy.clicked.connect(lambda: feedback.copy(parent, command))
    close = box.addButton(translate(msg("Close")), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(close)
    box.setEscapeButton(close)
    return box


def _box(parent: QWidget, icon: QMessageBox.Icon, title: Message, more: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setIcon(icon)
    text = plain(translate(title), 300)
    box.setWindowTitle(text)
    box.setText(text)
    box.setInformativeText(more)
    return box


HIGH = 28  # px

WORDS = {Verb.START: msg("Start"), Verb.STOP: msg("Stop…"), Verb.RESTART: msg("Restart…")}
UNDER_WAY = {Verb.START: msg("Starting…"), Verb.STOP: msg("Stopping…"), Verb.RESTART: msg("Restarting…")}

_ASKS = msg("Asks first, and explains the consequences")
_TIPS = {Verb.START: msg("Starts it as it is"), Verb.STOP: _ASKS, Verb.RESTART: _ASKS}


class TitleButtons(QWidget):
    """The buttons next to a container's name. `logs_wanted`, `shell_wanted`; `verb_wanted` carries a Verb."""

    logs_wanted = Signal()
    shell_wanted = Signal()
    verb_wanted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.logs = text_button(theme, msg("Logs"), self.logs_wanted.emit)
        self.shell = text_button(theme, msg("Shell"), self.shell_wanted.emit)
        self.run = text_button(theme, "", lambda: self.verb_wanted.emit(self.verb))
        self.verb = Verb.RESTART
        for button in (self.logs, self.shell, self.run):
            button.setFixedHeight(theme.px(HIGH))
            button.ensurePolished()
        wide = []
        for word in WORDS.values():
            self.run.setText(translate(word))
            wide.append(self.run.sizeHint().width())
        self.run.setMinimumWidth(max(wide))  # it is as wide for each container, and its first word is not cut
        theme.lay(QHBoxLayout(self), self.logs, self.shell, self.run, around=0, gap=8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_state(
        self, verb: Verb, under_way: Verb | None, no_logs: Message | None, no_shell: Message | None, no: Message | None
    ) -> None:
        """Enable what can be done now; the tooltip of a disabled button says why."""
        self.verb = verb
        self.run.setText(translate(WORDS[verb] if under_way is None else UNDER_WAY[under_way]))
        tips = (
            (self.logs, no_logs, msg("Show its output (Ctrl+L)")),
            (self.shell, no_shell, msg("Open a shell in it, in your terminal (Ctrl+T)")),
            (self.run, no, _TIPS[verb]),
        )
        for button, why, what in tips:
            button.setEnabled(why is None and (button is not self.run or under_way is None))
            give_tip(button, translate(why or what))


Callback = Callable[[], object]
_SETTING = "pinned"
MOST = 200


class Pins:
    """The pinned containers, kept in the settings. Invalid entries are ignored."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        self.all: frozenset[Pin] = _read(settings.get(_SETTING) or "")

    def turn(self, pin: Pin) -> None:
        """Pin a container, or unpin it."""
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


class DailyController(QObject):
    """Runs the daily verbs. `harden` and `compare`: what the menu entries of that name call for the container in view;
    None: no such entry.
    """

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
        self.buttons: list[TitleButtons] = []
        column.model.set_pinned(self.pins.all)
        column.view.menu_wanted.connect(self.open_menu)
        selection.container_changed.connect(self._show)
        selection.snapshot_changed.connect(self._follow)

    def make_buttons(self) -> TitleButtons:
        """Return another row of buttons; all rows show the same."""
        buttons = TitleButtons(self._theme)
        buttons.logs_wanted.connect(self.logs)
        buttons.shell_wanted.connect(self.shell)
        buttons.verb_wanted.connect(self.ask)
        self.buttons.append(buttons)
        return buttons

    def stop(self) -> None:
        """Drop pending answers and close the logs."""
        self._queries.end()
        for window in tuple(self.windows.values()):
            window.close()

    # -- what can be done

    def why_not(self, verb: Verb, state: ContainerState) -> Message | None:
        """Return why the verb cannot be done now, or None."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        if state.key in self.under_way:
            return UNDER_WAY[self.under_way[state.key]]
        return usecase.impossible(verb, state, snapshot)

    def no_log(self, state: ContainerState) -> Message | None:
        """Return why its log cannot be read at all, or None."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        return usecase.unreachable(state, snapshot)

    def no_shell(self, state: ContainerState) -> Message | None:
        """Return why no shell can be opened in it, or None."""
        snapshot = self._selection.snapshot
        if snapshot is None or self._daily is None:
            return msg("There is no engine to ask.")
        return usecase.no_shell(state, snapshot)

    def _menu_of(self, state: ContainerState) -> QMenu:
        """Return the container's menu. Entries that cannot be used now are disabled, with the reason in the tooltip."""
        made = QMenu(self._window)
        made.setToolTipsVisible(True)
        own = ((self.harden, msg("Harden…"), "Ctrl+H"), (self.compare, msg("Compare with…"), "Ctrl+D"))
        for call, text, keys in own:
            if call is not None:
                put_action(made, text, partial(self.on, state, call), keys=keys)
        pin = msg("Unpin") if self.pinned(state) else msg("Pin to the top")
        put_action(made, pin, lambda: self.turn_pin(state))
        made.addSeparator()
        put_action(made, msg("Copy name"), lambda: self.copy_name(state))
        put_action(made, msg("Copy ID"), lambda: self.copy_id(state))
        if state.findings:
            put_action(made, msg("Copy the worst finding"), lambda: self.copy_worst(state))
        made.addSeparator()
        put_action(made, msg("Logs"), lambda: self.logs(state), self.no_log(state), "Ctrl+L")
        put_action(made, msg("Shell"), lambda: self.shell(state), self.no_shell(state), "Ctrl+T")
        for verb in (Verb.RESTART, Verb.STOP, Verb.START):
            put_action(made, WORDS[verb], partial(self.ask, verb, state), self.why_not(verb, state))
        return made

    def open_menu(self, key: Key, at: QPoint) -> None:
        """Open the menu of a container, without selecting it."""
        state = self._state(key)
        if state is None:
            return
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = self._menu_of(state)
        self.menu.popup(at)

    def on(self, state: ContainerState, call: Callback) -> None:
        """Bring the container into view, then call: for actions that work on the container in view."""
        self._selection.go_to(state.key)
        call()

    def turn_pin(self, state: ContainerState) -> None:
        """Pin the container, or unpin it."""
        self.pins.turn((state.container.engine, state.container.name))
        self._column.model.set_pinned(self.pins.all)

    def pinned(self, state: ContainerState) -> bool:
        return (state.container.engine, state.container.name) in self.pins.all

    @property
    def pinned_here(self) -> bool:
        """Whether the container in view is pinned."""
        state = self._selection.current
        return state is not None and self.pinned(state)

    def on_current(self, call: Callable[[ContainerState], object]) -> None:
        """Call with the container in view, if there is one."""
        if self._selection.current is not None:
            call(self._selection.current)

    def copy_name(self, state: ContainerState) -> None:
        """Copy its name."""
        self.copy(plain(state.container.name))

    def copy_id(self, state: ContainerState) -> None:
        """Copy its id."""
        self.copy(state.container.id)

    def copy_worst(self, state: ContainerState) -> None:
        """Copy what is worst of what was found in it."""
        if state.findings:
            self.copy(plain(translate(state.findings[0].text)))

    def copy(self, text: str) -> None:
        """Copy plain text to the clipboard."""
        feedback.copy(self._window, text)

    # -- verbs; without a container they apply to the one in view

    def logs(self, state: ContainerState | None = None) -> None:
        """Open its log in a window; an open one comes to the front."""
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
        """Open a shell in it, in the user's terminal."""
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
            self._open_question(tell_why(self._window, title, answer.message, command=answer.command))
        elif isinstance(answer, Failure):
            self._open_question(tell_why(self._window, title, answer.message, answer.words))

    def ask(self, verb: Verb, state: ContainerState | None = None) -> None:
        """Carry out a verb. A start asks only if another container took its place; a stop or a restart first says
        what it means.
        """
        state, daily = state or self._selection.current, self._daily
        if state is None or daily is None or self.why_not(verb, state) is not None:
            return
        snapshot = self._selection.snapshot
        others = () if snapshot is None else tuple(each.container for each in snapshot.containers)
        if verb is Verb.START or (verb is Verb.RESTART and not runs(state)):
            beside = usecase.start_beside(state.container, self.kept(), others)
            if beside:
                self._take_preview(state, VerbPreview(Verb.START, beside))
            else:
                self._carry_out(verb, state)
            return
        self._queries.ask("look", partial(daily.look, verb, state, others), partial(self._take_preview, state))

    def _take_preview(self, state: ContainerState, answer: VerbPreview | Failure) -> None:
        if isinstance(answer, Failure):
            self._refused(state, answer)
            return
        box = ask_about(self._window, _name(state), answer)

        def clicked(button: QWidget) -> None:
            if button.objectName() == "go" and self.why_not(answer.verb, state) is None:
                self._carry_out(answer.verb, state)

        box.buttonClicked.connect(clicked)
        self._open_question(box)

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
        self._open_question(tell_why(self._window, title, failure.message, failure.words))

    def _open_question(self, box: QMessageBox) -> None:
        if self.question is not None:
            self.question.done(0)
        self.question = box
        box.finished.connect(partial(self._answered, box))
        box.open()

    def _answered(self, box: QMessageBox, _: int = 0) -> None:
        if self.question is box:
            self.question = None

    # -- internals

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
        for buttons in self.buttons:
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
