"""The observer's (`collector/observe`) stream as typed events: one JSON array per line, in the order of time.

The first two fields of every line are its kind and its time, in seconds on the observer's clock (CLOCK_MONOTONIC).
Processes are identified by PID (tgid) in the observer's numbering; system calls by entry point (`x86_64`, `i386`,
`x32`, `aarch64`) and number, since the observer knows no names. The observer decides which events it counts and which
it reports one by one: `count` is how many a line represents, and a minimum where the kernel filters out repetitions.

    ["begin", t, protocol, {"means": …, "clock_ticks": …, "attached": …, "since": …}]
                                      means: "tracepoint" or "kprobe" (where checks are read); attached: in … seconds;
                                      since: when the observer's clock was 0, in seconds since the epoch
    ["process", t, pid, parent, how, command, program]       how: there, fork, exec; program: path of the file, or ""
    ["exit", t, pid, code, signal]                           one of the two is null, or both: not seen; signal 9 also
                                      stands for any other signal sent from outside the container
    ["call", t, pid, abi, number, count]                     entered
    ["arguments", t, pid, abi, number, [a0, …]]              once for each distinct set of the relevant arguments
    ["capability", t, pid, number, answer, initial, abi, call, [frame, …], count]
                                      answer: 0 or −errno of cap_capable; initial: checked in the initial user ns;
                                      frames: the kernel's functions, innermost first, up to the call's own;
                                      call: null outside of any call, or if its number is not known
    ["failed", t, pid, abi, number, errno, entered, [a0, …], path, count, {…}]   entered: whether its entry was
                                      seen; the last, if requested and on the first of its kind: its
                                      circumstances
    ["masked", t, pid, path, {…}]     it opened a path that is masked by something empty
    ["not-gained", t, pid, program, {…}]   it executed a set-uid program or one with capabilities, without gaining them
    ["log", t, pid, text]             the kernel's log (audit) on this process: seccomp, AppArmor, SELinux, Landlock
    ["signal", t, pid, number, code]                         generated for it; code as siginfo's si_code. If a filter
                                      sent it for a call also: abi, number, [a0, …] (none if not seen)
    ["out-of-memory", t, pid]
    ["written", t, path, kind]                               in its root file system; kind: file, folder, device
    ["device", t, pid, path]                                 a device node that it opened
    ["watched", t, path]              from here on it is seen what is reached through this mount or device
    ["reached", t, pid, path, access, program]   of a watched one: read (or listed, or only looked at), written,
                                      executed; connected: a socket's path; once, and again a minute later
    ["listens", t, protocol, port, loopback]                 tcp, udp; loopback: on such an address only
    ["peer", t, protocol, port, loopback]                    a connection to that port; loopback: from inside
    ["user", t, pid, uid, gid]                               effective, in the container's numbering
    ["holds", t, pid, number]                                a permitted capability of a process that is not root
    ["peak", t, what, value]                                 memory and cpu in bytes and cores; pids; open_files
    ["lost", t, count]                                       number of events that were lost
    ["unseen", t, what, why]                                 a part that can't be observed here: calls, capabilities, …
    ["end", t, why]

The circumstances of a refused call are the caller's credentials, the capability checks that failed, and what the path
resolved to, as the observer found it then; what could not be read is None. Every field is optional:

    {"tid": N, "inside": PID in its own namespace, "ids": [uid, gid, fsuid, fsgid], "groups": [gid, …],
     "effective": "hex", "permitted": "hex", "bounding": "hex", "no_new_privs": 0 or 1,
     "maps": [of users, of groups]: its user namespace's, [[inside, outside, how many], …] each,
     "checks": [[capability, answer, initial, [frame, …]], …],
     "place": {"path": resolved,
               "node": [kind, mode, uid, gid, "major:minor", has capabilities, its device's name below /dev] or null,
               "gives": its file capabilities as stored (security.capability), in hexadecimal,
               "folder": as "node", for the nearest existing folder, "mount": a line of its mountinfo},
     "presumed": 1 if resolved with another process's mounts, which are presumed to be the same,
     "other": as "place", for the second path of a call that takes two,
     "address": ["inet", "10.0.0.1", 80], ["unix", path, 0] …, "forked_in_vain": pids.events of its group, so far,
     "limits": {"nofile": N, …}: its soft limits}

Ids are in the numbering of the observer's user namespace, the machine's.
"""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import Any

