"""Kept originals: looked up whenever they may have changed, listed, and deleted after a question.

What is kept of the container in view is selected. Undo and Delete stand apart: one is what one came for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import followed, msg, plural, verbatim
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.text import size_text
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import since_text
from stratascope.ui.harden.kept_line import delete_word
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.table import Column, ItemModel, ItemTable
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.ui.relaunch.questions import ask_discard
from stratascope.usecases.hardening import Aside, Hardening
from stratascope.usecases.relaunch.ages import age_of


def _or_dash(item: Aside | Damaged, told: Callable[[Aside], str]) -> str:
    return told(item) if isinstance(item, Aside) else "–"


def _name(item: Aside | Damaged) -> str:
    return plain(item.transaction.name, 200) if isinstance(item, Aside) else plain(item.path, 300)


def _disk(item: Aside) -> str:
    return "–" if item.transaction.owner is not None or item.size is None else size_text(item.size)


def _state(item: Aside | Damaged) -> str:
    if isinstance(item, Damaged):
        return plain(translate(msg("Its journal file can't be read: {words}", words=item.words)), 300)
    return translate(msg("Can be undone") if item.transaction.stage is Stage.DONE else msg("Not finished"))


_COLUMNS = (
    Column(msg("Container"), _name, least=150, grows=1, weight=MEDIUM),
    Column(msg("Engine"), partial(_or_dash, told=lambda item: plain(item.engine, 60)), least=110),
    Column(
        msg("When"),
        partial(_or_dash, told=lambda item: since_text(age_of(item.transaction))),
        least=110,
    ),
    Column(msg("Disk"), partial(_or_dash, told=_disk), least=80),
    Column(msg("State"), _state, least=130),
)


def _is_of(item: Aside | Damaged, key: Key | None) -> bool:
    """Whether it is kept of that container, or is it."""
    if key is None or not isinstance(item, Aside):
        return False
    return item.transaction.engine == key[0] and item.transaction.concerns(key[1])


def first_ways(found: Sequence[Aside | Damaged]) -> tuple[Aside | Damaged, ...]:
    """Of each container the one that leads furthest back: its first original, else the newest of what was undone."""
    first: dict[tuple[str, str], Aside] = {}
    for each in found:  # the oldest first
        if isinstance(each, Aside):
            of = each.transaction.engine, each.transaction.name
            before = first.get(of)
            if before is None or before.transaction.kind is TransactionKind.UNDO:
                first[of] = each
    return tuple(each for each in found if isinstance(each, Damaged) or each in first.values())


class SetAsideDialog(QDialog):
    """A table, and two buttons for the selected row."""

    undo_wanted = Signal(object)  # Transaction
    discard_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._window = theme, parent
        self._anew = False  # opened, and not filled yet
        self._found: tuple[Aside | Damaged, ...] = ()
        self._all = False  # show older ones of the same container, too
        self.setWindowTitle(translate(msg("Kept originals")))
        self.title = Label(theme, 18, BOLD, text=self.windowTitle())
        self.lead = Label(theme, 13, ink="text2", wrap=True)
        model = ItemModel(_COLUMNS, lambda item: item.transaction.id if isinstance(item, Aside) else item.path)
        self.table = ItemTable(theme, self.title.text(), model, first=True)
        self.table.turned.connect(self._update_buttons)
        self.undo = QPushButton(translate(msg("Undo…")))
        self.discard = QPushButton(delete_word(None))
        self.discard.setProperty("danger", True)
        self.close_ = QPushButton(translate(msg("Close")))
        self.undo.clicked.connect(lambda _=False: self._emit(self.undo_wanted))
        self.discard.clicked.connect(lambda _=False: self._emit(self.discard_wanted))
        self.close_.clicked.connect(self.hide)
        self.more = text_button(theme, "", self._show_all, look="link")
        self.more.hide()
        end = theme.lay(QHBoxLayout(), self.discard, STRETCH, self.undo, self.close_, gap=8)
        theme.lay(QVBoxLayout(self), self.title, self.lead, (self.table, 1), (self.more, 0, Qt.AlignmentFlag.AlignLeft),
                  end, around=20, gap=10)  # fmt: skip

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def open_waiting(self) -> None:
        """Open before the engines have answered."""
        theme, parent = self._theme, self._window
        self._anew, self._all = True, False
        self.more.hide()
        self.lead.setText(translate(msg("Asking the engines…")))
        self.table.show_rows(())
        self.resize(min(theme.px(680), parent.width() - 16), min(theme.px(360), parent.height() - 16))
        self.show()
        self.raise_()
        self.table.setFocus()

    def show_aside(self, found: tuple[Aside | Damaged, ...], of: Key | None) -> None:
        """Show what is kept; that of the container `of` is selected if it was just opened."""
        text = msg(
            "Containers that you can go back to. They are stopped, do not start by themselves, and keep their disk."
        )
        self.lead.setText(translate(text if found else msg("Nothing is kept.")))
        self._found = found
        shown = self._show_found()
        names = {(each.engine, each.transaction.name) for each in found if isinstance(each, Aside) and _is_of(each, of)}
        its = next(
            (
                at
                for at, each in enumerate(shown)
                if isinstance(each, Aside) and (each.engine, each.transaction.name) in names
            ),
            None,
        )
        if self._anew and its is not None:
            self.table.selectRow(its)
        self._anew = False

    def _show_found(self) -> tuple[Aside | Damaged, ...]:
        shown = self._found if self._all else first_ways(self._found)
        folded = len(self._found) - len(shown)
        self.more.setText(translate(plural("Show {count} older one", "Show {count} older ones", folded)))
        self.more.setVisible(folded > 0)
        self.table.show_rows(shown)
        return shown

    def _show_all(self) -> None:
        self._all = True
        self._show_found()
        self.table.setFocus()

    def tell_failed(self, text: str) -> None:
        """Say why it is unknown."""
        self.lead.setText(plain(text))

    @property
    def current(self) -> Transaction | None:
        """The selected transaction; None for a damaged file."""
        item = self.table.current()
        return item.transaction if isinstance(item, Aside) else None

    def _update_buttons(self) -> None:
        done = self.current
        self.undo.setEnabled(done is not None and done.stage is Stage.DONE)
        self.discard.setEnabled(done is not None and done.stage is Stage.DONE)
        self.discard.setText(delete_word(done))

    def _emit(self, signal: SignalInstance) -> None:
        if self.current is not None:
            signal.emit(self.current)


class SetAside(QObject):
    """What is set aside. `known` carries all of it after each look-up; `changed`: it was different before.

    `gone` carries each that is no longer set aside, `discarded` what was discarded here, `refused` why that failed.
    `undo_wanted`, `discard_wanted`: for one in the list. `dialog_made`: the list was made.
    """

    known = Signal(object)  # tuple[Transaction, ...]
    changed = Signal()
    gone = Signal(object)  # Transaction
    discarded = Signal(object)
    refused = Signal(object)  # Message
    undo_wanted = Signal(object)
    discard_wanted = Signal(object)
    dialog_made = Signal(object)

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        hardening: Hardening,
        queries: QueryRunner,
        in_view: Callable[[], Key | None],
    ) -> None:
        super().__init__(window)
        self._in_view = in_view
        self._window, self._theme, self._hardening, self._queries = window, theme, hardening, queries
        self.kept: tuple[Transaction, ...] = ()  # the last known
        self.shown: SetAsideDialog | None = None  # None until first needed
        self._question: QMessageBox | None = None
        self._asked_about: Transaction | None = None

    @property
    def dialog(self) -> SetAsideDialog:
        """The list, made when first needed."""
        if self.shown is None:
            self.shown = SetAsideDialog(self._theme, self._window)
            self.shown.undo_wanted.connect(self.undo_wanted)
            self.shown.discard_wanted.connect(self.discard_wanted)
            self.dialog_made.emit(self.shown)
        return self.shown

    def hide(self) -> None:
        """Close the list."""
        if self.shown is not None:
            self.shown.hide()

    def look_up(self) -> None:
        """Look it up again: it may have changed."""
        self._queries.ask("kept", self._hardening.kept, self._known)

    def forget(self, done: Transaction) -> None:
        """It was taken back: what is known of it is no longer so."""
        self._known(tuple(each for each in self.kept if each.id != done.id))

    def show(self) -> None:
        """Open the list."""
        self.dialog.open_waiting()
        self._list()

    def ask_discard(self, done: Transaction, parent: QWidget) -> None:
        """Ask before deleting."""
        box = ask_discard(parent, done)
        box.buttonClicked.connect(lambda button: self._discard(done) if button.objectName() == "discard" else None)
        box.finished.connect(self._answered)
        self._question, self._asked_about = box, done
        box.open()

    def drop_question(self) -> None:
        """Close the question."""
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
            self.dialog.show_aside(answer, self._in_view())

    def _answered(self) -> None:
        self._question = self._asked_about = None

    def _discard(self, done: Transaction) -> None:
        discard, then = partial(self._hardening.discard, done), partial(self._discarded, done)
        self._queries.ask(f"discard {done.id}", discard, then, done.engine)

    def _discarded(self, done: Transaction, answer: Failure | None) -> None:
        if isinstance(answer, Failure):
            told = translate(msg("It could not be deleted: {why}", why=answer.message))
            if answer.words:
                told = translate(followed(told, answer.words))
            self.refused.emit(verbatim(told))
            if self.shown is not None and self.shown.isVisible():
                self.shown.tell_failed(told)
            return
        self.discarded.emit(done)
        self.look_up()
        self._list_again()
