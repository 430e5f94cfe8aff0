"""The collector as root, and nothing else as root: by the installed helper, pkexec or sudo.

If the program itself is root, no authorisation is asked for. A way that is missing, or that can't ask anybody, gives
way to the next one; a person's refusal ends the search. A collector that has ended is not started again, because that
would ask for a password unexpectedly. Decided against a daemon: the collector lives as long as its standard input.

A small program of ours is run once as root in the same ways (`run_as_root`), except by the installed helper, which can
only read. Decided against `pkexec stratascope …`: root would import from directories that a user may write to.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from stratascope.collector.filters import why_not
from stratascope.collector.serve import PROTOCOL
from stratascope.core.message import Message, msg
from stratascope.core.ports import ProbeError
from stratascope.core.sanitize import plain
from stratascope.probe.bundle import BOOT
from stratascope.probe.helper.install import HELPER
from stratascope.probe.piped import ENVIRONMENT, TIME_LIMIT, PipedProber
from stratascope.sandbox import HOST
from stratascope.value import Value

PYTHON = "/usr/bin/python3"  # the host's own: one inside an AppImage's mount is closed to root
PATIENCE = 300.0  # seconds for a person to answer the password dialog
FLATPAK = HOST
_DISMISSED, _NOT_AUTHORIZED = 126, 127  # pkexec(1), "RETURN VALUE"; 127 also if it can't ask or start
_REFUSED = msg(
    "Nothing was started as root, because that was refused or is not possible here. Everything else is as before."
)
_NOBODY = msg("Nobody entered a password. Nothing was started as root, everything else is as before.")
T = TypeVar("T")


class RootMethod(StrEnum):
    ROOT = "root"  # this program is root
    HELPER = "helper"
    PKEXEC = "pkexec"
    SUDO = "sudo"


class RootCommand(Value):
    """One way to start the collector as root. `terminal`: the password is asked for on the terminal that we run on."""

    kind: RootMethod
    command: tuple[str, ...]
    terminal: bool = False

    @property
    def words(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self.command)


class NoRootError(ProbeError):
    """Nothing could be run as root. `final`: no other way should be tried."""

    def __init__(self, message: Message, words: str = "", *, final: bool = True) -> None:
        super().__init__(message, words)
        self.final = final


def already_root() -> bool:
    """Whether this process may read everything; uid 0 in a container may not."""
    return os.geteuid() == 0 and not why_not()


def ways(environ: Mapping[str, str], *, flatpak: bool = False, terminal: bool = False) -> tuple[RootCommand, ...]:
    """List the ways to try, in order. `terminal`: a person sits at the terminal that we run on."""
    if not flatpak and already_root():
        return (RootCommand(RootMethod.ROOT, _carried(())),)
    prefix = FLATPAK if flatpak else ()
    sudo = _sudo(environ, terminal=terminal and not flatpak)
    found = []
    if _there("pkexec", environ, flatpak=flatpak):
        if _helper_there(flatpak=flatpak):
            found.append(RootCommand(RootMethod.HELPER, (*prefix, "pkexec", HELPER)))
        found.append(RootCommand(RootMethod.PKEXEC, _carried((*prefix, "pkexec"))))
    if _there("sudo", environ, flatpak=flatpak):
        asking = RootCommand(RootMethod.SUDO, _carried((*prefix, *sudo)), terminal=len(sudo) == 2)
        seen = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
        # without a desktop there is no dialog, and pkexec's own prompt needs the terminal that it does not get
        found = [*found, asking] if seen or not asking.terminal else [asking, *found]
    return tuple(found)


def _carried(prefix: tuple[str, ...]) -> tuple[str, ...]:
    """Start Python with the collector's text on standard input, so that root needs no access to our files."""
    return (*prefix, PYTHON, "-SI", "-c", BOOT)


def _sudo(environ: Mapping[str, str], *, terminal: bool) -> tuple[str, ...]:
    if terminal:
        return ("sudo", "--")
    return ("sudo", "-A", "--") if environ.get("SUDO_ASKPASS") else ("sudo", "-n", "--")


def _there(program: str, environ: Mapping[str, str], *, flatpak: bool) -> bool:
    """Whether a program exists; behind flatpak-spawn that is only known after trying."""
    return flatpak or shutil.which(program, path=environ.get("PATH", os.defpath)) is not None


def _helper_there(*, flatpak: bool) -> bool:
    if not flatpak:
        return os.access(HELPER, os.X_OK)
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run([*FLATPAK, "test", "-x", HELPER], check=False, capture_output=True, timeout=5.0, cwd="/")
        return asked.returncode == 0
    return False


def was_denied(code: int | None, words: str) -> bool:
    """Whether a person, or this machine's policy, refused; else this way was just not possible."""
    return code == _DISMISSED or (code == _NOT_AUTHORIZED and "Not authorized" in words)


