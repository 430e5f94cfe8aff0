"""The line that says that what is seen is a demo, and what to do to see this machine's containers."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.notice_bar import NoticeBar
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme


class DemoNotice(NoticeBar):
    """`asked` is emitted by its button, which shows the engines."""

    asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        title = Label(theme, 13, BOLD)
        title.setText(translate(msg("Demo")))
        text = Label(theme, 13, wrap=True)
        text.setText(
            translate(
                msg(
                    "Recorded from real containers on another machine, because no engine answers here. Start Docker "
                    "or Podman, or see what each engine says."
                )
            )
        )
        button = QPushButton(translate(msg("Engines…")))
        button.setFont(theme.font(12, MEDIUM))
        button.clicked.connect(self.asked)
        self.row.addWidget(title)
        self.row.addWidget(text, 1)
        self.row.addWidget(button)
        self.setAccessibleName(translate(msg("Demo: not this machine's containers")))
