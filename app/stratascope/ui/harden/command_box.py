"""The foot of the right column: the command that would do the same, a line on what to expect, and the button."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QPen,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.copying import feedback
from stratascope.ui.harden.export_menu import ExportMenu, Exports
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.plan.plan import Plan


class _CommandLines(QWidget):
    """The first two lines of the command; the whole in the tooltip and for the ear."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._text = theme, ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        lines = [line for line in text.splitlines() if not line.startswith("#")]  # what is told there is in the tooltip
        self._text = plain(" ".join("\n".join(lines).replace("\\\n", " ").split()))
        self.setAccessibleName(self._text[:4000])
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(120), 2 * self._theme.box(11))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        font = theme.font(11, fixed=True)
        painter.setFont(font)
        painter.setPen(theme.color("text2"))
        layout = QTextLayout(self._text[:600], font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(self.width())
        end = line.textLength()
        layout.endLayout()
        height = theme.box(11)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, self.width() + 2, height), centre, self._text[:end].rstrip())
        rest = painter.fontMetrics().elidedText(self._text[end:600], Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, height, self.width() + 2, height), centre, rest)


class CommandBox(QWidget):
    """44 high, with Copy, and Export where there is something to export to. `failed` has a message: why not."""

    failed = Signal(object)

    def __init__(self, theme: Theme, exports: Exports | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._exports = theme, exports
        self._command = ""
        self._plan: Plan | None = None
        self.code = _CommandLines(theme)
        self.copy = self._link(msg("Copy"), self.copy_command)
        self.copy.setAccessibleName(translate(msg("Copy the command")))
        self.export = self._link(msg("Export…"), self.open_exports)
        self.export.setAccessibleName(translate(msg("Export the hardened settings")))
        self.menu = ExportMenu(exports, self)
        self.menu.failed.connect(self.failed)
        side = QVBoxLayout()
        side.setSpacing(0)
        side.addWidget(self.copy)
        side.addWidget(self.export)
        row = QHBoxLayout(self)
        row.setContentsMargins(*(theme.px(length) for length in (9, 4, 3, 4)))
        row.setSpacing(theme.px(6))
        row.addWidget(self.code, 1)
        row.addLayout(side)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_plan(None, "")

    def _link(self, text: Message, call: Callable[[], None]) -> QPushButton:
        button = QPushButton(translate(text))
        button.setObjectName("link")
        button.setFont(self._theme.font(12, MEDIUM))
        button.clicked.connect(lambda _=False: call())
        return button

    def show_plan(self, plan: Plan | None, command: str) -> None:
        """What would do the same; "" while it is not known."""
        self._plan, self._command = plan, command
        self.code.say(command or translate(msg("…")))
        self.copy.setEnabled(bool(command))
        self.export.setVisible(self.can_export)

    @property
    def text(self) -> str:
        """The command, whole."""
        return self._command

    @property
    def can_export(self) -> bool:
        """Whether there is anything in the menu."""
        return self._exports is not None and self._plan is not None

    def copy_command(self) -> None:
        """Onto the clipboard, as it is."""
        if self._command:
            feedback.copy(self, self._command)

    def open_exports(self, anchor: QWidget | None = None) -> None:
        """The menu: each is copied, or saved as a file."""
        if self._plan is not None and self.can_export:
            self.menu.open_for((self._plan,), anchor or self.export)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
