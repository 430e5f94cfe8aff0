"""Owners' commands and files from inside a Flatpak: commands run on the host, files need access to their directory.

Outside a Flatpak, this machine is the host. Inside, a command runs behind flatpak-spawn, without the sandbox's own
environment, which has other directories. A project's files are only visible if a person gave the Flatpak access to
their directory; else the owner's container is refused, with the command that grants it. Decided against reading and
writing them by commands on the host: that would bypass what the person allowed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
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
from stratascope.core import shell_quote
from stratascope.core.message import msg
from stratascope.core.ports import OwnerError, OwnerFailedError, OwnerGoneError
from stratascope.core.relaunch.owner import OwnerKind, OwnerRefusal

_CARRIED = ("LC_ALL", "SYSTEMD_PAGER", "SYSTEMD_COLORS")
_SECONDS = 20.0


def on_host(command: tuple[str, ...], environ: Mapping[str, str], lock: int | None = None) -> tuple[str, ...]:
    """The argv that runs a command on the host; the lock's descriptor is forwarded too."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return command
    carried = [f"--env={name}={environ[name]}" for name in _CARRIED if name in environ]
    held = [] if lock is None else [f"--forward-fd={lock}"]
    return (*sandbox.HOST, *carried, *held, *command)


def there(program: str, environ: Mapping[str, str]) -> bool:
    """Whether the host has a program of that name."""
    match sandbox.access():
        case sandbox.Access.OUTSIDE:
            return shutil.which(program, path=environ.get("PATH")) is not None
        case sandbox.Access.WITHHELD:
            return False
    asked = on_host(("sh", "-c", 'command -v -- "$0"', program), {})
    try:
        done = subprocess.run(
            asked, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=_SECONDS, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def barred(kind: OwnerKind) -> OwnerRefusal | None:
    """Refuse if no command can be run on the host at all."""
    if sandbox.access() is not sandbox.Access.WITHHELD:
        return None
    return OwnerRefusal(
        kind,
        msg("Its owner has to re-create it with a command on the host, and this Flatpak can't run any there."),
        msg("Allow it with: {command}", command=sandbox.GRANT),
    )


def unreachable(kind: OwnerKind, *paths: str) -> OwnerRefusal | None:
    """Refuse if this Flatpak has no access to the directory of an owner's file."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return None
    path = next((path for path in paths if not Path(path).exists()), None)
    if path is None:
        return None
    folder = os.path.dirname(path)  # noqa: PTH120 - a path of the host, which is no file here
    command = f"flatpak override --user --filesystem={shell_quote.word(folder)} {sandbox.APP}"
    return OwnerRefusal(
        kind,
        msg("This Flatpak has no access to the files that its owner creates it from: {path}.", path=path),
        msg("Allow it with this command, and start Stratascope again: {command}", command=command),
    )


def config_home(environ: Mapping[str, str]) -> Path:
    """The user's configuration directory on the host; the sandbox's variable names one of its own."""
    inside = sandbox.access() is not sandbox.Access.OUTSIDE
    named = environ.get("HOST_XDG_CONFIG_HOME" if inside else "XDG_CONFIG_HOME")
    return Path(named) if named else Path(environ.get("HOME") or Path.home()) / ".config"


_WORDS = 2000  # characters kept of a command's error output
_SAID_MAX = 16 << 20  # bytes of output; what it prints about an image is the engine's
_LOOK = 0.1  # seconds between two attempts to get the lock
_WAIT = 0.05  # seconds between two checks of its output's size


@contextmanager
def alone(path: str, seconds: float) -> Iterator[int]:
    """Lock that file; yields the descriptor for a child. Raises OwnerError if another process holds it for too long."""
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
            return  # a file system without locks: go on like any other program there
        else:
            return


def run(
    command: tuple[str, ...], environ: Mapping[str, str], *, limit: float, lock: int | None = None, given: str = ""
) -> str:
    """Run a command; returns its output. Raises OwnerError with its error output if it fails, hangs or is missing."""
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
                start_new_session=True,  # Ctrl+C is for this program, which then rolls back
                pass_fds=() if lock is None else (lock,),
                cwd=None if sandbox.access() is sandbox.Access.OUTSIDE else "/",  # it has to exist on the host too
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
    """Wait until it has ended. Raises subprocess.TimeoutExpired, TooLongError."""
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
    """Whether a file can be created there, or in the first existing directory above."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
