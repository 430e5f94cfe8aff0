"""What a start, a stop or a restart means, before it is done; why something could not be done. All of it plain text."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import feedback
from stratascope.usecases.daily.daily import VerbPreview
from stratascope.usecases.daily.verbs import Verb


def ask(parent: QWidget, name: str, asked: VerbPreview) -> QMessageBox:
    """The button that does it has the object name `go`; Enter and Escape change nothing."""
    match asked.verb:
        case Verb.START:
            title, word = msg("Start {name}?", name=name), msg("Start")
        case Verb.STOP:
            title, word = msg("Stop {name}?", name=name), msg("Stop")
        case Verb.RESTART:
            title, word = msg("Restart {name}?", name=name), msg("Restart")
    more = [translate(each) for each in asked.means]
    if not more:
        more = [translate(msg("Nothing is lost: its files, volumes and log stay."))]
    box = _box(parent, QMessageBox.Icon.Question, title, "\n".join(f"• {plain(each)}" for each in more))
    go = box.addButton(translate(word), QMessageBox.ButtonRole.DestructiveRole)
    go.setObjectName("go")
    cancel = box.addButton(translate(msg("Cancel")), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    return box


def tell(parent: QWidget, title: Message, why: Message, words: str = "", command: str = "") -> QMessageBox:
    """Why it was not done. `words`: the engine's own; `command`: what can be typed instead, to be copied."""
    lines = [translate(why)]
    if words and words not in lines[0]:
        lines.append(plain(words, 500))
    if command:
        lines.append(translate(msg("To do it yourself: {command}", command=command)))
    box = _box(parent, QMessageBox.Icon.Warning, title, "\n".join(lines))
    if command:
        copy = box.addButton(translate(msg("Copy the command")), QMessageBox.ButtonRole.ActionRole)
        copy.setObjectName("copy")
        copy.clicked.connect(lambda: feedback.copy(parent, command))
    close = box.addButton(translate(msg("Close")), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(close)
    box.setEscapeButton(close)
    return box


def _box(parent: QWidget, icon: QMessageBox.Icon, title: Message, more: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setIcon(icon)
    text = plain(translate(title), 300)
    box.setWindowTitle(text)
    box.setText(text)
    box.setInformativeText(more)
    return box
