"""Trials of one container. Each runs a twin with candidate settings through a `LifecycleTest`, then removes it.

Errors of an engine or a disk are not raised: such a trial has no result, and reports the reason.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from stratascope.core.container import Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import TWIN_NAME, LaunchSpec, TwinMount, TwinRecord
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.core.relaunch.trial import Loosening, Tried, TwinRefusal, Works
from stratascope.layers.toggles import fold, plain
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.file_access import handed_over
from stratascope.usecases.plan.look import Look, profiles
from stratascope.usecases.plan.written_files import in_memory, with_chosen
from stratascope.usecases.relaunch.carry_out import in_words, joined
from stratascope.usecases.relaunch.diagnosis import blame
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.usecases.trial.lifecycle import Exercises, Keeps, LifecycleTest
from stratascope.usecases.trial.twin import NoTwinError, check, mounts_of, twin
from stratascope.value import Value, replace


class Witness(Protocol):
    """Watches one twin's control group from before its start."""

    @property
    def cgroup(self) -> str:
        """The parent control group for the twin, in its engine's notation; empty: any. Removed afterwards."""

    def attach(self, container: str, initialize: Callable[[], int | None]) -> None:
        """Watch the created, not yet started twin with this full id, and create its control group if one was requested.
        Otherwise `initialize` creates the process that waits for the start, and returns its PID.
        """

    def started(self, container: str) -> None:
        """The twin with this full id runs now."""

    def refusals(self) -> tuple[TwinRefusal, ...]:
        """What the twin was refused; called once, after it has ended and before it is removed."""


class _Nobody:
    cgroup = ""

    def attach(self, container: str, initialize: Callable[[], int | None]) -> None:
        """Do nothing."""

    def started(self, container: str) -> None:
        """Do nothing."""

    def refusals(self) -> tuple[TwinRefusal, ...]:
        return ()


@contextmanager
def unwatched(number: str) -> Iterator[Witness]:
    """A witness that watches nothing, for engines where observing is impossible."""
    yield _Nobody()


Observe = Callable[[str], AbstractContextManager[Witness]]  # by the twin's number; entered before its creation


class Prepared(Value):
    """A twin with these choices, ready to be created."""

    subject: Subject
    choices: tuple[Choice, ...]
    body: str
    mounts: tuple[TwinMount, ...]
    handed: tuple[VolumeChange, ...]
    keeps: Keeps

    UNPRINTED = ("body",)


def prepare(access: EngineAccess, seen: Look, choices: Sequence[Choice]) -> Prepared:
    """What a twin with these choices is created from. Raises NoTwinError, ToggleError, EngineError."""
    subject = with_chosen(access, replace(seen.subject, files=profiles(access, choices)), seen.changes, choices)
    chosen = plain(choices, subject)
    wanted = fold(seen.spec.asked, chosen, subject)
    check(seen.state.container, seen.spec, wanted, rootless=access.engine.rootless)
    mounts = mounts_of(seen.spec.asked, wanted, access.engine, access.host)
    handed = handed_over(access, subject, seen.spec.asked, wanted, chosen)
    before = seen.spec.asked
    keeps = Keeps(
        tuple(mount.target for mount in mounts if mount.fresh),
        tuple(sorted(in_memory(wanted) - in_memory(before))),
        wanted.read_only_root and not before.read_only_root,
    )
    return Prepared(subject, chosen, access.port.body(seen.spec, wanted), mounts, handed, keeps)


def record_of(access: EngineAccess, spec: LaunchSpec, number: str, cgroup: str) -> TwinRecord:
    """The journal's record of a new twin."""
    return TwinRecord(
        id=number,
        engine=spec.engine,
        endpoint=access.engine.endpoint,
        original=spec.id,
        name=f"{spec.name}.{TWIN_NAME}{number[:8]}",
        started_at=time.time(),
        cgroup=cgroup,
    )


