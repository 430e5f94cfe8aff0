"""The observer's events folded into an observation: pure, one event after the other, bounded whatever comes.

What an engine's runtime does in the container's control group before it starts the program is nobody's need, and left
out: a process counts from the first program that it executes, and so do its children.
"""

from __future__ import annotations

from typing import TypeVar

from stratascope.collector.observe.processes import is_runtime
from stratascope.core.observation.checks import is_refusal, is_use
from stratascope.core.observation.events import (
    Arguments,
    Begin,
    Call,
    Check,
    Device,
    End,
    Event,
    Exit,
    Failed,
    Holds,
    Listens,
    Lost,
    OutOfMemory,
    Peak,
    Peer,
    Process,
    Signal,
    Unseen,
    User,
    Written,
)
from stratascope.core.observation.observation import (
    BY_MOST,
    LIST_MOST,
    Observation,
    Phase,
    RefusedCall,
    Seen,
    UsedArguments,
    UsedCall,
    UsedCapability,
    UsedPort,
)
from stratascope.linux.capability import CapabilitySet, name_of
from stratascope.linux.syscalls import call_name
from stratascope.value import Value, replace

START = 10.0  # seconds that belong to a start
_AT_ONCE = 0.5  # … in which those are told that are there at the beginning
_PROCESSES_MOST = 20_000  # remembered at the same time
_COUNT_MOST = 1 << 53  # beyond it a count stands still
Item = TypeVar("Item")
_ACCEPT = frozenset(("accept", "accept4"))
_SAVE = frozenset(("fsync", "fdatasync", "msync", "sync", "syncfs", "rename", "renameat", "renameat2"))
_USER_CALLS = frozenset(("setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32"))
_GROUP_CALLS = frozenset(("setgid", "setregid", "setresgid", "setgid32", "setregid32", "setresgid32"))
_NOBODY = 0xFFFFFFFF
_RELOAD = frozenset((1, 10, 12))  # SIGHUP, SIGUSR1, SIGUSR2


class Program(Value):
    """A process of the container: its name, and whether somebody began it, or one above it, from outside (exec)."""

    name: str
    session: bool = False


class _Process:
    """One process of the container. `runtime`: it has not executed the container's program yet."""

    __slots__ = ("command", "gid", "lacked", "runtime", "session")

    def __init__(self, command: str, runtime: bool) -> None:
        self.command = command
        self.runtime = runtime
        self.session = False  # begun from outside, while it was watched
        self.gid: int | None = None  # as which group it goes on, by its own wish
        self.lacked: dict[tuple[str, int], set[str]] = {}


class _Use:
    __slots__ = ("by", "first", "initial", "uses")

    def __init__(self, first: float = 0.0) -> None:
        self.first = first
        self.uses = 0
        self.by: dict[str, None] = {}
        self.initial = False

    def add(self, count: int, command: str) -> None:
        self.uses = min(self.uses + count, _COUNT_MOST)
        if command and len(self.by) < BY_MOST:
            self.by[command] = None


