"""Everything that window and command line ask of hardening: offers, previews, plans, runs, originals set aside.

One service for all engines: a question goes to the engine of its container, which is connected on first use, since
connecting queries it. There is one journal for all engines, so originals set aside are listed even if an engine is
away. `preview` and `hint` are pure and quick; everything else may talk to an engine or take a while, and belongs on a
thread of its own. Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from stratascope.core.container import Engine, EngineState
from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Observation, Observer
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError, Prober, RefusedError
from stratascope.core.relaunch.hardening_plan import HardeningPlan, Wanted
from stratascope.core.relaunch.launch_spec import FileChange, TwinRecord
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.core.relaunch.transaction import (
    WATCH,
    Damaged,
    Group,
    Journal,
    Progress,
    RelaunchResult,
    Remedy,
    Stage,
    State,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.core.sandboxes.lines import Written
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.layers import all_layers
from stratascope.layers.toggles import parse
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.plan_together import members, plan_together
from stratascope.usecases.many.together import AllEnded, Of, recover_groups, relaunch_together, undo_together
from stratascope.usecases.plan.look import Contents, Look, look, look_inside, subject_of
from stratascope.usecases.plan.offers import Offer, Preview
from stratascope.usecases.plan.plan import Plan, able, plan
from stratascope.usecases.plan.preview import Inside, Previews
from stratascope.usecases.plan.programs import programs_of
from stratascope.usecases.plan.standards import STANDARDS, Standard
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.harden import change_limits, harden, with_what_came
from stratascope.usecases.relaunch.known import in_use, over
from stratascope.usecases.relaunch.owner import accept_owned
from stratascope.usecases.relaunch.recovery import Recovered, Result, recover_all, set_aside, unfinished
from stratascope.usecases.relaunch.undo import UndoPlan, undo, undo_plan
from stratascope.usecases.sandbox_plans import SandboxPlans
from stratascope.usecases.tighten.afterwards import Afterwards, refused
from stratascope.usecases.tighten.tighten import Tightened, TwinObserver, Wishes, tighten
from stratascope.usecases.trial.exercise import exercise_hardened, tested
from stratascope.usecases.trial.lifecycle import Exercised
from stratascope.usecases.trial.strategy import Loosened, SearchEvent, loosen
from stratascope.usecases.trial.twin import remove_left
from stratascope.value import Value, replace

_HOLDS = 2.0  # seconds that a reading is reused: a person takes longer to act on it
Connect = Callable[[str], EngineAccess]  # by the engine's id; raises EngineError if it can't be used now


class Aside(Value):
    """An original that is set aside, with those relaunched together with it.

    `size`: bytes of their writable layers, None if not known.
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
    contents: Contents
    look: Look | None = None  # None: not asked for yet


