"""Decode the collector's lists of sockets and device nodes (`collector/special_files.py`).

Not in `linux`: the format is the collector's own, not a kernel's.
"""

from __future__ import annotations

import re

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_LINE = re.compile(
    r"([sbc]) ([0-9]{1,10}):([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}) ([0-7]{1,4}) ([0-9]+:[0-9]+:[0-9]+) (/.*)", re.S
).fullmatch
_SOCKET = re.compile(r"([0-9]+:[0-9]+:[0-9]+) (/.*)", re.S).fullmatch


class SpecialFile(Value):
    """`kind` is s, b or c; `file` identifies the file, `DEVICE:INODE`; ids in the reader's numbering."""

    kind: str
    major: int
    minor: int
    uid: int
    gid: int
    mode: int
    file: str
    path: str


class SpecialFiles(Value):
    """`whole`: the list is complete down to the depth that is searched."""

    files: tuple[SpecialFile, ...]
    whole: bool


@remembered()
def parse_special(text: str) -> SpecialFiles:
    """Every line; raises DecodeError. A final line `...` means that there may be more."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line in ("", "..."):
            continue
        words = _LINE(line)
        if words is None:
            raise DecodeError(f"special files, line {number}: {line[:80]!r}")
        kind, major, minor, uid, gid, mode, file, path = words.groups()
        found.append(SpecialFile(kind, int(major), int(minor), int(uid), int(gid), int(mode, 8), file, path))
    return SpecialFiles(tuple(found), not text.endswith("...\n"))


@remembered()
def parse_sockets(text: str) -> tuple[tuple[str, str], ...]:
    """File identity and path of each; raises DecodeError."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = _SOCKET(line)
        if words is None:
            raise DecodeError(f"sockets, line {number}: {line[:80]!r}")
        found.append((words[1], words[2]))
    return tuple(found)
