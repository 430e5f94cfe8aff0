"""Logs, Shell and Restart at the right of a container's name; Start, where it does not run."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.daily.verbs import Verb

HIGH = 28  # px

WORDS = {Verb.START: msg("Start"), Verb.STOP: msg("Stop…"), Verb.RESTART: msg("Restart…")}
UNDER_WAY = {Verb.START: msg("Starting…"), Verb.STOP: msg("Stopping…"), Verb.RESTART: msg("Restarting…")}

_ASKS = msg("Asks first, and explains the consequences")
_TIPS = {Verb.START: msg("Starts it as it is"), Verb.STOP: _ASKS, Verb.RESTART: _ASKS}


class TitleButtons(QWidget):
    """`logs_wanted`, `shell_wanted`; `verb_wanted` has a Verb."""

    logs_wanted = Signal()
    shell_wanted = Signal()
    verb_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.logs = QPushButton(translate(msg("Logs")))
        self.shell = QPushButton(translate(msg("Shell")))
        self.run = QPushButton()
        self.verb = Verb.RESTART
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(8))
        for button in (self.logs, self.shell, self.run):
            button.setFont(theme.font(12, MEDIUM))
            button.setFixedHeight(theme.px(HIGH))
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.logs.clicked.connect(lambda _=False: self.logs_wanted.emit())
        self.shell.clicked.connect(lambda _=False: self.shell_wanted.emit())
        self.run.clicked.connect(lambda _=False: self.verb_wanted.emit(self.verb))

    def show_state(
        self, verb: Verb, under_way: Verb | None, no_logs: Message | None, no_shell: Message | None, no: Message | None
    ) -> None:
        """What can be done now; where something can't, its tooltip says why."""
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