class ElevatedProber(PipedProber):
    """A `core.ports.Prober` that `begin` starts once; after it has ended, every call is a ProbeError."""

    environment = (*ENVIRONMENT, "DISPLAY", "SUDO_ASKPASS", "TERM", "WAYLAND_DISPLAY", "XAUTHORITY")

    def __init__(self, way: RootCommand, *, limit: float = TIME_LIMIT, patience: float = PATIENCE) -> None:
        super().__init__(limit=limit)
        self.way = way
        self._command = list(way.command)
        self._start_limit = patience
        self._own_session = not way.terminal
        self._begun = self._is_greeted = False

    def begin(self) -> None:
        """Start it, and wait until it runs as root. Raises NoRootError, ProbeError."""
        with self._lock:
            try:
                self._start()
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """End it at once, even while the password dialog is open."""
        if self._lock.acquire(timeout=0.2):
            try:
                self._end()
            finally:
                self._lock.release()
            return
        child = self.child
        if child is not None:
            self._kill(child)

    def _start(self) -> None:
        if self._begun:
            raise self._ended(self._stderr_text("it had ended"))
        self._begun = True
        try:
            super()._start()
        except NoRootError:
            raise
        except ProbeError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NoRootError(error.message, error.words, final=False) from error
            raise

    def _program(self) -> bytes:
        return b"" if self.way.kind is RootMethod.HELPER else super()._program()

    def _greeted(self, hello: dict[str, Any]) -> None:
        barred = hello.get("barred")
        if barred:
            raise NoRootError(
                msg("The collector runs, but can't read what only root can. Nothing has changed."),
                plain(str(barred)),
            )
        self._is_greeted = True

    def _other_version(self, theirs: Any) -> ProbeError:
        if self.way.kind is not RootMethod.HELPER:
            return super()._other_version(theirs)
        return NoRootError(
            msg(
                "The installed helper {path} speaks version {theirs} of the collector protocol, this program version "
                "{ours}. Update it with stratascope helper install, or remove it with stratascope helper remove.",
                path=HELPER,
                theirs=plain(str(theirs)),
                ours=PROTOCOL,
            ),
            f"protocol {theirs!r}, expected {PROTOCOL}",
        )

    def _died(self) -> ProbeError:
        error = super()._died()
        if self._is_greeted:
            return self._ended(error.words)
        code = self.child.returncode if self.child is not None else None
        denied = was_denied(code, error.words)
        if self.way.kind is RootMethod.ROOT:
            return error
        return NoRootError(
            _REFUSED,
            error.words,
            final=denied,
        )

    def _slow(self) -> ProbeError:
        error = super()._slow()
        if self._is_greeted:
            return self._ended(error.words)
        return NoRootError(_NOBODY, error.words)

    @staticmethod
    def _ended(words: str) -> ProbeError:
        return ProbeError(
            msg("The collector that read as root has ended. Start it again to see what only root can read."), words
        )


def open_elevated(
    candidates: tuple[RootCommand, ...],
    *,
    limit: float = TIME_LIMIT,
    patience: float = PATIENCE,
    started: list[ElevatedProber],
) -> ElevatedProber:
    """Start a collector as root by the first way that works; `started` gets each one tried. Raises ProbeError.

    It is appended before it is started, so that another thread can close it while a person is being asked.
    """

    def begin(way: RootCommand) -> ElevatedProber:
        prober = ElevatedProber(way, limit=limit, patience=patience)
        started.append(prober)
        prober.begin()
        return prober

    return _first(candidates, begin)


def _first(candidates: tuple[RootCommand, ...], start: Callable[[RootCommand], T]) -> T:
    """Call `start` with each way until one leads to root. Raises NoRootError, and what `start` raises."""
    last = NoRootError(msg("Neither pkexec nor sudo was found. Install one of them, or start Stratascope as root."))
    for way in candidates:
        try:
            return start(way)
        except NoRootError as error:
            last = error
            if error.final:
                raise
    raise last


def usable(candidates: tuple[RootCommand, ...]) -> tuple[RootCommand, ...]:
    """The ways that can run any program."""
    return tuple(way for way in candidates if way.kind is not RootMethod.HELPER)


def run_as_root(
    candidates: tuple[RootCommand, ...], program: bytes, request: bytes, *, patience: float = PATIENCE
) -> bytes:
    """Run a program by the first way that leads to root; returns its output. Raises NoRootError if it did not run."""
    data = b"%d\n%b%b" % (len(program), program, request)
    return _first(usable(candidates), lambda way: _run(way, data, patience))


def _run(way: RootCommand, data: bytes, patience: float) -> bytes:
    environment = {name: os.environ[name] for name in ElevatedProber.environment if name in os.environ}
    try:
        child = subprocess.Popen(
            way.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "LC_ALL": "C"},
            cwd="/",
            start_new_session=not way.terminal,
        )
    except OSError as error:
        raise NoRootError(_REFUSED, f"{way.command[0]}: {error.strerror}", final=False) from error
    try:
        answer, said = child.communicate(data, timeout=patience)
    except subprocess.TimeoutExpired:
        _end(child, own_session=not way.terminal)
        raise NoRootError(_NOBODY) from None
    except BaseException:
        _end(child, own_session=not way.terminal)
        raise
    words = plain(said.decode("utf-8", "surrogateescape").strip(), 1000)
    if child.returncode:
        final = was_denied(child.returncode, words)
        raise NoRootError(_REFUSED, words or f"ended with {child.returncode}", final=final)
    return answer


def _end(child: subprocess.Popen[bytes], *, own_session: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if own_session:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5.0)
