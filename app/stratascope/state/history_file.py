"""The file of the history: opened, made, and checked to be one of ours; for its owner only.

One program writes, by a lock of flock(2) that the kernel takes back when it dies; whoever reads needs none, as SQLite's
write-ahead log lets readers see the last whole state. What is damaged is set aside and begun anew; what is another
program's, or of a newer version, is left alone.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from stratascope import atomic_file
from stratascope.core.history.entry import HistoryError
from stratascope.core.message import Message, msg

NAME = "history.db"
VERSION = 1
MARK = 0x53747261  # of a database of ours (application_id)
PAGES_MOST = 16384  # of 4 KiB: 64 MiB
_WAIT = 2.0  # seconds for a lock of SQLite's

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


class EmptyError(Exception):
    """It has just been made by whoever writes, and nothing is in it yet."""


class NotOursError(Exception):
    """It is a database, but not one that we may write."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.id)
        self.message = message


def lock(folder: Path) -> int | None:
    """The descriptor that holds it, until it is closed; None where another program does. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_file.check_folder(folder)
    try:
        return atomic_file.lock(folder / "lock", wait=False)
    except BlockingIOError:
        return None


def writer(path: Path) -> tuple[sqlite3.Connection, Message | None]:
    """To write to it, for whoever holds the lock; and what there is to tell.

    Raises OSError, sqlite3.Error, NotOursError.
    """
    try:
        return _opened(path), None
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
    return set_aside(path)


def set_aside(path: Path) -> tuple[sqlite3.Connection, Message]:
    """A new one in the place of a damaged one, and what that is called now."""
    kept = _free(path)
    path.replace(kept)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    told = msg("The history in {file} is damaged, so a new one was started. The old one is kept as {kept}.",
               file=str(path), kept=kept.name)  # fmt: skip
    return _opened(path), told


def reader(path: Path) -> sqlite3.Connection | None:
    """To read it; None where there is none. Raises OSError, sqlite3.Error, NotOursError."""
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
        # a disk that may not be written to at all, where SQLite can't make the file by which readers share its log
        if os.access(path.parent, os.W_OK):
            raise
        return _checked(_connect(path, "mode=ro&immutable=1"))


def damaged(error: sqlite3.Error) -> bool:
    """Whether it says that the file is no good, and not only that nothing can be done now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def full(error: sqlite3.Error) -> bool:
    """Whether there was no room, on the disk or below our own limit."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def failed(path: Path, error: Exception) -> HistoryError:
    """What is told of it."""
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
        database.execute("PRAGMA journal_mode=WAL")  # where it can't be had, SQLite keeps the other one
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(f"PRAGMA max_page_count={PAGES_MOST}")
        database.execute(f"PRAGMA journal_size_limit={4 << 20}")
    except BaseException:
        database.close()
        raise
    return database


def _checked(database: sqlite3.Connection) -> sqlite3.Connection:
    """Raises NotOursError."""
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
    """A name beside it that nothing has yet; of those that are kept, the last few."""
    for number in range(1, 10):
        name = path.with_name(f"{path.name}.damaged-{number}")
        if not name.exists():
            return name
    return name
