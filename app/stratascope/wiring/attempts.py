"""Trying threats on this environment's engines: what stands ready on this machine, and the program."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from stratascope.attempts import program
from stratascope.core.capture import Capture
from stratascope.core.lesson import Lesson, Stage, StageOutcome
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.attempt import AttemptOutcome, Checked
from stratascope.layers import all_layers
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.probe import beacons
from stratascope.probe.in_place import ran
from stratascope.probe.local import LocalProber
from stratascope.usecases.attempts import attempts, copy, in_place, lessons
from stratascope.usecases.attempts.attempts import Step
from stratascope.usecases.attempts.self_check import check
from stratascope.usecases.engine_access import CopyAccess
from stratascope.usecases.reach.subject import Judged
from stratascope.wiring.engines import Engines
from stratascope.wiring.hardening import ConnectedEngine
from stratascope.wiring.reach import around_of, subject_of


def as_root(access: ConnectedEngine, engines: Engines) -> None:
    """Read as root if we are root: predictions then rest on the filters that the kernel has, and a copy gets those that
    its original put on itself.
    """
    if os.geteuid() == 0:
        access.use(engines.local)


def tries(
    access: CopyAccess,
    state: ContainerState,
    wanted: Sequence[str],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step | AttemptOutcome]:
    """`usecases.attempts.attempts.tries`, with the program of this installation. Raises NoProgramError, too."""
    return attempts.tries(access, state, program.read(), wanted, _standing_for(access), cancelled)


def tries_in_place(
    engines: Engines, word: str, wanted: Sequence[str], cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Step | AttemptOutcome]:
    """`usecases.attempts.in_place.tries_in_place` of a container or sandbox by name or id, or a process by its number.
    Raises NoProgramError, too.
    """
    subject, prober = subject_of(engines, word)
    return _in_place(subject, prober, wanted, cancelled)


def tries_where_shown(
    engines: Engines,
    snapshot: Snapshot,
    state: ContainerState,
    wanted: Sequence[str],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step | AttemptOutcome]:
    """The same for one of a snapshot, as it was read."""
    around = around_of(snapshot, state)
    subject = Judged(all_layers(), state, around, state.capture or Capture(0, ()), None)
    return _in_place(subject, engines.reach(around.engine).prober, wanted, cancelled)


def _in_place(
    subject: Judged, prober: Prober | None, wanted: Sequence[str], cancelled: Callable[[], bool]
) -> Iterator[Step | AttemptOutcome]:
    if not isinstance(prober, LocalProber):
        raise ProbeError(msg("It can be tried in place only from this machine, and not from within a sandbox."))
    yield from in_place.tries_in_place(subject, program.read(), wanted, ran, cancelled)


def self_check(access: CopyAccess, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Checked]:
    """`usecases.attempts.self_check.check`, with the program of this installation. Raises NoProgramError, too."""
    return check(access, program.read(), _standing_for(access), cancelled)


def teach(
    access: CopyAccess,
    taught: Lesson,
    stages: tuple[Stage, ...] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step | StageOutcome]:
    """`usecases.attempts.lessons.teach`, with the program of this installation. Raises NoProgramError, too."""
    return lessons.teach(access, taught, program.read(), _standing_for(access), cancelled, stages)


def _standing_for(access: CopyAccess) -> attempts.Beacons:
    @contextmanager
    def standing(state: ContainerState) -> Iterator[Mapping[str, str]]:
        facts = state.facts_of(NamespacesFacts)
        sockets = {"SOCKETS": ":".join(facts.engine_sockets)} if facts is not None and facts.engine_sockets else {}
        if not access.engine.local:
            yield sockets
            return
        status = copy.status_of(state)
        user = None if status is None or status.uids is None else status.uids.real
        with beacons.standing(user) as found:
            yield {**found, **sockets}

    return standing