class Hardening:
    """See the module. Methods that use an engine raise EngineError, NoSuchContainerError, ToggleError."""

    def __init__(
        self,
        connect: Connect,
        journal: Journal,
        command: Callable[[Plan], str],
        observer: Callable[[], Observer] | None = None,
        prober: Callable[[], Prober] | None = None,
    ) -> None:
        """`command`: renders the command that would do the same, without environment values. `observer`: watches as
        root, which a person may have to permit. `prober`: reads what a sandbox gets at; None: that is not looked at.
        """
        self._connect, self._journal, self.command, self._observer = connect, journal, command, observer
        self._demo: dict[str, Previews] = {}
        self._here: Ground | None = None  # of this machine
        self._sandboxes = SandboxPlans(lambda: None if self._demo or prober is None else prober())
        self._connected: dict[str, _Connected] = {}
        self._held: _Held | None = None  # of the container that was read last
        self._lock = threading.Lock()

    # -- before anything happens

    def know(self, snapshot: Snapshot) -> None:
        """The snapshot on display; quick. The demo's containers are on no engine, and are handled all the same."""
        self._here = snapshot.ground
        if not snapshot.demo:
            self._demo = {}
        elif not self._demo:
            self._demo = {engine.id: recorded(snapshot, engine) for engine in snapshot.engines}

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle and preset, judged by what the container wrote and what its programs import, if its engine
        reports it.
        """
        without = self._without_engine(state)
        if without is not None:
            return without.offer(state)
        engine = self._on(state.container.engine)
        try:
            inside = self._inside(engine.access, state)
        except (EngineError, NoSuchContainerError):
            inside = Inside(programs=programs_of(engine.access, state.container, None))
        in_force = engine.previews.in_force(state, self._changed(state), inside)
        return replace(engine.previews.offer(state, inside), in_force=in_force)

    def _changed(self, state: ContainerState) -> tuple[Choice, ...]:
        """What the relaunch has changed that made this container, while there is a way back."""
        of = state.container.engine, state.container.id
        made = [each for each in self.kept() if (each.engine, each.new) == of and each.kind is TransactionKind.HARDEN]
        found: list[Choice] = []
        for text in made[-1].choices if made else ():
            with suppress(ToggleError):  # by another version of the program
                found.append(parse(text))
        return tuple(found)

    def preset(self, state: ContainerState, preset: Preset) -> tuple[Choice, ...]:
        """The preset's choices here, by what the container wrote and what its programs import."""
        engine = self._on(state.container.engine)
        return engine.previews.preset(state, preset, self._inside(engine.access, state))

    def standards(self, state: ContainerState, which: Sequence[Preset] = STANDARDS) -> tuple[Standard, ...]:
        """What it takes to match each of these standards, in addition to the plan."""
        without = self._without_engine(state)
        if without is not None:
            return without.standards(state, which=which)
        engine = self._on(state.container.engine)
        return engine.previews.standards(state.judged, self._inside(engine.access, state), which)

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        """The plan: what would be changed, in order, and why. `wanted`: as a person wants it instead."""
        without = self._without_engine(state)
        if without is not None:
            return without.plan(state, wanted=wanted)
        engine = self._on(state.container.engine)
        return engine.previews.plan(state.judged, self._inside(engine.access, state), wanted)

    def preview(
        self, state: ContainerState, choices: Sequence[Choice], files: tuple[tuple[str, str], ...] = ()
    ) -> Preview:
        """The effect of the choices, with files that are not written yet (`Plan.files`). Raises ToggleError, also if
        its engine was not asked for anything yet. For a container that is not running, compared with how it would
        start.
        """
        return self._previews(state).preview(state.judged, choices, files)

    def line(self, state: ContainerState, choices: Sequence[Choice]) -> Written:
        """Of a sandbox: what to start it with, or to write where, for these choices. Raises ToggleError."""
        return self._sandboxes.line(state, self._machine(), choices)

    def plan(self, state: ContainerState, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
        """The planned relaunch, and its obstacles. Changes nothing."""
        access = self._on(state.container.engine).access
        return plan(access, self._current(access, state), choices, remedies)

    # -- carrying it out

    def run(
        self,
        made: Plan,
        watch: float = WATCH,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        keep_unverified: bool = False,
        exercised: Sequence[str] = (),
        repeated: Observation | None = None,
        carry: bool = False,
    ) -> Iterator[Event]:
        """A relaunch, or just a change of limits if nothing else is wanted. The last item is an `Ended`.

        `exercised`: commands that succeeded on a twin with exactly these settings; `repeated`: what a twin was seen
        doing in the same test. `carry`: once more, with a place for it, if it wrote files as it stopped.
        """
        access = self._on(made.spec.engine).access
        self._held = None
        if made.live and not made.checked.blocks:
            yield from change_limits(access, made)
            return
        work = partial(harden, access, watch=watch, keep_unverified=keep_unverified, exercised=exercised,
                       repeated=repeated, cancelled=cancelled)  # fmt: skip
        late: RelaunchResult | None = None
        for event in work(made):
            if carry and isinstance(event, RelaunchResult) and event.wrote_late:
                late = event
            else:
                yield event
        again = None if late is None else with_what_came(access, made)
        if again is not None:
            text = msg("It wrote files as it stopped: once more, with a place for them")
            yield Progress("again", State.DONE, 0.0, text)
            yield from work(again)
        elif late is not None:
            yield late

    def tighten(
        self,
        state: ContainerState,
        wishes: Wishes,
        twins: TwinObserver | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[SearchEvent | Tightened]:
        """The tightest settings with which it still works, found on twins. The last item is a `Tightened`.

        The container itself is not changed; `plan` and `run` do that, given the choices found.
        """
        engine = self._on(state.container.engine)
        access = engine.access
        seen = look(access, state.container.id)

        def plan_of(subject: Subject) -> HardeningPlan | None:
            return engine.previews.planned(seen.state.judged, subject)

        yield from tighten(access, seen, wishes, twins, cancelled, plan_of)

    def able(
        self, state: ContainerState, choices: Sequence[Choice]
    ) -> tuple[tuple[Choice, ...], tuple[tuple[Choice, Message], ...]]:
        """Those that can be done here together, and why each other can't. Changes nothing."""
        access = self._on(state.container.engine).access
        return able(access, self._current(access, state), choices)

    def loosen(self, made: Plan, cancelled: Callable[[], bool] = lambda: False) -> Iterator[SearchEvent | Loosened]:
        """Which parts of a failed relaunch work, found on twins; the original runs again. The last item is a
        `Loosened`.
        """
        yield from loosen(self._on(made.spec.engine).access, made.spec.id, made.choices, cancelled)

    def refused(
        self,
        made: Plan,
        container: str,
        seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        allowing: bool = False,
    ) -> Iterator[Afterwards]:
        """What is refused to the replacement from now on, and was not to the original. Does not change it. `allowing`:
        no longer than until it is known whether what it was to allow passes.

        Raises ProbeError if it can't be watched.
        """
        if self._observer is None:
            raise ProbeError(msg("Nothing can be watched here."))
        access = self._on(made.spec.engine).access
        yield from refused(access, self._observer, made, container, seconds, cancelled, allowing=allowing)

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        """What the replacement wrote since, and obstacles. Changes nothing."""
        return undo_plan(self._on(transaction.engine).access, transaction)

    def undo(
        self, transaction: Transaction, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Event]:
        """Back to what was set aside. The last item is an `Ended`."""
        yield from undo(self._on(transaction.engine).access, transaction, watch=watch, cancelled=cancelled)

    def found(self, engine: str, named: Callable[[Transaction], bool]) -> tuple[Transaction, ...]:
        """Originals set aside on that engine according to its labels, if the journal was lost or is another user's.

        Those that are `named` are added to the journal. Raises EngineError, JournalError.
        """
        matching = tuple(item for item in set_aside(self._on(engine).access) if named(item))
        for item in matching if len(matching) == 1 else ():
            self._journal.write(item)
        return matching

    def discard(self, transaction: Transaction) -> None:
        """Remove what was set aside, or accept what an owner did. Raises EngineError, JournalError, BusyError.

        RefusedError if it was undone or discarded meanwhile, or what would be removed is in use.
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

    def exercise(
        self, transaction: Transaction, command: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Exercised:
        """Run a command that shows whether the hardened container works, and keep the result. Raises BusyError,
        JournalError too.
        """
        return exercise_hardened(self._on(transaction.engine).access, transaction, command, cancelled)

    def tested(self, transaction: Transaction, *, works: bool) -> None:
        """Keep what a person found by trying it. Raises EngineError, BusyError, JournalError."""
        tested(self._on(transaction.engine).access, transaction, works=works)

    def access(self, engine: str) -> EngineAccess:
        """That engine, for operations on several of its containers (`usecases.many`)."""
        return self._on(engine).access

    def look(self, state: ContainerState) -> Look:
        """All that a plan of it needs (`usecases.many`)."""
        return self._current(self._on(state.container.engine).access, state)

    # -- originals set aside, and leftovers of a crash

    def kept(self) -> tuple[Transaction, ...]:
        """Transactions whose originals are set aside, oldest first. Queries no engine."""
        return tuple(item for item in transactions(self._journal) if item.stage is Stage.DONE)

    def aside(self) -> tuple[Aside | Damaged, ...]:
        """`kept` with sizes, and damaged journal entries; a size is not known if its engine is away."""
        found: list[Aside | Damaged] = []
        for item in self._journal.all():
            if isinstance(item, Damaged):
                found.append(item)
            elif item.stage is Stage.DONE:
                found.append(Aside(item, item.engine, self._size(item)))
        return tuple(found)

    def recover(self) -> tuple[Recovered, ...]:
        """Complete, undo or remove what a crash left unfinished, or report why that can't be done yet; leave what a
        running program holds.

        Queries no engine if nothing is left. Errors of an engine or a disk are not raised.
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
        """`recover` for one engine, including what began under another id of it."""
        access = self._on(engine).access
        yield from recover_all(access)
        yield from recover_groups(access)
        yield from remove_left(access)

    # -- internal

    def _current(self, access: EngineAccess, state: ContainerState) -> Look:
        """The present state. Shared by presets that are compared, unless a newer state of the container is known."""
        held = self._holding(access, state)
        if held is not None and held.look is not None:
            return held.look
        seen = look(access, state.container.id, None if held is None else (state.container, held.contents))
        self._held = _Held(state, access.clock.now() if held is None else held.at, seen.contents, seen)
        return seen

    def _inside(self, access: EngineAccess, state: ContainerState) -> Inside:
        held = self._holding(access, state)
        if held is None:
            self._held = held = _Held(state, access.clock.now(), look_inside(access, state.container))
        found = held.contents
        return Inside(found.changes, found.programs, found.spec.values, found.before.listens)

    def _holding(self, access: EngineAccess, state: ContainerState) -> _Held | None:
        held = self._held  # read once: another thread may replace it
        return held if held is not None and held.of is state and access.clock.now() - held.at <= _HOLDS else None

    def _size(self, transaction: Transaction) -> int | None:
        """Bytes of the writable layers set aside, None if not known."""
        if transaction.owner is not None:  # an owner keeps none
            return 0
        known = []
        for member in transaction.members:
            with suppress(EngineError, NoSuchContainerError):
                known.append(self._on(transaction.engine).access.port.size(member.old))
        sizes = [size for size in known if size is not None]
        return sum(sizes) if sizes else None

    def _without_engine(self, state: ContainerState) -> Previews | None:
        """For what no engine answers for: the demo's containers, and sandboxes."""
        if state.container.sandbox is not None:
            return self._sandboxes.previews(state, self._machine())
        return self._demo.get(state.container.engine)  # read once: the window's thread may replace the snapshot

    def _machine(self) -> Ground:
        if self._here is None:
            raise ToggleError(msg("This machine was not read yet."))
        return self._here

    def _previews(self, state: ContainerState) -> Previews:
        without = self._without_engine(state)
        if without is not None:
            return without
        engine = state.container.engine
        connected = self._connected.get(engine)
        if connected is None:
            raise ToggleError(msg("Its engine has not been asked yet."))
        return connected.previews

    def _on(self, engine: str) -> _Connected:
        with self._lock:
            known = self._connected.get(engine)
        if known is None:
            access = self._connect(engine)  # queries the engine: not under the lock
            previews = Previews(all_layers(), access.ground, access.engine, _subjects(access), access.profile_place)
            made = _Connected(access, previews)
            with self._lock:
                known = self._connected.setdefault(engine, made)
        return known


def recorded(snapshot: Snapshot, engine: Engine) -> Previews:
    """Previews for recorded containers, of which only the snapshot is known."""

    def subject(state: ContainerState, chosen: object, changes: Sequence[FileChange] | None) -> Subject:
        return Subject(state.container, engine, tuple((layer.id, layer.facts) for layer in state.layers))

    return Previews(all_layers(), snapshot.ground_of(engine.id), engine, subject)


def _subjects(
    access: EngineAccess,
) -> Callable[[ContainerState, Sequence[Choice], Sequence[FileChange] | None], Subject]:
    return lambda state, chosen, changes: subject_of(access, state, chosen, changes)


class Suggested(Value):
    """What one of several is to be hardened with. `look` and `effect`: None if nothing is left to change."""

    state: ContainerState
    choices: tuple[Choice, ...]
    look: Look | None = None
    effect: Preview | None = None


class PlannedTogether(Value):
    """Several relaunches thought through. `exposures`: by the container's id, now and predicted."""

    plans: tuple[Plan, ...]
    exposures: tuple[tuple[str, Matrix, Matrix], ...] = ()

    def exposure(self, container: str) -> tuple[Matrix, Matrix] | None:
        """Of one container, now and predicted."""
        return next(((now, then) for each, now, then in self.exposures if each == container), None)


class HardeningTogether:
    """`Hardening` for several containers of one engine. Every method queries the engine: call it on a worker thread."""

    def __init__(self, hardening: Hardening) -> None:
        self._hardening = hardening

    def choices(self, state: ContainerState, preset: Preset, wanted: Wanted | None) -> tuple[Choice, ...]:
        """The container's own plan, as a person wants it if so; or a standard beside it."""
        if preset is Preset.RECOMMENDED:
            return self._hardening.suggested(state, wanted).choices
        return self._hardening.preset(state, preset)

    def suggest(self, state: ContainerState, preset: Preset, wanted: Wanted | None = None) -> Suggested:
        """What to harden it with, and all that its plan needs.

        Raises EngineError, NoSuchContainerError, ToggleError.
        """
        chosen = self.choices(state, preset, wanted)
        if not chosen:
            return Suggested(state, ())
        return Suggested(state, chosen, self._hardening.look(state), self._hardening.preview(state, chosen))

    def plan(self, found: Sequence[Suggested], remedies: frozenset[Remedy] = frozenset()) -> PlannedTogether:
        """One plan per relaunch, in order; containers of whose plan nothing is left are left out.

        Raises EngineError, NoSuchContainerError, ToggleError.
        """
        looks = [(each.look, each.choices) for each in found if each.look is not None]
        if not looks:
            raise ToggleError(msg("Nothing is left to change in any of them."))
        plans = plan_together(self._hardening.access(found[0].state.container.engine), looks, remedies)
        exposures = []
        for made in (each for first in plans for each in members(first)):
            preview = self._hardening.preview(made.state, made.choices, made.files)
            exposures.append((made.spec.id, preview.before, preview.after))
        return PlannedTogether(plans, tuple(exposures))

    def run(
        self, plans: Sequence[Plan], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        """One after the other: all of them stay, or none. The last item is an `AllEnded`."""
        access = self._hardening.access(plans[0].spec.engine)
        yield from relaunch_together(access, plans, watch=watch, cancelled=cancelled)

    def undo(
        self, done: Sequence[Transaction], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        """Newest first. The last item is an `AllEnded`."""
        access = self._hardening.access(done[0].engine)
        yield from undo_together(access, done, watch=watch, cancelled=cancelled)
