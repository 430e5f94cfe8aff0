"""Fold the observer's events into an observation: pure, one event after the other, bounded for any input.

What an engine's runtime does in the container's control group before it starts the program is not a need of the
program, and left out: a process counts from the first program that it executes, and so do its children.

Every capability check comes with the call chain of kernel functions that led to it, innermost first. The chain decides
whether a program used the capability or was only checked for it. Decided against credentials: overlayfs works with the
mounter's credentials in the middle of a program's call, and their address is reused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from stratascope.collector.observe.processes import is_runtime
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
    Reached,
    Signal,
    Unseen,
    User,
    Watched,
    Written,
)
from stratascope.core.observation.observation import (
    BY_MOST,
    LIST_MOST,
    Access,
    Observation,
    Phase,
    RefusedCall,
    Seen,
    UsedArguments,
    UsedCall,
    UsedCapability,
    UsedPath,
    UsedPort,
    is_notable_argument,
    programs,
)
from stratascope.linux.capability import CapabilitySet, name_of, number_of
from stratascope.linux.syscalls import call_name
from stratascope.value import Value, replace

START = 10.0  # seconds that count as a container's start
_AT_START = 3.0  # seconds after its start in which its mounts are marked, and names that it calls seen before
_LAST_TIME = 253402300799.0  # the last second of the year 9999
_ACCESSES = frozenset(Access)
_AT_ONCE = 0.5  # seconds in which processes that already exist are reported
_PROCESSES_MOST = 20_000  # remembered at the same time
_COUNT_MOST = 1 << 53  # counts saturate here
Item = TypeVar("Item")
_ACCEPT = frozenset(("accept", "accept4"))
_SAVE = frozenset(("fsync", "fdatasync", "msync", "sync", "syncfs", "rename", "renameat", "renameat2"))
_USER_CALLS = frozenset(("setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32"))
_GROUP_CALLS = frozenset(("setgid", "setregid", "setresgid", "setgid32", "setregid32", "setresgid32"))
_NOBODY = 0xFFFFFFFF
_RELOAD = frozenset((1, 10, 12))  # SIGHUP, SIGUSR1, SIGUSR2


class Program(Value):
    """A process of the container: its name, and whether it or an ancestor was started from outside (exec)."""

    name: str
    session: bool = False


class _Process:
    """One process of the container. `runtime`: it has not executed the container's program yet."""

    __slots__ = ("command", "gid", "lacked", "runtime", "session")

    def __init__(self, command: str, runtime: bool) -> None:
        self.command = command
        self.runtime = runtime
        self.session = False  # started from outside, while observed
        self.gid: int | None = None  # the group that it set for itself
        self.lacked: dict[tuple[str, int], set[str]] = {}


class _Use:
    __slots__ = ("by", "first", "initial", "last", "uses")

    def __init__(self, first: float = 0.0) -> None:
        self.first = first
        self.last = 0.0
        self.uses = 0
        self.by: dict[str, None] = {}
        self.initial = False

    def add(self, count: int, command: str) -> None:
        self.uses = min(self.uses + count, _COUNT_MOST)
        if command and len(self.by) < BY_MOST:
            self.by[command] = None


