"""That there is a way back for the container in view, and where it leads."""

from __future__ import annotations

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
from stratascope.usecases.relaunch.ages import age_of

LINK = -5  # px of the design: a link's own padding, so that its word begins where other text does


def about(kept: tuple[Transaction, ...], container: str) -> Transaction | None:
    """The transaction that this container has a part in; the newest of several."""
    return next((each for each in reversed(kept) if container in (each.old, each.new)), None)


def kept_text(done: Transaction, container: str, *, running: bool) -> Message:
    """What is kept, as a sentence. `running`: whether that container runs."""
    since = since_text(age_of(done))
    if done.owner is not None:
        return msg("Way back kept: relaunched {since} through its owner.", since=since)
    if container == done.new:
        if done.kind is TransactionKind.UNDO:
            return msg("Way back kept: undone {since}.", since=since)
        return msg("Way back kept: relaunched {since}.", since=since)
    if done.kind is TransactionKind.UNDO:
        text = msg("This is the kept hardened {name}, undone {since}.", name=done.name, since=since)
    else:
        text = msg("This is the kept original of {name}, relaunched {since}.", name=done.name, since=since)
    return msg("{what} It runs all the same.", what=text) if running else text


def delete_word(done: Transaction | None) -> str:
    """The word of the button that deletes what is kept."""
    if done is not None and done.owner is not None:
        return translate(msg("Accept…"))
    back = done is not None and done.kind is TransactionKind.UNDO
    return translate(msg("Delete the hardened one…") if back else msg("Delete the original…"))


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
            self.discard.setText(delete_word(done))
            self.undo.setText(translate(msg("Go back to it…") if done.kind is TransactionKind.UNDO else msg("Undo…")))
