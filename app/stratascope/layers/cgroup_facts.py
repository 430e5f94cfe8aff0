"""Limits and present use of one container's control groups, from the readings `cgroup:HIERARCHY:LEVEL:FILE`.

No layer itself. Every limit is the smallest over all levels of the path: what a slice of systemd allows binds the
containers in it too. A file that no level has (ABSENT) means that nobody limits with that controller; a file that
could not be read for another reason leaves the question open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.layer import NamedGap
from stratascope.linux.cgroup import (
    IoLimit,
    Level,
    Membership,
    ancestor,
    cores,
    parse_cpu_max,
    parse_cpulist,
    parse_device_rules,
    parse_io_max,
    parse_limit,
    parse_memberships,
    parse_throttle,
    path_of,
    smallest,
    version,
)
from stratascope.linux.decode import DecodeError

ALL = "cgroup:*"
_V1_IO = ("read_bps", "write_bps", "read_iops", "write_iops")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])").search
_CPU = ("cpu", "cpu,cpuacct", "cpuacct,cpu")  # a v1 hierarchy may be named by one controller or by all of it


@dataclass(frozen=True, slots=True)
class CgroupFacts:
    """Limits: None is "no limit" where `unknown` does not name the field. Bytes, counts, cores.

    `memory_from`, `pids_from`, `cpu_from`: the group that sets the limit, as a path; None without limit.
    """

    version: str | None
    path: str | None
    own: bool | None  # whether the group is the container's own: its path has an id; else the use is of all in there
    memory_max: int | None
    memory_from: str | None
    memory_current: int | None
    memory_high: int | None
    swap_max: int | None
    pids_max: int | None
    pids_from: str | None
    pids_current: int | None
    pids_room: int | None  # the smallest (limit - present) over all levels
    cpu_cores: float | None
    cpu_from: str | None
    cpu_weight: int | None  # cpu.weight (v2, 1 to 10000) or cpu.shares (v1, 2 to 262144)
    cpuset: str | None
    cpuset_count: int | None
    io: tuple[IoLimit, ...]
    devices: tuple[str, ...] | None  # v1 only: v2 enforces them by a BPF program that no file shows
    memory_level: int | None
    pids_level: int | None
    unknown: tuple[str, ...]  # memory_max, pids_max, cpu_cores, swap_max: not known rather than unlimited
    sources: tuple[tuple[str, str], ...]
    process: str
    gaps: tuple[NamedGap, ...]

    def source(self, name: str) -> str:
        """Where that limit was read."""
        return next((where for key, where in self.sources if key == name), f"{self.process}/cgroup")


_ABSENT = Gap(GapKind.ABSENT)


@lru_cache(maxsize=4096)
def _name(reading: str) -> tuple[tuple[str, str], int]:
    """`cgroup:v2:1:pids.max` -> (v2, pids.max), 1; level -1 where it is not in that form."""
    parts = reading.split(":", 3)
    if len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit()):
        return ("", ""), -1
    return (parts[1], parts[3]), int(parts[2])


class _Files:
    """The readings by (hierarchy, file): a list of (level, text or gap, source), the leaf first."""

    def __init__(self, capture: Capture) -> None:
        self.by_name: dict[tuple[str, str], list[tuple[int, str | Gap, str]]] = {}
        self.present: set[tuple[str, str]] = set()
        self.gaps: list[NamedGap] = []
        self.any = False
        for reading in capture.readings:
            if not reading.name.startswith("cgroup:"):
                continue
            name, level = _name(reading.name)
            if level < 0:
                if reading.gap is not None:
                    self.gaps.append(NamedGap(reading.name, reading.gap, reading.source))
                continue
            self.any = True
            value = reading.text
            if value is not None:
                self.present.add(name)
                self.by_name.setdefault(name, []).append((level, value, reading.source))
            else:
                gap = reading.gap or _ABSENT
                if gap.kind is not GapKind.ABSENT:
                    self.present.add(name)
                self.by_name.setdefault(name, []).append((level, gap, reading.source))

    def of(self, *names: tuple[str, str]) -> list[tuple[int, str | Gap, str]]:
        """The first of these (hierarchy, file) pairs that exists at some level: a hybrid's v2 side is empty."""
        for name in names:  # loops, not generators: this is asked some thirty times for each container
            if name in self.present:
                return self.by_name[name]
        # nowhere: the last that was looked for, which is v1's where that controller is one of v1
        for name in reversed(names):
            if name in self.by_name:
                return self.by_name[name]
        return []

    def has(self, name: tuple[str, str]) -> bool:
        """Whether the file exists at some level, readable or not."""
        return name in self.present

    def leaf(self, *names: tuple[str, str]) -> str | None:
        """Its text at the process's own group."""
        for level, text, _ in self.of(*names):
            if level == 0 and isinstance(text, str):
                return text
        return None

    def source(self, *names: tuple[str, str]) -> str:
        """Where the nearest text of that file was read, or was looked for; empty where it was not even asked for."""
        places = self.of(*names)
        for _, text, place in places:
            if isinstance(text, str) and text.strip():
                return place
        return places[0][2] if places else ""