from stratascope.linux.capability import CapabilitySet, file_capabilities
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Mount, parse_mountinfo
from stratascope.linux.namespace import IdRange
from stratascope.value import Value

CHECKS_MAX = 8
GROUPS_MAX = 64
RANGES_MAX = 64
_ID_MAX = (1 << 32) - 1
_HEX_MAX = 16
_FRAMES_MAX = 64
_LIMITS_MAX = 16


class NodeKind(StrEnum):
    """The type of a file, stat(2)."""

    FILE = "file"
    FOLDER = "folder"
    CHARACTER = "character"
    BLOCK = "block"
    LINK = "link"
    SOCKET = "socket"
    FIFO = "fifo"


class Node(Value):
    """A file as reported by stat(2). `device`: number of a device node, "10:200"; `name`: its name in the host's /dev,
    "net/tun". `capabilities`: it has file capabilities.
    """

    kind: NodeKind
    mode: int  # permission bits with set-uid, set-gid, sticky
    uid: int
    gid: int
    device: str = ""
    capabilities: bool = False
    name: str = ""

    @property
    def is_device(self) -> bool:
        return self.kind in (NodeKind.CHARACTER, NodeKind.BLOCK)


class ResolvedPath(Value):
    """A path with links resolved. `node` None: nothing is there; `folder`: the nearest existing folder.

    `gives`: the capabilities that its file grants a program; None: none, or not read.
    """

    path: str
    node: Node | None
    folder: Node | None
    mount: Mount | None
    gives: CapabilitySet | None = None


class CapabilityCheck(Value):
    """A capability check that the kernel made within this call, and its result (0 or −errno)."""

    capability: int
    answer: int
    initial: bool  # checked in the initial user namespace
    frames: tuple[str, ...]


class Address(Value):
    """The address to connect to or bind. `family`: inet, inet6, unix, packet, netlink, … or a number."""

    family: str
    text: str
    port: int


class Circumstances(Value):
    """The circumstances of a refused call; the form of each field is in the module's docstring."""

    tid: int | None = None
    inside: int | None = None
    ids: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    effective: CapabilitySet | None = None
    permitted: CapabilitySet | None = None
    bounding: CapabilitySet | None = None
    no_new_privs: bool | None = None
    checks: tuple[CapabilityCheck, ...] | None = None  # None: not known which belong to this call
    place: ResolvedPath | None = None
    address: Address | None = None
    forked_in_vain: int | None = None
    limits: tuple[tuple[str, int], ...] = ()
    other: ResolvedPath | None = None  # the second of two paths
    uids: tuple[IdRange, ...] | None = None  # the map of its user namespace
    gids: tuple[IdRange, ...] | None = None
    presumed: bool = False  # the path was resolved with the mounts of another process of the container

    @property
    def uid(self) -> int | None:
        """The uid for file access checks (fsuid)."""
        return self.ids[2] if self.ids is not None and len(self.ids) == 4 else None

    def limit(self, name: str) -> int | None:
        """Its soft limit, named as in `--ulimit`."""
        return dict(self.limits).get(name)


def circumstances_of(found: Any) -> Circumstances:
    """Parse the circumstances in a line. Raises ValueError if they have another form."""
    if not isinstance(found, dict):
        raise ValueError("circumstances: an object was expected")
    checks = _maybe(found, "checks", lambda value: tuple(_asked(each) for each in _list(value, CHECKS_MAX)))
    limits = found.get("limits", {})
    uids, gids = _maybe(found, "maps", lambda value: tuple(map(_ranges, _exactly(value, 2)))) or (None, None)
    if not isinstance(limits, dict) or len(limits) > _LIMITS_MAX:
        raise ValueError("limits: a small object was expected")
    return Circumstances(
        _maybe(found, "tid", _id),
        _maybe(found, "inside", _id),
        _maybe(found, "ids", lambda value: _ids(value, 4)),
        _maybe(found, "groups", lambda value: _ids(value, GROUPS_MAX)),
        _maybe(found, "effective", _bits),
        _maybe(found, "permitted", _bits),
        _maybe(found, "bounding", _bits),
        _maybe(found, "no_new_privs", lambda value: bool(_id(value))),
        checks,
        _maybe(found, "place", _place),
        _maybe(found, "address", _address),
        _maybe(found, "forked_in_vain", lambda value: _number(value, 0, _U64)),
        tuple((_word(name), _number(value, 0, _U64)) for name, value in limits.items()),
        _maybe(found, "other", _place),
        uids,
        gids,
        bool(_number(found.get("presumed", 0), 0, 1)),
    )


