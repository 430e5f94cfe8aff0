"""Which readings of a capture are limit files, and their texts without the constantly changing ones.

Containers at the same depth share a layout, and those with equal limits share the values.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.capture import Gap, GapKind, Reading
from stratascope.value import Value

_USED = frozenset(
    (
        "memory.current",
        "memory.peak",
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "pids.current",
        "pids.peak",
    )
)


@remembered()
def _name(reading: str) -> tuple[tuple[str, str], int]:
    """`cgroup:v2:1:pids.max` -> (v2, pids.max), 1; level -1 if it has another form."""
    parts = reading.split(":", 3)
    # a path has at most 4096 bytes, and so fewer levels
    if len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 4):
        return ("", ""), -1
    return (parts[1], parts[3]), int(parts[2])


class Layout(Value):
    """Which readings of a capture are limit files. A place is an index into the capture's readings."""

    files: tuple[tuple[tuple[str, str], int, int], ...]  # (hierarchy, file), level, place
    used: tuple[int, ...]  # current use, by index into `files`: it changes constantly
    odd: tuple[int, ...]  # places of readings not named so


@remembered()
def layout_of(names: tuple[str, ...]) -> Layout:
    """The layout for these names of readings. Cached: containers at the same depth share it."""
    files: list[tuple[tuple[str, str], int, int]] = []
    odd = []
    for place, reading in enumerate(names):
        if reading.startswith("cgroup:"):
            name, level = _name(reading)
            if level < 0:
                odd.append(place)
            else:
                files.append((name, level, place))
    return Layout(tuple(files), tuple(index for index, item in enumerate(files) if item[0][1] in _USED), tuple(odd))


def values_of(readings: tuple[Reading, ...], layout: Layout) -> tuple[str | Gap | None, ...]:
    """Each limit file's text or gap, or None for ABSENT. For current use only that it is there."""
    values = [readings[place].text or _missing(readings[place]) for _, _, place in layout.files]
    for index in layout.used:
        value = values[index]
        if isinstance(value, str) and value.strip():
            values[index] = "0"
    return tuple(values)


def _missing(reading: Reading) -> str | Gap | None:
    if reading.text is not None:
        return reading.text  # an empty file
    return None if reading.gap is None or reading.gap.kind is GapKind.ABSENT else reading.gap
