"""Names as people see them: web-2 before web-10, whatever the case; and how several begin."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = re.compile(r"[0-9]+|[^0-9]+").findall
_DIGITS = 300  # of one number at most: Python refuses to read longer ones (sys.int_info)

Natural = tuple[tuple[bool, int, str], ...]


def natural(name: str) -> Natural:
    """A sort key: parts that are numbers by their value and before letters, letters whatever their case."""
    return tuple(
        (False, int(part), "") if part[0] in "0123456789" and len(part) <= _DIGITS else (True, 0, part)
        for part in _PARTS(name.casefold())
    )


def common_start(names: Sequence[str]) -> str:
    """The letters with which all of them begin; empty without any."""
    if not names:
        return ""
    first, last = min(names), max(names)
    place = 0
    while place < len(first) and last.startswith(first[place], place):
        place += 1
    return first[:place]