def _maybe(found: dict[str, Any], name: str, read: Any) -> Any:
    value = found.get(name)
    return None if value is None else read(value)


def _id(value: Any) -> int:
    return _number(value, 0, _ID_MAX)


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a short list was expected")
    return value


def _ids(value: Any, most: int) -> tuple[int, ...]:
    return tuple(_id(each) for each in _list(value, most))


def _ranges(value: Any) -> tuple[IdRange, ...]:
    return tuple(IdRange(*map(_id, _exactly(each, 3))) for each in _list(value, RANGES_MAX))


def _bits(value: Any) -> CapabilitySet:
    text = _word(value)
    if len(text) > _HEX_MAX:
        raise ValueError("a set of capabilities was expected")
    return CapabilitySet(int(text, 16))


def _asked(value: Any) -> CapabilityCheck:
    capability, answer, initial, frames = _exactly(value, 4)
    return CapabilityCheck(
        _number(capability, 0, 63),
        _number(answer, -4095, 0),
        _flag(initial),
        tuple(_word(each) for each in _list(frames, _FRAMES_MAX)),
    )


def _exactly(value: Any, count: int) -> list[Any]:
    found = _list(value, count)
    if len(found) != count:
        raise ValueError(f"{count} values were expected")
    return found


def _place(value: Any) -> ResolvedPath:
    if not isinstance(value, dict):
        raise ValueError("place: an object was expected")
    line = _maybe(value, "mount", _word)
    try:
        mounts = parse_mountinfo(line or "")
    except DecodeError as error:
        raise ValueError("mount: a line of mountinfo was expected") from error
    return ResolvedPath(
        _word(value.get("path", "")),
        _maybe(value, "node", _node),
        _maybe(value, "folder", _node),
        mounts[0] if mounts else None,
        _maybe(value, "gives", _gives),
    )


def _gives(value: Any) -> CapabilitySet | None:
    try:
        return file_capabilities(_word(value))
    except DecodeError as error:
        raise ValueError("capabilities of a file were expected") from error


def _node(value: Any) -> Node:
    kind, mode, uid, gid, device, capabilities, name = _exactly(value, 7)
    return Node(
        NodeKind(_word(kind)),
        _number(mode, 0, 0o7777),
        _id(uid),
        _id(gid),
        _word(device),
        _flag(capabilities),
        _word(name),
    )


def _address(value: Any) -> Address:
    family, text, port = _exactly(value, 3)
    return Address(_word(family), _word(text), _number(port, 0, _ID_MAX))


class Event(Value):
    """One thing that happened. `at`: seconds on the observer's clock."""

    at: float


class Begin(Event):
    """The observer is attached. `protocol`: must be our version."""

    protocol: int
    means: str
    since: float = 0.0  # when the observer's clock was 0, in seconds since the epoch; 0.0: not known


class Process(Event):
    """A process existed at the beginning (there), was created (fork), or executed a program (exec)."""

    pid: int
    parent: int
    how: str
    command: str
    program: str


class Exit(Event):
    """A process ended, by itself or by a signal."""

    pid: int
    code: int | None
    signal: int | None


class Call(Event):
    """A call was entered at least `count` times."""

    pid: int
    abi: str
    number: int
    count: int


class Arguments(Event):
    """A call was entered with these arguments, limited to those that a filter may check."""

    pid: int
    abi: str
    number: int
    values: tuple[int, ...]


