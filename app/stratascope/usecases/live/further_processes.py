"""What a container's further processes and threads add to its first: drift, and the rights of the weakest. Pure.

A container is all its processes. Its marks and its matrix are those of the weakest, per layer and per threat; its facts
are the first process's. Each process that differs gets its own exposure. One cause is reported once per layer: a
session with five processes, or fifty threads of one kind, are one. Its severity follows from the threats behind it, not
from the name of what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from stratascope.core.capture import Capture, or_none, whole_gap
from stratascope.core.ground import Ground
from stratascope.core.layer import Drift, Finding, Layer, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity
from stratascope.core.snapshot import LayerState, ProcessState
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.core.threats.verified import exposure_verified
from stratascope.core.threats.worst import weaker, worst_of
from stratascope.linux.idmap import parse_idmap, to_inside
from stratascope.linux.stat import parse_stat
from stratascope.usecases.live.unlike_first import (
    EXEC,
    as_judged,
    differs,
    exec_sessions,
    in_same_group,
    status_of,
    within,
)
from stratascope.value import Value, replace

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
    stat = or_none(member.decoded("stat", parse_stat))
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
    return msg("{text} {more}", text=text, more=words)


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
    fact = msg("{process}: {fact}", process=_who(whose), fact=weakest.assessment.fact)
    worst = weakest.assessment
    return replace(first, assessment=replace(first.assessment, verdict=worst.verdict, fact=fact, basis=worst.basis))


def _who(member: Capture) -> Message:
    if thread_of(member) is None:
        return msg("PID {pid}", pid=str(member.pid))
    return msg("Thread {tid}", tid=str(member.pid))