class Fold:
    """Accumulates events into an observation. `held`: the container's bounding set; None: not known."""

    def __init__(self, held: CapabilitySet | None = None) -> None:
        self._held = held
        self._processes: dict[int, _Process] = {}
        self._first: int | None = None  # its first process
        self._begun: float | None = None
        self._now = 0.0
        self._started: float | None = None  # when its first program was executed, if that was seen
        self._seen = Seen()
        self._phases: set[Phase] = set()
        self._capabilities: dict[str, _Use] = {}
        self._calls: dict[tuple[str, str], _Use] = {}
        self._arguments: dict[UsedArguments, None] = {}
        self._denied: dict[RefusedCall, None] = {}
        self._written: dict[str, None] = {}
        self._executed: dict[str, None] = {}
        self._devices: dict[str, None] = {}
        self._since = 0.0  # when the observer's clock was 0
        self._watched: dict[str, float] = {}
        self._reached: dict[str, UsedPath] = {}
        self._ports: dict[tuple[str, int], UsedPort] = {}
        self._users: dict[tuple[int, int], None] = {}
        self._kept: dict[str, str] = {}
        self._peaks: dict[str, float] = {}
        self._unseen: dict[str, str] = {}

    def feed(self, event: Event) -> None:
        """Process the next event."""
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
                    if event.path in self._watched:
                        self._reach(event.at, event.path, Access.READ, self._of(event.pid).command)
            case Watched():
                if len(self._watched) < LIST_MOST:
                    self._watched.setdefault(event.path, event.at)
            case Reached():
                if event.access in _ACCESSES:
                    self._reach(event.at, event.path, Access(event.access), event.program)
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
            case Begin():
                self._since = event.since
            case End() | OutOfMemory():
                pass

    def program_of(self, pid: int) -> Program | None:
        """The program of a process; None if it does not (yet) run one of the container's."""
        found = self._processes.get(pid)
        return None if found is None or found.runtime else Program(found.command, found.session)

    def observation(self) -> Observation:
        """The observation so far."""
        begun = self._now if self._begun is None else self._begun
        phases = tuple(phase for phase in Phase if phase in self._phases)
        return Observation(
            replace(self._seen, seconds=self._now - begun, phases=phases),
            tuple(
                UsedCapability(name, use.initial, use.uses, tuple(use.by), use.last)
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
            self._paths(),
        )

    # -- inside

    def _clock(self, at: float) -> float:
        """Seconds since the epoch; 0.0 where that is not known."""
        return round(min(self._since + at, _LAST_TIME), 3) if self._since else 0.0

    def _reach(self, at: float, path: str, access: Access, program: str) -> None:
        old = self._reached.get(path)
        if old is None and len(self._reached) >= LIST_MOST:
            return
        time = self._clock(at)
        old = old or UsedPath(path, first=time)
        kinds = tuple(each for each in Access if each is access or each in old.access)
        by = programs(old.by, (program,))
        self._reached[path] = replace(
            old, access=kinds, by=by, first=min(old.first, time), last=max(old.last, time)
        )  # opens are told later than calls

    def _paths(self) -> tuple[UsedPath, ...]:
        found = dict(self._reached)
        for path, at in self._watched.items():
            starts = self._started is not None and at - self._started < _AT_START
            found[path] = replace(found.get(path, UsedPath(path)), seconds=round(self._now - at, 3), starts=int(starts))
        return tuple(found[path] for path in sorted(found))

    def _of(self, pid: int) -> _Process:
        """The process with this PID. One never announced came into the control group from outside: it is a runtime
        until it executes something.
        """
        found = self._processes.get(pid)
        if found is None:
            if len(self._processes) >= _PROCESSES_MOST:
                return _Process("", False)  # not remembered, but its events count: nobody hides in a crowd
            found = self._processes[pid] = _Process("", True)
        return found

    def _process(self, event: Process) -> None:
        if event.how == "there":
            self._of(event.pid).command = event.command
            if is_runtime(event.program):  # initialised, and waiting for its start
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
            if all(is_notable_argument(name, value) for value in event.values):
                _put(self._arguments, UsedArguments(event.abi, name, event.values))
            return
        value = event.values[0] & _NOBODY if event.values else _NOBODY
        if value == _NOBODY:  # -1: unchanged
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
            use.last = self._clock(event.at)
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


# security/commoncap.c, kernel/capability.c: functions through which checks are made, not the ones that make them
_ASKING_NAMES = """
__netlink_ns_capable
bpf_capable bpf_ns_capable cap_capable cap_capable_helper capable capable_noaudit capable_wrt_inode_uidgid
checkpoint_restore_ns_capable file_ns_capable has_capability has_capability_noaudit has_ns_capability
has_ns_capability_noaudit netlink_capable netlink_net_capable netlink_ns_capable ns_capable ns_capable_common
ns_capable_noaudit ns_capable_setid perfmon_capable privileged_wrt_inode_uidgid security_capable sk_capable
sk_net_capable sk_ns_capable
"""
_ASKING = frozenset(_ASKING_NAMES.split())
_ONLY_ASKED = frozenset(("has_capability_noaudit", "has_ns_capability_noaudit", "ns_capable_noaudit"))
# In these the task's own rights decide, also with overlayfs (fs/overlayfs checks the caller before it switches creds)
_OF_THE_TASK = frozenset(("generic_permission", "inode_owner_or_capable", "setattr_prepare"))
# With CAP_SYS_ADMIN a process may use the last 3 % of memory: the last of these checks for it (security/commoncap.c),
# called by the first through the second (mm/util.c). Compilers inline one or the other.
_MEMORY_RESERVE = frozenset(("__vm_enough_memory", "security_vm_enough_memory_mm", "cap_vm_enough_memory"))


# Alternative capabilities that the kernel checks next if the first is not held: generic_permission in fs/namei.c,
# perfmon_capable and similar ones in include/linux/capability.h, copy_process, sk_setsockopt
_ADMIN = number_of("CAP_SYS_ADMIN")
_INSTEAD = {
    number_of("CAP_DAC_READ_SEARCH"): (number_of("CAP_DAC_OVERRIDE"),),
    number_of("CAP_NET_RAW"): (number_of("CAP_NET_ADMIN"),),
    **dict.fromkeys(
        map(number_of, ("CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE", "CAP_SYSLOG", "CAP_SYS_RESOURCE")),
        (_ADMIN,),
    ),
}


# Functions that receive netlink requests, and refuse one if the capability is missing (net/core/rtnetlink.c,
# net/netlink, net/netfilter/nfnetlink.c, net/xfrm/xfrm_user.c, kernel/audit.c). A check deeper inside only limits the
# reply
_REQUESTS = frozenset(
    (
        *("audit_netlink_ok", "audit_receive", "audit_receive_msg", "genl_family_rcv_msg", "genl_rcv_msg"),
        *("nfnetlink_rcv", "nfnetlink_rcv_msg", "rtnetlink_rcv_msg", "xfrm_user_rcv_msg"),
    )
)


class Answered(Protocol):
    """A check: its result, 0 or −errno, and the call chain of kernel functions, innermost first."""

    @property
    def answer(self) -> int: ...
    @property
    def frames(self) -> tuple[str, ...]: ...


class OfCapability(Answered, Protocol):
    """A check with the capability that it was for."""

    @property
    def capability(self) -> int: ...


Of = TypeVar("Of", bound=OfCapability)


def is_use(check: Answered) -> bool:
    """Whether a successful check is a use: without the capability something would have failed."""
    return check.answer == 0 and not _is_aside(check.frames)


def is_refusal(check: Answered) -> bool:
    """Whether a failed check refused something."""
    return check.answer < 0 and not _is_aside(check.frames) and not any(name in _ONLY_ASKED for name in check.frames)


def decisive(checks: Iterable[Of]) -> tuple[Of, ...]:
    """Those of one call's checks that refused something. A failed check does not count if an alternative capability was
    checked and held: the call was then refused for another reason.
    """
    known = tuple(checks)
    granted = {(each.capability, _callers(each)) for each in known if each.answer == 0}
    return tuple(
        each
        for each in known
        if is_refusal(each)
        and not any((right, _callers(each)) in granted for right in _INSTEAD.get(each.capability, ()))
    )


def _callers(check: Answered) -> tuple[str, ...]:
    names = (name.partition(".")[0] for name in check.frames)
    return tuple(name for name in names if name not in _ASKING)


def is_refused_request(check: Answered) -> bool:
    """Whether the check refused a netlink request: the call itself succeeds, and the errno is in the reply."""
    if not is_refusal(check):
        return False
    callers = (name.partition(".")[0] for name in check.frames)
    return next((name for name in callers if name not in _ASKING), "") in _REQUESTS


def _is_aside(frames: tuple[str, ...]) -> bool:
    names = [name.partition(".")[0] for name in frames]  # `generic_permission.part.0`
    if not _MEMORY_RESERVE.isdisjoint(names):
        return True
    callers = [name for name in names if name not in _ASKING]
    if not any(name.startswith("ovl_") for name in callers):
        return False
    # overlayfs's own checks on the layer below take the same path, with ovl_ functions in between
    return not (callers[0] in _OF_THE_TASK and callers[1].startswith("ovl_"))
