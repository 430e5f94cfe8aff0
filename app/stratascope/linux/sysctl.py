"""Settings of the kernel below /proc/sys: where one of a dotted name is, and the numbers in it. See sysctl(8)."""

from __future__ import annotations

from stratascope.linux.decode import DecodeError


def path_of(name: str) -> str:
    """`kernel.pid_max` -> `/proc/sys/kernel/pid_max`."""
    return f"/proc/sys/{name.replace('.', '/')}"


def parse_number(text: str) -> int:
    """A setting that is one whole number. Raises DecodeError."""
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"not a number: {text[:40]!r}")
    return int(word)


def parse_range(text: str) -> tuple[int, int] | None:
    """The first and the last of `net.ipv4.ping_group_range` (icmp(7)); None for none at all. Raises DecodeError."""
    words = text.split()
    if len(words) != 2:
        raise DecodeError(f"not a range: {text[:40]!r}")
    first, last = map(parse_number, words)
    return (first, last) if first <= last else None
