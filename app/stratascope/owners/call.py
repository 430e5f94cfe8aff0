"""One command of an owner, with a time limit, under an exclusive lock on the service.

The lock is flock(2) on a file of the owner's own, and the child inherits the descriptor: where this program is killed,
the command goes on and keeps the lock, so whoever recovers waits for its end and does not run beside it. Decided
against killing the child together with this program: half a `compose up` is worse than a whole one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stratascope import sandbox
from stratascope.core.message import msg
from stratascope.core.ports import OwnerError, OwnerFailedError, OwnerGoneError
from stratascope.owners.host import on_host

_WORDS = 2000  # characters of what a command says that are kept
_LOOK = 0.1  # seconds between two tries to get the lock


@contextmanager
def alone(path: str, seconds: float) -> Iterator[int]:
    """Hold that file; yields the descriptor for a child. Raises OwnerError where another has it for too long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        text = msg("A file that its owner makes it from is gone: {path}.", path=path)
        raise OwnerGoneError(text) from error
    except OSError as error:
        text = msg("A file that its owner makes it from can't be read: {path}.", path=path)
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
    try:
        child = subprocess.Popen(
            on_host(command, environ, lock),
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl+C means this program, which then walks the way back
            pass_fds=() if lock is None else (lock,),
            cwd=None if sandbox.access() is sandbox.Access.OUTSIDE else "/",  # it has to be there on the host too
        )
    except (OSError, ValueError) as error:  # a NUL in a word
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise OwnerError(msg("The command {name} can't be run.", name=name), words or "") from error
    try:
        said, words = child.communicate(given, timeout=limit)
    except subprocess.TimeoutExpired:
        said, words = _end(child)
        text = msg("The command {name} did not end in {seconds} seconds.", name=name, seconds=round(limit))
        raise OwnerError(text, words[-_WORDS:].strip()) from None
    except BaseException:
        _end(child)
        raise
    if child.returncode:
        text = msg("The command {name} ended with exit status {status}.", name=name, status=child.returncode)
        raise OwnerFailedError(text, words[-_WORDS:].strip())
    return said


def _end(child: subprocess.Popen[str]) -> tuple[str, str]:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    try:
        return child.communicate(timeout=5)
    except subprocess.TimeoutExpired:  # a grandchild in a session of its own holds the pipes
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
        child.wait(5)
        return "", ""


def writable(folder: Path) -> bool:
    """Whether a file can be made there, or in the folder above where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