@dataclass(frozen=True, slots=True)
class _Limit:
    level: int | None
    value: float | None
    source: str
    known: bool


def read_facts(capture: Capture) -> CgroupFacts:
    """Everything that could be read; never raises."""
    gaps: list[NamedGap] = []
    process = f"/proc/{capture.pid}"
    text = capture.text("cgroup")
    memberships: tuple[Membership, ...] = ()
    if isinstance(text, Gap):
        kind = GapKind.UNSUPPORTED if capture.via != "proc" and text.kind is GapKind.ABSENT else text.kind
        gaps.append(NamedGap("cgroup", Gap(kind, text.errno, text.detail), capture.source("cgroup")))
    else:
        try:
            memberships = parse_memberships(text)
        except DecodeError as error:
            gaps.append(NamedGap("cgroup", Gap(GapKind.UNPARSED, detail=str(error)), capture.source("cgroup")))
    files = _Files(capture)
    gaps.extend(files.gaps)
    path = _main_path(memberships)
    # the root group of v2 has no limit files at all: then nothing limits, and that is known
    readable = files.any or (bool(memberships) and version(memberships) == "v2" and path == "/")
    if memberships and not readable and not files.gaps:
        gaps.append(NamedGap(ALL, Gap(GapKind.UNSUPPORTED, detail="no limit file was read"), "/sys/fs/cgroup"))
    memory = _limit(files, parse_limit, gaps, readable, ("v2", "memory.max"), ("memory", "memory.limit_in_bytes"))
    pids = _limit(files, parse_limit, gaps, readable, ("v2", "pids.max"), ("pids", "pids.max"))
    cpu = _limit(files, parse_cpu_max, gaps, readable, ("v2", "cpu.max"))
    if not files.has(("v2", "cpu.max")):
        cpu = _cpu_v1(files, gaps, readable)
    swap = _swap(files, gaps, readable, memory)
    unknown = tuple(
        name
        for name, limit in (("memory_max", memory), ("pids_max", pids), ("cpu_cores", cpu), ("swap_max", swap))
        if not limit.known
    )
    cpuset = _cpuset(files)
    return CgroupFacts(
        version=version(memberships) if memberships else None,
        path=path,
        own=None if path is None else _ID(path) is not None,
        memory_max=_whole(memory.value),
        memory_from=_from(memberships, "memory", memory.level),
        memory_current=_number(files.leaf(("v2", "memory.current"), ("memory", "memory.usage_in_bytes"))),
        memory_high=_number(files.leaf(("v2", "memory.high"))),
        swap_max=_whole(swap.value),
        pids_max=_whole(pids.value),
        pids_from=_from(memberships, "pids", pids.level),
        pids_current=_number(files.leaf(("v2", "pids.current"), ("pids", "pids.current"))),
        pids_room=_room(files),
        cpu_cores=cpu.value,
        cpu_from=_from(memberships, "cpu", cpu.level),
        cpu_weight=_number(files.leaf(("v2", "cpu.weight"), ("cpu", "cpu.shares"))),
        cpuset=cpuset,
        cpuset_count=_count(cpuset),
        io=_io(files),
        devices=_devices(files),
        memory_level=memory.level,
        pids_level=pids.level,
        unknown=unknown,
        sources=(
            ("memory_max", memory.source),
            ("pids_max", pids.source),
            ("cpu_cores", cpu.source),
            ("swap_max", swap.source),
            *((field, place) for field, names in _PLACES if (place := files.source(*names))),
        ),
        process=process,
        gaps=tuple(gaps),
    )


_PLACES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("memory_current", (("v2", "memory.current"), ("memory", "memory.usage_in_bytes"))),
    ("memory_high", (("v2", "memory.high"),)),
    ("pids_current", (("v2", "pids.current"), ("pids", "pids.current"))),
    ("cpu_weight", (("v2", "cpu.weight"), ("cpu", "cpu.shares"))),
    ("cpuset", (("v2", "cpuset.cpus.effective"), ("cpuset", "cpuset.effective_cpus"), ("cpuset", "cpuset.cpus"))),
    ("io", (("v2", "io.max"), *(("blkio", f"blkio.throttle.{word}_device") for word in _V1_IO))),
    ("devices", (("devices", "devices.list"),)),
)


def _limit(
    files: _Files,
    parse: Callable[[str], float | None],
    gaps: list[NamedGap],
    readable: bool,
    *names: tuple[str, str],
) -> _Limit:
    values: list[tuple[int, float | None]] = []
    known, source, where = readable, "", {}
    for level, text, place in files.of(*names):
        where[level] = place
        if level == 0 or not source:
            source = place
        if isinstance(text, Gap):
            if text.kind is not GapKind.ABSENT:
                known = False
                gaps.append(NamedGap(names[0][1], text, place))
            continue
        try:
            values.append((level, parse(text)))
        except DecodeError as error:
            known = False
            gaps.append(NamedGap(names[0][1], Gap(GapKind.UNPARSED, detail=str(error)), place))
    return _chosen(smallest(values), known, source, where)


