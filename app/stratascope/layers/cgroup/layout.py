"""Which readings of a capture are limit files, and their texts without what changes from second to second.

Containers that sit equally deep have a layout in common, and equal limits their values.
"""

from __future__ import annotations

from stratascope.core.capture import Gap, GapKind, Reading
from stratascope.remembered import remembered
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
    """`cgroup:v2:1:pids.max` -> (v2, pids.max), 1; level -1 where it is not in that form."""
    parts = reading.split(":", 3)
    # a path has 4096 bytes at most, and so fewer levels
    if len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 4):
        return ("", ""), -1
    return (parts[1], parts[3]), int(parts[2])


class Layout(Value):
    """Which readings of a capture are limit files. Places are positions in the capture's readings."""

    files: tuple[tuple[tuple[str, str], int, int], ...]  # (hierarchy, file), level, place
    used: tuple[int, ...]  # present use among `files`, by its index there: it changes all the time
    odd: tuple[int, ...]  # places of readings that are named otherwise


@remembered()
def layout_of(names: tuple[str, ...]) -> Layout:
    """Containers that sit equally deep have it in common."""
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
    """Of each limit file: text, gap, or None for ABSENT. Of a present use only that it is there."""
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
