"""What stands in place of the list while there is nothing to show: why, and the button that begins to watch."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.use.strip import Eye

WORDS, LEAST = 360, 200  # width of the sentence


class Nothing(QWidget):
    """A few words, a sentence, and the one thing to do."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.why = Line(theme, 15, BOLD), Label(theme, 13, ink="text2", wrap=True)
        self.trouble = Label(theme, 12, ink="weak", wrap=True)
        self.observe = QPushButton(translate(msg("Observe")))
        self.observe.setProperty("main", True)
        self.observe.setFont(theme.font(13, MEDIUM))
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        centre = Qt.AlignmentFlag.AlignHCenter
        self.why.setAlignment(centre | Qt.AlignmentFlag.AlignTop)
        self.why.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.why.setMaximumWidth(theme.px(WORDS))
        self.why.setMinimumWidth(theme.px(LEAST))
        sentence = QHBoxLayout()
        sentence.addStretch(1)
        sentence.addWidget(self.why, 100)
        sentence.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(theme.px(8))
        column.addStretch(2)
        column.addWidget(Eye(theme), 0, centre)
        column.addWidget(self.title, 0, centre)
        column.addLayout(sentence)
        column.addWidget(self.observe, 0, centre)
        self.trouble.setAlignment(centre)
        column.addWidget(self.trouble)
        column.addStretch(3)
        self.tell_trouble("")

    def tell_trouble(self, text: str) -> None:
        """Why it can't be watched after all, below the button that was pressed; empty: nothing is wrong."""
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    def say(self, title: str, why: str, *, able: bool) -> None:
        """`able`: it can be watched."""
        self.title.say(title)
        self.why.setText(why)
        self.observe.setVisible(able)
