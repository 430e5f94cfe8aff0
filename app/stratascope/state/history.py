"""The history of containers on disk: an SQLite database below the state directory, bounded in rows, age and bytes.

One row per change. Values are JSON that is validated against its type when read; texts of engines are always
parameters, never SQL. Each read opens a connection of its own, so that any thread may read; the writing connection
belongs to the thread that opened it.

The file is only accessible to its owner. One program writes, holding an flock(2) that the kernel releases when it dies;
readers need none, as SQLite's write-ahead log lets them see the last complete state. A damaged file is set aside and a
new one started; a file of another program, or of a newer version, is left alone.
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

from stratascope import atomic_file
from stratascope.core.container import EngineKind
from stratascope.core.history import LONGEST
from stratascope.core.history.entry import (
    Batch,
    Exposed,
    HistoryEntry,
    HistoryError,
    Image,
    Limits,
    Made,
    Part,
    PartKind,
    Recent,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
    standing_of,
)
from stratascope.core.history.fold import thinned
from stratascope.core.message import Message, MessageError, msg
from stratascope.state.pending import default_folder

NAME = "history.db"
VERSION = 1
MARK = 0x53747261  # marks our databases (application_id)
PAGES_MOST = 16384  # pages of 4 KiB: 64 MiB
_WAIT = 2.0  # seconds to wait for SQLite's locks

_SCHEMA = """
CREATE TABLE subject (id INTEGER PRIMARY KEY, engine TEXT NOT NULL, name TEXT NOT NULL, seen REAL NOT NULL,
                      UNIQUE (engine, name));
CREATE TABLE entry (subject INTEGER NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, value TEXT NOT NULL);
CREATE INDEX entry_place ON entry (subject, kind, at);
CREATE INDEX entry_kind ON entry (kind, at);
CREATE TABLE used (subject INTEGER NOT NULL, at REAL NOT NULL, span REAL NOT NULL,
                   memory REAL, memory_peak REAL, cpu REAL, cpu_peak REAL, pids REAL, pids_peak REAL, io REAL,
                   io_peak REAL);
CREATE INDEX used_place ON used (subject, at);
CREATE TABLE watch (began REAL PRIMARY KEY, until REAL NOT NULL);
"""

DAY = 86400.0
AGE_MOST = LONGEST
THINNED = ((2 * DAY, 600.0), (14 * DAY, 7200.0))  # older rows are merged into one per that many seconds
SANDBOXES_MOST = 500  # of the subjects: agents make them by the hundred
SUBJECTS_MOST, ENTRIES_MOST, USED_MOST, WATCHES_MOST = 5000, 100_000, 400_000, 10_000
VALUE_MOST = 64 << 10  # characters of one value

_TYPES: Mapping[PartKind, Any] = {
    PartKind.MADE: Made,
    PartKind.IMAGE: Image,
    PartKind.RUN: Run,
    PartKind.SETTINGS: tuple[str, ...],
    PartKind.LIMITS: Limits,
    PartKind.EXPOSED: Exposed,
    PartKind.LAYERS: tuple[tuple[str, str], ...],
    PartKind.THREATS: tuple[str, ...],
    PartKind.DRIFT: tuple[Unlike, ...],
}
_KINDS = {str(kind): kind for kind in PartKind}
_COLUMNS = "at, span, memory, memory_peak, cpu, cpu_peak, pids, pids_peak, io, io_peak"  # the fields of `UsageRow`
_OF = "subject = (SELECT id FROM subject WHERE engine = ? AND name = ?)"
_Database = sqlite3.Connection


class EmptyError(Exception):
    """The writer has just created it, and nothing is in it yet."""


class NotOursError(MessageError):
    """A database that we may not write."""


def lock(folder: Path) -> int | None:
    """The descriptor that holds the lock, until it is closed; None if another program holds it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_file.check_folder(folder)
    try:
        return atomic_file.lock(folder / "lock", wait=False)
    except BlockingIOError:
        return None


def writer(path: Path) -> tuple[sqlite3.Connection, Message | None]:
    """Open it for writing, for the lock's holder; and a message for the user, if any.

    Raises OSError, sqlite3.Error, NotOursError.
    """
    try:
        return _opened(path), None
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
    return set_aside(path)


def set_aside(path: Path) -> tuple[sqlite3.Connection, Message]:
    """Start a new one in place of a damaged one; the message names the old one."""
    kept = _free(path)
    path.replace(kept)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    told = msg("The history in {file} is damaged, so a new one was started. The old one is kept as {kept}.",
               file=str(path), kept=kept.name)  # fmt: skip
    return _opened(path), told