class Trials:
    """Runs trials of one container, one at a time. The container's own start processes are read once, here."""

    def __init__(
        self,
        access: EngineAccess,
        seen: Look,
        exercises: Exercises | None = None,
        observe: Observe = unwatched,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`seen`: a fresh `usecases.plan.look.look`. A witness may raise EngineError. Raises EngineError."""
        self._access, self._seen, self._observe = access, seen, observe
        self._exercises, self.cancelled = exercises or Exercises(), cancelled
        runs = seen.state.container.status is Status.RUNNING
        self._processes = access.startup_processes(seen.spec.id) if runs else None

    def know(self, subject: Subject) -> None:
        """Use this newer subject, which has what was learned since."""
        self._seen = replace(self._seen, subject=subject)

    def run(self, choices: Sequence[Choice], like: Tried | None = None) -> Tried:
        """Try these choices; blocks. `like`: the trial of the unchanged container, to compare with."""
        clock = self._access.clock
        begun, tried = clock.now(), Tried(tuple(choices), Works.UNKNOWN, 0.0)
        try:
            prepared = prepare(self._access, self._seen, choices)
            tried = self._tried(prepared, replace(tried, choices=prepared.choices), like)
        except (NoTwinError, ToggleError) as error:
            tried = replace(tried, works=Works.REFUSED, why=error.message)
        except BusyError as error:
            tried = replace(tried, works=Works.UNKNOWN, why=error.message)
        except (EngineError, NoSuchContainerError, JournalError) as error:
            why, words, _ = in_words(error)
            tried = replace(tried, works=Works.UNKNOWN, why=why, words=words)
        return replace(tried, seconds=clock.now() - begun)

    def _tried(self, prepared: Prepared, tried: Tried, like: Tried | None) -> Tried:
        access, spec, number = self._access, self._seen.spec, secrets.token_hex(8)

        def hand_over(container: str) -> None:
            if prepared.handed:
                access.port.give_twin(container, number, prepared.mounts, prepared.handed)

        test = LifecycleTest(
            access, self._seen, self._processes, self._exercises, self.cancelled, like, prepared.keeps, hand_over
        )
        failed: FailedError | None = None
        refusals: tuple[TwinRefusal, ...] = ()
        with self._observe(number) as witness:
            record = record_of(access, spec, number, witness.cgroup)
            try:
                with twin(access, spec, prepared.body, record, prepared.mounts) as container:
                    try:
                        witness.attach(container, partial(access.port.initialize, container))
                        hand_over(container)
                        access.port.start(container)
                        witness.started(container)
                        tried = replace(tried, pace=test.run(container, record.name, tried.choices))
                        if like is None and self._processes is not None:  # the others are not to have them either
                            self._processes -= test.away
                    except FailedError as error:
                        failed = error
                        access.port.stop(container, 0)
                    refusals = witness.refusals()
            except RefusedError as error:  # by create or start: the engine rejects these options
                failed = FailedError(error.message, error.words, failure=Failure(words=error.words))
        known = {each.key for each in like.refusals} if like is not None else set()
        tried = replace(
            tried,
            refusals=tuple(each for each in refusals if each.key not in known),
            compared=tuple(test.compared),
            not_compared=tuple(test.not_compared),
        )
        if failed is None and (like is None or not tried.refusals):
            return replace(tried, works=Works.YES)
        return _broken(replace(tried, loosenings=test.loosenings), failed, prepared)


def _broken(tried: Tried, failed: FailedError | None, prepared: Prepared) -> Tried:
    """Add the reason and what would help: taken from the refusals, else from the diagnosis."""
    helpful = [*tried.loosenings, *(each.loosening for each in tried.refusals if each.loosening is not None)]
    if failed is None:
        text = msg("It is refused something that it is not refused unchanged: {text}",
                   text=tried.refusals[0].text)  # fmt: skip
        return replace(tried, works=Works.BREAKS, why=text, loosenings=tuple(dict.fromkeys(helpful)))
    if failed.failure is not None:
        _, suspects = blame(tried.choices, failed.failure, prepared.subject)
        helpful += (Loosening(name) for name in suspects if name not in {each.toggle for each in helpful})
    return replace(
        tried,
        works=Works.UNKNOWN if failed.failure is None else Works.BREAKS,  # cancelled
        why=failed.why,
        words=joined(failed.words),
        log=failed.log,
        failure=failed.failure,
        loosenings=tuple(dict.fromkeys(helpful)),
    )
