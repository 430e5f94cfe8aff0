"""Names and numbers for people: natural order (web-2 before web-10), common prefixes, byte sizes and counts. The same
in every language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNITS = (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10))
_LETTERS = (("g", 30), ("m", 20), ("k", 10))  # suffixes of the engines' options


def size_text(number: float) -> str:
    """A size in the largest unit with a value of at least one: `512 MiB`, `1.5 GiB`, `12 B`."""
    for unit, bits in _UNITS:
        if number >= 1 << bits:
            return f"{number / (1 << bits):.1f}".removesuffix(".0") + f" {unit}"
    return f"{int(number)} B"


def count_text(number: int) -> str:
    """A count short enough for a table: `9999`, `12k`, `9007T`."""
    short, letter = number, ""
    for letter in ("", "k", "M", "G", "T"):
        if short < 10_000 or letter == "T":
            break
        short //= 1000
    return f"{short}{letter}"


def exact_size(number: int) -> str:
    """A size in the largest unit that gives a whole number: `1536 MiB`."""
    for unit, bits in _UNITS:
        if number and number % (1 << bits) == 0:
            return f"{number >> bits} {unit}"
    return f"{number} B"


def typed_size(number: int) -> str:
    """The shortest way to type a size: `512m` rather than 536870912."""
    for letter, bits in _LETTERS:
        if number and number % (1 << bits) == 0:
            return f"{number >> bits}{letter}"
    return str(number)


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
