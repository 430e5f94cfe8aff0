"""That the original of the container in view is kept, and the way back to it."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import since_text
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import MEDIUM, STRETCH, Theme

LINK = -5  # px of the design: a link's own padding, so that its word begins where other text does


def about(kept: tuple[Transaction, ...], container: str) -> Transaction | None:
    """The transaction that this container has a part in; the newest of several."""
    return next((each for each in reversed(kept) if container in (each.old, each.new)), None)


def kept_text(done: Transaction, container: str, *, running: bool) -> Message:
    """What is set aside, as a sentence. `running`: whether that container runs."""
    since = since_text(time.time() - done.started_at)
    if done.owner is not None:
        return msg("Relaunched {since} through its owner; this can still be undone.", since=since)
    if container == done.new:
        if done.kind is TransactionKind.UNDO:
            return msg("Undone {since}; the hardened container is set aside.", since=since)
        return msg("Relaunched {since}; the original is set aside.", since=since)
    if done.kind is TransactionKind.UNDO:
        text = msg("This is the hardened {name}, set aside {since} by an undo.", name=done.name, since=since)
    else:
        text = msg("This is the original of {name}, set aside {since}.", name=done.name, since=since)
    return msg("{what} It runs all the same.", what=text) if running else text


class SetAsideLine(QWidget):
    """`undo_wanted` and `discard_wanted` have the transaction."""

    undo_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.done: Transaction | None = None
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.undo = self._link(lambda: self.undo_wanted.emit(self.done))
        self.discard = self._link(lambda: self.discard_wanted.emit(self.done))
        self.discard.setText(translate(msg("Discard…")))
        links = theme.lay(QHBoxLayout(), self.undo, self.discard, STRETCH, around=(LINK, 0, 0, 0), gap=10)
        theme.lay(QVBoxLayout(self), self.text, links, around=0, gap=2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def _link(self, call: Callable[[], None]) -> QPushButton:
        button = QPushButton()
        button.setObjectName("link")
        button.setFont(self._theme.font(12, MEDIUM))
        button.clicked.connect(lambda _=False: call())
        return button

    def show_kept(self, done: Transaction | None, container: str, *, running: bool) -> None:
        """None: nothing is set aside, and there is no trace of the line."""
        self.done = done
        self.setVisible(done is not None)
        if done is not None:
            self.text.setText(plain(translate(kept_text(done, container, running=running))))
            self.discard.setText(translate(msg("Accept…") if done.owner is not None else msg("Discard…")))
            self.undo.setText(translate(msg("Go back to it…") if done.kind is TransactionKind.UNDO else msg("Undo…")))
