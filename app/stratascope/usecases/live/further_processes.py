"""What a container's further processes and threads add to its first: drift, and the rights of the weakest. Pure.

A container is all its processes. Its marks and its matrix are those of the weakest, per layer and per threat; its facts
are the first process's. Each process that differs gets its own exposure. One cause is reported once per layer: a
session with five processes, or fifty threads of one kind, are one. Its severity follows from the threats behind it, not
from the name of what differs.

One that differs is judged by its own readings on top of the first's, since what is not read of it (limits, mounts of a
shared mount namespace) is the container's. Those that differ in the same way are judged once. A different control group
does not count: a group below the container's own is bound by its limits too.

An unread process may hold more than those that were read. So what a layer stops, or enforces, becomes UNKNOWN; what is
open stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from typing import Any

from stratascope.collector.names import GIVING_PROGRAMS, LANDLOCK, OWNER, PERMISSIVE, PORT_START
from stratascope.core.capture import Capture, Gap, GapKind, Reading, or_none, whole_gap
from stratascope.core.ground import Ground
from stratascope.core.layer import Assessment, Drift, Finding, Layer, NamedGap, Verdict
from stratascope.core.message import Message, colon, followed, msg, plural
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity
from stratascope.core.snapshot import LayerState, ProcessState
from stratascope.core.threats.depth import exposure_verified, weaker, worst_of
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Outcome, Ruling, Stance
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.namespace import parse_idmap, to_inside
from stratascope.linux.process import ProcessStatus, Stat, parse_stat, parse_status
from stratascope.value import Value, replace

EXEC = "exec"
_FILTERS = "seccomp:"
_APPARMOR, _LABEL = "attr/apparmor/current", "attr/current"
# readings that differ in every process, or are compared line by line
_OF_ITSELF = frozenset(("status", "comm", "stat", "cgroup", "mountinfo"))
# readings that are valid only for processes in the same namespace, or with the same label
_HOLDS_FOR = {
    GIVING_PROGRAMS: "ns/mnt",
    "mountinfo": "ns/mnt",
    PORT_START: "ns/net",
    PERMISSIVE: _LABEL,
}
_CHANGES_IDS = CapabilitySet.of(("CAP_SETUID", "CAP_SETGID")).bits


def status_of(capture: Capture) -> ProcessStatus | None:
    """The decoded status, if it was read."""
    return or_none(capture.decoded("status", parse_status))


def stat_of(capture: Capture) -> Stat | None:
    """The decoded stat, if it was read."""
    return or_none(capture.decoded("stat", parse_stat))


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


def ends_matter(found: ContainerCapture) -> tuple[Capture, ...]:
    """The further processes without which less would be told of a container: exec sessions, then those that differ."""
    first, alive = found.first, [member for member in found.members if _lives(member)]
    sessions = exec_sessions(first, alive) if alive else frozenset()
    others = (member for member in alive if member.pid not in sessions and differs(first, member) is not None)
    return (*(member for member in alive if member.pid in sessions), *others)[:KINDS_MAX]


def _lives(member: Capture) -> bool:
    stat = stat_of(member)
    return stat is not None and not stat.exiting


def differs(first: Capture, other: Capture) -> Hashable:
    """A key of everything that its assessment depends on; None if it does not differ from the first process. Processes
    with equal keys are assessed once.
    """
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
    own = [name for name in _compared(other) if name != LANDLOCK or first.text(name) != ""]  # anyone may add a domain
    if one is None or two is None or any(_other(first, other, name) is not None for name in own):
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
        same = _HOLDS_FOR.get(name) or (f"ns/{name.removeprefix(OWNER)}" if name.startswith(OWNER) else "")
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


# arguments: one process, and the number of unread ones
Judge = Callable[[Capture, int], tuple[tuple[LayerState, ...], Matrix]]

KINDS_MAX = 64  # of one container; for those beyond, it is not known what they may do
_VERDICTS = (Verdict.OPEN, Verdict.WEAKENED, Verdict.UNKNOWN, Verdict.ENFORCED)
# Name of the runtime while it sets up an exec (runc: nsexec.c; crun: its own name). It still has full rights, and drops
# them before it becomes the program. That takes much less than this; but a process may call itself so for good.
_RUNTIME_COMMANDS = ("runc:[", "crun")
_SETTING_UP_SECONDS = 10.0


class Weighed(Value):
    """The result. `unread`: processes that were neither read nor judged."""

    layers: tuple[LayerState, ...]
    first_layers: tuple[LayerState, ...]
    matrix: Matrix
    first_exposure: float
    processes: tuple[ProcessState, ...]
    findings: tuple[Finding, ...]
    unread: int


class _Reported(Value):
    """A drift's finding, and how much it raises the exposure."""

    finding: Finding
    raised: float


