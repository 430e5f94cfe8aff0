"""A container's control group limits by place rather than path, so that containers with equal limits share them.

`facts` fills in the paths. A host has few different sets of limits and many containers, so results are cached by the
files' texts: containers at the same depth share a layout, and those with equal limits share the values. Current use
changes with every reading and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from stratascope.bounded_cache import remembered
from stratascope.core.capture import Gap, GapKind, Reading
from stratascope.linux.cgroup import (
    IoLimit,
    cores,
    parse_cpu_max,
    parse_cpulist,
    parse_device_rules,
    parse_io_max,
    parse_limit,
    parse_throttle,
    smallest,
)
from stratascope.linux.decode import DecodeError
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
    odd: tuple[int, ...]  # places of readings with names of another form


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
    """Each limit file's text or gap, or None for ABSENT. For current use, only whether it exists."""
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


S = TypeVar("S")
T = TypeVar("T")
_V1_IO = ("read_bps", "write_bps", "read_iops", "write_iops")
# a v1 hierarchy may be named after one controller or all of its controllers
_CPU = ("cpu", "cpu,cpuacct", "cpuacct,cpu")
_ABSENT = Gap(GapKind.ABSENT)


_CLASSIC = {"io": "blkio"}  # controllers with another name in v1


class _Files:
    """The readings by (hierarchy, file): a list of (level, text or gap, place), the leaf first.

    On a hybrid machine a controller is in one tree or the other. Those in v1 are listed in /proc/PID/cgroup, and so
    were read; whatever v2 has of such a controller, even an unreadable directory, is ignored.
    """

    def __init__(self, layout: Layout, values: Iterable[str | Gap | None]) -> None:
        self.by_name: dict[tuple[str, str], list[tuple[int, str | Gap, int]]] = {}
        self.present: set[tuple[str, str]] = set()
        classic = {hierarchy for (hierarchy, _), _, _ in layout.files if hierarchy != "v2"}
        for (name, level, place), value in zip(layout.files, values, strict=True):
            controller = name[1].partition(".")[0]
            if name[0] == "v2" and _CLASSIC.get(controller, controller) in classic:
                continue
            if value is not None:
                self.present.add(name)
            self.by_name.setdefault(name, []).append((level, _ABSENT if value is None else value, place))

    def of(self, *names: tuple[str, str]) -> list[tuple[int, str | Gap, int]]:
        """The entries of the first of these (hierarchy, file) pairs that exists at some level."""
        for name in names:
            if name in self.present:
                return self.by_name[name]
        # none exists: use the last candidate, v1's if its hierarchy was read
        for name in reversed(names):
            if name in self.by_name:
                return self.by_name[name]
        return []

    def has(self, name: tuple[str, str]) -> bool:
        """Whether the file exists at some level, readable or not."""
        return name in self.present

    def leaf(self, *names: tuple[str, str]) -> str | None:
        """The file's text in the process's own group."""
        return next((text for level, text, _ in self.of(*names) if level == 0 and isinstance(text, str)), None)

    def leaf_place(self, *names: tuple[str, str]) -> int | None:
        """The place of that text, for a file whose text is not read here."""
        return next((place for level, text, place in self.of(*names) if level == 0 and isinstance(text, str)), None)

    def place(self, *names: tuple[str, str]) -> int | None:
        """The place of the nearest existing file, or where it was expected; None if it was not even requested."""
        places = self.of(*names)
        for _, text, place in places:
            if isinstance(text, str) and text.strip():
                return place
        return places[0][2] if places else None


class Limit(Value):
    level: int | None
    value: float | None
    place: int | None  # None: no file
    known: bool


_Gaps = list[tuple[str, Gap, int]]


class Limits(Value):
    """All limits, without paths and current use: equal containers share it."""

    memory: Limit
    pids: Limit
    cpu: Limit
    swap: Limit
    memory_high: int | None
    cpu_weight: int | None
    cpuset: str | None
    cpuset_count: int | None
    io: tuple[IoLimit, ...]
    devices: tuple[str, ...] | None
    memory_current: int | None  # place of its text
    memory_peak: int | None
    pids_current: int | None
    pids_peak: int | None
    pids_room: tuple[tuple[int, int], ...]  # for each level with a limit: the limit, and the place of its current use
    unknown: tuple[str, ...]
    places: tuple[tuple[str, int | None], ...]
    gaps: tuple[tuple[str, Gap, int], ...]


