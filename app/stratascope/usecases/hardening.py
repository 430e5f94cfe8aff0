"""All that the window and the command line ask of hardening: offers, previews, plans, runs, and what is set aside.

One service over all engines: each question goes to the engine of its container, which is connected to when it is first
needed, since that asks the engine what it is. The journal is one for all engines, so what is set aside is listed even
where an engine is away. `preview` and `hint` are pure and quick; all else may talk to an engine or take a while, and
belongs on a thread of its own. May be asked from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from stratascope.core.container import Engine, EngineState
from stratascope.core.message import msg
from stratascope.core.observation.observer import Observer
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError, RefusedError
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.core.relaunch.transaction import WATCH, Damaged, Journal, Remedy, Stage, Transaction
from stratascope.core.relaunch.twin import TwinRecord
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.recovery import recover_groups
from stratascope.usecases.plan.closing import Closing
from stratascope.usecases.plan.look import Look, look, subject_of
from stratascope.usecases.plan.offers import Hint, Offer, Preview
from stratascope.usecases.plan.plan import Plan, plan
from stratascope.usecases.plan.presets import InUse
from stratascope.usecases.plan.preview import Inside, Previews
from stratascope.usecases.plan.programs import programs_of
from stratascope.usecases.plan.undo_plan import UndoPlan, undo_plan
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.harden import harden
from stratascope.usecases.relaunch.live_limits import change_limits
from stratascope.usecases.relaunch.owner import accept_owned
from stratascope.usecases.relaunch.recovery import Recovered, Result, recover_all, unfinished
from stratascope.usecases.relaunch.staleness import in_use, over
from stratascope.usecases.relaunch.told_by_engine import set_aside
from stratascope.usecases.relaunch.undo import undo
from stratascope.usecases.tighten.afterwards import Afterwards, refused
from stratascope.usecases.tighten.tighten import Lesson, Tightened, Wishes, tighten
from stratascope.usecases.trial.loosen import Loosened, loosen
from stratascope.usecases.trial.search import SearchEvent
from stratascope.usecases.trial.twin import remove_left
from stratascope.value import Value

_HOLDS = 2.0  # seconds for which a look holds: a person takes longer to confirm what came of it
Connect = Callable[[str], EngineAccess]  # by the engine's id; raises EngineError where it can't be used now


class Aside(Value):
    """An original that is set aside, with those that were relaunched with it.

    `size`: bytes of their writable layers, None where not known.
    """

    transaction: Transaction
    engine: str
    size: int | None


class _Connected(Value):
    access: EngineAccess
    previews: Previews


class _Held(Value):
    of: ContainerState
    at: float  # on the engine's clock
    changes: tuple[FileChange, ...]
    environment: tuple[str, ...] = ()
    listens: tuple[int, ...] | None = None
    look: Look | None = None  # None: not asked for yet


class Hardening:
    """See the module. Methods on an engine raise EngineError, NoSuchContainerError, ToggleError."""

    def __init__(
        self,
        connect: Connect,
        journal: Journal,
        command: Callable[[Plan], str],
        observer: Callable[[], Observer] | None = None,
    ) -> None:
        """`command`: the command that would do the same, without the values of the environment. `observer`: watches as
        root, who may have to be asked for.
        """
        self._connect, self._journal, self.command, self._observer = connect, journal, command, observer
        self._demo: dict[str, Previews] = {}
        self._connected: dict[str, _Connected] = {}
        self._held: _Held | None = None  # of the container that was looked at last
        self._lock = threading.Lock()

    # -- before anything happens

    def know(self, snapshot: Snapshot) -> None:
        """What is shown now; quick. The demo's containers are on no engine, and are looked at all the same."""
        if not snapshot.demo:
            self._demo = {}
        elif not self._demo:
            self._demo = {engine.id: recorded(snapshot, engine) for engine in snapshot.engines}

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle and preset, by what the container wrote and what its programs import, where its engine tells."""
        demo = self._demo.get(state.container.engine)
        if demo is not None:
            return demo.offer(state)
        engine = self._on(state.container.engine)
        try:
            inside = self._inside(engine.access, state)
        except (EngineError, NoSuchContainerError):
            inside = Inside(programs=programs_of(engine.access, state.container, None))
        return engine.previews.offer(state, inside)

    def preset(self, state: ContainerState, preset: Preset) -> tuple[Choice, ...]:
        """What the preset chooses here, by what the container wrote and what its programs import."""
        engine = self._on(state.container.engine)
        return engine.previews.preset(state, preset, self._inside(engine.access, state))

    def closing(self, state: ContainerState) -> Closing:
        """The smallest set that closes what is critical, then what is serious, and what it can't close."""
        engine = self._on(state.container.engine)
        return engine.previews.closing(state, self._inside(engine.access, state))

    def in_use(self, state: ContainerState) -> tuple[InUse, ...]:
        """What would close something critical, and that no preset but the smallest set takes back, as it is used."""
        engine = self._on(state.container.engine)
        return engine.previews.in_use(state, self._inside(engine.access, state))

    def preview(
        self, state: ContainerState, choices: Sequence[Choice], files: tuple[tuple[str, str], ...] = ()
    ) -> Preview:
        """What the choices come to, with files that are not written yet (`Plan.files`). Raises ToggleError, also where
        its engine was not asked for anything yet. Of one that does not run: beside how it would start.
        """
        return self._previews(state).preview(state.judged, choices, files)

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """What would help most beside the choices, where the exposure stays serious; as slow as an offer."""
        return self._previews(state).hint(state, choices, offer)

    def plan(self, state: ContainerState, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
        """The relaunch thought through, and what stands in its way. Changes nothing."""
        access = self._on(state.container.engine).access
        return plan(access, self._looked(access, state), choices, remedies)

    # -- carried out

    def run(
        self,
        made: Plan,
        watch: float = WATCH,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        keep_unverified: bool = False,
        exercised: Sequence[str] = (),
    ) -> Iterator[Event]:
        """A relaunch, or a change of limits where nothing else is wanted. The last thing is an `Ended`.

        `exercised`: commands that ended well on a twin with just these settings.
        """
        access = self._on(made.spec.engine).access
        self._held = None
        if made.live and not made.checked.blocks:
            yield from change_limits(access, made)
        else:
            yield from harden(
                access, made, watch=watch, keep_unverified=keep_unverified, exercised=exercised, cancelled=cancelled
            )

    def tighten(
        self,
        state: ContainerState,
        wishes: Wishes,
        lesson: Lesson | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[SearchEvent | Tightened]:
        """The tightest settings with which it still works, found on twins. The last thing is a `Tightened`.

        Nothing of the container is changed: `plan` and `run` do that with the choices that were found.
        """
        access = self._on(state.container.engine).access
        seen = look(access, state.container.id)
        yield from tighten(access, seen, wishes, lesson, cancelled)

    def loosen(self, made: Plan, cancelled: Callable[[], bool] = lambda: False) -> Iterator[SearchEvent | Loosened]:
        """What of a relaunch that failed works, found on twins; the original runs again. The last is a `Loosened`."""
        yield from loosen(self._on(made.spec.engine).access, made.spec.id, made.choices, cancelled)

    def refused(
        self, made: Plan, container: str, seconds: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Afterwards]:
        """What is refused to its replacement from now on, and was not to the original. Changes nothing of it.

        Raises ProbeError where it can't be watched.
        """
        if self._observer is None:
            raise ProbeError(msg("Nothing can be watched here."))
        yield from refused(self._on(made.spec.engine).access, self._observer, made, container, seconds, cancelled)

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        """What the replacement wrote since, and what stands in the way. Changes nothing."""
        return undo_plan(self._on(transaction.engine).access, transaction)

    def undo(
        self, transaction: Transaction, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Event]:
        """Back to what it set aside. The last thing is an `Ended`."""
        yield from undo(self._on(transaction.engine).access, transaction, watch=watch, cancelled=cancelled)

    def found(self, engine: str, named: Callable[[Transaction], bool]) -> tuple[Transaction, ...]:
        """What is set aside there by the engine's own labels, where the journal was lost or is another user's.

        Of these, those that are `named` stand in the journal from now on. Raises EngineError, JournalError.
        """
        told = tuple(item for item in set_aside(self._on(engine).access) if named(item))
        for item in told if len(told) == 1 else ():
            self._journal.write(item)
        return told

    def discard(self, transaction: Transaction) -> None:
        """Remove what it set aside, or accept what an owner did. Raises EngineError, JournalError, BusyError.

        RefusedError where that was undone or discarded meanwhile, or what would be removed is in use.
        """
        access = self._on(transaction.engine).access
        if transaction.owner is not None:
            accept_owned(access, transaction)
            return
        with rollback.held(access.journal, transaction):
            why_not = over(access.journal, transaction) or in_use(access.port, transaction)
            if why_not is not None:
                raise RefusedError(EngineState.CONNECTED, why_not)
            rollback.discard(access.port, access.journal, transaction)

    def access(self, engine: str) -> EngineAccess:
        """That engine, for what is done to several of its containers (`usecases.many`)."""
        return self._on(engine).access

    # -- what is set aside, and what a crash left

    def kept(self) -> tuple[Transaction, ...]:
        """What is set aside, oldest first, without asking any engine."""
        return tuple(item for item in self._journal.all() if isinstance(item, Transaction) and item.stage is Stage.DONE)

    def aside(self) -> tuple[Aside | Damaged, ...]:
        """The same with sizes, and what can't be read of the journal; a size is not known where an engine is away."""
        found: list[Aside | Damaged] = []
        for item in self._journal.all():
            if isinstance(item, Damaged):
                found.append(item)
            elif item.stage is Stage.DONE:
                found.append(Aside(item, item.engine, self._size(item)))
        return tuple(found)

    def recover(self) -> tuple[Recovered, ...]:
        """What a crash left half done: each finished, undone, removed, left to a living program, or why not now.

        No engine is asked where nothing is left. Raises nothing that an engine or a disk can cause.
        """
        left: dict[str, list[Transaction | TwinRecord | Group]] = {}
        for item in unfinished(self._journal):
            left.setdefault(item.engine, []).append(item)
        found: list[Recovered] = []
        for engine, items in left.items():
            try:
                found += self.recover_on(engine)
            except EngineError as error:
                found += (Recovered(item, Result.FAILED, error) for item in items)
        return tuple(found)

    def recover_on(self, engine: str) -> Iterator[Recovered]:
        """The same for one engine, also of what began when it was called by another id."""
        access = self._on(engine).access
        yield from recover_all(access)
        yield from recover_groups(access)
        yield from remove_left(access)

    # -- inside

    def _looked(self, access: EngineAccess, state: ContainerState) -> Look:
        """As it is now. Presets that are compared share it, while nothing else became known of the container."""
        held = self._holding(access, state)
        if held is None or held.look is None:
            seen = look(access, state.container.id)
            self._held = held = _Held(
                state, access.clock.now(), seen.changes, seen.spec.values, seen.before.listens, seen
            )
        assert held.look is not None
        return held.look

    def _inside(self, access: EngineAccess, state: ContainerState) -> Inside:
        """What its programs import is kept, by image."""
        held = self._holding(access, state)
        if held is None:
            port, number = access.port, state.container.id
            environment, listens = port.plan(number).values, access.liveness(number).listens
            self._held = held = _Held(state, access.clock.now(), port.changes(number), environment, listens)
        programs = programs_of(access, state.container, held.changes)
        return Inside(held.changes, programs, held.environment, held.listens)

    def _holding(self, access: EngineAccess, state: ContainerState) -> _Held | None:
        held = self._held  # once: another thread may put another one in its place
        return held if held is not None and held.of is state and access.clock.now() - held.at <= _HOLDS else None

    def _size(self, transaction: Transaction) -> int | None:
        """Bytes of the writable layers that it set aside, None where not known."""
        if transaction.owner is not None:  # that one keeps none
            return 0
        known = []
        for member in transaction.members:
            with suppress(EngineError, NoSuchContainerError):
                known.append(self._on(transaction.engine).access.port.size(member.old))
        sizes = [size for size in known if size is not None]
        return sum(sizes) if sizes else None

    def _previews(self, state: ContainerState) -> Previews:
        engine = state.container.engine
        demo = self._demo.get(engine)  # once: the window's thread may put another picture in its place
        if demo is not None:
            return demo
        connected = self._connected.get(engine)
        if connected is None:
            raise ToggleError(msg("Its engine has not been asked yet."))
        return connected.previews

    def _on(self, engine: str) -> _Connected:
        with self._lock:
            known = self._connected.get(engine)
        if known is None:
            access = self._connect(engine)  # asks the engine: not under the lock
            previews = Previews(all_layers(), access.ground, access.engine, _subjects(access), access.profile_place)
            made = _Connected(access, previews)
            with self._lock:
                known = self._connected.setdefault(engine, made)
        return known


def recorded(snapshot: Snapshot, engine: Engine) -> Previews:
    """For containers that were recorded: nothing but their snapshot is known."""

    def subject(state: ContainerState, chosen: object, changes: Sequence[FileChange] | None) -> Subject:
        return Subject(state.container, engine, tuple((layer.id, layer.facts) for layer in state.layers))

    return Previews(all_layers(), snapshot.ground_of(engine.id), engine, subject)


def _subjects(
    access: EngineAccess,
) -> Callable[[ContainerState, Sequence[Choice], Sequence[FileChange] | None], Subject]:
    return lambda state, chosen, changes: subject_of(access, state, chosen, changes)
