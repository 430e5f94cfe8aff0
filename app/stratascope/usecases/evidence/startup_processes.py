"""The processes that a container is born with, and whether its replacement has them too.

A server can lose its workers and live on: where its master may no longer change users it still runs and still listens,
and answers nobody. What a container started within its first seconds it will start again, so that is what must come
back, by name and user. Only what outlived an idle worker's time is certain to: a younger container may have been asked
for something in its first seconds, and what did that comes back when it is asked for again. Decided against counting
all processes: sessions, jobs and workers on demand come and go.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.ground import Ground
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import thread_of
from stratascope.linux.namespace import parse_idmap, to_inside
from stratascope.linux.process import ProcessStatus, parse_stat, parse_status
from stratascope.value import Value

BIRTH = 10.0  # seconds from the start of the first process within which others belong to its start
# Idle workers end after 100 seconds in Postfix (max_idle), 300 in Apache's mod_fcgid; most others sooner
SETTLED = 300.0
_TICKS = 100  # per second, sysconf(_SC_CLK_TCK): the same on all that Linux runs on today
_GONE = ("Z", "X")


class ProcessKind(Value, order=True):
    """One kind of process: its name, and its user inside, None where that has no number there."""

    name: str
    user: int | None


def startup_processes(found: ContainerCapture, ground: Ground) -> frozenset[ProcessKind] | None:
    """What it started in its first seconds and still has, beside its first process. None: not readable."""
    first = _start(found.first)
    if first is None or found.unread:
        return None
    alive = {each.pid: each for each in found.members if thread_of(each) is None}
    parents = {pid: _status(each) for pid, each in alive.items()}
    latest = first + BIRTH * (ground.clock_ticks or _TICKS)
    kinds = set()
    for pid, each in alive.items():
        start, status = _start(each), parents[pid]
        if start is None or status is None or start > latest or not _descends(pid, found.first.pid, parents):
            continue
        if (kind := _kind(status, found.first)) is not None:
            kinds.add(kind)
    return frozenset(kinds)


def all_processes(found: ContainerCapture) -> frozenset[ProcessKind] | None:
    """Every process that it has. None: not readable."""
    if _status(found.first) is None or found.unread:
        return None
    processes = (found.first, *(each for each in found.members if thread_of(each) is None))
    kinds = {_kind(status, found.first) for each in processes if (status := _status(each))}
    return frozenset(kind for kind in kinds if kind is not None)


def missing(before: frozenset[ProcessKind], now: frozenset[ProcessKind], *, users: bool) -> tuple[ProcessKind, ...]:
    """Those that did not come back; by name alone where it was given another user."""
    if users:
        return tuple(sorted(before - now, key=str))
    names = {kind.name for kind in now}
    return tuple(sorted((kind for kind in before if kind.name not in names), key=str))


def certain(
    lost: Iterable[ProcessKind], now: frozenset[ProcessKind], seconds: float, *, users: bool
) -> tuple[ProcessKind, ...]:
    """Those of the `lost` that would be there if all was well, where the original had run for so many seconds.

    Of a younger one these are whose user nobody runs as now, where users are the same: that its first process can still
    become that user is then not shown by any other.
    """
    there = {kind.user for kind in now}
    return tuple(kind for kind in lost if seconds >= SETTLED or (users and kind.user not in there))


def _descends(pid: int, first: int, parents: dict[int, ProcessStatus | None]) -> bool:
    """Whether it came of the first process: a session in the container (exec) did not."""
    seen = set()
    while pid != first:
        status = parents.get(pid)
        if status is None or status.ppid is None or pid in seen:
            return False
        seen.add(pid)
        pid = status.ppid
    return True


def _kind(status: ProcessStatus, first: Capture) -> ProcessKind | None:
    if status.name is None or status.uids is None or status.state in _GONE:
        return None
    idmap = first.decoded("uid_map", parse_idmap)
    uid = status.uids.effective
    return ProcessKind(status.name, uid if isinstance(idmap, Gap) else to_inside(idmap, uid))


def _status(capture: Capture) -> ProcessStatus | None:
    return or_none(capture.decoded("status", parse_status))


def _start(capture: Capture) -> int | None:
    stat = or_none(capture.decoded("stat", parse_stat))
    return None if stat is None else stat.start