# Each field's files as (hierarchy, file), v2's first
_FILES_OF: dict[str, tuple[tuple[str, str], ...]] = {
    "memory_max": (("v2", "memory.max"), ("memory", "memory.limit_in_bytes")),
    "pids_max": (("v2", "pids.max"), ("pids", "pids.max")),
    "memory_current": (("v2", "memory.current"), ("memory", "memory.usage_in_bytes")),
    "memory_peak": (("v2", "memory.peak"), ("memory", "memory.max_usage_in_bytes")),
    "memory_high": (("v2", "memory.high"),),
    "pids_current": (("v2", "pids.current"), ("pids", "pids.current")),
    "pids_peak": (("v2", "pids.peak"), ("pids", "pids.peak")),
    "cpu_weight": (("v2", "cpu.weight"), ("cpu", "cpu.shares")),
    "cpuset": (("v2", "cpuset.cpus.effective"), ("cpuset", "cpuset.effective_cpus"), ("cpuset", "cpuset.cpus")),
    "io": (("v2", "io.max"), *(("blkio", f"blkio.throttle.{word}_device") for word in _V1_IO)),
    "devices": (("devices", "devices.list"),),
}
_LIMITS = ("memory_max", "pids_max", "cpu_cores", "swap_max")


@remembered()
def limits_of(names: tuple[str, ...], values: tuple[str | Gap | None, ...], readable: bool) -> Limits:
    """From the names of all readings, and each limit file's text, gap, or None for ABSENT (see `values_of`)."""
    files, gaps = _Files(layout_of(names), values), list[tuple[str, Gap, int]]()
    memory = _limit(files, parse_limit, gaps, readable, *_FILES_OF["memory_max"])
    pids = _limit(files, parse_limit, gaps, readable, *_FILES_OF["pids_max"])
    cpu = _limit(files, parse_cpu_max, gaps, readable, ("v2", "cpu.max"))
    if not files.has(("v2", "cpu.max")):
        cpu = _cpu_v1(files, gaps, readable)
    swap = _swap(files, gaps, readable, memory)
    found = tuple(zip(_LIMITS, (memory, pids, cpu, swap), strict=True))
    cpuset = _cpuset(files)
    before = len(gaps)
    io = _io(files, gaps)
    io_known = readable and len(gaps) == before
    others = ((field, files.place(*names)) for field, names in _FILES_OF.items() if field not in _LIMITS)
    return Limits(
        memory,
        pids,
        cpu,
        swap,
        memory_high=number(files.leaf(*_FILES_OF["memory_high"])),
        cpu_weight=number(files.leaf(*_FILES_OF["cpu_weight"])),
        cpuset=cpuset,
        cpuset_count=cpus_in(cpuset),
        io=io,
        devices=_devices(files),
        memory_current=files.leaf_place(*_FILES_OF["memory_current"]),
        memory_peak=files.leaf_place(*_FILES_OF["memory_peak"]),
        pids_current=files.leaf_place(*_FILES_OF["pids_current"]),
        pids_peak=files.leaf_place(*_FILES_OF["pids_peak"]),
        pids_room=_room(files),
        unknown=(*(field for field, limit in found if not limit.known), *(() if io_known else ("io",))),
        places=(
            *((field, limit.place) for field, limit in found),
            *((field, place) for field, place in others if place is not None),
        ),
        gaps=tuple(gaps),
    )


def _parsed(
    entries: Iterable[tuple[int, S | Gap, int]], parse: Callable[[S], T], file: str, gaps: _Gaps
) -> Iterator[tuple[int, T]]:
    """The parsed values by level; missing or invalid ones are added to `gaps`."""
    for level, read, place in entries:
        if isinstance(read, Gap):
            if read.kind is not GapKind.ABSENT:
                gaps.append((file, read, place))
            continue
        try:
            yield level, parse(read)
        except DecodeError as error:
            gaps.append((file, Gap(GapKind.UNPARSED, detail=str(error)), place))


