"""Natural order of names: web-2 before web-10, ignoring case; and their common prefix."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = re.compile(r"[0-9]+|[^0-9]+").findall
_DIGITS = 300  # digits per number: Python refuses to parse longer ones (sys.int_info)

Natural = tuple[tuple[bool, int, str], ...]


def natural(name: str) -> Natural:
    """A sort key: numeric parts by value and before letters, letters ignoring case."""
    return tuple(
        (False, int(part), "") if part[0] in "0123456789" and len(part) <= _DIGITS else (True, 0, part)
        for part in _PARTS(name.casefold())
    )


def common_start(names: Sequence[str]) -> str:
    """The prefix common to all of them; empty without names."""
    if not names:
        return ""
    first, last = min(names), max(names)
    place = 0
    while place < len(first) and last.startswith(first[place], place):
        place += 1
    return first[:place]
