"""The collector as a child behind an argument prefix: `flatpak-spawn --host`, `ssh host`, or none.

One long-lived child serves many requests; it is started when it is first needed, and again after it died or was too
slow. Every exchange has a time limit, because a network, a shell or a /proc may hang. Decided against asyncio and
against reader threads: one exchange at a time over three pipes is a loop over `selectors`.

From inside a Flatpak's sandbox it runs on the host where that is allowed (`HostProber`); else every call reports that
it is not (`WithheldProber`). The sandbox's own /proc is never read for a container: the PIDs that engines report are
not in it, and the same numbers there belong to other processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from pathlib import PurePath
from typing import Any

from stratascope import sandbox
from stratascope.collector.serve import PROTOCOL
from stratascope.core.capture import Capture
from stratascope.core.ground import HOST_WANTS
from stratascope.core.message import msg
from stratascope.core.ports import ConfinedError, ContainerCapture, ProbeError, Wish
from stratascope.core.sanitize import plain
from stratascope.probe.bundle import BOOT, IncompleteError, framed
from stratascope.probe.local import Entries, MalformedError, checked, checked_entries

# what a child may need to reach the other side; not LD_LIBRARY_PATH and PYTHON… of a bundled program
ENVIRONMENT = (
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "LOGNAME",
    "PATH",
    "SSH_AUTH_SOCK",
    "USER",
    "XDG_RUNTIME_DIR",
)
TIME_LIMIT = 20.0  # seconds for one exchange
ANSWER_MAX = 256 << 20  # bytes of one reply
NOISE_MAX = 1 << 16  # bytes that a login shell may print before the collector speaks
_WORDS_MAX = 4096  # bytes kept of the child's standard error
_SLICE = 1 << 16


def command(prefix: tuple[str, ...], python: str = "python3") -> list[str]:
    """The whole argument list. ssh passes one text to a shell on the other side, so there our words are quoted."""
    own = [python, "-SI", "-c", BOOT]
    if prefix and PurePath(prefix[0]).name == "ssh":
        return [*prefix, shlex.join(own)]
    return [*prefix, *own]


class PipedProber:
    """A `core.ports.Prober`. May be called from several threads; they wait for each other.

    `limit` is in seconds, for each exchange, including the start. Every failure is a ProbeError, after which the child
    is gone and the next call starts a new one.
    """

    environment: tuple[str, ...] = ENVIRONMENT  # names of variables that the child gets

    def __init__(self, prefix: tuple[str, ...] = (), *, python: str = "python3", limit: float = TIME_LIMIT) -> None:
        self._command = command(prefix, python)
        self._limit = self._start_limit = limit
        self._own_session = True  # no terminal to ask for a password on, and one process group to kill
        self._lock = threading.Lock()
        self.child: subprocess.Popen[bytes] | None = None
        self._words = b""
        self._rest = b""  # data after the last reply's line

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        """The facts of the machine where the collector runs. Raises ProbeError."""
        entries = self._ask({"ask": "host", "names": list(HOST_WANTS if names is None else names)}, "host")
        try:
            return Entries().capture(0, checked_entries(entries))
        except MalformedError as error:
            raise self._invalid(str(error)) from error

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """One answer per wish, in order. Raises ProbeError."""
        if not wishes:
            return ()
        asked = [[wish.pid, list(wish.wants), list(wish.member_wants), wish.members, wish.container] for wish in wishes]
        others = {str(wish.pid): list(wish.others) for wish in wishes if wish.others is not None}
        answers = self._ask({"ask": "capture", "wishes": asked, "others": others}, "found")
        if not isinstance(answers, list) or len(answers) != len(wishes):
            raise self._invalid("one answer a wish was expected")
        made = Entries()
        try:
            return tuple(made.found(checked(answer)) for answer in answers)
        except MalformedError as error:
            raise self._invalid(str(error)) from error

    def close(self) -> None:
        """End the child, if there is one. May be called twice; a later call starts a new one."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any], key: str) -> Any:
        with self._lock:
            try:
                if self.child is None or self.child.poll() is not None:
                    self._start()
                reply = self._exchange(json.dumps(request).encode("ascii") + b"\n")
                if key not in reply:
                    raise self._nonsense(str(reply.get("refused", "an unknown reply")))
            except BaseException:
                self._end()
                raise
        return reply[key]

    def _start(self) -> None:
        self._end()
        self._words = b""
        try:
            program = self._program()
        except IncompleteError as error:
            raise ProbeError(
                msg("A part of Stratascope is missing from this installation. Install it again."), str(error)
            ) from error
        environment = {name: os.environ[name] for name in self.environment if name in os.environ}
        try:
            self.child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**environment, "LC_ALL": "C"},
                cwd="/",
                start_new_session=self._own_session,
            )
        except (OSError, ValueError) as error:
            raise ProbeError(
                msg("{program} could not be started. Install it, or choose another engine.", program=self._command[0]),
                str(error),
            ) from error
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        hello = self._exchange(program + b'{"ask":"hello"}\n', greeting=True)
        if hello.get("protocol") != PROTOCOL:
            raise self._other_version(hello.get("protocol"))
        self._greeted(hello)

    def _program(self) -> bytes:
        """The data to send before the first request. Raises IncompleteError."""
        return framed()

    def _greeted(self, hello: dict[str, Any]) -> None:
        """Called once the collector has said hello."""

    def _other_version(self, theirs: Any) -> ProbeError:
        return ProbeError(
            msg(
                "The other side speaks version {theirs} of the collector protocol, this program version {ours}. "
                "Install the same version of Stratascope on both sides and start it again.",
                theirs=str(theirs),
                ours=PROTOCOL,
            ),
            f"protocol {theirs!r}, expected {PROTOCOL}",
        )

    def _exchange(self, data: bytes, greeting: bool = False) -> dict[str, Any]:
        """Send one request and wait for its line. Before the greeting, other lines (a login banner) are skipped."""
        deadline = time.monotonic() + (self._start_limit if greeting else self._limit)
        left = NOISE_MAX
        pending = memoryview(data)
        while True:
            line = self._line(pending, deadline)
            pending = pending[:0]
            try:
                reply = json.loads(line)
            except (ValueError, RecursionError):
                reply = None
            if isinstance(reply, dict) and (not greeting or "stratascope" in reply):
                return reply
            left -= len(line) + 1
            if not greeting or left < 0:
                raise self._nonsense("not a reply: " + plain(line[:200].decode("utf-8", "surrogateescape")))

    def _line(self, pending: memoryview, deadline: float) -> bytes:
        child = self.child
        if child is None or child.stdin is None or child.stdout is None or child.stderr is None:
            raise self._died()
        chunks = [self._rest]
        size = len(self._rest)
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            selector.register(child.stderr, selectors.EVENT_READ)
            if pending:
                selector.register(child.stdin, selectors.EVENT_WRITE)
            while True:
                head, newline, tail = chunks[-1].partition(b"\n")
                if newline and not pending:
                    self._rest = tail
                    return b"".join((*chunks[:-1], head))
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise self._slow()
                for key, _ in selector.select(remaining):
                    if key.fileobj is child.stdin:
                        pending = self._write(child.stdin.fileno(), pending)
                        if not pending:
                            selector.unregister(child.stdin)
                    elif key.fileobj is child.stderr:
                        if not self._listen(child.stderr.fileno()):
                            selector.unregister(child.stderr)
                    else:
                        chunk = os.read(child.stdout.fileno(), _SLICE)
                        if not chunk:
                            raise self._died()
                        size += len(chunk)
                        if size > ANSWER_MAX:
                            raise self._nonsense("the reply is too long")
                        if b"\n" in chunks[-1]:  # a whole line came while the request is still being sent
                            chunks[-1] += chunk
                        else:
                            chunks.append(chunk)

    def _write(self, descriptor: int, pending: memoryview) -> memoryview:
        try:
            return pending[os.write(descriptor, pending[:_SLICE]) :]
        except BlockingIOError:
            return pending
        except BrokenPipeError:
            raise self._died() from None

    def _listen(self, descriptor: int) -> bool:
        try:
            chunk = os.read(descriptor, _SLICE)
        except BlockingIOError:
            return True
        self._words = (self._words + chunk)[-_WORDS_MAX:]
        return bool(chunk)

    def _died(self) -> ProbeError:
        child = self.child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1.0)  # its standard error is complete once it is gone
            if child.stderr is not None:
                while len(before := self._words) < _WORDS_MAX and self._listen(child.stderr.fileno()):
                    if self._words == before:
                        break
        code = child.returncode if child is not None else None
        return ProbeError(
            msg(
                "The collector behind {program} ended, perhaps because Python 3.8 or newer is missing there. It is "
                "started again at the next reading.",
                program=self._command[0],
            ),
            self._stderr_text(f"ended with {code}"),
        )

    def _slow(self) -> ProbeError:
        return ProbeError(
            msg(
                "The collector behind {program} did not answer within {seconds} seconds. It is started again at the "
                "next reading.",
                program=self._command[0],
                seconds=f"{self._limit:g}",
            ),
            self._stderr_text("no answer in time"),
        )

    def _invalid(self, detail: str) -> ProbeError:
        """Build the error for a complete but invalid reply, and end the child."""
        error = self._nonsense(detail)
        self.close()
        return error

    def _nonsense(self, detail: str) -> ProbeError:
        return ProbeError(
            msg(
                "What answers behind {program} is not Stratascope's collector. Check that command by hand.",
                program=self._command[0],
            ),
            self._stderr_text(detail),
        )

    def _stderr_text(self, otherwise: str) -> str:
        words = self._words.decode("utf-8", "surrogateescape").strip()
        return f"{otherwise}: {words}" if words else otherwise

    def _kill(self, child: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._own_session:
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()

    def _end(self) -> None:
        child, self.child = self.child, None
        self._rest = b""
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()  # the collector ends when its requests end
        try:
            child.wait(0.2)
        except subprocess.TimeoutExpired:
            self._kill(child)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5.0)  # a child of another user can't be killed; its requests have ended
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


