"""The foot of the page's column: the lines of the text that change. The whole difference is copied; it and the
corrected text are saved as files.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.formats.text import Language
from stratascope.i18n.translate import translate
from stratascope.ui.harden.exports import Exported, ExportMenu
from stratascope.ui.kit import feedback
from stratascope.ui.kit.labels import Line, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.check.corrections import Corrected

SHOWN = 4
_NAMES = {
    Language.RUN: "run.sh",
    Language.COMPOSE: "compose.yaml",
    Language.QUADLET: "hardened.container",
    Language.KUBERNETES: "pod.yaml",
}


class _Lines(QWidget):
    """The first few; how many more there are stands behind the last."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        written = (each.partition("\n")[0] for each in lines)  # diff(1) tells below it of an end without a newline
        self.lines = tuple(plain(f"{each[:1]} {each[1:].strip()}", 400) for each in written)
        told = "\n".join(self.lines)
        self.setAccessibleName(told[:4000] or translate(msg("No line changes")))
        give_tip(self, told)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        rows = max(1, min(SHOWN, len(self.lines)))
        return QSize(self._theme.px(120), rows * self._theme.box(11))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, high = self._theme, QPainter(self), self._theme.box(11)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("text2"))
        if not self.lines:
            painter.setFont(theme.font(11))
            painter.drawText(QRectF(0, 0, self.width(), high), centre, translate(msg("No line changes")))
            return
        left = len(self.lines) - SHOWN
        more = translate(plural("…{count} more", "…{count} more", left)) if left > 0 else ""
        painter.setFont(theme.font(11, MEDIUM))
        wide = painter.fontMetrics().horizontalAdvance(more)
        if more:
            last = QRectF(self.width() - wide - 1, (SHOWN - 1) * high, wide + 1, high)
            painter.drawText(last, centre, more)
        painter.setFont(theme.font(11, fixed=True))
        for row, line in enumerate(self.lines[:SHOWN]):
            room = self.width() - (wide + theme.px(8) if more and row == SHOWN - 1 else 0)
            shown = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QRectF(0, row * high, room + 1, high), centre, shown)


class DiffBox(QWidget):
    """With Copy and Export. `failed` has a message: why a file could not be written."""

    failed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._made, self._file = theme, Corrected(""), ""
        self.title = Line(theme, 11, ink="text2")
        self.title.say(translate(msg("Changed lines only")))
        self.lines = _Lines(theme)
        self.copy = self._link(msg("Copy"), msg("Copy the difference"))
        self.copy.clicked.connect(self.copy_patch)
        self.export = self._link(msg("Export…"), msg("Export the corrected file"))
        self.export.clicked.connect(self.open_exports)
        self.menu = ExportMenu(None, self)
        self.menu.failed.connect(self.failed)
        above = QHBoxLayout()
        above.addWidget(self.title, 1)
        above.addWidget(self.copy)
        above.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (10, 4, 6, 7)))
        column.setSpacing(0)
        column.addLayout(above)
        column.addWidget(self.lines)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_difference(None, "")

    def _link(self, text: Message, spoken: Message) -> QPushButton:
        button = QPushButton(translate(text))
        button.setObjectName("link")
        button.setFont(self._theme.font(12, MEDIUM))
        button.setAccessibleName(translate(spoken))
        return button

    def show_difference(self, made: Corrected | None, file: str) -> None:
        """None: nothing is switched on. `file`: the name of what was corrected."""
        self._made, self._file = made or Corrected(""), file
        self.lines.show_lines(self._made.lines)
        for button in (self.copy, self.export):
            button.setEnabled(bool(self.patch))

    @property
    def patch(self) -> str:
        """The difference, whole."""
        return self._made.patch

    def copy_patch(self) -> None:
        """Onto the clipboard, as patch(1) takes it."""
        if self.patch:
            feedback.copy(self, self.patch)

    def open_exports(self) -> None:
        """The menu: the corrected text and the difference, copied or saved as a file of another name."""
        name, made = file_name(self._file, self._made.language), self._made
        parts = (
            Exported(msg("Corrected file"), name, lambda: made.text),
            Exported(msg("Difference"), f"{name}.patch", lambda: made.patch),
        )
        self.menu.open_with(parts, self.export)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))


def file_name(file: str, language: Language | None) -> str:
    """Beside the file that was corrected, never that one itself; what was pasted gets the usual name."""
    path = Path(file)
    if path.suffix:
        return f"{path.stem}.hardened{path.suffix}"
    return _NAMES.get(language or Language.RUN, "")
