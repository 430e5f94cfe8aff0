"""What stood around a refused call, as the observer found it then: who called, which rights were asked for in vain,
where the path led. Pure; what could not be read is None.

The observer tells it of the first refusal of each kind. Its form in a line of the stream, all of it optional:

    {"tid": N, "inside": PID in its own namespace, "ids": [uid, gid, fsuid, fsgid], "groups": [gid, …],
     "effective": "hex", "permitted": "hex", "bounding": "hex", "no_new_privs": 0 or 1,
     "maps": [of users, of groups]: its user namespace's, [[inside, outside, how many], …] each,
     "checks": [[capability, answer, initial, [frame, …]], …],
     "place": {"path": where it led,
               "node": [kind, mode, uid, gid, "major:minor", has capabilities, its device's name below /dev] or null,
               "gives": its capabilities as they are stored, in hexadecimal, where it has some,
               "folder": the same of the nearest that is there, "mount": a line of its mountinfo},
     "presumed": 1 where it is not known of the process that it sees the container's mounts, as another one does,
     "other": the same as "place" of the second path of a call that takes two,
     "address": ["inet", "10.0.0.1", 80], ["unix", path, 0] …, "forked_in_vain": pids.events of its group, so far,
     "limits": {"nofile": N, …}: its soft limits}

Ids are as the observer's user namespace, the machine's, counts them.
"""

from __future__ import annotations

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
_TEXT_MAX = 4096
_HEX_MAX = 16
_FRAMES_MAX = 64
_LIMITS_MAX = 16
_U64 = 1 << 64


class NodeKind(StrEnum):
    """What a path names, stat(2)."""

    FILE = "file"
    FOLDER = "folder"
    CHARACTER = "character"
    BLOCK = "block"
    LINK = "link"
    SOCKET = "socket"
    FIFO = "fifo"


class Node(Value):
    """A file as stat(2) has it. `device`: of a device node, "10:200"; `name`: what the host's /dev calls that
    device, "net/tun". `capabilities`: it has some of its own.
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
    """Where a path led, links followed. `node` None: nothing is there; `folder`: of the nearest one that is there.

    `gives`: what a program there is permitted by its file; None: it has no capabilities, or they were not read.
    """

    path: str
    node: Node | None
    folder: Node | None
    mount: Mount | None
    gives: CapabilitySet | None = None


class CapabilityCheck(Value):
    """A capability that the kernel asked for within this very call, and its answer (0 or −errno)."""

    capability: int
    answer: int
    initial: bool  # of the initial user namespace
    frames: tuple[str, ...]


class Address(Value):
    """Where to it was to be connected or bound. `family`: inet, inet6, unix, packet, netlink, … or a number."""

    family: str
    text: str
    port: int


class Circumstances(Value):
    """See the module."""

    tid: int | None = None
    inside: int | None = None
    ids: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    effective: CapabilitySet | None = None
    permitted: CapabilitySet | None = None
    bounding: CapabilitySet | None = None
    no_new_privs: bool | None = None
    checks: tuple[CapabilityCheck, ...] | None = None  # None: not known which were of this call
    place: ResolvedPath | None = None
    address: Address | None = None
    forked_in_vain: int | None = None
    limits: tuple[tuple[str, int], ...] = ()
    other: ResolvedPath | None = None  # of the second of two paths
    uids: tuple[IdRange, ...] | None = None  # of its own user namespace
    gids: tuple[IdRange, ...] | None = None
    presumed: bool = False  # the place is where the path leads for another process of the container

    @property
    def uid(self) -> int | None:
        """By which files are judged (fsuid)."""
        return self.ids[2] if self.ids is not None and len(self.ids) == 4 else None

    def limit(self, name: str) -> int | None:
        """Its soft limit, by its name as in `--ulimit`."""
        return dict(self.limits).get(name)


def circumstances_of(found: Any) -> Circumstances:
    """Out of a line. Raises ValueError where it is not of that form."""
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
        tuple((_text(name), _number(value, 0, _U64)) for name, value in limits.items()),
        _maybe(found, "other", _place),
        uids,
        gids,
        bool(_number(found.get("presumed", 0), 0, 1)),
    )


def _maybe(found: dict[str, Any], name: str, read: Any) -> Any:
    value = found.get(name)
    return None if value is None else read(value)


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("a number is out of its range")
    return value


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


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > _TEXT_MAX:
        raise ValueError("a text was expected")
    return value


def _bits(value: Any) -> CapabilitySet:
    text = _text(value)
    if len(text) > _HEX_MAX:
        raise ValueError("a set of capabilities was expected")
    return CapabilitySet(int(text, 16))


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("true or false was expected")
    return value


def _asked(value: Any) -> CapabilityCheck:
    capability, answer, initial, frames = _exactly(value, 4)
    return CapabilityCheck(
        _number(capability, 0, 63),
        _number(answer, -4095, 0),
        _flag(initial),
        tuple(_text(each) for each in _list(frames, _FRAMES_MAX)),
    )


def _exactly(value: Any, count: int) -> list[Any]:
    found = _list(value, count)
    if len(found) != count:
        raise ValueError(f"{count} values were expected")
    return found


def _place(value: Any) -> ResolvedPath:
    if not isinstance(value, dict):
        raise ValueError("place: an object was expected")
    line = _maybe(value, "mount", _text)
    try:
        mounts = parse_mountinfo(line or "")
    except DecodeError as error:
        raise ValueError("mount: a line of mountinfo was expected") from error
    return ResolvedPath(
        _text(value.get("path", "")),
        _maybe(value, "node", _node),
        _maybe(value, "folder", _node),
        mounts[0] if mounts else None,
        _maybe(value, "gives", _gives),
    )


def _gives(value: Any) -> CapabilitySet | None:
    try:
        return file_capabilities(_text(value))
    except DecodeError as error:
        raise ValueError("capabilities of a file were expected") from error


def _node(value: Any) -> Node:
    kind, mode, uid, gid, device, capabilities, name = _exactly(value, 7)
    return Node(
        NodeKind(_text(kind)),
        _number(mode, 0, 0o7777),
        _id(uid),
        _id(gid),
        _text(device),
        _flag(capabilities),
        _text(name),
    )


def _address(value: Any) -> Address:
    family, text, port = _exactly(value, 3)
    return Address(_text(family), _text(text), _number(port, 0, _ID_MAX))