# What flatpak-spawn prints if the service refuses or is missing, and what the service reports for a missing program
_NO_CALL, _NO_START, _NO_PROGRAM = "Portal call failed", "Failed to start command", "Failed to execute child process"


def withheld() -> ConfinedError:
    """The error that this sandbox bars access to the host, with the command that would allow it."""
    return ConfinedError(
        msg(
            "This Flatpak has no access to the host's kernel, so much of what it enforces is not known. Allow it "
            "with this command, and start Stratascope again:"
        ),
        sandbox.GRANT,
    )


class WithheldProber:
    """A `core.ports.Prober` that may read nothing; every call raises."""

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        """Raises ConfinedError."""
        raise withheld()

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """Raises ConfinedError."""
        if not wishes:
            return ()
        raise withheld()

    def close(self) -> None:
        """Nothing needs to be closed."""


class HostProber(PipedProber):
    """A `core.ports.Prober` on the host, behind flatpak-spawn."""

    def __init__(self, prefix: tuple[str, ...] = sandbox.HOST, *, python: str = "python3") -> None:
        super().__init__(prefix, python=python)
        self._is_greeted = False

    def _ask(self, request: dict[str, Any], key: str) -> Any:
        served = self._is_greeted
        try:
            return super()._ask(request, key)
        except ProbeError as error:
            if not served or not isinstance(error, _DiedError):
                raise
        return super()._ask(request, key)  # it worked before, and was ended since: by a log-out, or by a person

    def _start(self) -> None:
        self._is_greeted = False
        super()._start()

    def _greeted(self, hello: dict[str, Any]) -> None:
        self._is_greeted = True

    def _died(self) -> ProbeError:
        words = super()._died().words
        if self._is_greeted:
            text = msg("The reader on the host ended. It is started again at the next reading.")
        elif _NO_PROGRAM in words:
            text = msg("The host has no python3, which is needed to read its kernel. Install it there, and refresh.")
        elif _NO_CALL in words and _NO_START not in words:
            text = msg(
                "The host does not answer this Flatpak: its service {name} is not available. Start Stratascope from "
                "your desktop session, and refresh.",
                name=sandbox.NAME,
            )
        else:
            text = msg("The reader on the host could not be started. See its message, fix the cause, and refresh.")
        return _DiedError(text, words)


class _DiedError(ProbeError):
    """The child died; it was not too slow, and sent nothing invalid."""
