"""What a process has of the machine's credentials, private files and sockets, as the collector tells it. Pure.

The forms are those of `collector/reach.py` and `collector/attempts.py`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from stratascope.linux.decode import DecodeError
from stratascope.linux.permissions import Permissions, parse_permissions
from stratascope.value import Value

HELD = "/proc/self/"  # of what a process holds open, as it names it
_FILES_MAX = 10000
_ROWS_MAX, _HOPS_MAX = 100, 100
_ERRNO_MAX = 4095  # include/linux/err.h


class Seen(StrEnum):
    """How a place of the process was found."""

    SAME = "same"  # the very file is there
    BARRED = "barred"  # a mount leads there; the reader could not pass a folder on the way
    LOWER = "lower"  # an overlay shows the folder, and what is written there lands in another
    HELD = "held"  # it has the file open for reading
    UNSEEN = "unseen"  # a mount leads there; only the list of mounts could be read
    OWN = "own"  # another file lies at the same path
    PART = "part"  # a mount there shows what lies below the folder


class Place(Value):
    """Where the process could have a file. `way`: the folders from its root on; ids are the reader's."""

    path: str
    seen: Seen
    read_only: bool
    way: tuple[Permissions, ...]
    item: Permissions


class FoundFile(Value):
    """A file (`what` f), socket (s) or folder (d) of the host. `stands`: it is a folder that stands for what may lie in
    it: "?" where the reader can't list it, "…" where some names were left out.
    """

    kind: str
    path: str
    what: str
    stands: str
    item: Permissions
    places: tuple[Place, ...]


class Bridge(Value):
    """A socket that leads on. `place`: an address on the process's own localhost, with `file` a path of the host, or
    the descriptor of a connection that it holds, below HELD.
    `hops`: PID and program, from who listens on; `end`: the last path or address on the way, "" if nothing is handed
    on; `out`: whether that is on another machine; `above`: whether the last hop is an ancestor of the process itself;
    `kind`: of the socket at the end, or "".
    """

    place: str
    file: bool
    hops: tuple[tuple[int, str], ...]
    end: str
    out: bool
    above: bool
    kind: str


class Found(Value):
    """All of it. `cut`: kinds of which not all was looked for; `seen`: whether the process's files were looked at."""

    files: tuple[FoundFile, ...]
    cut: frozenset[str]
    seen: bool
    bridges: tuple[Bridge, ...] = ()


def parse_reach(text: str) -> Found:
    """Decode the collector's answer; raises DecodeError."""
    try:
        found = json.loads(text)
        if len(found["files"]) > _FILES_MAX:
            raise DecodeError("reach: too many files")
        files = tuple([_file(*item) for item in found["files"]])
        cut, seen = frozenset(map(_text, found["cut"])), found["seen"]
        bridges = tuple([_bridge(*each) for each in found.get("bridges", ())])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DecodeError(f"reach: not understood: {error}") from None
    if not isinstance(seen, bool):
        raise DecodeError("reach: whether its files were looked at is true or false")
    return Found(files, cut, seen, bridges)


class TriedFile(Value):
    """One attempt on a file of the host. `right`: r, w, or c for connecting; `errno`: 0 where it succeeded."""

    kind: str
    path: str
    right: str
    errno: int


class TriedRow(Value):
    """An attempt that needs no file, by the id of its row. `errno`: -1 where the process's filter ended it."""

    id: str
    errno: int
    where: str


class Tried(Value):
    """All attempts. `loose`: restrictions that they were made without; `short`: rights that they were made without.
    `filters`: how many system call filters may have refused them.
    """

    files: tuple[TriedFile, ...]
    rows: tuple[TriedRow, ...]
    loose: frozenset[str]
    short: frozenset[str]
    filters: int = 0


def parse_tried(text: str) -> Tried:
    """Decode the collector's answer; raises DecodeError."""
    try:
        found = json.loads(text)
        if len(found["files"]) > _FILES_MAX or len(found["rows"]) > _ROWS_MAX:
            raise DecodeError("attempts: too many")
        files = tuple(
            [
                TriedFile(_text(kind), _path(path), _text(right), _number(errno))
                for kind, path, right, errno in found["files"]
            ]
        )
        rows = tuple([TriedRow(_text(row), _number(errno), _text(where)) for row, errno, where in found["rows"]])
        loose, short = (frozenset(map(_text, found[name])) for name in ("loose", "short"))
        filters = _number(found["filters"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DecodeError(f"attempts: not understood: {error}") from None
    return Tried(files, rows, loose, short, filters)


def _number(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= _ERRNO_MAX:
        raise DecodeError("attempts: not an errno")
    return value


def _file(kind: Any, path: Any, what: Any, item: Any, places: Any) -> FoundFile:
    word = _text(what)
    if word[:1] not in ("f", "s", "d") or word[1:] not in ("", "?", "…"):
        raise DecodeError(f"reach: no kind of file: {word[:20]!r}")
    found = tuple([_place(*place) for place in places])
    return FoundFile(_text(kind), _path(path), word[0], word[1:], parse_permissions(_text(item)), found)


def _bridge(place: Any, socket: Any, hops: Any, end: Any, out: Any, above: Any, kind: Any) -> Bridge:
    if (
        socket not in ("tcp", "unix", "held")
        or not isinstance(out, bool)
        or not isinstance(above, bool)
        or len(hops) > _HOPS_MAX
    ):
        raise DecodeError("reach: a bridge is a socket, its kind, hops, an end, two answers, and the end's kind")
    way = tuple([(int(pid), _text(program)) for pid, program in hops])
    return Bridge(_text(place), socket == "unix", way, _text(end), out, above, _text(kind))


def _place(path: Any, seen: Any, read_only: Any, way: Any, item: Any) -> Place:
    if not isinstance(read_only, bool) or not isinstance(way, list):
        raise DecodeError("reach: a place is a path, how it was seen, whether it is read-only, a way and a file")
    folders = tuple([parse_permissions(_text(folder)) for folder in way])
    return Place(_path(path), Seen(seen), read_only, folders, parse_permissions(_text(item)))


def _path(value: Any) -> str:
    path = _text(value)
    if not path.startswith("/"):
        raise DecodeError("reach: not a path")
    return path


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DecodeError("reach: not text")
    return value