def weigh(
    first: Capture,
    members: Sequence[Capture],
    unread: int,
    layers: tuple[Layer, ...],
    judge: Judge,
    ground: Ground,
    taken_at: float,
) -> Weighed:
    """`judge` returns layers and matrix of one process, including the first; `unread`: number of processes not read."""
    alive = [member for member in members if whole_gap(member) is None]  # the others exited between listing and reading
    starting = {member.pid for member in alive if setting_up(member, ground, taken_at)}
    kinds = {member.pid: differs(first, member) for member in alive if member.pid not in starting}
    found: dict[Hashable, Capture] = {}
    for member in alive:
        if (kind := kinds.get(member.pid)) is not None:
            found.setdefault(kind, member)
    unread += max(0, len(found) - KINDS_MAX)
    own, matrix = judge(first, unread)
    judged = {kind: judge(as_judged(first, member), unread) for kind, member in list(found.items())[:KINDS_MAX]}
    lesser = {kind for kind in judged if within(first, found[kind])}
    others = [(found[kind], *each) for kind, each in judged.items() if kind not in lesser]
    sessions = exec_sessions(first, alive) if alive else frozenset()
    processes: list[ProcessState] = []
    reported: dict[tuple[str, bool, bool], _Reported] = {}
    for member in alive:
        session = member.pid in sessions
        kind = kinds.get(member.pid)
        nothing = member.pid in starting or (kind is None and in_same_group(first, member))
        drifts = () if nothing else tuple([drift for layer in layers for drift in layer.drift(first, member)])
        its_layers, its = judged.get(kind, ((), None))
        least = matrix if kind in lesser else its
        exposure = None if its is None or least is None else min(its.exposure.worst, least.exposure.worst)
        sure = its is None or exposure_verified(its) == its.exposure.worst
        processes.append(_state(member, drifts, its_layers, exposure, session=session, verified=sure))
        for each in _reported(drifts, matrix, least, session=session):
            cause = each.finding.code, session, thread_of(member) is not None
            if cause not in reported or _weight(each) < _weight(reported[cause]):
                reported[cause] = each
    return Weighed(
        tuple(
            _worst(layer, [(member, states[place]) for member, states, _ in others]) for place, layer in enumerate(own)
        ),
        own,
        worst_of(matrix, [(its, folder_of(member)) for member, _, its in others]),
        matrix.exposure.worst,
        tuple(processes),
        tuple(each.finding for each in reported.values()),
        unread,
    )


def folder_of(member: Capture) -> str:
    """/proc/4300/, or /proc/4300/task/4305/ for a thread."""
    return member.source("status").removesuffix("status")


def setting_up(member: Capture, ground: Ground, taken_at: float) -> bool:
    """Whether it is not yet a process of the container, but the runtime about to become one."""
    if not _command(member).startswith(_RUNTIME_COMMANDS):
        return False
    stat = stat_of(member)
    if stat is None or ground.boot_time is None or not ground.clock_ticks:
        return False
    return ground.boot_time + stat.start / ground.clock_ticks > taken_at - _SETTING_UP_SECONDS


def _state(
    member: Capture,
    drifts: tuple[Drift, ...],
    layers: tuple[LayerState, ...],
    exposure: float | None,
    *,
    session: bool,
    verified: bool,
) -> ProcessState:
    status = status_of(member)
    return ProcessState(
        member.pid,
        status.nspid[-1] if status and status.nspid else None,
        _command(member),
        tuple(dict.fromkeys(drift.field for drift in drifts)),
        kind=EXEC if session else "",
        thread_of=thread_of(member),
        exposure=exposure,
        verified=verified,
        effective=None if status is None else status.effective,
        user=None if status is None or status.uids is None else _inside(member, status.uids.effective),
        layers=layers,
        capture=member,
    )