def _chosen(best: Level | None, known: bool, source: str, where: dict[int, str]) -> _Limit:
    if best is None:
        return _Limit(None, None, source or "/sys/fs/cgroup", known)
    return _Limit(best.level, best.value, where[best.level], True)  # a limit found binds, whatever else there is


def _cpu_v1(files: _Files, gaps: list[NamedGap], readable: bool) -> _Limit:
    quotas = files.of(*((name, "cpu.cfs_quota_us") for name in _CPU))
    periods = {level: text for level, text, _ in files.of(*((name, "cpu.cfs_period_us") for name in _CPU))}
    values: list[tuple[int, float | None]] = []
    known, source, where = readable, "", {}
    for level, quota, place in quotas:
        where[level] = place
        if level == 0 or not source:
            source = place
        period = periods.get(level, "100000")
        if isinstance(quota, Gap) or isinstance(period, Gap):
            gap = quota if isinstance(quota, Gap) else period
            if isinstance(gap, Gap) and gap.kind is not GapKind.ABSENT:
                known = False
                gaps.append(NamedGap("cpu.cfs_quota_us", gap, place))
            continue
        try:
            values.append((level, cores(quota, period)))
        except DecodeError as error:
            known = False
            gaps.append(NamedGap("cpu.cfs_quota_us", Gap(GapKind.UNPARSED, detail=str(error)), place))
    return _chosen(smallest(values), known, source, where)


def _swap(files: _Files, gaps: list[NamedGap], readable: bool, memory: _Limit) -> _Limit:
    """v2 limits swap alone; v1 memory and swap together, and only where swap accounting is on."""
    if files.has(("v2", "memory.swap.max")):
        return _limit(files, parse_limit, gaps, readable, ("v2", "memory.swap.max"))
    both = _limit(files, parse_limit, gaps, readable, ("memory", "memory.memsw.limit_in_bytes"))
    if both.value is None or memory.value is None:
        return _Limit(both.level, both.value, both.source, both.known)
    return _Limit(both.level, max(0, both.value - memory.value), both.source, both.known)


def _room(files: _Files) -> int | None:
    limits = files.of(("v2", "pids.max"), ("pids", "pids.max"))
    current = {level: text for level, text, _ in files.of(("v2", "pids.current"), ("pids", "pids.current"))}
    rooms = []
    for level, text, _ in limits:
        limit = None if isinstance(text, Gap) else _number(text)
        used = current.get(level)
        now = _number(used) if isinstance(used, str) else None
        if limit is not None and now is not None:
            rooms.append(max(0, limit - now))
    return min(rooms, default=None)


def _cpuset(files: _Files) -> str | None:
    """The CPUs that it may use: its own group's, or the nearest ancestor's where the controller ends above."""
    names = (("v2", "cpuset.cpus.effective"), ("cpuset", "cpuset.effective_cpus"), ("cpuset", "cpuset.cpus"))
    for _, text, _ in sorted(files.of(*names), key=lambda item: item[0]):
        if isinstance(text, str) and text.strip():
            return text.strip()
    return None


def _count(cpuset: str | None) -> int | None:
    try:
        return None if cpuset is None else parse_cpulist(cpuset)
    except DecodeError:
        return None


def _io(files: _Files) -> tuple[IoLimit, ...]:
    found: list[IoLimit] = []
    for _, text, _ in files.of(("v2", "io.max")):
        if isinstance(text, str) and text.strip():
            try:
                found.extend(parse_io_max(text))
            except DecodeError:
                continue
    for place, word in enumerate(_V1_IO):
        for _, text, _ in files.of(("blkio", f"blkio.throttle.{word}_device")):
            if isinstance(text, str) and text.strip():
                found.extend(_throttles(text, place))
    return tuple(found)


def _throttles(text: str, place: int) -> list[IoLimit]:
    try:
        limits = parse_throttle(text)
    except DecodeError:
        return []
    return [IoLimit(device, *(value if slot == place else None for slot in range(4))) for device, value in limits]


def _devices(files: _Files) -> tuple[str, ...] | None:
    text = files.leaf(("devices", "devices.list"))
    try:
        return None if text is None else parse_device_rules(text)
    except DecodeError:
        return None


def _main_path(memberships: tuple[Membership, ...]) -> str | None:
    return next((path for name in ("memory", "pids", "cpu") if (path := path_of(memberships, name)) is not None), None)


def _from(memberships: tuple[Membership, ...], controller: str, level: int | None) -> str | None:
    path = path_of(memberships, controller)
    return None if level is None or path is None else ancestor(path, level)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_limit(text)
    except DecodeError:
        return None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
