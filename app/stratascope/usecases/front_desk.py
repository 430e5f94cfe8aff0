"""The window's desk over all engines: each question goes to the bench of the container's engine.

A bench is made when it is first needed, off the window's thread, since that asks the engine what it is. The journal is
one for all engines, so what is set aside is listed even where an engine is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.container import Engine
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.transaction import Damaged, Journal, Remedy, Stage, Transaction
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.usecases.hardening import Workbench
from stratascope.usecases.plan.offers import Aside, Event, Hint, Offer, Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preview import Foresight
from stratascope.usecases.relaunch.recovery import Mended, Result, unfinished
from stratascope.usecases.relaunch.undo_plan import UndoPlan

OpenBench = Callable[[str], Workbench]  # by the engine's id; raises EngineError where it can't be used now


def foreseen(snapshot: Snapshot, engine: Engine) -> Foresight:
    """For containers that were recorded: nothing but their snapshot is known."""

    def subject(state: ContainerState, chosen: object, changes: Sequence[FileChange] | None) -> Subject:
        return Subject(state.container, engine, tuple((layer.id, layer.facts) for layer in state.layers))

    return Foresight(all_layers(), snapshot.ground_of(engine.id), engine, subject)


class FrontDesk:
    """A `usecases.plan.offers.Desk`; may be asked from several threads."""

    def __init__(self, open_bench: OpenBench, journal: Journal, command: Callable[[Plan], str]) -> None:
        self._open, self._journal, self.command = open_bench, journal, command
        self._demo: dict[str, Foresight] = {}
        self._benches: dict[str, Workbench] = {}
        self._lock = threading.Lock()

    def know(self, snapshot: Snapshot) -> None:
        """What is shown now: the demo's containers are on no engine, and are looked at all the same."""
        if not snapshot.demo:
            self._demo = {}
        elif not self._demo:
            self._demo = {engine.id: foreseen(snapshot, engine) for engine in snapshot.engines}

    def offer(self, state: ContainerState) -> Offer:
        """Raises EngineError, ToggleError."""
        demo = self._demo.get(state.container.engine)
        return self._bench(state.container.engine).offer(state) if demo is None else demo.offer(state)

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """Raises ToggleError."""
        return self._foresight(state).preview(state, choices)

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """Raises ToggleError."""
        return self._foresight(state).hint(state, choices, offer)

    def _foresight(self, state: ContainerState) -> Foresight:
        engine = state.container.engine
        demo = self._demo.get(engine)  # once: the window's thread may put another picture in its place
        if demo is not None:
            return demo
        bench = self._benches.get(engine)
        if bench is None:
            raise ToggleError(msg("Its engine was not asked yet."))
        return bench.foresight

    def plan(self, state: ContainerState, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
        """Raises EngineError, NoSuchContainerError, ToggleError."""
        return self._bench(state.container.engine).plan(state, choices, remedies)

    def run(self, plan: Plan, watch: float, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """Raises EngineError where the engine can't be used any more."""
        yield from self._bench(plan.spec.engine).run(plan, watch, cancelled)

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        """Raises EngineError."""
        return self._bench(transaction.engine).undo_plan(transaction)

    def undo(self, transaction: Transaction, watch: float, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """Raises EngineError where the engine can't be used now."""
        yield from self._bench(transaction.engine).undo(transaction, watch, cancelled)

    def discard(self, transaction: Transaction) -> None:
        """Raises EngineError, JournalError, BusyError."""
        self._bench(transaction.engine).discard(transaction)

    def kept(self) -> tuple[Transaction, ...]:
        """From the journal alone."""
        return tuple(item for item in self._journal.all() if isinstance(item, Transaction) and item.stage is Stage.DONE)

    def aside(self) -> tuple[Aside | Damaged, ...]:
        """What is set aside on all engines; the size is not known where an engine is away."""
        found: list[Aside | Damaged] = []
        for item in self._journal.all():
            if isinstance(item, Damaged):
                found.append(item)
            elif item.stage is Stage.DONE:
                found.append(Aside(item, item.engine, self._size(item)))
        return tuple(found)

    def recover(self) -> tuple[Mended, ...]:
        """No engine is asked where nothing is left half done."""
        left: dict[str, list[Transaction]] = {}
        for item in unfinished(self._journal):
            left.setdefault(item.engine, []).append(item)
        found: list[Mended] = []
        for engine, items in left.items():
            try:
                found += self._bench(engine).mend()
            except EngineError as error:
                found += (Mended(item, Result.FAILED, error) for item in items)
        return tuple(found)

    def _size(self, item: Transaction) -> int | None:
        try:
            return self._bench(item.engine).size(item)
        except EngineError:
            return None

    def _bench(self, engine: str) -> Workbench:
        with self._lock:
            known = self._benches.get(engine)
        if known is None:
            made = self._open(engine)  # asks the engine: not under the lock
            with self._lock:
                known = self._benches.setdefault(engine, made)
        return known
