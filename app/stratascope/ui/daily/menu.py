"""The context menu of a container. What can't be done now is there all the same, and its tooltip says why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.daily.title_buttons import WORDS
from stratascope.ui.kit.labels import tip
from stratascope.usecases.daily.verbs import Verb

Callback = Callable[[], object]


class Does(Protocol):
    """Who does what the lines say. Of `harden` and `compare` there are those that somebody does."""

    harden: Callback | None
    compare: Callback | None

    def on(self, state: ContainerState, call: Callback) -> None: ...
    def pinned(self, state: ContainerState) -> bool: ...
    def turn_pin(self, state: ContainerState) -> None: ...
    def copy(self, text: str) -> None: ...
    def logs(self, state: ContainerState) -> None: ...
    def shell(self, state: ContainerState) -> None: ...
    def ask(self, verb: Verb, state: ContainerState) -> None: ...
    def no_log(self, state: ContainerState) -> Message | None: ...
    def no_shell(self, state: ContainerState) -> Message | None: ...
    def why_not(self, verb: Verb, state: ContainerState) -> Message | None: ...


def container_menu(daily: Does, state: ContainerState, parent: QWidget) -> QMenu:
    """What can be done with it."""
    made = QMenu(parent)
    made.setToolTipsVisible(True)
    container = state.container
    own = ((daily.harden, msg("Harden…"), "Ctrl+H"), (daily.compare, msg("Compare with…"), "Ctrl+D"))
    for call, text, keys in own:
        if call is not None:
            add(made, text, partial(daily.on, state, call), keys=keys)
    pin = msg("Unpin") if daily.pinned(state) else msg("Pin to the top")
    add(made, pin, lambda: daily.turn_pin(state))
    made.addSeparator()
    add(made, msg("Copy name"), lambda: daily.copy(plain(container.name)))
    add(made, msg("Copy ID"), lambda: daily.copy(container.id))
    if state.findings:
        worst = state.findings[0]
        add(made, msg("Copy the worst finding"), lambda: daily.copy(plain(translate(worst.text))))
    made.addSeparator()
    add(made, msg("Logs"), lambda: daily.logs(state), daily.no_log(state), "Ctrl+L")
    add(made, msg("Shell"), lambda: daily.shell(state), daily.no_shell(state), "Ctrl+T")
    for verb in (Verb.RESTART, Verb.STOP, Verb.START):
        add(made, WORDS[verb], partial(daily.ask, verb, state), daily.why_not(verb, state))
    return made


def add(made: QMenu, text: Message, call: Callback, why_not: Message | None = None, keys: str = "") -> QAction:
    """One line of a menu; with `why_not` it can't be chosen. `keys`: the window's own for it, told and not taken."""
    action = QAction(f"{translate(text)}\t{keys}" if keys else translate(text), made)
    action.triggered.connect(lambda _=False: call())
    if why_not is not None:
        action.setEnabled(False)
        action.setToolTip(tip(translate(why_not)))
    made.addAction(action)
    return action
