"""The questions before something is deleted or broken off; the safe answer is the default one.

The button that does it has an object name: `discard`, `roll-back`.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate


def ask_discard(parent: QWidget, done: Transaction) -> QMessageBox:
    """The question before something is deleted; the safe answer is the default one."""
    name = plain(done.name, 200)
    if done.owner is not None:
        title, text = msg("Accept the change?"), msg("Accept the change of {name}?", name=name)
        more = msg("What was written for its owner stays in its files, and there is no undo here any more.")
        word, other = msg("Accept"), msg("Not yet")
    else:
        title, text = msg("Discard what is set aside?"), msg("Discard what is set aside of {name}?", name=name)
        more = msg("It is deleted with all that it wrote in its own layer, and there is no undo any more. "
                   "Its volumes stay.")  # fmt: skip
        word, other = msg("Discard"), msg("Keep it")
    box = _question(parent, QMessageBox.Icon.Warning, title, text, more)
    box.addButton(translate(word), QMessageBox.ButtonRole.DestructiveRole).setObjectName("discard")
    return _safe(box, other)


def ask_roll_back(parent: QWidget, name: str) -> QMessageBox:
    """The question before the window closes in the middle of a relaunch."""
    box = _question(
        parent,
        QMessageBox.Icon.Question,
        msg("A relaunch is under way"),
        msg("{name} is being relaunched. Roll back and close?", name=name),
        msg("The window closes as soon as the original runs again."),
    )
    word = translate(msg("Roll back and close"))
    box.addButton(word, QMessageBox.ButtonRole.AcceptRole).setObjectName("roll-back")
    return _safe(box, msg("Keep going"))


def _question(parent: QWidget, icon: QMessageBox.Icon, title: Message, text: Message, more: Message) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setIcon(icon)
    box.setWindowTitle(translate(title))
    box.setText(translate(text))
    box.setInformativeText(translate(more))
    return box


def _safe(box: QMessageBox, word: Message) -> QMessageBox:
    """With the answer that changes nothing, which Enter and Escape give."""
    button = box.addButton(translate(word), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(button)
    box.setEscapeButton(button)
    return box
