"""The journal of relaunches, twins and groups: one file each, written so that a crash leaves the old or the new text.

Files are only accessible to their owner, since they contain the environment of containers. Locks are flock(2) on files
of their own: the kernel releases them when this program dies. Decided against a database: a person must be able to read
the journal.

Each user has a journal, and root by sudo another one, so a program that works on a container also binds an abstract
unix socket (unix(7)): such names are machine-wide, disappear with the program, and need no world-writable directory.
That is a hint only, since anybody can bind a name: another ordinary user's is ignored where it would block this
program, and the engine's own names (`core.relaunch.engine_marks`) decide. Decided against PIDs in labels: they mean
nothing in another PID namespace.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from stratascope import atomic_file
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import BusyError, Damaged, Group, JournalError, Transaction
from stratascope.state.pending import GROUP, RELAUNCH, TWIN, default_folder

VERSION = 1
_MOST = 64 << 20  # bytes of one entry: engines' answers about one container are a thousandth of that
_ID = re.compile(r"[0-9a-f]{8,64}").fullmatch


E = TypeVar("E", bound=Transaction | TwinRecord | Group)


class _File(msgspec.Struct, Generic[E], forbid_unknown_fields=True):
    version: int
    transaction: E


class FileJournal:
    """A `core.relaunch.transaction.Journal` in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def write(self, transaction: Transaction) -> None:
        """Raises JournalError if it could not be written durably."""
        self._write(transaction.id, RELAUNCH, _File(VERSION, transaction))

    def forget(self, transaction: str) -> None:
        """No error if it is missing. Raises JournalError."""
        self._forget(transaction, RELAUNCH)

    def all(self) -> tuple[Transaction | Damaged, ...]:
        """Every transaction, oldest first; unreadable ones are reported and left alone."""
        return self._all(RELAUNCH, _File[Transaction])

    def write_twin(self, twin: TwinRecord) -> None:
        """Raises JournalError if it could not be written durably."""
        self._write(twin.id, TWIN, _File(VERSION, twin))

    def forget_twin(self, twin: str) -> None:
        """No error if it is missing. Raises JournalError."""
        self._forget(twin, TWIN)

    def twins(self) -> tuple[TwinRecord, ...]:
        """Every twin, oldest first. Unreadable ones are left alone: an engine's label shows them too."""
        return tuple(item for item in self._all(TWIN, _File[TwinRecord]) if isinstance(item, TwinRecord))

    def write_group(self, group: Group) -> None:
        """Raises JournalError if it could not be written durably."""
        self._write(group.id, GROUP, _File(VERSION, group))

    def forget_group(self, group: str) -> None:
        """No error if it is missing. Raises JournalError."""
        self._forget(group, GROUP)

    def groups(self) -> tuple[Group, ...]:
        """Every group, oldest first. Unreadable ones are left alone: their relaunches have entries of their own."""
        return tuple(item for item in self._all(GROUP, _File[Group]) if isinstance(item, Group))

    def _write(self, number: str, suffix: str, entry: _File[E]) -> None:
        if _ID(number) is None:
            raise JournalError(f"not an id: {number!r}")
        try:
            self._make()
            path = self.folder / f"{number}{suffix}"
            atomic_file.tidy(path)  # its writer would hold the lock of its containers
            atomic_file.write(path, msgspec.json.format(msgspec.json.encode(entry)))
        except OSError as error:
            raise JournalError(f"{error.filename or self.folder}: {error.strerror}") from error

    def _forget(self, number: str, suffix: str) -> None:
        try:
            (self.folder / f"{number}{suffix}").unlink(missing_ok=True)
            if self.folder.is_dir():
                atomic_file.sync(self.folder)
        except OSError as error:
            raise JournalError(f"{error.filename or self.folder}: {error.strerror}") from error

    def _all(self, suffix: str, form: type[_File[E]]) -> tuple[E | Damaged, ...]:
        try:
            atomic_file.check_folder(self.folder)
            paths = sorted(path for path in self.folder.iterdir() if path.suffix == suffix)
        except FileNotFoundError:
            return ()
        except OSError as error:  # not a directory, or another user's
            return (Damaged(str(self.folder), error.strerror or str(error)),)
        found: list[E] = []
        damaged: list[Damaged] = []
        for path in paths:
            try:
                data = atomic_file.read(path, _MOST, ours=True)
                if data is None:
                    damaged.append(Damaged(str(path), f"longer than {_MOST} bytes"))
                    continue
                entry = msgspec.json.decode(data, type=form)
            except OSError as error:
                damaged.append(Damaged(str(path), error.strerror or ""))
                continue
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                damaged.append(Damaged(str(path), str(error)))
                continue
            if entry.version != VERSION:
                damaged.append(Damaged(str(path), f"version {entry.version}, expected {VERSION}"))
                continue
            found.append(entry.transaction)
        return (*sorted(found, key=lambda item: item.started_at), *damaged)

    @contextmanager
    def hold(self, engine: str, container: str) -> Iterator[None]:
        """Raises BusyError if another program, or another thread of this one, holds it."""
        name = hashlib.sha256(f"{engine}\0{container}".encode()).hexdigest()[:32]
        try:
            self._make()
            descriptor = atomic_file.lock(self.folder / f"{name}.lock", wait=False)
        except BlockingIOError:
            raise BusyError(container) from None
        except OSError as error:
            raise JournalError(f"{error.filename or self.folder}: {error.strerror}") from error
        try:
            with hold_container(container):
                yield
        finally:
            os.close(descriptor)

    def held(self, container: str) -> bool:
        """See `core.relaunch.transaction.Journal`."""
        return is_container_held(container)

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.check_folder(self.folder)


_CREDENTIALS = struct.Struct("iii")  # struct ucred: pid, uid, gid


@contextmanager
def hold_container(container: str) -> Iterator[None]:
    """Raises BusyError if root or this user works on it with another journal."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mark:
        try:
            mark.bind(_socket_name(container))
            mark.listen(8)  # connections are never accepted: being able to connect is the answer
        except OSError:  # taken; or no such sockets here, where the engine's names have to suffice
            if _live_holder(container) in (0, os.geteuid()):
                raise BusyError(container) from None
        yield


def is_container_held(container: str) -> bool:
    """Whether any user holds it, also one who is ignored above: whatever may be in use is left alone."""
    return _live_holder(container) is not None


def _live_holder(container: str) -> int | None:
    """The user of the program that holds it; None if none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as asking:
        try:
            asking.connect(_socket_name(container))
        except BlockingIOError:  # the backlog is full
            return os.geteuid()
        except OSError:
            return None
        said = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user: int = _CREDENTIALS.unpack(said)[1]
        return user


def _socket_name(container: str) -> str:
    return f"\0stratascope/{hashlib.sha256(container.encode()).hexdigest()[:32]}"