def reader(path: Path) -> sqlite3.Connection | None:
    """Open it for reading; None if there is none. Raises OSError, sqlite3.Error, NotOursError."""
    try:
        atomic_file.check_folder(path.parent)
        atomic_file.check_file(path)
    except FileNotFoundError:
        return None
    try:
        return _checked(_connect(path, "mode=ro"))
    except EmptyError:
        return None
    except sqlite3.OperationalError:
        # a read-only disk, where SQLite can't create the shared-memory file of its log
        if os.access(path.parent, os.W_OK):
            raise
        return _checked(_connect(path, "mode=ro&immutable=1"))


def damaged(error: sqlite3.Error) -> bool:
    """Whether the error means that the file is damaged, rather than a passing failure."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def full(error: sqlite3.Error) -> bool:
    """Whether there was no room, on the disk or below our own limit."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def failed(path: Path, error: Exception) -> HistoryError:
    """The error to report."""
    if isinstance(error, NotOursError):
        return HistoryError(error.message)
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return HistoryError(msg("The history in {file} can't be read or written: {why}", file=str(path), why=words))


def _opened(path: Path) -> sqlite3.Connection:
    try:
        atomic_file.check_file(path)
    except FileNotFoundError:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))
    database = _connect(path, "mode=rw")
    try:
        empty = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if empty and database.execute("PRAGMA user_version").fetchone()[0] == 0:
            database.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA application_id={MARK}; PRAGMA user_version={VERSION}; COMMIT"
            )
        _checked(database)
        database.execute("PRAGMA journal_mode=WAL")  # if unavailable, SQLite keeps the current mode
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(f"PRAGMA max_page_count={PAGES_MOST}")
        database.execute(f"PRAGMA journal_size_limit={4 << 20}")
    except BaseException:
        database.close()
        raise
    return database


def _checked(database: sqlite3.Connection) -> sqlite3.Connection:
    """Check that the database is ours. Raises NotOursError."""
    try:
        database.execute("PRAGMA trusted_schema=OFF")
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            raise EmptyError
        mark = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        name = database.execute("PRAGMA database_list").fetchone()[2]
        if mark != MARK:
            raise NotOursError(msg("{file} is not a Stratascope history. It is left alone, and nothing is recorded.",
                                   file=name))  # fmt: skip
        if version > VERSION:
            raise NotOursError(msg("The history in {file} comes from a newer version of Stratascope. It is left "
                                   "alone, and nothing is recorded.", file=name))  # fmt: skip
    except BaseException:
        database.close()
        raise
    return database


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_WAIT, isolation_level=None)


def _free(path: Path) -> Path:
    """A free name next to it; if all are taken, the last."""
    for number in range(1, 10):
        name = path.with_name(f"{path.name}.damaged-{number}")
        if not name.exists():
            return name
    return name


