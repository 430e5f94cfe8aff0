"""What only root can read: asked for on a person's request, and added to the readings of containers.

A person may take minutes to answer, so asking has a thread of its own; nothing else waits for it.

Reading it stops each process for a moment, so it is read once, and again only if the process, its state or the number
of its filters changed, or after `forget`. What did not answer in time, as on a busy machine, is read again after a
while, less and less often. When the prober fails for good, a gap with its message takes its place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from errno import ETIMEDOUT
from math import inf
from typing import Protocol

from stratascope.collector.names import CHROOT, GIVING_PROGRAMS
from stratascope.core.capture import Capture, Gap, GapKind, Reading, or_none, whole_gap
from stratascope.core.container import Container, Status
from stratascope.core.message import msg
from stratascope.core.ports import ContainerCapture, ProbeError, Prober, Wish
from stratascope.core.snapshot import Privilege, PrivilegeState
from stratascope.layers.capabilities.programs import gains_by_programs
from stratascope.linux.process import parse_status
from stratascope.usecases.live.further_processes import stat_of
from stratascope.value import Value, replace


class RootAccess(Protocol):
    """A way to obtain a prober that runs as root."""

    @property
    def command(self) -> str:
        """What is run as root, to show to the person who is asked; "" if nobody is asked."""

    def open(self) -> Prober:
        """Ask, and wait for the answer, minutes if necessary. Raises ProbeError."""


class Elevation:
    """The states: idle, asking, then on or refused. `changed` is called from any thread at each transition."""

    def __init__(self, access: RootAccess | None, changed: Callable[[], None]) -> None:
        self._access = access
        self._changed = changed
        self._lock = threading.Lock()
        self._privilege = Privilege() if access is None else Privilege(PrivilegeState.IDLE, access.command)

    @property
    def privilege(self) -> Privilege:
        """The current state."""
        return self._privilege

    def begin(self) -> bool:
        """True if somebody is to be asked now; the caller must then call `ask`. False if already asking or on."""
        with self._lock:
            if self._privilege.state not in (PrivilegeState.IDLE, PrivilegeState.REFUSED):
                return False
            self._privilege = replace(self._privilege, state=PrivilegeState.ASKING, message=None, words="")
        self._changed()
        return True

    def ask(self, use: Callable[[Prober], None]) -> None:
        """Ask and wait; `use` gets the prober before the state is on."""
        if self._access is None:
            return
        try:
            use(self._access.open())
        except ProbeError as error:
            self.fall(error)
        except Exception as error:
            from stratascope.fault_log import fault_logger

            logger = fault_logger(__name__)
            logger.exception("the reader that is root could not be started")
            self.fall(ProbeError(msg("The reader that runs as root could not be started."), str(error)))
        else:
            with self._lock:
                if self._privilege.state is PrivilegeState.ASKING:  # it may have failed already
                    self._privilege = replace(self._privilege, state=PrivilegeState.ON)
            self._changed()

    def fall(self, error: ProbeError) -> None:
        """Mark root access as lost: authorisation was refused, or the helper exited."""
        with self._lock:
            self._privilege = replace(
                self._privilege, state=PrivilegeState.REFUSED, message=error.message, words=error.words
            )
        self._changed()


Key = tuple[str, str]
Process = tuple[Key, int]
Loss = Callable[[ProbeError], None]
AGAIN, RARELY = 5.0, 80.0  # seconds until what did not answer in time is read again: at first, and in the end


class _Kept(Value):
    """What was read of one process in that state, and until when it holds, by time.monotonic()."""

    state: Hashable
    readings: tuple[Reading, ...]
    pause: float  # seconds
    until: float


class RootReadings:
    """The prober that runs as root, if any, and what it read. Thread-safe."""

    def __init__(self, wants: tuple[str, ...]) -> None:
        self._wants = wants
        self._lock = threading.Lock()
        self._prober: Prober | None = None
        self._lost: Gap | None = None
        self._on_loss: Loss | None = None
        self._kept: dict[Key, dict[int, _Kept]] = {}

    def use(self, prober: Prober, on_loss: Loss | None) -> None:
        """Read with this prober from now on. `on_loss` is called once, from any thread, if it fails for good."""
        with self._lock:
            self._prober, self._on_loss, self._lost, self._kept = prober, on_loss, None, {}

    def is_by(self, prober: Prober) -> bool:
        """Whether it is this prober that reads, as where the program itself is root."""
        return self._prober is prober

    @property
    def wanted(self) -> bool:
        """Whether `of` has anything to add."""
        return bool(self._wants) and (self._prober is not None or self._lost is not None)

    def forget(self, key: Key | None) -> None:
        """Drop the cached readings of one container, or of all."""
        with self._lock:
            if key is None:
                self._kept = {}
            else:
                self._kept.pop(key, None)

    def forget_all_but(self, keys: Collection[Key]) -> None:
        """Keep the readings of these containers only: the others are gone."""
        for key in tuple(self._kept):
            if key not in keys:
                self._kept.pop(key, None)

    def due(self, key: Key) -> float:
        """When to read that container again, by time.monotonic(), since something did not answer in time; else inf."""
        return min((each.until for each in tuple(self._kept.get(key, {}).values())), default=inf)

    def host(self, names: tuple[str, ...] | None = None) -> Capture | None:
        """The machine's facts as root sees them; None without root. `names` as in `core.ports.Prober`."""
        prober = self._prober
        if prober is None:
            return None
        try:
            return prober.host(names)
        except ProbeError as error:
            self._lose(prober, error)
            return None

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...] | None:
        """An ordinary reading, as root; None without root."""
        prober = self._prober
        if prober is None:
            return None
        try:
            return prober.capture(wishes)
        except ProbeError as error:
            self._lose(prober, error)
            return None

    def of(self, ours: Sequence[tuple[Container, Capture]], other: Prober | None) -> dict[Process, tuple[Reading, ...]]:
        """What only root can read of these processes and threads, by container and PID; one call per container.

        `other` reaches another machine, where the collector itself reports what it may read.
        """
        prober, lost = self._prober, self._lost
        if not self.wanted:
            return {}
        if prober is None:
            gap = lost or Gap(GapKind.UNSUPPORTED)
            return {(container.key, first.pid): self._missing(first.pid, gap) for container, first in ours}
        known: dict[Process, tuple[Reading, ...]] = {}
        fresh: list[tuple[Process, Capture, Hashable]] = []
        pauses: dict[Process, float] = {}
        kept, now = self._kept, time.monotonic()
        before = {container.key: kept.pop(container.key, {}) for container, _ in ours}
        trees: dict[tuple[Key, str], int] = {}  # the process of a mount namespace whose files are looked at
        wants = {}
        for container, first in ours:
            key = container.key, first.pid
            # takes longest, and is the same for all processes of a mount namespace
            tree, looked = or_none(first.text("ns/mnt")), gains_by_programs(first) is not False
            if looked and tree is not None:
                looked = trees.setdefault((container.key, tree), first.pid) == first.pid
            wants[first.pid] = tuple([name for name in self._wants if looked or name != GIVING_PROGRAMS])
            # the status is part of the key, as a paused container becomes readable when it is resumed
            state: Hashable = (container.status, *_state(first))
            found = before[container.key].get(first.pid)
            if found is not None and found.state == state and now < found.until:
                known[key] = found.readings
                kept.setdefault(container.key, {})[first.pid] = found
                continue
            before_it = found.pause if found is not None and found.state == state else 0.0
            pauses[key] = inf if container.status is Status.PAUSED else min(RARELY, 2 * before_it or AGAIN)
            fresh.append((key, first, state))
        if not fresh:
            return known
        wishes = tuple(Wish(first.pid, ("stat", *wants[first.pid]), members=False) for _, first, _ in fresh)
        try:
            answers = (other or prober).capture(wishes)
        except ProbeError as error:
            if other is None:
                self._lose(prober, error)
            gap = Gap(GapKind.UNSUPPORTED, detail=error.words)
            return known | {key: self._missing(first.pid, gap) for key, first, _ in fresh}
        for (key, first, state), answer in zip(fresh, answers, strict=True):
            gone = whole_gap(answer.first)
            if gone is None and _start(answer.first) != _start(first):
                gone = Gap(GapKind.GONE, detail="the process ended before it was read as root")
            if gone is not None:
                known[key] = self._missing(first.pid, gone)
                continue
            known[key] = tuple(reading for reading in answer.first.readings if reading.name != "stat")
            late = any(reading.gap is not None and reading.gap.errno == ETIMEDOUT for reading in known[key])
            until = time.monotonic() + pauses[key] if late else inf
            kept.setdefault(key[0], {})[first.pid] = _Kept(state, known[key], pauses[key], until)
        return known

    def _missing(self, pid: int, gap: Gap) -> tuple[Reading, ...]:
        return tuple(Reading(name, f"/proc/{pid}", None, gap) for name in self._wants)

    def _lose(self, prober: Prober, error: ProbeError) -> None:
        """Drop a prober that failed for good. Reported once, however many threads notice."""
        with self._lock:
            if self._prober is not prober:
                return
            self._prober, self._kept = None, {}
            self._lost = Gap(GapKind.UNSUPPORTED, detail=error.words)
            report = self._on_loss
        if report is not None:
            report(error)


def _start(capture: Capture) -> int | None:
    """Start time of the process, in ticks since boot."""
    stat = stat_of(capture)
    return None if stat is None else stat.start


def _state(capture: Capture) -> tuple[Hashable, ...]:
    """A key that is equal only if its filters and files are: the process, its number of filters, its chroot.

    Filters can be added, never removed or changed (seccomp(2)).
    """
    status = or_none(capture.decoded("status", parse_status))
    chroot = or_none(capture.text(CHROOT))  # it decides where its files are
    filters = () if status is None else (status.seccomp, status.seccomp_filters)
    return capture.pid, _start(capture), chroot, *filters
