"""One command of an owner, with a time limit, under an exclusive lock on the service.

The lock is flock(2) on a file of the owner's own, and the child inherits the descriptor: where this program is killed,
the command goes on and keeps the lock, so whoever recovers waits for its end and does not run beside it. Decided
against killing the child together with this program: half a `compose up` is worse than a whole one. For the same reason
what it is given and prints goes by files without a name: a pipe that nobody reads any more would end it by SIGPIPE.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stratascope import sandbox
from stratascope.child_output import TooLongError
from stratascope.core.message import msg
from stratascope.core.owners import OwnerError, OwnerFailedError, OwnerGoneError
from stratascope.owners.host import on_host

_WORDS = 2000  # characters of what a command says that are kept
_SAID_MAX = 16 << 20  # bytes that it may print; what it prints of an image is the engine's
_LOOK = 0.1  # seconds between two tries to get the lock
_WAIT = 0.05  # seconds between two looks at what it prints


@contextmanager
def alone(path: str, seconds: float) -> Iterator[int]:
    """Hold that file; yields the descriptor for a child. Raises OwnerError where another has it for too long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        text = msg("A file that its owner creates it from no longer exists: {path}.", path=path)
        raise OwnerGoneError(text) from error
    except OSError as error:
        text = msg("A file that its owner creates it from can't be read: {path}.", path=path)
        raise OwnerError(text, error.strerror or "") from error
    try:
        _lock(descriptor, path, seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                text = msg("Its owner is still busy with an earlier command on {path}. Try again.", path=path)
                raise OwnerError(text) from None
            time.sleep(_LOOK)
        except OSError:
            return  # a file system without locks: go on as all other programs do there
        else:
            return


def run(
    command: tuple[str, ...], environ: Mapping[str, str], *, limit: float, lock: int | None = None, given: str = ""
) -> str:
    """What it prints on its standard output. Raises OwnerError with its words where it fails, hangs or is not there."""
    name = next((word for word in ("compose", "systemctl") if word in command), command[0])
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as words:
        asked.write(given.encode("utf-8", "surrogateescape"))
        asked.seek(0)
        try:
            child = subprocess.Popen(
                on_host(command, environ, lock),
                env=dict(environ),
                stdin=asked,
                stdout=said,
                stderr=words,
                start_new_session=True,  # Ctrl+C means this program, which then walks the way back
                pass_fds=() if lock is None else (lock,),
                cwd=None if sandbox.access() is sandbox.Access.OUTSIDE else "/",  # it has to be there on the host too
            )
        except (OSError, ValueError) as error:  # a NUL in a word
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise OwnerError(msg("The command {name} can't be run.", name=name), why or "") from error
        try:
            _wait(child, limit, said.fileno(), words.fileno())
        except subprocess.TimeoutExpired:
            _kill(child)
            text = msg("The command {name} did not finish within {seconds} seconds.", name=name, seconds=round(limit))
            raise OwnerError(text, _last(words)) from None
        except TooLongError as error:
            _kill(child)
            text = msg("The command {name} printed more than expected.", name=name)
            raise OwnerError(text, str(error)) from None
        except BaseException:
            _kill(child)
            raise
        if child.returncode:
            text = msg("The command {name} exited with status {status}.", name=name, status=child.returncode)
            raise OwnerFailedError(text, _last(words))
        said.seek(0)
        return said.read(_SAID_MAX).decode("utf-8", "replace")


def _wait(child: subprocess.Popen[bytes], limit: float, *files: int) -> None:
    """Until it has ended. Raises subprocess.TimeoutExpired, TooLongError."""
    until = time.monotonic() + limit
    while True:
        if any(os.fstat(file).st_size > _SAID_MAX for file in files):
            raise TooLongError(f"more than {_SAID_MAX} bytes")
        try:
            child.wait(min(_WAIT, max(0.0, until - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= until:
                raise
        else:
            return


def _last(words: IO[bytes]) -> str:
    words.seek(max(0, words.seek(0, os.SEEK_END) - 4 * _WORDS))
    return words.read(4 * _WORDS).decode("utf-8", "replace")[-_WORDS:].strip()


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(5)


def writable(folder: Path) -> bool:
    """Whether a file can be made there, or in the folder above where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