class FileHistory:
    """A `core.history.entry.HistoryStore`. `trouble`: damage that was found and repaired."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder().parent / "history"
        self.path = self.folder / NAME
        self.trouble: Message | None = None
        self._lock: int | None = None
        self._writer: _Database | None = None
        self._ids: dict[Subject, int] = {}
        self._seen: tuple[tuple[int, int], ...] = ()

    # -- writing

    def claim(self) -> bool:
        """See the protocol. Only from the thread of `write` and `tidy`."""
        if self._lock is not None:
            return True
        try:
            self._lock = lock(self.folder)
        except OSError as error:
            raise failed(self.path, error) from error
        return self._lock is not None

    def renewed(self) -> bool:
        """See the protocol."""
        before, self._seen = self._seen, tuple(map(_changed_at, (self.path, self.path.with_name(f"{NAME}-wal"))))
        return self._seen != before

    def write(self, batch: Batch) -> None:
        """See the protocol. If there is no room, the oldest entries are dropped."""
        try:
            self._write(batch)
        except sqlite3.DatabaseError as error:
            if not full(error):
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
        except (OSError, sqlite3.Error, NotOursError) as error:
            raise self._failed(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[_Database]:
        try:
            if self._writer is None:
                self._ids.clear()
                self._writer, self.trouble = writer(self.path)
        except (OSError, NotOursError) as error:
            raise failed(self.path, error) from error
        database = self._writer
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            self._ids.clear()  # ids of rows that were rolled back
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def _failed(self, error: Exception) -> HistoryError:
        """The error to report; a damaged file is replaced at the next call."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(sqlite3.Error):
                writer.close()
        if isinstance(error, sqlite3.Error) and damaged(error):
            with suppress(OSError, sqlite3.Error, NotOursError):
                self._ids.clear()
                self._writer, self.trouble = set_aside(self.path)
                return HistoryError(self.trouble)
        return failed(self.path, error)

    # -- reading

    def subjects(self) -> tuple[Subject, ...]:
        """See the protocol."""
        rows = self._rows("SELECT engine, name FROM subject ORDER BY name, engine")
        return tuple(Subject(*row) for row in rows if _are(row, str))

    def entries(self, subject: Subject) -> tuple[HistoryEntry, ...]:
        """See the protocol."""
        rows = self._rows(f"SELECT kind, at, value FROM entry WHERE {_OF} ORDER BY at, rowid", *_texts(subject))
        return tuple(entry for row in rows if (entry := _entry(*row)) is not None)

    def used(self, subject: Subject, since: float) -> tuple[UsageRow, ...]:
        """See the protocol."""
        texts = _texts(subject)
        before = f"SELECT max(at) FROM used WHERE {_OF} AND at < ?"
        query = f"SELECT {_COLUMNS} FROM used WHERE {_OF} AND at >= coalesce(({before}), ?) ORDER BY at, rowid"
        rows = self._rows(query, *texts, *texts, since, since)
        return tuple(UsageRow(*row) for row in rows if _are(row[:2], float) and _are(row[2:], float, type(None)))

    def watches(self, since: float) -> tuple[WatchSpan, ...]:
        """See the protocol."""
        rows = self._rows("SELECT began, until FROM watch WHERE until >= ? ORDER BY began", since)
        return tuple(WatchSpan(*row) for row in rows if _are(row, float))

    def latest(self) -> dict[Subject, Standing]:
        """See the protocol."""
        # By what was written last, whatever the clock said then. The other columns are of the row with the greatest
        # rowid: sqlite.org/lang_select.html, bare columns
        query = (
            "SELECT engine, name, kind, at, value, max(entry.rowid) FROM entry JOIN subject ON id = subject "
            "GROUP BY id, kind"
        )
        found: dict[Subject, list[tuple[PartKind, Part]]] = {}
        for engine, name, kind, at, value, _ in self._rows(query):
            entry = _entry(kind, at, value)
            if entry is not None and _are((engine, name), str):
                found.setdefault(Subject(engine, name), []).append((entry.kind, entry.value))
        return {subject: standing_of(parts) for subject, parts in found.items()}

    def recent(self, since: float, after: int = 0) -> Recent:
        """See the protocol."""
        place = "FROM entry JOIN subject ON id = subject WHERE"
        last = f"SELECT engine, name, kind, at, value, max(entry.rowid) {place} at <= ? GROUP BY id, kind"
        later = (
            f"SELECT engine, name, kind, at, value, entry.rowid {place} at > ? AND entry.rowid > ? ORDER BY entry.rowid"
        )
        newest = self._rows("SELECT max(rowid) FROM entry")
        mark = int(newest[0][0] or 0) if newest else 0
        if mark == after:
            return Recent(mark)
        rows = [] if after else sorted(self._rows(last, since), key=lambda row: row[3:4] + row[5:])
        found: dict[Subject, list[HistoryEntry]] = {}
        decoded: dict[tuple[object, object], Part] = {}  # most values come again
        for engine, name, kind, at, value, number in rows + self._rows(later, since, after):
            part = decoded.get((kind, value))
            entry = _entry(kind, at, value) if part is None else HistoryEntry(at, _KINDS[kind], part)
            if entry is not None and _are((engine, name, at), str, float):
                decoded[kind, value] = entry.value
                found.setdefault(Subject(engine, name), []).append(entry)
            mark = max(mark, number)
        return Recent(mark, {subject: tuple(entries) for subject, entries in found.items()})

    def exposures(self, since: float) -> dict[Subject, tuple[HistoryEntry, ...]]:
        """See the protocol."""
        query = (
            "SELECT engine, name, at, value FROM entry JOIN subject ON id = subject WHERE kind = ?1 AND (at >= ?2 OR "
            "at = (SELECT max(at) FROM entry AS e WHERE e.subject = entry.subject AND e.kind = ?1 AND e.at < ?2)) "
            "ORDER BY at"
        )
        found: dict[Subject, list[HistoryEntry]] = {}
        for engine, name, at, value in self._rows(query, PartKind.EXPOSED.value, since):
            entry = _entry(PartKind.EXPOSED.value, at, value)
            if entry is not None and _are((engine, name), str):
                found.setdefault(Subject(engine, name), []).append(entry)
        return {subject: tuple(entries) for subject, entries in found.items()}

    def _rows(self, query: str, *values: str | float) -> list[Any]:
        """Raises HistoryError; empty if there is no history yet."""
        try:
            database = reader(self.path)
            if database is None:
                return []
            try:
                return database.execute(query, values).fetchall()
            finally:
                database.close()
        except (OSError, sqlite3.Error, NotOursError) as error:
            raise failed(self.path, error) from error


