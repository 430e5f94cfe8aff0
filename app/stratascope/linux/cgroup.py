"""Control groups: the lines of /proc/PID/cgroup, the limit files of v1 and v2, and the smallest limit on a path.

A limit applies wherever it is set between the process's group and the root, so each is resolved over all levels (level
0 is the process's own group). A value of None means no limit; callers keep track of what could not be read. Formats:
cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from sys import intern
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Mount
from stratascope.value import Value

# v1 writes "no limit" as LONG_MAX rounded down to a page (mm/page_counter.c): 9223372036854771712 with pages of
# 4 KiB, 9223372036854710272 with 64 KiB. No machine has that much memory.
NO_LIMIT_V1 = 0x7FFFFFFFFFFF0000
_DEVICES_MAX = 4096
_DIGITS_MAX = 20
_DEVICES = re.compile(r"(?:[0-9]{1,10}|\*):(?:[0-9]{1,10}|\*)").fullmatch


class Membership(NamedTuple):
    """One line of /proc/PID/cgroup; hierarchy 0 without controllers is v2. A NamedTuple, since many are made."""

    hierarchy: int
    controllers: tuple[str, ...]
    path: str


class IoLimit(Value):
    """Limits of one block device `MAJOR:MINOR` in bytes and operations per second; None: no limit."""

    device: str
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_operations: int | None = None
    write_operations: int | None = None


class Level(Value):
    """A value and the level that set it (0: the process's own group)."""

    value: float
    level: int


@remembered()
def parse_memberships(text: str) -> tuple[Membership, ...]:
    """Parse lines `ID:CONTROLLERS:PATH`; a path may contain colons. Raises DecodeError."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        parts = line.split(":", 2)
        which = _hierarchy(parts[0], parts[1]) if len(parts) == 3 else None
        if which is None:
            raise DecodeError(f"cgroup, line {number}: ID:CONTROLLERS:PATH expected, got {line[:80]!r}")
        if not parts[2].startswith("/"):
            raise DecodeError(f"cgroup, line {number}: not a path: {parts[2][:80]!r}")
        found.append(Membership(*which, intern(parts[2].removesuffix(" (deleted)"))))
    if not found:
        raise DecodeError("cgroup: no line")
    return tuple(found)


@remembered()
def _hierarchy(number: str, controllers: str) -> tuple[int, tuple[str, ...]] | None:
    """Cached, since it is the same for every process of a machine; None if `number` is no number."""
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        return None
    return int(number), tuple(controllers.split(",")) if controllers else ()


def version(memberships: Iterable[Membership]) -> str:
    """`v2`, `v1`, or `hybrid` if both v1 controllers and a v2 hierarchy are mounted."""
    unified = any(line.hierarchy == 0 for line in memberships)
    old = any(name and not name.startswith("name=") for line in memberships for name in line.controllers)
    if unified and old:
        return "hybrid"
    return "v2" if unified else "v1"


def layout_of(mounts: Iterable[Mount]) -> str:
    """The machine's layout by its mounts: `v1`, `v2`, `hybrid` (both), or `none`."""
    kinds = {mount.fs_type for mount in mounts} & {"cgroup", "cgroup2"}
    if len(kinds) == 2:
        return "hybrid"
    return {"cgroup": "v1", "cgroup2": "v2"}.get(next(iter(kinds), ""), "none")


def path_of(memberships: Iterable[Membership], controller: str) -> str | None:
    """The group with this controller's limits: in its v1 hierarchy, else in v2."""
    unified = None
    for line in memberships:
        if controller in line.controllers:
            return line.path
        if line.hierarchy == 0:
            unified = line.path
    return unified


def ancestor(path: str, level: int) -> str:
    """The path `level` levels up: `/a/b/c`, 1 -> `/a/b`; the root is `/`."""
    for _ in range(level):
        path = path.rpartition("/")[0]
    return path or "/"


@remembered()
def parse_limit(text: str) -> int | None:
    """Parse a file with one number or `max`; None: no limit. Raises DecodeError."""
    word = text.strip()
    if word in ("max", "-1"):
        return None
    if not word.isascii() or not word.isdigit() or len(word) > _DIGITS_MAX:
        raise DecodeError(f"not a limit: {text[:80]!r}")
    value = int(word)
    return None if value >= NO_LIMIT_V1 else value


@remembered()
def parse_cpu_max(text: str) -> float | None:
    """Parse v2 `cpu.max`, `QUOTA PERIOD` in microseconds, to cores; None: no limit. Raises DecodeError."""
    words = text.split()
    if len(words) != 2:
        raise DecodeError(f"cpu.max: two words expected: {text[:80]!r}")
    return cores(words[0], words[1])


def cores(quota: str, period: str) -> float | None:
    """Cores from quota and period in microseconds, as text; `max` and `-1` mean no limit. Raises DecodeError."""
    quota, period = quota.strip(), period.strip()
    if not (period.isascii() and period.isdigit() and len(period) <= _DIGITS_MAX and int(period) > 0):
        raise DecodeError(f"not a CPU period: {period[:80]!r}")
    limit = parse_limit(quota)
    return None if limit is None else limit / int(period)


@remembered()
def parse_cpulist(text: str) -> int:
    """Count the CPUs in a list such as `0-3,8` (0 for an empty one). Raises DecodeError."""
    count = 0
    for part in text.strip().split(","):
        if not part and not text.strip():
            continue
        first, dash, last = part.partition("-")
        numbers = (first, last) if dash else (first, first)
        if not all(word.isascii() and word.isdigit() and len(word) <= 6 for word in numbers):
            raise DecodeError(f"not a list of CPUs: {text[:80]!r}")
        low, high = int(numbers[0]), int(numbers[1])
        if high < low:
            raise DecodeError(f"not a list of CPUs: {text[:80]!r}")
        count += high - low + 1
    return count


@remembered()
def parse_io_max(text: str) -> tuple[IoLimit, ...]:
    """Parse v2 `io.max`, one line per device: `8:0 rbps=1048576 wbps=max riops=max wiops=max`. Raises DecodeError."""
    limits = []
    for line in _lines(text):
        words = line.split()
        if not words:
            continue
        values: dict[str, int | None] = {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals:
                raise DecodeError(f"io.max: KEY=VALUE expected: {word[:80]!r}")
            values[key] = parse_limit(value)
        limits.append(
            IoLimit(_device(words[0]), *(values.get(key) for key in ("rbps", "wbps", "riops", "wiops"))),
        )
    return tuple(limits)


@remembered()
def parse_throttle(text: str) -> tuple[tuple[str, int], ...]:
    """Parse v1 `blkio.throttle.*_device`, one line `MAJOR:MINOR VALUE` per limited device. Raises DecodeError."""
    found = []
    for line in _lines(text):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise DecodeError(f"blkio.throttle: DEVICE VALUE expected: {line[:80]!r}")
        value = parse_limit(words[1])
        if value is not None:
            found.append((_device(words[0]), value))
    return tuple(found)


def _lines(text: str) -> list[str]:
    """One line per device; raises DecodeError for more than any machine has."""
    lines = text.split("\n")
    if len(lines) > _DEVICES_MAX:
        raise DecodeError(f"more than {_DEVICES_MAX} devices")
    return lines


def _device(word: str) -> str:
    major, colon, minor = word.partition(":")
    if not colon or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (major, minor)):
        raise DecodeError(f"not a device number: {word[:80]!r}")
    return word


@remembered()
def parse_device_rules(text: str) -> tuple[str, ...]:
    """Parse v1 `devices.list`, the allowed devices: `TYPE MAJOR:MINOR ACCESS` (`a *:* rwm` is everything)."""
    rules = []
    for line in _lines(text):
        if not line:
            continue
        words = line.split()
        if len(words) != 3 or words[0] not in ("a", "b", "c") or not set(words[2]) <= set("rwm"):
            raise DecodeError(f"devices.list: not a rule: {line[:80]!r}")
        if _DEVICES(words[1]) is None:
            raise DecodeError(f"devices.list: not device numbers: {line[:80]!r}")
        rules.append(line)
    return tuple(rules)


def parse_oom_kills(text: str) -> int:
    """How many processes of the group the OOM killer killed; raises DecodeError.

    `oom_kill N`, both in v2's `memory.events` and v1's `memory.oom_control`.
    """
    return _counted(text, "oom_kill")


def parse_refused_forks(text: str) -> int:
    """How many new processes and threads the group's limit refused: `max N` of `pids.events`. Raises DecodeError."""
    return _counted(text, "max")


def _counted(text: str, wanted: str) -> int:
    for line in text.split("\n"):
        name, _, count = line.partition(" ")
        if name == wanted and count.isascii() and count.isdigit() and len(count) <= _DIGITS_MAX:
            return int(count)
    raise DecodeError(f"no {wanted} is counted: {text[:80]!r}")


# Usage so far


def parse_count(text: str) -> int:
    """Parse `memory.current`, `pids.current`, and v1's `memory.usage_in_bytes`, `cpuacct.usage` (nanoseconds)."""
    return _number(text.strip())


def parse_cpu_stat(text: str) -> float:
    """CPU seconds of all the group's processes: `usage_usec` in v2 `cpu.stat`."""
    for line in _lines(text):
        name, _, value = line.partition(" ")
        if name == "usage_usec":
            return _number(value) / 1e6
    raise DecodeError(f"cpu.stat: no usage_usec: {text[:80]!r}")


def parse_io_stat(text: str) -> int:
    """Bytes read and written on all devices: v2 `io.stat`, one line each, `8:0 rbytes=90112 wbytes=0 rios=2 …`."""
    total = 0
    for line in _lines(text):
        for word in line.split()[1:]:
            key, _, value = word.partition("=")
            if key in ("rbytes", "wbytes"):
                total += _number(value)
    return total


def parse_service_bytes(text: str) -> int:
    """The same from v1 `blkio.throttle.io_service_bytes`: lines `8:0 Read 90112`; the sums are skipped."""
    total = 0
    for line in _lines(text):
        words = line.split()
        if len(words) == 3 and words[1] in ("Read", "Write"):
            total += _number(words[2])
    return total


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= _DIGITS_MAX):
        raise DecodeError(f"not a number: {word[:40]!r}")
    return int(word)


def smallest(values: Iterable[tuple[int, float | None]]) -> Level | None:
    """The tightest of (level, limit) pairs; of equal ones the level nearest to the process."""
    best: Level | None = None
    for level, value in values:
        if value is not None and (best is None or value < best.value or (value == best.value and level < best.level)):
            best = Level(value, level)
    return best