def _inside(member: Capture, uid: int) -> int | None:
    ranges = or_none(member.decoded("uid_map", parse_idmap))
    return None if ranges is None else to_inside(ranges, uid)


def _command(member: Capture) -> str:
    return (or_none(member.text("comm")) or "").rstrip("\n")


def _reported(drifts: tuple[Drift, ...], first: Matrix, its: Matrix | None, *, session: bool) -> list[_Reported]:
    """The findings of one process, once each; the worst also states the new exposure."""
    found = list({drift.finding.code: drift.finding for drift in drifts}.values())
    if not found or its is None:
        return [_Reported(each, 0.0) for each in found]
    before = {state.threat.id for state in first.threats if state.outcome is Outcome.OPEN}
    worse = weaker(first, its)
    opened = [
        state.threat.severity for state in worse if state.outcome is Outcome.OPEN and state.threat.id not in before
    ]
    least = min(opened, key=lambda each: each.rank) if opened else Severity.MEDIUM if worse else Severity.LOW
    found = [replace(each, severity=max(each.severity, least, key=lambda each: each.rank)) for each in found]
    found.sort(key=lambda each: each.severity.rank)
    raised = its.exposure.worst - first.exposure.worst
    if raised > 0:
        found[0] = replace(found[0], severity=least, text=_raised(found[0].text, first, its, session=session))
    return [_Reported(each, raised) for each in found]


def _raised(text: Message, first: Matrix, its: Matrix, *, session: bool) -> Message:
    least, most = f"{first.exposure.worst:.1f}", f"{its.exposure.worst:.1f}"
    if session:
        words = msg("It belongs to an exec session, and raises the exposure from {least} to {most} until it ends.",
                    least=least, most=most)  # fmt: skip
    else:
        words = msg("That raises the exposure from {least} to {most}.", least=least, most=most)
    return followed(text, words)


def _weight(each: _Reported) -> tuple[int, float]:
    return each.finding.severity.rank, -each.raised


def _worst(first: LayerState, others: list[tuple[Capture, LayerState]]) -> LayerState:
    """The first's facts, with the mark of the weakest."""
    weakest: LayerState = first
    whose: Capture | None = None
    for member, state in others:
        if _VERDICTS.index(state.assessment.verdict) < _VERDICTS.index(weakest.assessment.verdict):
            weakest, whose = state, member
    if whose is None:
        return first
    fact = colon(_who(whose), weakest.assessment.fact)
    worst = weakest.assessment
    return replace(first, assessment=replace(first.assessment, verdict=worst.verdict, fact=fact, basis=worst.basis))


def _who(member: Capture) -> Message:
    if thread_of(member) is None:
        return msg("PID {pid}", pid=str(member.pid))
    return msg("Thread {tid}", tid=str(member.pid))


def unread_finding(count: int, source: str) -> Finding:
    """The finding for unread processes, attributed to capabilities: that layer says most about a process's rights."""
    text = plural(
        "At least {count} of its processes was not read, and may be able to do more than those that were.",
        "At least {count} of its processes were not read, and may be able to do more than those that were.",
        count,
    )
    advice = msg("Limit the number of its processes (--pids-limit), and look again as root: then all of them are read.")
    return Finding("capabilities.unread-processes", "capabilities", Severity.MEDIUM, text, advice, source, ("proc(5)",))


def with_unread(known: Assessment, count: int, source: str) -> Assessment:
    """The layer's assessment, given that `count` processes were not read."""
    gap = NamedGap("processes", Gap(GapKind.UNSUPPORTED, detail=f"{count} or more were not read"), source)
    if known.verdict in (Verdict.OPEN, Verdict.UNKNOWN):
        return replace(known, gaps=(*known.gaps, gap))
    fact = msg("Not all of its processes were read")
    return replace(known, verdict=Verdict.UNKNOWN, fact=fact, gaps=(*known.gaps, gap))


@cache
def ruling_with_unread(layer: Layer) -> Layer:
    """The layer, ruling as if processes were unread. Cached per layer, so that like containers are judged once."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        found = layer.stance(need, posture)
        if found is None or found.stance is not Stance.STOPS:
            return found
        return Ruling(Stance.UNKNOWN, msg("Not all of its processes were read."), "@cgroup")

    return replace(layer, stance=stance)
