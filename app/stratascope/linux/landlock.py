"""Landlock domains as the collector reads them: what each layer handles, and what its rules allow; landlock(7).

A right is refused if some layer handles it and no rule of that layer allows it on the file or a directory above it.
Rules may have rights that their layer does not handle. REFER is refused wherever files are restricted at all, and not
allowed by a rule (security/landlock/fs.c).
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from enum import IntFlag
from typing import Any

from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Mount
from stratascope.value import Value

DOMAINS_MAX = 1000
RULES_MAX = 20000
LAYERS_MAX = 16


class File(IntFlag):
    """LANDLOCK_ACCESS_FS_…, include/uapi/linux/landlock.h."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15
    RESOLVE_UNIX = 1 << 16


class Net(IntFlag):
    """LANDLOCK_ACCESS_NET_…"""

    BIND_TCP = 1 << 0
    CONNECT_TCP = 1 << 1


class Scope(IntFlag):
    """LANDLOCK_SCOPE_…"""

    ABSTRACT_UNIX_SOCKET = 1 << 0
    SIGNAL = 1 << 1


class Layer(Value):
    """What one layer handles, as bits."""

    files: int
    network: int
    scopes: int


class FileRule(Value):
    """What is allowed at a file and below it: (number of the layer from 1, rights).

    `device` as in mountinfo. `path` is in its file system; None where no name of it was in the kernel's memory.
    """

    device: str
    inode: int
    mode: int
    links: int
    path: str | None
    allowed: tuple[tuple[int, int], ...]


class PortRule(Value):
    """What is allowed with a port."""

    port: int
    allowed: tuple[tuple[int, int], ...]


class Domain(Value):
    """One domain. `whole`: whether all its rules were read."""

    layers: tuple[Layer, ...]
    files: tuple[FileRule, ...]
    ports: tuple[PortRule, ...]
    whole: bool


class Landlock(Value):
    """The different domains of a process's threads. `free`: some thread has none."""

    free: bool
    domains: tuple[Domain, ...]


def parse_landlock(text: str) -> Landlock:
    """Decode the collector's `bpf:landlock`; raises DecodeError."""
    if not text:
        return Landlock(True, ())
    try:
        found = json.loads(text)
        if len(found["domains"]) > DOMAINS_MAX:
            raise DecodeError("Landlock: too many domains")
        domains = tuple([_domain(each) for each in found["domains"]])
        free = found["free"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DecodeError(f"Landlock: not understood: {error}") from None
    if not isinstance(free, bool):
        raise DecodeError("Landlock: whether a thread is free is true or false")
    return Landlock(free, domains)


def _domain(found: Any) -> Domain:
    layers = tuple([Layer(*map(_number, each)) for each in found["layers"]])
    if not 0 < len(layers) <= LAYERS_MAX or len(found["files"]) + len(found["ports"]) > RULES_MAX:
        raise DecodeError("Landlock: too many layers or rules, or none")
    return Domain(
        layers,
        tuple([_file(*each) for each in found["files"]]),
        tuple([PortRule(_number(port), _allowed(allowed)) for port, allowed in found["ports"]]),
        found["whole"] is True,
    )


def _file(major: Any, minor: Any, inode: Any, mode: Any, links: Any, path: Any, allowed: Any) -> FileRule:
    if path is not None and not (isinstance(path, str) and path.startswith("/")):
        raise DecodeError("Landlock: not a path")
    device = f"{_number(major)}:{_number(minor)}"
    return FileRule(device, _number(inode), _number(mode), _number(links), path, _allowed(allowed))


def _allowed(found: Any) -> tuple[tuple[int, int], ...]:
    if len(found) > LAYERS_MAX:
        raise DecodeError("Landlock: too many layers of a rule")
    return tuple([(_number(layer), _number(rights)) for layer, rights in found])


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise DecodeError("Landlock: not a number")
    return value


class Place(Value):
    """A rule's file as the process sees it."""

    path: str
    folder: bool
    mode: int  # the type bits of st_mode
    allowed: tuple[tuple[int, int], ...]


def places(domain: Domain, mounts: tuple[Mount, ...] | None) -> tuple[tuple[Place, ...], tuple[FileRule, ...]]:
    """Where the rules hold, and those of which that is not known.

    A rule holds where its file is seen: in a mount of its file system whose root is that file or above it. One on what
    is above a bind mount's root does not hold in it, since the kernel goes on at the mount point (security/landlock/
    fs.c, `follow_up`).
    """
    known: list[Place] = []
    lost: list[FileRule] = []
    rooted = mounts is not None and any(mount.target == "/" for mount in mounts)
    for rule in domain.files:
        if rule.links == 0:  # deleted: nothing leads there any more
            continue
        found = list(_seen(rule, mounts or ())) if rule.path is not None and rooted else []
        known += [Place(path, stat.S_ISDIR(rule.mode), stat.S_IFMT(rule.mode), rule.allowed) for path in found]
        if not found:
            lost.append(rule)
    return tuple(known), tuple(lost)


def _seen(rule: FileRule, mounts: tuple[Mount, ...]) -> Iterable[str]:
    path = rule.path or "/"
    for number, mount in enumerate(mounts):
        rest = _below(path, mount.root) if mount.device == rule.device else None
        if rest is not None:
            place = (mount.target.rstrip("/") + rest) or "/"
            if not _hidden(place, number, mounts):
                yield place


def _hidden(place: str, number: int, mounts: tuple[Mount, ...]) -> bool:
    """Whether something was mounted later on a directory above the place, as seen in that mount.

    What is mounted on the place itself does not hide the rule: what the kernel finds there leads up to it.
    """
    later = [mount for mount in mounts[number + 1 :] if _below(place, mount.target)]
    if not later:
        return False
    by_id = {mount.id: mount for mount in mounts}
    above, mount = set(), by_id.get(mounts[number].parent)
    while mount is not None and mount.id not in above:
        above.add(mount.id)
        mount = by_id.get(mount.parent)
    return any(mount.id not in above for mount in later)


def _below(path: str, folder: str) -> str | None:
    """What is left of a path below a folder, "" for the folder itself; None if it is not below."""
    if folder == "/":
        return "" if path == "/" else path
    if path == folder:
        return ""
    return path[len(folder) :] if path.startswith(f"{folder}/") else None
