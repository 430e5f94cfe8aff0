"""Machine-wide numbers: settings below /proc/sys (sysctl(8)) by dotted name, and total memory."""

from __future__ import annotations

import re

from stratascope.linux.decode import DecodeError

_TOTAL = re.compile(r"^MemTotal: +([0-9]{1,15}) kB$", re.M).search


def path_of(name: str) -> str:
    """`kernel.pid_max` -> `/proc/sys/kernel/pid_max`."""
    return f"/proc/sys/{name.replace('.', '/')}"


def parse_number(text: str) -> int:
    """Parse a setting that is one integer. Raises DecodeError."""
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"not a number: {text[:40]!r}")
    return int(word)


def parse_range(text: str) -> tuple[int, int] | None:
    """The first and last id of `net.ipv4.ping_group_range` (icmp(7)); None if it is empty. Raises DecodeError."""
    words = text.split()
    if len(words) != 2:
        raise DecodeError(f"not a range: {text[:40]!r}")
    first, last = map(parse_number, words)
    return (first, last) if first <= last else None


def parse_memory_total(text: str) -> int:
    """Total memory in bytes, from /proc/meminfo (proc_meminfo(5)). Raises DecodeError."""
    found = _TOTAL(text)
    if found is None:
        raise DecodeError("meminfo: no line MemTotal")
    return int(found[1]) * 1024