def _changed_at(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _thin(database: _Database, until: float, width: float) -> None:
    """Merge rows that end before that moment and are finer than `width`, container by container."""
    fine = "at < ? AND span < ?"
    for (subject,) in database.execute(f"SELECT DISTINCT subject FROM used WHERE {fine}", (until, width)).fetchall():
        place = (subject, until, width)
        rows = database.execute(
            f"SELECT {_COLUMNS} FROM used WHERE subject = ? AND {fine} ORDER BY at", place
        ).fetchall()
        merged = thinned([UsageRow(*row) for row in rows], width, until)
        if len(merged) < len(rows):
            database.execute(f"DELETE FROM used WHERE subject = ? AND {fine}", place)
            values = [(subject, *_numbers(row)) for row in merged]
            database.executemany(f"INSERT INTO used VALUES ({', '.join('?' * 11)})", values)


def _drop_old(database: _Database, before: float) -> None:
    database.execute("DELETE FROM used WHERE at < ?", (before,))
    database.execute("DELETE FROM watch WHERE until < ?", (before,))
    _drop_entries(database, "at < ?", before)


def _drop_entries(database: _Database, which: str, value: float) -> None:
    """Delete old entries, but never the last one of a part: it is the current state."""
    newer = "SELECT 1 FROM entry AS n WHERE n.subject = entry.subject AND n.kind = entry.kind AND n.at > entry.at"
    database.execute(f"DELETE FROM entry WHERE {which} AND EXISTS ({newer})", (value,))


def _drop_surplus(database: _Database) -> None:
    """Delete what exceeds the limits: the oldest rows, and the histories of containers not seen for longest."""
    database.execute("UPDATE subject SET seen = max(seen, coalesce((SELECT max(at) FROM used WHERE subject = id), 0))")
    for of, most in ((f"WHERE engine = '{EngineKind.SANDBOXES}'", SANDBOXES_MOST), ("", SUBJECTS_MOST)):
        gone = f"SELECT id FROM subject {of} ORDER BY seen DESC LIMIT -1 OFFSET ?"
        for table, column in (("entry", "subject"), ("used", "subject"), ("subject", "id")):
            database.execute(f"DELETE FROM {table} WHERE {column} IN ({gone})", (most,))
    for table, most, at in (("used", USED_MOST, "at"), ("watch", WATCHES_MOST, "until")):
        rows = f"SELECT rowid FROM {table} ORDER BY {at} DESC LIMIT -1 OFFSET ?"
        database.execute(f"DELETE FROM {table} WHERE rowid IN ({rows})", (most,))
    edge = database.execute("SELECT at FROM entry ORDER BY at DESC LIMIT 1 OFFSET ?", (ENTRIES_MOST,)).fetchone()
    if edge is not None:
        _drop_entries(database, "at <= ?", edge[0])


def _drop_oldest(database: _Database) -> None:
    """Delete the oldest quarter, for room."""
    for table in ("used", "entry"):
        count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        edge = database.execute(f"SELECT at FROM {table} ORDER BY at LIMIT 1 OFFSET ?", (count // 4,)).fetchone()
        if edge is not None and table == "used":
            database.execute("DELETE FROM used WHERE at <= ?", edge)
        elif edge is not None:
            _drop_entries(database, "at <= ?", edge[0])


def _numbers(row: UsageRow) -> tuple[float | None, ...]:
    return (row.at, row.span, row.memory, row.memory_peak, row.cpu, row.cpu_peak, row.pids, row.pids_peak, row.io,
            row.io_peak)  # fmt: skip


def _encoded(value: Part) -> str:
    """Encode as ASCII, so that text that is not UTF-8 survives."""
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def _entry(kind: object, at: object, value: object) -> HistoryEntry | None:
    """Decode a row; None if it is not in our form."""
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(at, float) or not isinstance(value, str):
        return None
    try:
        return HistoryEntry(at, known, msgspec.convert(json.loads(value), _TYPES[known]))
    except (ValueError, RecursionError):
        return None


def _texts(subject: Subject) -> tuple[str, str]:
    engine, name = (text.encode("utf-8", "backslashreplace").decode() for text in (subject.engine, subject.name))
    return engine, name


def _are(values: Sequence[object], *kinds: type) -> bool:
    return all(isinstance(each, kinds) for each in values)