class Fold:
    """Takes events, gives observations at any moment. `held`: the container's bounding set; None: not known."""

    def __init__(self, held: CapabilitySet | None = None) -> None:
        self._held = held
        self._processes: dict[int, _Process] = {}
        self._first: int | None = None  # its first process
        self._begun: float | None = None
        self._now = 0.0
        self._started: float | None = None  # when its first program was executed, where that was seen
        self._seen = Seen()
        self._phases: set[Phase] = set()
        self._capabilities: dict[str, _Use] = {}
        self._calls: dict[tuple[str, str], _Use] = {}
        self._arguments: dict[UsedArguments, None] = {}
        self._denied: dict[RefusedCall, None] = {}
        self._written: dict[str, None] = {}
        self._executed: dict[str, None] = {}
        self._devices: dict[str, None] = {}
        self._ports: dict[tuple[str, int], UsedPort] = {}
        self._users: dict[tuple[int, int], None] = {}
        self._kept: dict[str, str] = {}
        self._peaks: dict[str, float] = {}
        self._unseen: dict[str, str] = {}

    def feed(self, event: Event) -> None:
        """The next event."""
        self._now = max(self._now, event.at)
        if self._begun is None:
            self._begun = event.at
        match event:
            case Process():
                self._process(event)
            case Exit():
                self._exit(event)
            case Call():
                self._call(event)
            case Arguments():
                self._called_with(event)
            case Check():
                self._check(event)
            case Failed():
                self._failed(event)
            case Signal():
                if event.number in _RELOAD and not self._of(event.pid).runtime:
                    self._phases.add(Phase.RELOAD)
                    self._seen = replace(self._seen, reloads=self._seen.reloads + 1)
            case Written():
                _put(self._written, event.path)
            case Device():
                if not self._of(event.pid).runtime:
                    _put(self._devices, event.path)
            case Listens() | Peer():
                self._port(event)
            case User():
                if not self._of(event.pid).runtime:
                    _put(self._users, (event.uid, event.gid))
            case Holds():
                if not self._of(event.pid).runtime and len(self._kept) < LIST_MOST:
                    self._kept.setdefault(name_of(event.capability), self._of(event.pid).command)
            case Peak():
                if len(self._peaks) < BY_MOST or event.what in self._peaks:
                    self._peaks[event.what] = max(event.value, self._peaks.get(event.what, 0.0))
            case Lost():
                self._seen = replace(self._seen, lost=min(self._seen.lost + event.count, _COUNT_MOST))
            case Unseen():
                if len(self._unseen) < BY_MOST * 2:
                    self._unseen.setdefault(event.what, event.why)
            case Begin() | End() | OutOfMemory():
                pass

    def program_of(self, pid: int) -> Program | None:
        """None where a process is not the container's program (yet)."""
        found = self._processes.get(pid)
        return None if found is None or found.runtime else Program(found.command, found.session)

    def observation(self) -> Observation:
        """All so far."""
        begun = self._now if self._begun is None else self._begun
        phases = tuple(phase for phase in Phase if phase in self._phases)
        return Observation(
            replace(self._seen, seconds=self._now - begun, phases=phases),
            tuple(
                UsedCapability(name, use.initial, use.uses, tuple(use.by))
                for name, use in sorted(self._capabilities.items())
            ),
            tuple(UsedCall(*key, use.uses, tuple(use.by), use.first) for key, use in sorted(self._calls.items())),
            tuple(sorted(self._arguments, key=str)),
            tuple(sorted(self._denied, key=str)),
            tuple(sorted(self._written)),
            tuple(sorted(self._devices)),
            tuple(self._ports[key] for key in sorted(self._ports)),
            tuple(sorted(self._users)),
            tuple(sorted(self._peaks.items())),
            tuple(sorted(self._kept.items())),
            tuple(sorted(self._unseen.items())),
            tuple(sorted(self._executed)),
        )

    # -- inside

    def _of(self, pid: int) -> _Process:
        """One that nobody told of came into the control group from outside: a runtime, until it executes something."""
        found = self._processes.get(pid)
        if found is None:
            if len(self._processes) >= _PROCESSES_MOST:
                return _Process("", False)  # not known as whose, but counted: nobody hides behind a crowd
            found = self._processes[pid] = _Process("", True)
        return found

    def _process(self, event: Process) -> None:
        if event.how == "there":
            self._of(event.pid).command = event.command
            if is_runtime(event.program):  # it was initialized, and waits for its start
                return
            self._of(event.pid).runtime = False
            if self._first is None:
                self._first = event.pid
            elif event.parent not in self._processes and event.at > (self._begun or 0.0) + _AT_ONCE:
                self._of(event.pid).session = True
                self._phases.add(Phase.SESSIONS)
                self._seen = replace(self._seen, execs=self._seen.execs + 1)
            return
        if event.how == "fork":
            parent = self._processes.get(event.parent)
            child = self._of(event.pid)
            child.command = event.command
            child.runtime = parent is None or parent.runtime
            child.session = parent is not None and parent.session
            if not child.runtime and self._started_long_ago():
                self._phases.add(Phase.CHILDREN)
            return
        process = self._of(event.pid)
        process.command = event.command
        process.lacked.clear()
        runtime = is_runtime(event.program)
        if not runtime and event.program.startswith("/"):
            _put(self._executed, event.program)
        if not process.runtime or runtime:
            return
        process.runtime = False
        if self._first is None:
            self._first, self._started = event.pid, event.at
            self._phases.add(Phase.START)
            self._seen = replace(self._seen, starts=self._seen.starts + 1)
        else:
            process.session = True
            self._phases.add(Phase.SESSIONS)
            self._seen = replace(self._seen, execs=self._seen.execs + 1)

    def _started_long_ago(self) -> bool:
        begun = self._started if self._started is not None else self._begun
        return begun is not None and self._now - begun > START

    def _exit(self, event: Exit) -> None:
        self._processes.pop(event.pid, None)
        if event.pid == self._first:
            self._phases.add(Phase.STOP)
            self._seen = replace(self._seen, stops=self._seen.stops + 1)

    def _call(self, event: Call) -> None:
        process = self._of(event.pid)
        if process.runtime:
            return
        name = call_name(event.abi, event.number)
        key = event.abi, name
        if key not in self._calls and len(self._calls) >= LIST_MOST:
            return
        if key not in self._calls:
            self._calls[key] = _Use(max(0.0, event.at - (event.at if self._begun is None else self._begun)))
        self._calls[key].add(event.count, process.command)
        if name in _ACCEPT:
            self._phases.add(Phase.REQUESTS)
        elif name in _SAVE:
            self._phases.add(Phase.SAVE)

    def _called_with(self, event: Arguments) -> None:
        process = self._of(event.pid)
        if process.runtime:
            return
        name = call_name(event.abi, event.number)
        if name not in _USER_CALLS and name not in _GROUP_CALLS:
            _put(self._arguments, UsedArguments(event.abi, name, event.values))
            return
        value = event.values[0] & _NOBODY if event.values else _NOBODY
        if value == _NOBODY:  # -1: as it is
            return
        if name in _GROUP_CALLS:
            process.gid = value
        else:
            _put(self._users, (value, value if process.gid is None else process.gid))

    def _check(self, event: Check) -> None:
        process = self._of(event.pid)
        if process.runtime:
            return
        name = name_of(event.capability)
        if is_use(event) and (self._held is None or event.capability in self._held):
            use = self._capabilities.setdefault(name, _Use())
            use.add(event.count, process.command)
            use.initial = use.initial or event.initial
        elif event.call is not None and is_refusal(event) and len(process.lacked) < LIST_MOST:
            process.lacked.setdefault((event.abi, event.call), set()).add(name)

    def _failed(self, event: Failed) -> None:
        process = self._of(event.pid)
        if process.runtime:
            return
        lacked = tuple(sorted(process.lacked.pop((event.abi, event.number), ()))) if event.entered else ()
        name = call_name(event.abi, event.number)
        _put(
            self._denied,
            RefusedCall(
                process.command, event.abi, name, event.errno, not event.entered, event.values, event.path, lacked
            ),
        )

    def _port(self, event: Listens | Peer) -> None:
        key = event.protocol, event.port
        old = self._ports.get(key)
        if isinstance(event, Listens):
            outside = old is not None and old.outside
            loopback = event.loopback and (old is None or old.loopback)
            if old is not None or len(self._ports) < LIST_MOST:
                self._ports[key] = UsedPort(*key, loopback, outside)
        elif old is not None and not event.loopback:
            self._ports[key] = replace(old, outside=True)
        if isinstance(event, Peer):
            self._phases.add(Phase.REQUESTS)


def _put(found: dict[Item, None], item: Item) -> None:
    if item in found or len(found) < LIST_MOST:
        found[item] = None
