"""Which further processes and threads of a container differ from its first, and how they are judged. Pure.

One that differs is judged by its own readings on top of the first's, since what is not read of it (limits, mounts of a
shared mount namespace) is the container's. Those that differ in the same way are judged once. A different control group
does not count: a group below the container's own is bound by its limits too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from stratascope.core.capture import Capture, Gap, GapKind, Reading, or_none
from stratascope.core.process_match import thread_of
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.status import ProcessStatus, parse_status
from stratascope.value import replace

EXEC = "exec"
_FILTERS = "seccomp:"
_APPARMOR, _LABEL = "attr/apparmor/current", "attr/current"
# different in every process, or compared line by line
_OF_ITSELF = frozenset(("status", "comm", "stat", "cgroup", "mountinfo"))
# readings that are valid only for processes in the same namespace, or with the same label
_HOLDS_FOR = {
    "mountinfo": "ns/mnt",
    "netns:net.ipv4.ip_unprivileged_port_start": "ns/net",
    "selinux:permissive": _LABEL,
}
_OWNER = "owner:"
_CHANGES_IDS = CapabilitySet.of(("CAP_SETUID", "CAP_SETGID")).bits


def status_of(capture: Capture) -> ProcessStatus | None:
    """The decoded status, if it was read."""
    return or_none(capture.decoded("status", parse_status))


def exec_sessions(first: Capture, members: Sequence[Capture]) -> frozenset[int]:
    """Processes started from outside, by exec or nsenter(1), and their descendants. By PID, threads by their TID.

    Orphans are reparented to the first process of a PID namespace (pid_namespaces(7)), so only a process started from
    outside has a parent outside. Without a PID namespace of its own, orphans go to the runtime's monitor, and this
    can't be decided.
    """
    head = status_of(first)
    if head is None or (head.nstgid or head.nspid)[-1:] != (1,):
        return frozenset()
    parents: dict[int, int] = {}
    for each in members:
        status = status_of(each)
        above = thread_of(each) or (None if status is None else status.ppid)
        if above is not None:
            parents[each.pid] = above
    inside = {first.pid, *parents}
    found: set[int] = set()
    for begun in parents:
        path: set[int] = set()
        pid = begun
        while pid in parents and pid not in path:
            path.add(pid)
            pid = parents[pid]
        if pid not in inside:
            found |= path
    return frozenset(found)


def differs(first: Capture, other: Capture) -> Hashable:
    """What decides its judgement, if it differs from the first; else None. Equal if one judgement is valid for both."""
    one, two = status_of(first), status_of(other)
    if one is None or two is None:
        return None
    links = tuple((name, text) for name in _compared(other) if (text := _other(first, other, name)) is not None)
    lines, own = _lines(two), filters_of(other)
    if not links and lines == _lines(one) and (not own or own == filters_of(first)):
        return None
    return links, lines, own


def in_same_group(first: Capture, other: Capture) -> bool:
    """Whether both are in the same control group; if they are also judged alike, nothing differs at all."""
    mine, its = first.text("cgroup"), other.text("cgroup")
    return mine == its and not isinstance(mine, Gap) and status_of(first) is not None and status_of(other) is not None


def within(first: Capture, other: Capture) -> bool:
    """Whether the first could turn itself into this one, which then adds nothing: a worker, or one more filter.

    Anyone can drop rights and add filters; ids can be changed with the two capabilities for that (capabilities(7),
    credentials(7)).
    """
    one, two = status_of(first), status_of(other)
    if one is None or two is None or any(_other(first, other, name) is not None for name in _compared(other)):
        return False
    sets = ("inheritable", "permitted", "effective", "bounding", "ambient")
    pairs = [(getattr(one, name), getattr(two, name)) for name in sets]
    if any(mine is None or its is None or its & ~mine for mine, its in pairs):
        return False
    if one.no_new_privs and not two.no_new_privs:
        return False
    if (one.seccomp or 0) > (two.seccomp or 0) or (one.seccomp_filters or 0) > (two.seccomp_filters or 0):
        return False
    mine, its = filters_of(first), filters_of(other)
    if its and its[: len(mine)] != mine:
        return False
    ids = (one.uids, one.gids, one.groups) == (two.uids, two.gids, two.groups)
    return ids or (one.effective or 0) & _CHANGES_IDS == _CHANGES_IDS


def only_root_can_read(first: Capture, other: Capture, *, session: bool) -> bool:
    """Whether it may have filters or namespace owners that differ from the first's and matter.

    A descendant of the first has the first's filters, plus its own according to the count. A session may have the same
    number of entirely different ones.
    """
    one, two = status_of(first), status_of(other)
    if one is None or two is None:
        return False
    filtered = two.seccomp == 2 and (session or _filters(one) != _filters(two))
    return filtered or any(name.startswith("ns/") and _other(first, other, name) is not None for name in other.names())


def as_judged(first: Capture, other: Capture) -> Capture:
    """Its own readings, plus the first's for those it lacks if both share the namespace or label."""
    own = set(other.names())
    one, two = status_of(first), status_of(other)
    same_filters = one is not None and two is not None and _filters(one) == _filters(two)
    readings = list(other.readings)
    for reading in first.readings:
        name = reading.name
        if name in own or (name == _APPARMOR and _LABEL in own):
            continue
        if name.startswith(_FILTERS):
            if same_filters and not filters_of(other):
                readings.append(reading)
            continue
        same = _HOLDS_FOR.get(name) or (f"ns/{name.removeprefix(_OWNER)}" if name.startswith(_OWNER) else "")
        if same and _other(first, other, same) is not None:
            what = "under another label" if same == _LABEL else "in another namespace"
            gap = Gap(GapKind.UNSUPPORTED, detail=f"it is {what} than the first process")
            readings.append(Reading(name, other.source(name), None, gap))
        else:
            readings.append(reading if reading.source else replace(reading, source=first.source(name)))
    return Capture(other.pid, tuple(readings), other.via)


def filters_of(capture: Capture) -> tuple[str, ...]:
    """Its filters as the kernel has them, if they were read."""
    return tuple(_texts(capture))


def _texts(capture: Capture) -> Iterator[str]:
    for reading in capture.readings:
        if reading.name.startswith(_FILTERS) and reading.text is not None:
            yield reading.text


def _compared(other: Capture) -> list[str]:
    return [name for name in other.names() if name not in _OF_ITSELF and not name.startswith(_FILTERS)]


def _other(first: Capture, other: Capture, name: str) -> str | None:
    """That reading of the other, if both were read and they differ."""
    mine, its = first.text(name), other.text(name)
    if isinstance(mine, Gap) or isinstance(its, Gap) or mine == its or mine.split() == its.split():
        return None
    return its


def _filters(status: ProcessStatus) -> tuple[int | None, int | None]:
    return status.seccomp, status.seccomp_filters


def _lines(status: ProcessStatus) -> tuple[Hashable, ...]:
    return (
        *(status.uids, status.gids, status.groups, status.inheritable, status.permitted, status.effective),
        *(status.bounding, status.ambient, status.no_new_privs, *_filters(status)),
    )
