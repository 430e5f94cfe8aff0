"""The exports of a plan: each kind has a title, the name of its file, and its text, to be copied or saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QMenu, QWidget

from stratascope import atomic_file
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.formats.shared import ExportError, ExportKind
from stratascope.i18n.translate import translate
from stratascope.ui.kit import feedback
from stratascope.ui.kit.file_dialogs import ask_save
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
