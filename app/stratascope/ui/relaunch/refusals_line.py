"""For how long refusals are to be watched after a relaunch, and the button: on the result, and on the sheet of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.relaunch.confirm_page import Number

USUAL, MOST = 5, 24 * 60  # minutes


class RefusalsLine(QWidget):
    """`wanted` has the seconds."""

    wanted = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        head, told, often = Label(theme, 14, BOLD), Label(theme, 12, ink="text2", wrap=True), Label(theme, 13)
        head.setText(translate(msg("Refusals from now on")))
        told.setText(
            translate(
                msg("Use it in the meantime: refusals that did not occur before are shown with what would allow "
                    "them. Only root can watch; otherwise you are asked for a password.")
            )
        )  # fmt: skip
        often.setText(translate(msg("Watch for")))
        self.minutes = Number()
        self.minutes.setRange(1, MOST)
        self.minutes.setValue(USUAL)
        self.minutes.setSuffix(translate(msg(" min")))
        self.minutes.setFont(theme.font(13))
        self.minutes.setFixedHeight(theme.px(28))
        self.minutes.setAccessibleName(translate(msg("Minutes to watch for refusals")))
        self.minutes.setAccessibleDescription(told.text())
        often.setBuddy(self.minutes)
        self.button = QPushButton(translate(msg("Watch refusals")))
        self.button.setAccessibleDescription(told.text())
        self.button.clicked.connect(lambda _=False: self.wanted.emit(60.0 * self.minutes.value()))
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        for widget in (often, self.minutes, self.button):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        column.addWidget(head)
        column.addWidget(told)
        column.addLayout(row)
