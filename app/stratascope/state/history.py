"""The history of containers on disk: an SQLite database below the state directory, bounded in rows, age and bytes.

One row where something changed. Values are JSON that is held against its type when it is read; texts of engines are
always parameters, never SQL. Each read has a connection of its own, so that any thread may read; the one that writes
is of the thread that made it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from stratascope.core.history import LONGEST
from stratascope.core.history.entry import (
    Batch,
    Entry,
    Exposed,
    HistoryError,
    Image,
    Kind,
    Limits,
    Made,
    Part,
    Run,
    Standing,
    Subject,
    Unlike,
    Used,
    Watch,
    standing_of,
)
from stratascope.core.history.fold import thinned
from stratascope.core.message import Message
from stratascope.state import history_file
from stratascope.state.pending import default_folder

DAY = 86400.0
AGE_MOST = LONGEST
THINNED = ((2 * DAY, 600.0), (14 * DAY, 7200.0))  # what is older has one row for so many seconds
SUBJECTS_MOST, ENTRIES_MOST, USED_MOST, WATCHES_MOST = 5000, 100_000, 400_000, 10_000
VALUE_MOST = 64 << 10  # characters of one value

_TYPES: Mapping[Kind, Any] = {
    Kind.MADE: Made,
    Kind.IMAGE: Image,
    Kind.RUN: Run,
    Kind.SETTINGS: tuple[str, ...],
    Kind.LIMITS: Limits,
    Kind.EXPOSED: Exposed,
    Kind.LAYERS: tuple[tuple[str, str], ...],
    Kind.THREATS: tuple[str, ...],
    Kind.DRIFT: tuple[Unlike, ...],
}
_COLUMNS = "at, span, memory, memory_peak, cpu, cpu_peak, pids, pids_peak, io, io_peak"  # as the fields of `Used`
_OF = "subject = (SELECT id FROM subject WHERE engine = ? AND name = ?)"
_Database = sqlite3.Connection


class FileHistory:
    """A `core.history.entry.HistoryStore`. `trouble`: what was found wrong with the file and put right."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder().parent / "history"
        self.path = self.folder / history_file.NAME
        self.trouble: Message | None = None
        self._lock: int | None = None
        self._writer: _Database | None = None
        self._ids: dict[Subject, int] = {}

    # -- to write

    def claim(self) -> bool:
        """See the protocol. Of one thread, as `write` and `tidy`."""
        if self._lock is not None:
            return True
        try:
            self._lock = history_file.lock(self.folder)
        except OSError as error:
            raise history_file.failed(self.path, error) from error
        return self._lock is not None

    def write(self, batch: Batch) -> None:
        """See the protocol. Where there is no room, the oldest makes it."""
        try:
            self._write(batch)
        except sqlite3.DatabaseError as error:
            if not history_file.full(error):
                raise self._failed(error) from error
            with self._writing() as database:
                _drop_oldest(database)
            with self._writing() as database:
                self._insert(database, batch)

    def tidy(self, now: float) -> None:
        """See the protocol."""
        with self._writing() as database:
            for age, width in THINNED:
                _thin(database, (now - age) // width * width, width)
            _drop_old(database, now - AGE_MOST)
            _drop_surplus(database)
            self._ids.clear()

    def close(self) -> None:
        """See the protocol."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _write(self, batch: Batch) -> None:
        with self._transaction() as database:
            self._insert(database, batch)

    def _insert(self, database: _Database, batch: Batch) -> None:
        watch = batch.watch
        database.execute("INSERT INTO watch VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
                         (watch.began, watch.until))  # fmt: skip
        rows = [
            (self._id(database, subject, entry.at), entry.kind.value, entry.at, text)
            for subject, entry in batch.entries
            if len(text := _encoded(entry.value)) <= VALUE_MOST
        ]
        database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)
        used = [(self._id(database, subject, row.at), *_numbers(row)) for subject, row in batch.used]
        database.executemany(f"INSERT INTO used VALUES ({', '.join('?' * 11)})", used)

    def _id(self, database: _Database, subject: Subject, at: float) -> int:
        found = self._ids.get(subject)
        if found is None:
            row = database.execute(
                "INSERT INTO subject (engine, name, seen) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen = "
                "max(seen, excluded.seen) RETURNING id",
                (*_texts(subject), at),
            ).fetchone()
            found = self._ids[subject] = int(row[0])
        return found

    @contextmanager
    def _writing(self) -> Iterator[_Database]:
        """A transaction; raises HistoryError."""
        try:
            with self._transaction() as database:
                yield database
        except (OSError, sqlite3.Error, history_file.NotOursError) as error:
            raise self._failed(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[_Database]:
        try:
            if self._writer is None:
                self._ids.clear()
                self._writer, self.trouble = history_file.writer(self.path)
        except (OSError, history_file.NotOursError) as error:
            raise history_file.failed(self.path, error) from error
        database = self._writer
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            self._ids.clear()  # of rows that are gone again
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def _failed(self, error: Exception) -> HistoryError:
        """What is told; a file that proves damaged is begun anew at the next call."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(sqlite3.Error):
                writer.close()
        if isinstance(error, sqlite3.Error) and history_file.damaged(error):
            with suppress(OSError, sqlite3.Error, history_file.NotOursError):
                self._ids.clear()
                self._writer, self.trouble = history_file.set_aside(self.path)
                return HistoryError(self.trouble)
        return history_file.failed(self.path, error)

    # -- to read

    def subjects(self) -> tuple[Subject, ...]:
        """See the protocol."""
        rows = self._rows("SELECT engine, name FROM subject ORDER BY name, engine")
        return tuple(Subject(*row) for row in rows if _are(row, str))

    def entries(self, subject: Subject) -> tuple[Entry, ...]:
        """See the protocol."""
        rows = self._rows(f"SELECT kind, at, value FROM entry WHERE {_OF} ORDER BY at, rowid", *_texts(subject))
        return tuple(entry for row in rows if (entry := _entry(*row)) is not None)

    def used(self, subject: Subject, since: float) -> tuple[Used, ...]:
        """See the protocol."""
        texts = _texts(subject)
        before = f"SELECT max(at) FROM used WHERE {_OF} AND at < ?"
        query = f"SELECT {_COLUMNS} FROM used WHERE {_OF} AND at >= coalesce(({before}), ?) ORDER BY at, rowid"
        rows = self._rows(query, *texts, *texts, since, since)
        return tuple(Used(*row) for row in rows if _are(row[:2], float) and _are(row[2:], float, type(None)))

    def watches(self, since: float) -> tuple[Watch, ...]:
        """See the protocol."""
        rows = self._rows("SELECT began, until FROM watch WHERE until >= ? ORDER BY began", since)
        return tuple(Watch(*row) for row in rows if _are(row, float))

    def latest(self) -> dict[Subject, Standing]:
        """See the protocol."""
        # the other columns are of the row with the greatest `at`: sqlite.org/lang_select.html, bare columns
        query = "SELECT engine, name, kind, max(at), value FROM entry JOIN subject ON id = subject GROUP BY id, kind"
        found: dict[Subject, list[tuple[Kind, Part]]] = {}
        for engine, name, kind, at, value in self._rows(query):
            entry = _entry(kind, at, value)
            if entry is not None and _are((engine, name), str):
                found.setdefault(Subject(engine, name), []).append((entry.kind, entry.value))
        return {subject: standing_of(parts) for subject, parts in found.items()}

    def exposures(self, since: float) -> dict[Subject, tuple[Entry, ...]]:
        """See the protocol."""
        query = (
            "SELECT engine, name, at, value FROM entry JOIN subject ON id = subject WHERE kind = ?1 AND (at >= ?2 OR "
            "at = (SELECT max(at) FROM entry AS e WHERE e.subject = entry.subject AND e.kind = ?1 AND e.at < ?2)) "
            "ORDER BY at"
        )
        found: dict[Subject, list[Entry]] = {}
        for engine, name, at, value in self._rows(query, Kind.EXPOSED.value, since):
            entry = _entry(Kind.EXPOSED.value, at, value)
            if entry is not None and _are((engine, name), str):
                found.setdefault(Subject(engine, name), []).append(entry)
        return {subject: tuple(entries) for subject, entries in found.items()}

    def _rows(self, query: str, *values: str | float) -> list[Any]:
        """Raises HistoryError; nothing where there is no history yet."""
        try:
            database = history_file.reader(self.path)
            if database is None:
                return []
            try:
                return database.execute(query, values).fetchall()
            finally:
                database.close()
        except (OSError, sqlite3.Error, history_file.NotOursError) as error:
            raise history_file.failed(self.path, error) from error


def _thin(database: _Database, until: float, width: float) -> None:
    """What ended before that moment and is finer than `width`, container by container."""
    fine = "at < ? AND span < ?"
    for (subject,) in database.execute(f"SELECT DISTINCT subject FROM used WHERE {fine}", (until, width)).fetchall():
        place = (subject, until, width)
        rows = database.execute(
            f"SELECT {_COLUMNS} FROM used WHERE subject = ? AND {fine} ORDER BY at", place
        ).fetchall()
        merged = thinned([Used(*row) for row in rows], width, until)
        if len(merged) < len(rows):
            database.execute(f"DELETE FROM used WHERE subject = ? AND {fine}", place)
            values = [(subject, *_numbers(row)) for row in merged]
            database.executemany(f"INSERT INTO used VALUES ({', '.join('?' * 11)})", values)


def _drop_old(database: _Database, before: float) -> None:
    database.execute("DELETE FROM used WHERE at < ?", (before,))
    database.execute("DELETE FROM watch WHERE until < ?", (before,))
    _drop_entries(database, "at < ?", before)


def _drop_entries(database: _Database, which: str, value: float) -> None:
    """Never the last one of a part: it says how things stand."""
    newer = "SELECT 1 FROM entry AS n WHERE n.subject = entry.subject AND n.kind = entry.kind AND n.at > entry.at"
    database.execute(f"DELETE FROM entry WHERE {which} AND EXISTS ({newer})", (value,))


def _drop_surplus(database: _Database) -> None:
    """What is more than the limits: the oldest, and whole histories of what was not seen for the longest time."""
    database.execute("UPDATE subject SET seen = max(seen, coalesce((SELECT max(at) FROM used WHERE subject = id), 0))")
    gone = "SELECT id FROM subject ORDER BY seen DESC LIMIT -1 OFFSET ?"
    for table, column in (("entry", "subject"), ("used", "subject"), ("subject", "id")):
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({gone})", (SUBJECTS_MOST,))
    for table, most, at in (("used", USED_MOST, "at"), ("watch", WATCHES_MOST, "until")):
        rows = f"SELECT rowid FROM {table} ORDER BY {at} DESC LIMIT -1 OFFSET ?"
        database.execute(f"DELETE FROM {table} WHERE rowid IN ({rows})", (most,))
    edge = database.execute("SELECT at FROM entry ORDER BY at DESC LIMIT 1 OFFSET ?", (ENTRIES_MOST,)).fetchone()
    if edge is not None:
        _drop_entries(database, "at <= ?", edge[0])


def _drop_oldest(database: _Database) -> None:
    """A quarter of all, for room."""
    for table in ("used", "entry"):
        count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        edge = database.execute(f"SELECT at FROM {table} ORDER BY at LIMIT 1 OFFSET ?", (count // 4,)).fetchone()
        if edge is not None and table == "used":
            database.execute("DELETE FROM used WHERE at <= ?", edge)
        elif edge is not None:
            _drop_entries(database, "at <= ?", edge[0])


def _numbers(row: Used) -> tuple[float | None, ...]:
    return (row.at, row.span, row.memory, row.memory_peak, row.cpu, row.cpu_peak, row.pids, row.pids_peak, row.io,
            row.io_peak)  # fmt: skip


def _encoded(value: Part) -> str:
    """ASCII: what is no UTF-8 in foreign text survives."""
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def _entry(kind: object, at: object, value: object) -> Entry | None:
    """None for a row that is not as we write it."""
    if not isinstance(at, float) or not isinstance(value, str) or kind not in [each.value for each in Kind]:
        return None
    try:
        return Entry(at, Kind(str(kind)), msgspec.convert(json.loads(value), _TYPES[Kind(str(kind))]))
    except (ValueError, RecursionError):
        return None


def _texts(subject: Subject) -> tuple[str, str]:
    engine, name = (text.encode("utf-8", "backslashreplace").decode() for text in (subject.engine, subject.name))
    return engine, name


def _are(values: Sequence[object], *kinds: type) -> bool:
    return all(isinstance(each, kinds) for each in values)
