"""Hardening on one engine: plans, runs by its relauncher, and what is set aside there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from stratascope.core.container import EngineState
from stratascope.core.ground import Ground
from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import FileChange, Limits
from stratascope.core.relaunch.toggle import Choice, Preset, Proven
from stratascope.core.relaunch.transaction import Damaged, Ended, Ending, Progress, Remedy, Stage, State, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.plan.offers import Aside, Event, Offer
from stratascope.usecases.plan.plan import Plan, Workshop, plan, subject_of
from stratascope.usecases.plan.preview import Foresight
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.harden import harden
from stratascope.usecases.relaunch.outcome import in_words
from stratascope.usecases.relaunch.owner import accept_owned, harden_owned, undo_owned
from stratascope.usecases.relaunch.recovery import Mended, recover_all
from stratascope.usecases.relaunch.staleness import in_use, over
from stratascope.usecases.relaunch.undo import undo
from stratascope.usecases.relaunch.undo_plan import UndoPlan, undo_plan
from stratascope.usecases.relaunch.verification import unproven, verify


class Workbench:
    """What a `usecases.plan.offers.Desk` does for the containers of one engine."""

    def __init__(self, shop: Workshop, layers: tuple[Layer, ...], ground: Ground) -> None:
        self._shop = shop
        self.foresight = Foresight(
            layers, ground, shop.engine, lambda state, chosen, changes: subject_of(shop, state, chosen, changes)
        )

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle and preset, by what the container wrote too, where the engine tells."""
        changes: tuple[FileChange, ...] | None = None
        with suppress(EngineError, NoSuchContainerError):
            changes = self._shop.port.changes(state.container.id)
        return self.foresight.offer(state, changes)

    def preset(self, state: ContainerState, preset: Preset) -> tuple[Choice, ...]:
        """What the preset chooses here, by what the container wrote too. Raises EngineError."""
        return self.foresight.preset(state, preset, self._shop.port.changes(state.container.id))

    # -- with the engine

    def plan(self, state: ContainerState, chosen: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()) -> Plan:
        """Raises EngineError, NoSuchContainerError, ToggleError."""
        return plan(self._shop, state.container.id, chosen, remedies)

    def run(
        self, made: Plan, watch: float, cancelled: Callable[[], bool], *, keep_unverified: bool = False
    ) -> Iterator[Event]:
        """A relaunch, or a change of limits where nothing else is wanted."""
        if made.owner is not None:
            yield from harden_owned(self._shop, made, watch=watch, keep_unverified=keep_unverified, cancelled=cancelled)
            return
        if made.live and not made.checked.blocks:
            yield from self._limit(made)
            return
        yield from harden(self._shop, made, watch=watch, keep_unverified=keep_unverified, cancelled=cancelled)

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        """What the replacement wrote since, and what stands in the way. Raises EngineError."""
        return undo_plan(self._shop, transaction)

    def undo(self, transaction: Transaction, watch: float, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """Back to what it set aside."""
        back = undo if transaction.owner is None else undo_owned
        yield from back(self._shop, transaction, watch=watch, cancelled=cancelled)

    def discard(self, transaction: Transaction) -> None:
        """Remove what it set aside, or accept what an owner did. Raises EngineError, JournalError, BusyError.

        RefusedError where that was undone or discarded meanwhile, or what would be removed is in use.
        """
        if transaction.owner is not None:
            accept_owned(self._shop, transaction)
            return
        with rollback.held(self._shop.journal, transaction):
            why_not = over(self._shop.journal, transaction) or in_use(self._shop.port, transaction)
            if why_not is not None:
                raise RefusedError(EngineState.CONNECTED, why_not)
            rollback.discard(self._shop.port, self._shop.journal, transaction)

    def aside(self) -> tuple[Aside | Damaged, ...]:
        """What is set aside on this engine."""
        found: list[Aside | Damaged] = []
        for item in self._shop.journal.all():
            if isinstance(item, Damaged):
                found.append(item)
            elif item.engine == self._shop.engine.id and item.stage is Stage.DONE:
                found.append(Aside(item, item.engine, 0 if item.owner is not None else self.size(item)))
        return tuple(found)

    def mend(self) -> tuple[Mended, ...]:
        """What a crash left on this engine, each finished or undone, or why not now."""
        return tuple(recover_all(self._shop))

    # -- inside

    def size(self, transaction: Transaction) -> int | None:
        """Bytes of the writable layers that it set aside, None where not known."""
        known = []
        for member in transaction.members:
            with suppress(EngineError, NoSuchContainerError):
                known.append(self._shop.port.size(member.old))
        sizes = [size for size in known if size is not None]
        return sum(sizes) if sizes else None

    def _limit(self, made: Plan) -> Iterator[Event]:
        begun = time.monotonic()
        told = Progress("limits", State.BEGUN, 0.0, msg("Change the limits while it runs"))
        yield told
        wanted = made.wanted
        try:
            self._shop.port.limit(
                made.spec.id, Limits(wanted.memory, wanted.memory_swap, wanted.pids, wanted.cpu_cores)
            )
        except (EngineError, NoSuchContainerError) as error:
            yield replace(told, state=State.FAILED, seconds=time.monotonic() - begun)
            why, words, _ = in_words(error)
            if self._limits_changed(made):  # a part of it, or all and only the answer was a bad one
                why = msg("{why} A part of it may be in force.", why=why)
                yield Ended(Ending.KEPT, None, why, words)
            else:
                yield Ended(Ending.REFUSED, None, why, words)
            return
        yield replace(told, state=State.DONE, seconds=time.monotonic() - begun)
        proofs = verify(self._shop, made, made.spec.id)
        yield from proofs
        failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
        yield Ended(Ending.KEPT, None, unproven(failed)) if failed else Ended(Ending.LIMITED, None)

    def _limits_changed(self, made: Plan) -> bool:
        """Also where that can't be told."""
        try:
            now = self._shop.read(made.spec.id)
        except EngineError:
            return True
        return now is not None and now.container.asked != made.state.container.asked