def _smallest(
    entries: list[tuple[int, S | Gap, int]],
    parse: Callable[[S], float | None],
    file: str,
    gaps: _Gaps,
    readable: bool,
) -> Limit:
    before = len(gaps)
    best = smallest(list(_parsed(entries, parse, file, gaps)))
    places = {level: place for level, _, place in entries}
    if best is None:
        source = places.get(0, entries[0][2] if entries else None)
        return Limit(None, None, source, readable and len(gaps) == before)
    # a known limit applies, even if other levels are unknown
    return Limit(best.level, best.value, places[best.level], True)


def _limit(
    files: _Files, parse: Callable[[str], float | None], gaps: _Gaps, readable: bool, *names: tuple[str, str]
) -> Limit:
    return _smallest(files.of(*names), parse, names[0][1], gaps, readable)


def _cpu_v1(files: _Files, gaps: _Gaps, readable: bool) -> Limit:
    periods = {level: text for level, text, _ in files.of(*((name, "cpu.cfs_period_us") for name in _CPU))}
    entries: list[tuple[int, tuple[str, str] | Gap, int]] = []
    for level, quota, place in files.of(*((name, "cpu.cfs_quota_us") for name in _CPU)):
        period = periods.get(level, "100000")
        if isinstance(quota, Gap):
            entries.append((level, quota, place))
        else:
            entries.append((level, period if isinstance(period, Gap) else (quota, period), place))
    return _smallest(entries, lambda both: cores(*both), "cpu.cfs_quota_us", gaps, readable)


def _swap(files: _Files, gaps: _Gaps, readable: bool, memory: Limit) -> Limit:
    """The swap limit. v2 limits swap alone; v1 memory and swap together, and only with swap accounting on."""
    if files.has(("v2", "memory.swap.max")):
        return _limit(files, parse_limit, gaps, readable, ("v2", "memory.swap.max"))
    both = _limit(files, parse_limit, gaps, readable, ("memory", "memory.memsw.limit_in_bytes"))
    if both.value is None or memory.value is None:
        return Limit(both.level, both.value, both.place, both.known)
    return Limit(both.level, max(0, both.value - memory.value), both.place, both.known)


def _room(files: _Files) -> tuple[tuple[int, int], ...]:
    current = {level: place for level, _, place in files.of(*_FILES_OF["pids_current"])}
    rooms = []
    for level, text, _ in files.of(*_FILES_OF["pids_max"]):
        limit = None if isinstance(text, Gap) else number(text)
        if limit is not None and level in current:
            rooms.append((limit, current[level]))
    return tuple(rooms)


def _cpuset(files: _Files) -> str | None:
    """The CPUs it may use: its own group's, or the nearest ancestor's if the controller is not enabled further down."""
    for _, text, _ in sorted(files.of(*_FILES_OF["cpuset"]), key=lambda item: item[0]):
        if isinstance(text, str) and text.strip():
            return text.strip()
    return None


def cpus_in(cpuset: str | None) -> int | None:
    """Count the CPUs in a list such as `0-2,4`; None if it has another form."""
    try:
        return None if cpuset is None else parse_cpulist(cpuset)
    except DecodeError:
        return None


def _io(files: _Files, gaps: _Gaps) -> tuple[IoLimit, ...]:
    """The limits of all levels; each applies separately."""
    found = _every(files, ("v2", "io.max"), parse_io_max, gaps)
    for slot, word in enumerate(_V1_IO):
        for device, value in _every(files, ("blkio", f"blkio.throttle.{word}_device"), parse_throttle, gaps):
            found.append(IoLimit(device, *(value if slot == at else None for at in range(4))))
    return tuple(found)


def _every(files: _Files, name: tuple[str, str], parse: Callable[[str], Iterable[T]], gaps: _Gaps) -> list[T]:
    return [each for _, found in _parsed(files.of(name), parse, name[1], gaps) for each in found]


def _devices(files: _Files) -> tuple[str, ...] | None:
    text = files.leaf(*_FILES_OF["devices"])
    try:
        return None if text is None else parse_device_rules(text)
    except DecodeError:
        return None


def number(text: str | None) -> int | None:
    """Parse a file with one number; None if it has no limit or can't be parsed."""
    try:
        return None if text is None else parse_limit(text)
    except DecodeError:
        return None