class Check(Event):
    """The kernel checked whether a process holds a capability; `answer`: 0 or a negative errno."""

    pid: int
    capability: int
    answer: int
    initial: bool
    abi: str
    call: int | None
    frames: tuple[str, ...]
    count: int


class Failed(Event):
    """A call was refused. Not `entered`: a filter stopped it before it began."""

    pid: int
    abi: str
    number: int
    errno: int
    entered: bool
    values: tuple[int, ...]
    path: str
    count: int
    around: Circumstances = Circumstances()


class Masked(Event):
    """It opened a path that is masked, and found it empty."""

    pid: int
    path: str
    around: Circumstances


class NotGained(Event):
    """It executed a program that gives rights, without gaining them. `around.place`: the program's file."""

    pid: int
    program: str
    around: Circumstances


class Log(Event):
    """A line of the kernel's log about a process."""

    pid: int
    text: str


class Signal(Event):
    """A signal was generated for a process. `call`: the call for which a filter sent SIGSYS; None if there is none."""

    pid: int
    number: int
    code: int
    abi: str = ""
    call: int | None = None
    values: tuple[int, ...] = ()


class OutOfMemory(Event):
    """The OOM killer chose this process."""

    pid: int


class Written(Event):
    """A path in its root file system was written: file, folder or device."""

    path: str
    kind: str


class Device(Event):
    """A device node that was opened."""

    pid: int
    path: str


class Watched(Event):
    """From here on it is seen what is reached through this mount or device."""

    path: str


class Reached(Event):
    """A program reached something through a watched mount or device: `access` as in the module's docstring."""

    pid: int
    path: str
    access: str
    program: str


class Listens(Event):
    """It listens on a port; `loopback`: on loopback addresses only."""

    protocol: str
    port: int
    loopback: bool


class Peer(Event):
    """A client connected to the port; `loopback`: from inside."""

    protocol: str
    port: int
    loopback: bool


class User(Event):
    """The effective ids of a process, in the container's numbering."""

    pid: int
    uid: int
    gid: int


class Holds(Event):
    """A process that is not root has this capability permitted. Reported for the first few processes only."""

    pid: int
    capability: int


class Peak(Event):
    """The peak so far of one resource: memory (bytes), cpu (cores), pids, open_files."""

    what: str
    value: float


class Lost(Event):
    """Events were lost."""

    count: int


class Unseen(Event):
    """A part that can't be observed here, and why."""

    what: str
    why: str


class End(Event):
    """The end of the stream, and why."""

    why: str


PROTOCOL = 1
LINE_MAX = 64 << 10  # characters of one line
TEXT_MAX = 4096  # of one path or word: PATH_MAX
FRAMES_MAX = 64
ARGUMENTS_MAX = 6
_PID_MAX = 1 << 22  # include/linux/threads.h
_U64 = 1 << 64


class StreamError(ValueError):
    """A line that does not conform to the stream's format."""


_AROUND = "around"
_PID, _COUNT, _WORD, _FLAG = "pid", "count", "word", "flag"
_ANSWER, _NUMBERS, _FRAMES, _AMOUNT, _MAYBE = "answer", "numbers", "frames", "amount", "maybe"
_MAYBE_CALL = "maybe-call"
# defaults for trailing fields that a line may omit, by kind
_MORE: dict[str, tuple[Any, ...]] = {"failed": ({},), "signal": ("", None, [])}

