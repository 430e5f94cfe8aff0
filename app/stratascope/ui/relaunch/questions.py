"""The questions before something is deleted or cancelled; the safe answer is the default.

The confirming button has an object name: `discard`, `roll-back`, `end-session`.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit.long_run import LongRun


def ask_discard(parent: QWidget, done: Transaction) -> QMessageBox:
    """Ask before something is deleted; the safe answer is the default."""
    name = plain(done.name, 200)
    if done.owner is not None:
        title, text = msg("Accept the change?"), msg("Accept the change to {name}?", name=name)
        more = msg("What was written for its owner stays in its files, and can no longer be undone here.")
        word, other = msg("Accept"), msg("Not yet")
    else:
        title, text = msg("Delete the original?"), msg("Delete the original of {name}?", name=name)
        if done.kind is TransactionKind.UNDO:
            title, text = msg("Delete the hardened one?"), msg("Delete the hardened {name}?", name=name)
        more = msg("It is deleted with everything that it wrote in its own layer, which can't be undone. Its "
"volumes stay.")  # fmt: skip
        word, other = msg("Delete"), msg("Keep it")
    box = _question(parent, QMessageBox.Icon.Warning, title, text, more)
    box.addButton(translate(word), QMessageBox.ButtonRole.DestructiveRole).setObjectName("discard")
    return _add_safe_answer(box, other)


def ask_roll_back(parent: QWidget, name: str) -> QMessageBox:
    """Ask before the window closes during a relaunch."""
    box = _question(
        parent,
        QMessageBox.Icon.Question,
        msg("A relaunch is in progress"),
        msg("{name} is being relaunched. Roll back and close?", name=name),
        msg("The window closes as soon as the original runs again."),
    )
    word = translate(msg("Roll back and close"))
    box.addButton(word, QMessageBox.ButtonRole.AcceptRole).setObjectName("roll-back")
    return _add_safe_answer(box, msg("Keep going"))


class ClosingQuestion:
    """The question whether to roll back, since the window closes during that run."""

    def __init__(self, window: QWidget, run: LongRun[Any]) -> None:
        self._window, self._run = window, run
        self._box: QMessageBox | None = None

    def ask(self, name: str) -> None:
        """Ask once; if it has been asked already, roll back."""
        if self._box is not None or self._run.closing:
            self._roll_back()
            return
        self._box = box = ask_roll_back(self._window, name)
        box.buttonClicked.connect(lambda button: self._roll_back() if button.objectName() == "roll-back" else None)
        box.finished.connect(self._answered)
        box.open()

    def drop(self) -> None:
        """Close the question: the run is over."""
        if self._box is not None:
            self._box.done(0)

    def _answered(self) -> None:
        self._box = None

    def _roll_back(self) -> None:
        self._run.closing = True
        self._run.cancel()


def _question(parent: QWidget, icon: QMessageBox.Icon, title: Message, text: Message, more: Message) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setIcon(icon)
    box.setWindowTitle(translate(title))
    box.setText(translate(text))
    box.setInformativeText(translate(more))
    return box


def _add_safe_answer(box: QMessageBox, word: Message) -> QMessageBox:
    """Add the answer that changes nothing, for Enter and Escape."""
    button = box.addButton(translate(word), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(button)
    box.setEscapeButton(button)
    return box


def ask_end_session(parent: QWidget, name: str, count: int) -> QMessageBox:
    """Ask before an exec session is ended."""
    more = plural("It gets SIGHUP and SIGTERM, and SIGKILL after three seconds if it still runs.",
                  "Its {count} processes get SIGHUP and SIGTERM, and SIGKILL after three seconds if they still run.",
                  count)  # fmt: skip
    box = _question(
        parent, QMessageBox.Icon.Warning, msg("End this session?"), msg("End the session of {name}?", name=name), more
    )
    box.addButton(translate(msg("End it")), QMessageBox.ButtonRole.DestructiveRole).setObjectName("end-session")
    return _add_safe_answer(box, msg("Leave it"))
