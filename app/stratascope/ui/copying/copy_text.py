"""Containers as plain text, onto the clipboard."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import status_word, summary
from stratascope.ui.copying import feedback
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.marks import assessed_word, severity_word
from stratascope.ui.kit.selection import Selection
from stratascope.value import replace

Report = Callable[[Snapshot], str]  # the text report of a whole snapshot


def container_text(snapshot: Snapshot, state: ContainerState, report: Report | None) -> str:
    """By the text report where there is one, else in short: layers and findings."""
    if report is not None:
        return report(replace(snapshot, containers=(state,)))
    container = state.container
    lines = [
        translate(
            msg("{name} ({engine}, {image}), {status}", name=container.name, engine=container.engine,
                image=container.image, status=status_word(container))
        ),
        summary(state),
    ]  # fmt: skip
    for layer in reversed(state.layers):
        verdict = assessed_word(layer.assessment)
        text = msg("{number} {layer}: {verdict}. {fact}", number=layer.number, layer=layer.id, verdict=verdict,
                   fact=layer.assessment.fact)  # fmt: skip
        lines.append(translate(text))
    for finding in state.findings:
        text = msg("{severity}: {text} ({source})", severity=severity_word(finding.severity), text=finding.text,
                   source=finding.source)  # fmt: skip
        lines.append(translate(text))
    return "\n".join(plain(line) for line in lines) + "\n"


def snapshot_text(snapshot: Snapshot, report: Report | None) -> str:
    """All containers as text."""
    if report is not None:
        return report(snapshot)
    return "\n".join(container_text(snapshot, state, None) for state in snapshot.containers)


class Clipboard:
    """Copies what is selected as text, the container in view, or all."""

    def __init__(self, window: QWidget, selection: Selection, report: Report | None) -> None:
        self._window, self._selection, self._report = window, selection, report

    def copy_container(self) -> None:
        """What is selected goes first; without a selection the container is copied as text."""
        focus = QApplication.focusWidget()
        if (isinstance(focus, QLineEdit) and focus.hasSelectedText()) or (
            isinstance(focus, QPlainTextEdit) and focus.textCursor().hasSelection()
        ):
            focus.copy()
            feedback.copied(focus)
        elif isinstance(focus, Label) and focus.hasSelectedText():
            feedback.copy(focus, focus.selectedText())
        else:
            state, snapshot = self._selection.current, self._selection.snapshot
            if state is not None and snapshot is not None:
                feedback.copy(self._window, container_text(snapshot, state, self._report))

    def copy_all(self) -> None:
        """The report of all containers."""
        if self._selection.snapshot is not None:
            feedback.copy(self._window, snapshot_text(self._selection.snapshot, self._report))
