"""The foot of a column of hardening: the command that would do the same, what to expect, the button, and the exports.

Each kind of export has a title, the name of its file, and its text, to be copied or saved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope import atomic_file
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.formats.shared import ExportError, ExportKind
from stratascope.i18n.translate import translate
from stratascope.ui.kit import feedback
from stratascope.ui.kit.file_dialogs import ask_save
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme, smooth_painter
from stratascope.usecases.plan.plan import Plan
from stratascope.value import Value


class Exported(Value):
    """The hardened settings for another tool; `text` is made when wanted, and raises ExportError, ValueError."""

    title: Message  # "Compose override file"
    file_name: str
    text: Callable[[], str]


Exports = Callable[[Plan], Sequence[Exported]]
Texts = Callable[[Plan], Sequence[tuple[ExportKind, Callable[[], str]]]]

_TITLES: dict[ExportKind, Message] = {
    ExportKind.DOCKER_RUN: msg("docker run"),
    ExportKind.PODMAN_RUN: msg("podman run"),
    ExportKind.COMPOSE: msg("Compose override file"),
    ExportKind.QUADLET: msg("Quadlet drop-in"),
    ExportKind.KUBERNETES: msg("Kubernetes pod"),
    ExportKind.SECCOMP: msg("seccomp profile"),
}
_FILES = {
    ExportKind.DOCKER_RUN: "{name}.sh",
    ExportKind.PODMAN_RUN: "{name}.sh",
    ExportKind.COMPOSE: "compose.{name}.yaml",
    ExportKind.QUADLET: "{name}.conf",
    ExportKind.KUBERNETES: "{name}-pod.yaml",
    ExportKind.SECCOMP: "{name}-seccomp.json",
}


class ExportMenu(QMenu):
    """`failed` has a message: why not."""

    failed = Signal(object)

    def __init__(self, exports: Exports | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.exports, self._owner = exports, parent

    def open_for(self, plans: Sequence[Plan], anchor: QWidget) -> None:
        """Above that button; of several plans each has its own part."""
        self.clear()
        for plan in plans if self.exports is not None else ():
            menu = self if len(plans) == 1 else self.addMenu(plain(plan.spec.name, 80).replace("&", "&&"))
            self._fill(menu, () if self.exports is None else self.exports(plan))
        self._show(anchor)

    def open_with(self, parts: Sequence[Exported], anchor: QWidget) -> None:
        """Above that button, with these."""
        self.clear()
        self._fill(self, parts)
        self._show(anchor)

    def _show(self, anchor: QWidget) -> None:
        self.popup(anchor.mapToGlobal(QPoint(0, -self.sizeHint().height())))

    def _fill(self, menu: QMenu, parts: Sequence[Exported]) -> None:
        for each in parts:
            part = menu.addMenu(translate(each.title))
            part.addAction(translate(msg("Copy"))).triggered.connect(lambda _=False, each=each: self._copy(each))
            save = part.addAction(translate(msg("Save as {name}…", name=each.file_name)))
            save.triggered.connect(lambda _=False, each=each: self._save(each))

    def _copy(self, each: Exported) -> None:
        text = self._text(each)
        if text is not None:
            feedback.copy(self._owner, text)

    def _save(self, each: Exported) -> None:
        text = self._text(each)
        if text is not None:
            window = self._owner.window()
            ask_save(window, translate(each.title), partial(self._write, text), name=each.file_name)

    def _write(self, text: str, path: Path) -> None:
        try:
            atomic_file.save(path, text.encode())
        except OSError as error:
            self.failed.emit(msg("The file could not be written: {words}", words=str(error)))
        else:
            feedback.saved(self._owner, path)

    def _text(self, each: Exported) -> str | None:
        try:
            return each.text()
        except ExportError as error:
            self.failed.emit(error.message)
        except ValueError as error:
            self.failed.emit(msg("It could not be exported: {words}", words=str(error)))
        return None


def exported(plan: Plan, texts: Texts) -> tuple[Exported, ...]:
    """All kinds, in the order of the command line's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", plan.spec.name).strip("-.") or "container"
    return tuple(Exported(_TITLES[kind], _FILES[kind].format(name=name), text) for kind, text in texts(plan))


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
        side = theme.lay(QVBoxLayout(), self.copy, self.export, gap=0)
        theme.lay(QHBoxLayout(self), (self.code, 1), side, around=(9, 4, 3, 4), gap=6)
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
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
