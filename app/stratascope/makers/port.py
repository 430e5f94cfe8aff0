"""This machine's sandboxes as the containers of an engine: `core.ports.EnginePort`.

Nothing reports them, so they are looked for: whenever processes were started since the last look, which the kernel's
count of process ids shows (the last number in /proc/loadavg, proc(5)), or one ended that a sandbox began with (pidfd).
A look takes time with the number of processes, so pauses grow with what the last one took: at most a fiftieth of a core
while processes are started, and nothing while none is. Decided against following forks by the kernel's own events (proc
connector, BPF): they need root.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from stratascope.core.capture import Reading
from stratascope.core.container import NO_ENGINE, Engine, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, Event, EventKind, NoSuchContainerError, ProbeError, RawContainer, Top
from stratascope.core.sandbox import Group, Sandbox
from stratascope.linux.confined import parse_confined
from stratascope.linux.decode import DecodeError
from stratascope.makers.translate import found_in, raw_of
from stratascope.makers.units import Show, Units
from stratascope.value import replace

Look = Callable[[], Reading]  # CONFINED (`collector.names`) of this machine. Raises ProbeError

PAUSE = 1.0  # seconds between two looks at the count
SHARE = 50  # a look that takes one second is followed by this many without one
AGENTS_MAX = 1000  # that had a sandbox
UNSEEN = 120.0  # seconds until the next look though nothing was started: a process may confine itself at any time
FOLLOWED_MAX = 256  # first processes whose end is waited for


class SandboxesPort:
    """`look` is set by who makes it, and replaced by one that is root. `counted`: the kernel's count of process ids;
    None: not known. `show`: asks systemd about units; None: nobody is asked.
    """

    id = NO_ENGINE.id
    shell: tuple[str, ...] = ()
    top: Top | None = None

    look: Look

    def __init__(self, counted: Callable[[], str | None] | None = None, show: Show | None = None) -> None:
        self._counted = _last_pid if counted is None else counted
        self._units = None if show is None else Units(show, os.getuid())
        self._lock = threading.Lock()
        self._known: dict[str, RawContainer] = {}
        self._firsts: tuple[int, ...] = ()
        self._error: EngineError | None = None
        self._cost = 0.0  # seconds that the last look took
        self._ended: set[int] = set()  # first processes that have ended and are still listed, as one not reaped is
        self._agents: dict[tuple[str, int], None] = {}  # makers of sandboxes and their PIDs, the last ones seen last
        self._closed = threading.Event()
        self._waker: tuple[int, int] | None = None

    def describe(self) -> Engine:
        """Always there; unreachable where /proc can't be read."""
        error = self._error
        if error is None:
            return NO_ENGINE
        return replace(NO_ENGINE, state=error.state, message=error.message, error=error.words)

    def list(self) -> tuple[RawContainer, ...]:
        """All sandboxes. Raises EngineError."""
        return tuple(self._looked().values())

    def inspect(self, container: str) -> RawContainer:
        """One sandbox, as of the last look."""
        with self._lock:
            found = self._known.get(container)
        if found is None:
            raise NoSuchContainerError(container)
        return found

    def exported(self, container: str) -> Iterator[bytes]:
        """No maker hands out files."""
        raise NoSuchContainerError(container)

    def events(self) -> Iterator[Event]:
        """What changed since the last look."""
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        with self._lock:
            self._waker = reader, writer
        return self._events(reader)

    def close(self) -> None:
        """End `events`."""
        self._closed.set()
        with self._lock:
            waker = self._waker
        if waker is not None:
            with suppress(OSError):
                os.write(waker[1], b".")

    def _events(self, waker: int) -> Iterator[Event]:
        try:
            yield from self._changes(waker)
        finally:
            with self._lock:
                ends, self._waker = self._waker, None
            for end in ends or ():
                os.close(end)

    def _changes(self, waker: int) -> Iterator[Event]:
        with self._lock:
            shown = dict(self._known)
        count, again, looked = self._counted(), True, time.monotonic()
        while not self._closed.is_set():
            ended = self._wait(waker, max(PAUSE, self._cost * SHARE))
            if self._closed.is_set():
                return
            before, count = count, self._counted()
            # once more after the last start: it may have been confined since
            started = count != before or count is None
            if not (started or again or ended) and time.monotonic() - looked < UNSEEN:
                continue
            again, looked = started, time.monotonic()
            found = self._looked()
            for name in shown.keys() - found.keys():
                yield Event(EventKind.REMOVED, name)
            for name, raw in found.items():
                if shown.get(name) != raw:
                    yield Event(EventKind.CHANGED, name)
            shown = found

    def _looked(self) -> dict[str, RawContainer]:
        begun = time.monotonic()
        try:
            reading = self.look()
            if reading.text is None:
                raise EngineError(EngineState.UNREACHABLE, _UNREAD, reading.gap.detail if reading.gap else "")
            confined = parse_confined(reading.text)
            found = found_in(confined if self._units is None else self._units.told(confined))
        except ProbeError as error:
            self._error = EngineError(EngineState.UNREACHABLE, error.message, error.words)
        except DecodeError as error:
            self._error = EngineError(EngineState.UNREACHABLE, _UNREAD, str(error))
        except EngineError as error:
            self._error = error
        else:
            self._error = None
            listed = tuple(filter(self._counts, (each.sandbox for each in found)))
            known = {each.id: raw_of(each) for each in listed}
            with self._lock:
                self._known = known
                self._firsts = tuple(each.first for each in listed)
            self._cost = time.monotonic() - begun
            return known
        raise self._error

    def _counts(self, sandbox: Sandbox) -> bool:
        """Whether it is listed: what an agent runs unconfined only if it had a sandbox before."""
        makers = [(sandbox.maker, pid) for pid in sandbox.helpers]
        if sandbox.free:
            return any(each in self._agents for each in makers)
        for each in makers if sandbox.group is Group.AGENTS else ():
            self._agents.pop(each, None)
            self._agents[each] = None
        while len(self._agents) > AGENTS_MAX:
            self._agents.pop(next(iter(self._agents)))
        return True

    def _wait(self, waker: int, seconds: float) -> bool:
        """Wait, or until `close`. Whether a first process has ended."""
        poll = select.poll()
        poll.register(waker, select.POLLIN)
        self._ended &= set(self._firsts)
        held: dict[int, int] = {}
        try:
            for pid in self._firsts[:FOLLOWED_MAX]:
                if pid not in self._ended:
                    with suppress(OSError):  # ended, or of another PID namespace
                        held[os.pidfd_open(pid)] = pid
            for descriptor in held:
                poll.register(descriptor, select.POLLIN)
            ended = {held[descriptor] for descriptor, _ in poll.poll(seconds * 1000) if descriptor in held}
            self._ended |= ended
            return bool(ended)
        finally:
            for descriptor in held:
                os.close(descriptor)


_UNREAD = msg("The processes of this machine can't be listed.")


def _last_pid() -> str | None:
    """The last process id that was given out, proc(5); None: not readable."""
    try:
        return Path("/proc/loadavg").read_text("ascii").rsplit(" ", 1)[-1]
    except OSError:
        return None
