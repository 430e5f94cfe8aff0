"""All processes of a machine that are confined, with their ancestors, as `collector/confined` lists them.

A line each, as a JSON object; the first is what the machine itself is like, by which the others count as confined. What
could not be read is left out of the object, and None or empty here. Texts are what processes say of themselves, except
namespaces, root directory, ids, `status` and the path of the executable, which are the kernel's.
"""

from __future__ import annotations

import json
from typing import Any

from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import Namespace
from stratascope.value import Value

_KINDS = frozenset(kind.value for kind in Namespace)
_WORDS_MAX = 1 << 16
_MOST = (1 << 64) - 1


class Confinement(Value):
    """What the kernel holds a process to, as far as everybody may see it; equal ones are confined alike."""

    namespaces: tuple[tuple[str, int], ...] = ()  # kind and inode, sorted; those that may not be read are left out
    root: str = ""  # its root directory's path, from the reader's: "/" unless it is in a chroot; empty: not told
    no_new_privs: bool | None = None
    seccomp: int | None = None  # 0 disabled, 1 strict, 2 filter
    filters: int | None = None  # how many seccomp filters
    bounding: int | None = None  # a mask
    depth: int = 1  # how many PID namespaces it has a number in
    domain: int | None = None  # its Landlock domain's id; 0: none; None: not read

    def namespace(self, kind: str) -> int | None:
        """The inode of its namespace of that kind."""
        for name, inode in self.namespaces:
            if name == kind:
                return inode
        return None


class ConfinedHost(Value):
    """What the machine's own processes are like. `reader`: the process that read. `line`: what it was decoded from."""

    UNPRINTED = ("line",)

    confinement: Confinement = Confinement()
    reader: int = 0
    line: str = ""


class ConfinedProcess(Value):
    """A process that is confined, or an ancestor of one. `line`: what it was decoded from."""

    UNPRINTED = ("line",)

    pid: int
    parent: int
    started: int  # ticks since boot
    uid: int | None  # the real one
    confinement: Confinement
    comm: str  # its own word
    confined: bool = False  # False: only an ancestor of one that is
    exe: str | None = None  # path of its executable, from its own root
    exe_of_host: bool | None = None  # whether the host has this very file at that path; None: not asked
    cgroups: tuple[str, ...] = ()  # its paths in the hierarchies, each once
    argv: tuple[str, ...] | None = None  # its own word
    # a sign below its root directory and its text, both the image's own words; a maker's file by its whole path
    files: tuple[tuple[str, str], ...] = ()
    environment: tuple[str, ...] | None = None  # names of variables that are a sign; its own words
    mounts: tuple[tuple[str, str], ...] = ()  # place in its root, and the path within its file system that lies there
    line: str = ""

    @property
    def program(self) -> str:
        """The last part of its executable's path."""
        return (self.exe or "").removesuffix(" (deleted)").rsplit("/", 1)[-1]


class Confined(Value):
    """One look at a machine. `cut`: there may be more processes."""

    host: ConfinedHost
    processes: tuple[ConfinedProcess, ...]
    cut: bool = False


def parse_confined(text: str) -> Confined:
    """Decode it. Raises DecodeError."""
    host, cut = ConfinedHost(), False
    found: list[ConfinedProcess] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line == "...":
            cut = True
        elif line:
            try:
                item = json.loads(line)
                if "host" in item:
                    host = ConfinedHost(_confinement(item["host"]), _number(item, "self") or 0, line)
                else:
                    found.append(_process(item, line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise DecodeError(f"confined processes, line {number}: {line[:80]!r}") from error
    return Confined(host, tuple(found), cut)


def _process(item: Any, line: str) -> ConfinedProcess:
    return ConfinedProcess(
        _required(item, "pid"),
        _required(item, "ppid"),
        _required(item, "start"),
        _number(item, "uid"),
        _confinement(item),
        _text(item["comm"]),
        _flag(item, "confined") or False,
        None if "exe" not in item else _text(item["exe"]),
        _flag(item, "hosts_exe"),
        _texts(item.get("cgroups", [])),
        None if "argv" not in item else _texts(item["argv"]),
        _pairs(item.get("files", {})),
        None if "environment" not in item else _texts(item["environment"]),
        _pairs(item.get("mounts", {})),
        line,
    )


def _confinement(item: Any) -> Confinement:
    namespaces = item.get("ns", {})
    if not _KINDS.issuperset(namespaces):
        raise ValueError("an unknown kind of namespace")
    return Confinement(
        tuple(sorted((kind, _required(namespaces, kind)) for kind in namespaces)),
        _text(item.get("root", "")),
        _flag(item, "nnp"),
        _number(item, "seccomp"),
        _number(item, "filters"),
        None if "bounding" not in item else _mask(item["bounding"]),
        _number(item, "depth") or 1,
        None if "domain" not in item else _mask(item["domain"]),
    )


def _required(item: Any, name: str) -> int:
    value = item[name]
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(name)
    return value


def _number(item: Any, name: str) -> int | None:
    return _required(item, name) if name in item else None


def _flag(item: Any, name: str) -> bool | None:
    value = item.get(name)
    if value is not None and type(value) is not bool:
        raise ValueError(name)
    return value


def _mask(value: Any) -> int:
    text = _text(value)
    if not 0 < len(text) <= 16 or not text.isascii() or not text.isalnum():
        raise ValueError("not a mask")
    return int(text, 16)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("not a text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list or len(value) > _WORDS_MAX:
        raise ValueError("not a list of texts")
    return tuple(map(_text, value))


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((_text(name), _text(text)) for name, text in value.items()))
