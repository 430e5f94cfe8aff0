"""The line that says that what is seen is a demo, and what to do to see this machine's containers."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from stratascope.core.message import msg
from stratascope.i18n import translate
from stratascope.ui.labels import Label, Line
from stratascope.ui.marks import Mark, MarkBox
from stratascope.ui.theme import BOLD, MEDIUM, Look


class Banner(QWidget):
    """`asked` is emitted by its button, which shows the engines."""

    asked = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        mark = MarkBox(look, 14)
        mark.show_mark(Mark.TRIANGLE)
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
        layout = QHBoxLayout(self)
        layout.setContentsMargins(look.px(16), look.px(4), look.px(12), look.px(4))
        layout.setSpacing(look.px(8))
        layout.addWidget(mark)
        layout.addWidget(title)
        layout.addWidget(text, 1)
        layout.addWidget(button)
        self.setAccessibleName(translate(msg("Demo: not this machine's containers")))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillRect(self.rect(), self._look.color("weak_soft"))
        painter.setPen(self._look.color("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
