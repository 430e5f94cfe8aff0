"""What the collector says of a process in a chroot (`collector/chroot.py`). Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_LINE = re.compile(r"([0-9]{1,10}) (leaves|reaches|stays) (/.*)", re.ASCII | re.DOTALL).fullmatch


class Holds(StrEnum):
    """What a chroot keeps a process from."""

    NOTHING = "leaves"  # it can change its root directory again
    ROOT = "reaches"  # it reaches files outside, and keeps its root directory
    FILES = "stays"


class Chroot(Value):
    """`mount`: the id of the mount on which its root directory is."""

    mount: int
    holds: Holds
    path: str


def parse_chroot(text: str) -> Chroot | None:
    """None: it is in none. Raises DecodeError."""
    if not text:
        return None
    found = _LINE(text)
    if found is None:
        raise DecodeError(f"not a chroot: {text[:80]!r}")
    return Chroot(int(found[1]), Holds(found[2]), found[3])
