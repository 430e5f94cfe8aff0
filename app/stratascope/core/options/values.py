"""Sizes, numbers and flags as the engines' command lines take them (docker/go-units, containers/common)."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,9})?) ?([kmgtp]?)(?:i?b)?", re.ASCII | re.IGNORECASE).fullmatch
_BITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_MOST = 1 << 62
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def size(text: str) -> int | None:
    """Bytes of `512m`, `1.5GiB`, `1073741824`; None where it is no size."""
    found = _SIZE(text.strip())
    if found is None:
        return None
    number = float(found[1]) * (1 << _BITS[found[2].lower()])
    return int(number) if abs(number) < _MOST else None


def whole(text: str) -> int | None:
    """A whole number with or without a sign; None where it is none."""
    text = text.strip()
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else None


def decimal(text: str) -> float | None:
    """A number of processors such as `.5`; None where it is none."""
    return float(text) if re.fullmatch(r"(?=.*[0-9])[0-9]{0,9}(?:\.[0-9]{0,9})?", text.strip()) else None


def true(value: str | None) -> bool | None:
    """A flag's value as Go reads it (strconv.ParseBool), without one yes; None where it is none."""
    if value is None or value in _TRUE:
        return True
    return False if value in _FALSE else None
