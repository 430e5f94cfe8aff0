"""Copying by context menu and Ctrl+C, and the note that something was copied or saved.

The note is a few words at the foot of the window, which disappear by themselves. Nothing else changes: no button is
renamed, nothing moves, the focus stays. A list (findings, bands, processes) gets its context menu by one line of code;
what it copies is plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QMessageBox, QPlainTextEdit, QWidget

from stratascope.core.message import Message, bracketed, colon, comma, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import status_word, summary
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import later
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.marks import assessed_word, severity_word
from stratascope.ui.kit.selection import Selection
from stratascope.value import replace

STAYS = 2500  # ms
_EDGE = 24  # px below it


class Feedback(QLabel):
    """The note; one per window, a newer text replaces the older."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("feedback")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = later(self, STAYS, self.hide)

    def say(self, text: str) -> None:
        """Show the text for a moment, over the foot of the window."""
        window = self._window
        room = max(1, window.width() - 4 * _EDGE)
        shown = plain(text, 500)
        self.ensurePolished()
        self.setText(self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideMiddle, room))
        self.adjustSize()
        self.move((window.width() - self.width()) // 2, window.height() - self.height() - _EDGE)
        self.show()
        self.raise_()
        self._timer.start()
        accessibility.announce(window, shown)


def tell(widget: QWidget, text: str) -> None:
    """Show these words in the window of `widget`."""
    window = widget.window()
    found = window.findChild(Feedback, options=Qt.FindChildOption.FindDirectChildrenOnly)
    (found or Feedback(window)).say(text)


def copy(widget: QWidget, text: str) -> None:
    """Copy plain text to the clipboard, and say so."""
    QGuiApplication.clipboard().setText(text)
    copied(widget)


def copied(widget: QWidget) -> None:
    """Say that something was copied."""
    tell(widget, translate(msg("Copied")))


def saved(widget: QWidget, path: Path) -> None:
    """Say that a file was saved, and where."""
    tell(widget, translate(msg("Saved as {path}", path=str(path))))


def warn(widget: QWidget, title: str, text: str) -> None:
    """Say in a box of its own why something failed; plain text."""
    box = QMessageBox(QMessageBox.Icon.Warning, title, plain(text, 1000), QMessageBox.StandardButton.Close, widget)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.open()


def unwritten(widget: QWidget, title: str, path: Path, why: str) -> None:
    """Say why a file could not be written."""
    warn(widget, title, translate(msg("{file} could not be written: {why}", file=plain(str(path), 500), why=why)))


Line = tuple[Message, Callable[[], str]]  # the entry's label, and the text that it copies
More = tuple[Message, Callable[[], object]]  # label and function of another entry


class CopyMenu(QObject):
    """A context menu that copies. `lines` is called at each opening; `more` follows below a separator."""

    def __init__(
        self, widget: QWidget, lines: Callable[[], Sequence[Line]], more: Callable[[], Sequence[More]] = tuple
    ) -> None:
        super().__init__(widget)
        self._widget, self._lines, self._more = widget, lines, more
        self.menu: QMenu | None = None
        widget.installEventFilter(self)

    def open(self, at: QPoint) -> None:
        """Open the menu at that position on screen."""
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self._widget)
        for name, text in self._lines():
            self._add(self.menu, name, partial(self._copy_of, text))
        more = self._more()
        if more:
            self.menu.addSeparator()
        for name, call in more:
            self._add(self.menu, name, call)
        self.menu.popup(at)

    def copy_first(self) -> None:
        """Copy the first line, as Ctrl+C does."""
        self._copy(self._lines()[0][1]())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent):
            keyed = event.reason() == QContextMenuEvent.Reason.Keyboard
            self.open(self._widget.mapToGlobal(self._widget.rect().center()) if keyed else event.globalPos())
            return True
        if isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            if event.type() == QEvent.Type.ShortcutOverride:  # otherwise the window would copy the whole container
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.copy_first()
                return True
        return super().eventFilter(watched, event)

    def _copy_of(self, text: Callable[[], str]) -> None:
        self._copy(text())

    def _copy(self, text: str) -> None:
        copy(self._widget, text)

    def _add(self, menu: QMenu, name: Message, call: Callable[[], object]) -> None:
        action = QAction(translate(name), menu)
        action.triggered.connect(lambda _=False: call())
        menu.addAction(action)


Report = Callable[[Snapshot, str], str]  # a whole snapshot in a format of `report`: text, html, json, sarif


def container_text(snapshot: Snapshot, state: ContainerState, report: Report | None) -> str:
    """Return a container as text, from the report if available, else in short: layers and findings."""
    if report is not None:
        return report(replace(snapshot, containers=(state,)), "text")
    container = state.container
    lines = [
        translate(
            comma(bracketed(container.name, comma(container.engine, container.image)), status_word(container))
        ),
        summary(state),
    ]  # fmt: skip
    for layer in reversed(state.layers):
        verdict = assessed_word(layer.assessment)
        text = msg("Layer {number}, {layer}: {verdict}. {fact}", number=layer.number, layer=layer.id, verdict=verdict,
                   fact=layer.assessment.fact)  # fmt: skip
        lines.append(translate(text))
    for finding in state.findings:
        text = bracketed(colon(severity_word(finding.severity), finding.text), finding.source)
        lines.append(translate(text))
    return "\n".join(plain(line) for line in lines) + "\n"


def snapshot_text(snapshot: Snapshot, report: Report | None) -> str:
    """Return all containers as text."""
    if report is not None:
        return report(snapshot, "text")
    return "\n".join(container_text(snapshot, state, None) for state in snapshot.containers)


class Clipboard:
    """Copies the selected text, the container in view, or all containers."""

    def __init__(self, window: QWidget, selection: Selection, report: Report | None) -> None:
        self._window, self._selection, self._report = window, selection, report

    def copy_container(self) -> None:
        """Copy the selected text; without a selection, the container."""
        focus = QApplication.focusWidget()
        if (isinstance(focus, QLineEdit) and focus.hasSelectedText()) or (
            isinstance(focus, QPlainTextEdit) and focus.textCursor().hasSelection()
        ):
            focus.copy()
            copied(focus)
        elif isinstance(focus, Label) and focus.hasSelectedText():
            copy(focus, focus.selectedText())
        else:
            state, snapshot = self._selection.current, self._selection.snapshot
            if state is not None and snapshot is not None:
                copy(self._window, container_text(snapshot, state, self._report))

    def copy_all(self) -> None:
        """Copy the report of all containers."""
        if self._selection.snapshot is not None:
            copy(self._window, snapshot_text(self._selection.snapshot, self._report))
