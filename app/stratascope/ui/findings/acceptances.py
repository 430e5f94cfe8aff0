"""The list of accepted findings: read and written on a thread, asked by every widget that shows findings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.accepted import Acceptance, Accepted, AcceptedError, Standing
from stratascope.core.container import Container
from stratascope.core.layer import Finding
from stratascope.core.message import Message
from stratascope.ui.kit.background import Failure, QueryRunner

Entries = tuple[Accepted, ...]


class AcceptedList(Protocol):
    """The stored list. Every call raises AcceptedError."""

    def entries(self) -> Entries:
        """Return its entries."""

    def add(self, entry: Accepted) -> None:
        """Add an entry."""

    def remove(self, entry: Accepted) -> None:
        """Remove an entry."""


class Acceptances(QObject):
    """The accepted findings. `changed`: other findings are accepted now. `failed` carries a Message: why the list
    cannot be read or written.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, kept: AcceptedList | None, parent: QObject | None = None) -> None:
        """Without `kept` nothing can be accepted."""
        super().__init__(parent)
        self._kept = kept
        self._queries = QueryRunner(self)
        self._acceptance = Acceptance((), date.today())

    @property
    def able(self) -> bool:
        """Whether findings can be accepted here."""
        return self._kept is not None

    def read(self) -> None:
        """Read the list again: another window, or the user, may have changed it."""
        if self._kept is not None:
            self._ask(self._kept.entries)

    def of(self, finding: Finding, container: Container) -> Standing | None:
        """Return the exception that covers a finding, or None."""
        return self._acceptance.of(finding.code, container)

    def accept(self, entry: Accepted) -> None:
        """Accept a finding until the entry's last day."""
        if self._kept is not None:
            self._ask(partial(_changed, self._kept, self._kept.add, entry))

    def take_back(self, entry: Accepted) -> None:
        """Withdraw an exception: the finding counts again."""
        if self._kept is not None:
            self._ask(partial(_changed, self._kept, self._kept.remove, entry))

    def stop(self) -> None:
        """Drop pending answers."""
        self._queries.end()

    def _ask(self, asking: Callable[[], Entries]) -> None:
        self._queries.ask("accepted", partial(_or_message, asking), self._take)

    def _take(self, answer: Entries | Message | Failure) -> None:
        if isinstance(answer, Message):
            self.failed.emit(answer)
        elif isinstance(answer, Failure):
            self.failed.emit(answer.message)
        elif (answer, date.today()) != (self._acceptance.entries, self._acceptance.today):
            self._acceptance = Acceptance(answer, date.today())
            self.changed.emit()


def _or_message(asking: Callable[[], Entries]) -> Entries | Message:
    try:
        return asking()
    except AcceptedError as error:
        return error.message


def _changed(kept: AcceptedList, change: Callable[[Accepted], None], entry: Accepted) -> Entries:
    change(entry)
    return kept.entries()