# the fields of each kind after the time, in the line's order
_FORMS: dict[str, tuple[type[Event], tuple[str, ...]]] = {
    "process": (Process, (_PID, _PID, _WORD, _WORD, _WORD)),
    "exit": (Exit, (_PID, _MAYBE, _MAYBE)),
    "call": (Call, (_PID, _WORD, _COUNT, _COUNT)),
    "arguments": (Arguments, (_PID, _WORD, _COUNT, _NUMBERS)),
    "capability": (Check, (_PID, _COUNT, _ANSWER, _FLAG, _WORD, _MAYBE, _FRAMES, _COUNT)),
    "failed": (Failed, (_PID, _WORD, _COUNT, _COUNT, _FLAG, _NUMBERS, _WORD, _COUNT, _AROUND)),
    "masked": (Masked, (_PID, _WORD, _AROUND)),
    "not-gained": (NotGained, (_PID, _WORD, _AROUND)),
    "log": (Log, (_PID, _WORD)),
    "signal": (Signal, (_PID, _COUNT, _ANSWER, _WORD, _MAYBE_CALL, _NUMBERS)),
    "out-of-memory": (OutOfMemory, (_PID,)),
    "written": (Written, (_WORD, _WORD)),
    "device": (Device, (_PID, _WORD)),
    "watched": (Watched, (_WORD,)),
    "reached": (Reached, (_PID, _WORD, _WORD, _WORD)),
    "listens": (Listens, (_WORD, _COUNT, _FLAG)),
    "peer": (Peer, (_WORD, _COUNT, _FLAG)),
    "user": (User, (_PID, _COUNT, _COUNT)),
    "holds": (Holds, (_PID, _COUNT)),
    "peak": (Peak, (_WORD, _AMOUNT)),
    "lost": (Lost, (_COUNT,)),
    "unseen": (Unseen, (_WORD, _WORD)),
    "end": (End, (_WORD,)),
}


def parse_event(line: str) -> Event:
    """Parse one line. Raises StreamError."""
    if len(line) > LINE_MAX:
        raise StreamError("a line is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StreamError("a line is no JSON") from error
    if not isinstance(found, list) or len(found) < 2 or not isinstance(found[0], str):
        raise StreamError("a line is no event")
    kind, at, *rest = found
    time = _amount(at)
    if kind == "begin":
        return _begin(time, rest)
    form = _FORMS.get(kind)
    if form is None:
        raise StreamError(f"no such event: {kind[:40]!r}")
    made, fields = form
    more = _MORE.get(kind, ())
    if len(rest) == len(fields) - len(more):
        rest = [*rest, *more]
    if len(rest) != len(fields):
        raise StreamError(f"{kind}: {len(fields)} fields were expected")
    return made(time, *(_READ[field](value) for field, value in zip(fields, rest, strict=True)))


def _begin(at: float, rest: list[Any]) -> Begin:
    if len(rest) != 2 or not isinstance(rest[1], dict):
        raise StreamError("begin: protocol and facts were expected")
    protocol = _count(rest[0])
    if protocol != PROTOCOL:
        raise StreamError(f"the observer speaks protocol {protocol}, this program {PROTOCOL}")
    return Begin(at, protocol, _word(rest[1].get("means", "")), _amount(rest[1].get("since", 0.0)))


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise StreamError("a number is out of its range")
    return value


def _pid(value: Any) -> int:
    return _number(value, 0, _PID_MAX)


def _count(value: Any) -> int:
    return _number(value, 0, _U64)


def _answer(value: Any) -> int:
    return _number(value, -(1 << 31), 1 << 31)


def _ending_code(value: Any) -> int | None:
    return None if value is None else _number(value, 0, 1 << 16)


def _amount(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < _U64:
        raise StreamError("an amount is no number from 0 on")
    return float(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise StreamError("true or false was expected")
    return value


def _word(value: Any) -> str:
    if type(value) is not str or len(value) > TEXT_MAX:
        raise StreamError("a text was expected")
    return value


def _numbers(value: Any) -> tuple[int, ...]:
    if type(value) is not list or len(value) > ARGUMENTS_MAX:
        raise StreamError("arguments are a list of numbers")
    return tuple(_count(each) for each in value)


def _around(value: Any) -> Circumstances:
    try:
        return circumstances_of(value)
    except ValueError as error:
        raise StreamError(str(error)) from error


def _frames(value: Any) -> tuple[str, ...]:
    if type(value) is not list or len(value) > FRAMES_MAX:
        raise StreamError("frames are a list of names")
    return tuple(_word(each) for each in value)


_READ: dict[str, Any] = {
    _PID: _pid,
    _COUNT: _count,
    _WORD: _word,
    _FLAG: _flag,
    _ANSWER: _answer,
    _NUMBERS: _numbers,
    _FRAMES: _frames,
    _AMOUNT: _amount,
    _MAYBE: _ending_code,
    _MAYBE_CALL: lambda value: None if value is None else _count(value),
    _AROUND: _around,
}
