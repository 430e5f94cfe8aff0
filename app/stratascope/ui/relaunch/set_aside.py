"""What is set aside: known anew whenever it may have changed, listed, and discarded after a question."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import Damaged, Transaction
from stratascope.i18n.translate import translate
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.questions import ask_discard
from stratascope.usecases.hardening import Aside, Hardening

if TYPE_CHECKING:
    from stratascope.ui.relaunch.set_aside_dialog import SetAsideDialog


class SetAside(QObject):
    """`known` has all that is set aside, each time it was looked up; `changed`: it was something else before.

    `gone` has each that is set aside no longer, `discarded` what we discarded, `refused` says why that failed.
    `undo_wanted`, `discard_wanted`: of one in the list. `dialog_made`: the list is there now.
    """

    known = Signal(object)  # tuple[Transaction, ...]
    changed = Signal()
    gone = Signal(object)  # Transaction
    discarded = Signal(object)
    refused = Signal(object)  # Message
    undo_wanted = Signal(object)
    discard_wanted = Signal(object)
    dialog_made = Signal(object)

    def __init__(self, window: QWidget, theme: Theme, hardening: Hardening, queries: QueryRunner) -> None:
        super().__init__(window)
        self._window, self._theme, self._hardening, self._queries = window, theme, hardening, queries
        self.kept: tuple[Transaction, ...] = ()  # as far as known
        self.shown: SetAsideDialog | None = None  # once it was wanted
        self._question: QMessageBox | None = None
        self._asked_about: Transaction | None = None

    @property
    def dialog(self) -> SetAsideDialog:
        """The list, made when it is first wanted."""
        if self.shown is None:
            from stratascope.ui.relaunch.set_aside_dialog import SetAsideDialog

            self.shown = SetAsideDialog(self._theme, self._window)
            self.shown.undo_wanted.connect(self.undo_wanted)
            self.shown.discard_wanted.connect(self.discard_wanted)
            self.dialog_made.emit(self.shown)
        return self.shown

    def hide(self) -> None:
        """No list any more."""
        if self.shown is not None:
            self.shown.hide()

    def look_up(self) -> None:
        """It may have changed."""
        self._queries.ask("kept", self._hardening.kept, self._known)

    def show(self) -> None:
        """The list."""
        self.dialog.open_waiting()
        self._list()

    def ask_discard(self, done: Transaction, parent: QWidget) -> None:
        """Deleting asks first."""
        box = ask_discard(parent, done)
        box.buttonClicked.connect(lambda button: self._discard(done) if button.objectName() == "discard" else None)
        box.finished.connect(self._answered)
        self._question, self._asked_about = box, done
        box.open()

    def drop_question(self) -> None:
        """Nothing is to be discarded just now."""
        if self._question is not None:
            self._question.done(0)

    def _known(self, answer: tuple[Transaction, ...] | Failure) -> None:
        if isinstance(answer, Failure):
            return
        before, self.kept = self.kept, answer
        self.known.emit(answer)
        if answer == before:
            return
        left = {each.id for each in answer}
        for gone in (each for each in before if each.id not in left):
            if self._asked_about is not None and self._asked_about.id == gone.id:
                self.drop_question()
            self.gone.emit(gone)
        self._list_again()
        self.changed.emit()

    def _list_again(self) -> None:
        if self.shown is not None and self.shown.isVisible():
            self._list()

    def _list(self) -> None:
        self._queries.ask("aside", self._hardening.aside, self._listed)

    def _listed(self, answer: tuple[Aside | Damaged, ...] | Failure) -> None:
        if isinstance(answer, Failure):
            self.dialog.tell_failed(translate(answer.message))
        else:
            self.dialog.show_aside(answer)

    def _answered(self) -> None:
        self._question = self._asked_about = None

    def _discard(self, done: Transaction) -> None:
        discard, then = partial(self._hardening.discard, done), partial(self._discarded, done)
        self._queries.ask(f"discard {done.id}", discard, then, done.engine)

    def _discarded(self, done: Transaction, answer: Failure | None) -> None:
        if isinstance(answer, Failure):
            told = translate(msg("It could not be discarded: {why}", why=answer.message))
            if answer.words:
                told = translate(msg("{sentence} {words}", sentence=told, words=answer.words))
            self.refused.emit(msg("{text}", text=told))
            if self.shown is not None and self.shown.isVisible():
                self.shown.tell_failed(told)
            return
        self.discarded.emit(done)
        self.look_up()
        self._list_again()
