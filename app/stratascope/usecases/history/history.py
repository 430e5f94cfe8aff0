"""The history as shown: of one container over a range of time, and sparklines of all. Reads; never on the window's
thread.

Relaunches and their settings come from the journal of relaunches, which alone stores them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from stratascope.core.history.entry import Exposed, HistoryEntry, HistoryReader, Made, Subject
from stratascope.core.history.fold import PARTS, Change, Past, What, fold
from stratascope.core.history.machine import REACH, Moved, Rows
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction, TransactionKind
from stratascope.value import Value, replace


class Point(Value):
    """A step: the exposure at worst from `at` on; None: not known, or it was not running."""

    at: float
    worst: float | None


class History:
    """Every call raises HistoryError."""

    def __init__(
        self,
        reader: HistoryReader,
        relaunches: Callable[[], Sequence[Transaction | Damaged]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader, self._relaunches, self._clock = reader, relaunches, clock
        self._machine, self._reading = _Machine(reader), threading.Lock()

    def subjects(self) -> tuple[Subject, ...]:
        """Everything with a history, including what is gone."""
        ours = (Subject(each.engine, each.name) for each in self._transactions())
        found = dict.fromkeys((*self._reader.subjects(), *ours))
        return tuple(sorted(found, key=lambda each: (each.name, each.engine)))

    def _transactions(self) -> tuple[Transaction, ...]:
        return tuple(each for each in self._relaunches() if isinstance(each, Transaction))

    def of(self, subject: Subject, since: float, until: float | None = None, parts: int = PARTS) -> Past:
        """From `since` (seconds since the epoch) to `until`, or to now."""
        end = self._clock() if until is None else until
        entries = self._reader.entries(subject)
        begin = min(since, end - 1.0)
        past = fold(subject, entries, self._reader.used(subject, begin), self._reader.watches(0.0), begin, end, parts)
        made = {each.value.id for each in entries if isinstance(each.value, Made)}
        ours = [each for each in self._transactions() if _of(each, subject)]
        return replace(past, changes=tuple(_with_relaunches(past.changes, ours, made, begin, end)))

    def moved(self, since: float) -> tuple[Moved, ...]:
        """What changed over all containers since that moment, the worst first. Reads only what it has not read yet."""
        with self._reading:
            rows = self._machine.since(since, min(since, self._clock()) - REACH)
        ours = {each.new: each for each in self._transactions() if each.new and each.kind is TransactionKind.HARDEN}
        return tuple(replace(row, changes=tuple(_completed(each, ours) for each in row.changes)) for row in rows)

    def began(self) -> float | None:
        """Since when this machine is recorded; None: nothing is yet."""
        return min((each.began for each in self._reader.watches(0.0)), default=None)

    def lines(self, since: float) -> dict[Subject, tuple[Point, ...]]:
        """For sparklines of all containers: exposure steps from that moment on. One query."""
        return {subject: _points(entries, since) for subject, entries in self._reader.exposures(since).items()}


class _Machine:
    """The histories of all containers, read once and then added to; and the row of each that nothing was added to."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._entries: dict[Subject, tuple[HistoryEntry, ...]] = {}
        self._mark, self._from = 0, 0.0
        self._rows = Rows()

    def since(self, since: float, begin: float) -> tuple[Moved, ...]:
        """See `History.moved`. `begin`: the moment from which entries are needed."""
        if self._mark and begin < self._from:
            self._mark = 0
        found = self._reader.recent(self._from if self._mark else begin, self._mark)
        if found.mark < self._mark:  # another file
            self._mark = 0
            found = self._reader.recent(begin)
        if not self._mark:
            self._entries, self._from = {}, begin
        self._mark = found.mark
        for subject, entries in found.entries.items():
            self._entries[subject] = (*self._entries.get(subject, ()), *entries)
        return self._rows.of(self._entries, self._reader.watches(0.0), since)


def _points(entries: Sequence[HistoryEntry], since: float) -> tuple[Point, ...]:
    found: list[Point] = []
    for entry in entries:
        if isinstance(entry.value, Exposed):
            found.append(Point(max(entry.at, since), entry.value.worst))
    return tuple(found[-PARTS:])


def _of(transaction: Transaction, subject: Subject) -> bool:
    return transaction.engine == subject.engine and any(each.name == subject.name for each in transaction.members)


def _with_relaunches(
    changes: Sequence[Change], ours: Sequence[Transaction], made: set[str], since: float, until: float
) -> list[Change]:
    """Changes completed by the journal, plus those that only the journal has, since no window was open then."""
    by_id = {each.new: each for each in ours if each.new and each.kind is TransactionKind.HARDEN}
    found = [_completed(change, by_id) for change in changes]
    for transaction in by_id.values():
        alone = transaction.new not in made and transaction.stage in (Stage.VERIFIED, Stage.DONE)
        if alone and since <= transaction.started_at <= until:
            found.append(Change(transaction.started_at, What.RELAUNCHED, transaction.choices, id=transaction.new))
    return sorted(found, key=lambda each: each.at)


def _completed(change: Change, by_id: Mapping[str, Transaction]) -> Change:
    known = by_id.get(change.id) if change.what in (What.RELAUNCHED, What.REPLACED) else None
    if known is None:
        return change
    began = change.at if change.unseen_from is None else known.started_at
    return replace(change, what=What.RELAUNCHED, plus=known.choices, at=began, unseen_from=None)
