"""Tries threats on a copy of a container, and says how each came out beside what was predicted.

`tries` is a generator, for the command line and for the window, which calls it in the background: it yields `Step`
when something begins, then an `AttemptOutcome` (core.threats.attempt) for each threat that was asked for, in any order.
Closing the generator, or `cancelled` answering True, ends the copy and removes it. It takes about three seconds.

Equal things are compared: the copy is read as the original is, before it tries anything, and where the prediction for
it is another one than for the original, the attempt says nothing about the original and counts as not tried.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from stratascope.core.message import Message, MessageError, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.attempt import AttemptOutcome, RouteLine, Tried
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.layers.mac.facts import MacFacts
from stratascope.usecases.attempts import reasons
from stratascope.usecases.attempts.copy import (
    PROGRAM,
    archive,
    checked,
    mounts_of,
    room_of,
    status_of,
    with_set_uid,
    words,
)
from stratascope.usecases.engine_access import CopyAccess
from stratascope.usecases.relaunch.watch import last_words
from stratascope.usecases.trial.trial import record_of
from stratascope.usecases.trial.twin import twin
from stratascope.value import Value, replace

READY, DONE = 30.0, 60.0  # seconds until the copy must be ready, and until it must have tried everything
GROUND = "ground"
ELSEWHERE = "elsewhere"  # what a line says of an attempt that is only made on a copy
_POLL = 0.03
_LINES = 20_000  # of the copy's output at most
# what is tried on a process of another kind, where others are in sight
_ON_OTHERS = ("enter-foreign-process", "enter-host-user-process", "enter-same-user-process",
              "take-over-privileged-process")  # fmt: skip
_SEES = "see-host-processes"

# What stands ready outside of the copy while it tries: values for the program, by name
Beacons = Callable[[ContainerState], AbstractContextManager[Mapping[str, str]]]


class Step(Value):
    """Something begins that takes a moment."""

    text: Message


class NotTriedError(MessageError):
    """Nothing could be tried; `message` says why."""


class Told(Value):
    """What the program said. `loose`, `short`: it lacks a restriction, or a right, of the original's first process;
    `faked`: its filter answers calls with success that were not made.
    """

    loose: bool
    short: bool
    faked: bool
    lines: tuple[RouteLine, ...]


def threats(asked: Sequence[str]) -> tuple[str, ...]:
    """The ids of these threats, all if there are none. Raises NotTriedError for an unknown one."""
    known = {threat.id for threat in all_threats()}
    for name in asked:
        if name not in known:
            raise NotTriedError(msg("There is no threat {name}. The report lists them: {command}", name=name,
                                    command="stratascope report --json"))  # fmt: skip
    return tuple(dict.fromkeys(asked)) or tuple(threat.id for threat in all_threats())


def tries(
    access: CopyAccess,
    state: ContainerState,
    program: bytes,
    wanted: Sequence[str],
    beacons: Beacons,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step | AttemptOutcome]:
    """Try these threats (ids of `threats`) on a copy of that container, which is removed. `program`: of the attempts.

    Raises NotTriedError, NoTwinError, BusyError, ToggleError, EngineError, NoSuchContainerError, JournalError.
    """
    predicted = by_id(state.judged.matrix)
    doing = [name for name in wanted if name not in reasons.NEVER]
    for name in wanted:
        if name in reasons.NEVER:
            yield AttemptOutcome(name, outcome_in(predicted, name), Tried.NOT_TRIED, why=reasons.NEVER[name])
    if not doing:
        return
    yield Step(msg("Making a copy of the container"))
    access = access.beside_all()
    spec = access.port.plan(state.container.id)
    checked(state, spec)
    number = secrets.token_hex(8)
    mark, room = secrets.token_hex(8), room_of(secrets.token_hex(8))
    mounts = mounts_of(spec, access.engine, room)
    record = record_of(access, spec, number, "")
    asked = (*doing, *((_SEES,) if set(_ON_OTHERS) & set(doing) and _SEES not in doing else ()))
    with beacons(state) as values:
        arguments = words(mark, room, asked, values, state)
        body = access.port.body(spec, spec.asked)

        def request(made: str) -> str:
            return access.port.attempting(spec, body, made, f"{room}/{PROGRAM}", arguments)

        with twin(access, spec, body, record, mounts, request) as container:
            in_volume = any(mount.target == room for mount in mounts)
            access.port.put(container, *archive(program, room, in_volume=in_volume, set_uid=with_set_uid(state)))
            access.port.start(container)
            _await(access, container, mark, '{"ready"', READY, cancelled)
            yield Step(msg("Reading the copy"))
            copy = access.read(container)
            yield Step(msg("Trying"))
            access.port.signal(container, "USR1")
            told = parsed(_await(access, container, mark, '{"done"', DONE, cancelled), mark)
    told = _with_differences(told, state, copy)
    expected = {} if copy is None else by_id(copy.judged.matrix)
    lines: dict[str, list[RouteLine]] = {}
    for line in told.lines:
        lines.setdefault(line.threat, []).append(line)
    sees = any(line.result == "open" for line in lines.get(_SEES, ()))
    for name in doing:
        yield judged(name, lines.get(name, ()), predicted.get(name), expected.get(name), told, sees=sees)


def by_id(matrix: Matrix | None) -> dict[str, ThreatState]:
    """What is predicted, by the threats' ids."""
    return {} if matrix is None else {each.threat.id: each for each in matrix.threats}


def outcome_in(predicted: Mapping[str, ThreatState], name: str) -> Outcome:
    """What is predicted for one, UNKNOWN where nothing is."""
    return predicted[name].outcome if name in predicted else Outcome.UNKNOWN


