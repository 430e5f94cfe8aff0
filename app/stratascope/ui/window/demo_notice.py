"""The line that says that what is seen is a demo, and what to do to see this machine's containers."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.labels import Label, Line
from stratascope.ui.widgets.ribbon import Ribbon
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Look


class Banner(Ribbon):
    """`asked` is emitted by its button, which shows the engines."""

    asked = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(look, parent)
        title = Label(look, 13, BOLD)
        title.setText(translate(msg("Demo")))
        text = Line(look, 13)
        text.say(
            translate(
                msg(
                    "Recorded from real containers on another machine, since no engine answers here. "
                    "Start Docker or Podman, or see what each engine says."
                )
            )
        )
        button = QPushButton(translate(msg("Engines…")))
        button.setFont(look.font(12, MEDIUM))
        button.clicked.connect(self.asked)
        self.row.addWidget(title)
        self.row.addWidget(text, 1)
        self.row.addWidget(button)
        self.setAccessibleName(translate(msg("Demo: not this machine's containers")))