def judged(
    name: str,
    lines: Iterable[RouteLine],
    original: ThreatState | None,
    copy: ThreatState | None,
    told: Told,
    *,
    sees: bool,
) -> AttemptOutcome:
    """Pure: what the attempts for one threat come to. `sees`: the copy sees processes of the host."""
    lines = tuple(lines)
    expected = Outcome.UNKNOWN if original is None else original.outcome
    spent = sum(line.seconds for line in lines)
    by_result: dict[str, list[RouteLine]] = {}
    for line in lines:
        by_result.setdefault(line.result, []).append(line)

    def untried(why: Message) -> AttemptOutcome:
        return AttemptOutcome(name, expected, Tried.NOT_TRIED, seconds=spent, why=why)

    opened, refused = by_result.get("open", []), by_result.get("stopped", [])
    if not opened and ELSEWHERE in by_result:
        return untried(reasons.ON_A_COPY)
    if not opened and not refused:
        return untried(reasons.UNHEARD if "unknown" in by_result else reasons.UNTRIED)
    if copy is not None and Outcome.UNKNOWN not in (expected, copy.outcome) and expected is not copy.outcome:
        return untried(reasons.UNLIKE)
    if opened:
        if told.loose:
            return untried(reasons.LOOSE)
        if told.faked and expected is not Outcome.OPEN:
            return untried(reasons.HIDDEN)
        first = opened[0]
        return AttemptOutcome(name, expected, Tried.OPEN, None, first.call, None, first.route, spent)
    if "unknown" in by_result:
        return untried(reasons.UNHEARD)
    if told.short:
        return untried(reasons.SHORT)
    if sees and name in _ON_OTHERS:  # of those that were there, none may have been of the kind that lets it in
        return untried(reasons.NOBODY)
    first = next((line for line in refused if not line.vain), refused[0])
    if copy is not None and copy.outcome is Outcome.OPEN and not _by_itself(copy):
        return untried(reasons.BY_PROGRAM)
    return AttemptOutcome(name, expected, Tried.STOPPED, _layer(copy), first.call, first.errno, first.route, spent)


def _by_itself(state: ThreatState) -> bool:
    """Whether it is open without a program of the image that gives rights: routes through one come last."""
    own = state.routes[: len(state.threat.routes)]
    return any(route.outcome is Outcome.OPEN for route in own)


def _layer(copy: ThreatState | None) -> str | None:
    """Which layer answers, by what is predicted of the copy: a filter is asked before everybody else."""
    if copy is None or copy.outcome is not Outcome.STOPPED:
        return None
    if copy.by_ground:
        return GROUND
    stopping = [item.layer for item in copy.weakest.rulings if item.ruling.stance is Stance.STOPS]
    return "seccomp" if "seccomp" in stopping else next(iter(stopping), None)


def _with_differences(told: Told, state: ContainerState, copy: ContainerState | None) -> Told:
    """Restrictions of the original's first process that can't be handed over: further filters, a label, Landlock."""
    its, mine = status_of(state), None if copy is None else status_of(copy)
    if its is None or mine is None or copy is None:
        return told
    here, there = state.facts_of(MacFacts), copy.facts_of(MacFacts)
    filters = (its.seccomp, its.seccomp_filters) != (mine.seccomp, mine.seccomp_filters)
    labels = (None, None) if here is None or there is None else (_label(here), _label(there))
    locked = here is not None and bool(here.confinements)
    if filters or locked or labels[0] != labels[1]:
        return replace(told, loose=True)
    return told


def _label(facts: MacFacts) -> str | None:
    """Without the level, by which SELinux tells containers apart."""
    return facts.type if facts.system == "selinux" else facts.label


def _await(
    access: CopyAccess, container: str, mark: str, word: str, seconds: float, cancelled: Callable[[], bool]
) -> str:
    """The copy's output once the program said that word. Raises NotTriedError."""
    until = access.clock.now() + seconds
    while True:
        text = access.port.log(container, _LINES)
        if f"{mark}{word}" in text:
            return text
        if cancelled():
            raise NotTriedError(msg("Cancelled."))
        ended = access.port.running(container).status != "running"
        if ended and f"{mark}{word}" in (text := access.port.log(container, _LINES)):
            return text
        if ended or access.clock.now() >= until:
            said = plain(last_words(access.port, container), 1000)
            raise NotTriedError(msg("The copy ended before it had tried everything."), said)
        access.clock.sleep(_POLL)


def parsed(text: str, mark: str) -> Told:
    """Read strictly: a line that is not as the program writes it is none of its."""
    loose = short = faked = False
    lines = []
    for line in text.splitlines():
        if not line.startswith(mark):
            continue
        try:
            found = json.loads(line[len(mark) :])
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("ready") is True:
            loose, short, faked = (bool(found.get(key)) for key in ("loose", "short", "faked"))
        elif isinstance(found, dict) and (made := _line(found)) is not None:
            lines.append(made)
    return Told(loose, short, faked, tuple(lines))


def _line(found: dict[str, Any]) -> RouteLine | None:
    words = [found.get(key) for key in ("threat", "route", "call", "result")]
    numbers = [found.get(key) for key in ("errno", "vain", "us")]
    if not all(isinstance(each, str) for each in words) or not all(isinstance(each, int) for each in numbers):
        return None
    threat, route, call, result = map(str, words)
    return RouteLine(threat, route, call, result, int(found["errno"]), bool(found["vain"]), int(found["us"]) / 1e6)
