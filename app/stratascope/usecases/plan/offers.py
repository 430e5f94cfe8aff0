"""What the window and the command line ask of hardening, in one place: options, preview, plan, run, undo, discard.

`preview` is pure and quick: it works on a state that was read and was offered before. All else may talk to the engine
or take a while, and belongs on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from stratascope.core.layer import Verdict
from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice, Preset, Toggle
from stratascope.core.relaunch.transaction import Damaged, Ended, Progress, Remedy, Transaction
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.recovery import Mended
from stratascope.usecases.relaunch.undo_plan import UndoPlan
from stratascope.usecases.relaunch.verification import Proved


@dataclass(frozen=True, slots=True)
class Option:
    """One toggle for one container. `gains`: how many threats more it stops, or stops by one layer more, alone."""

    toggle: Toggle
    value: str  # what it would be set to when switched on: the preset's, else a sensible one
    already: bool  # in effect now: shown on, and can't be switched
    why_not: Message | None  # this engine or container can't
    gains: int
    risks: tuple[Message, ...]
    presets: tuple[Preset, ...]
    serious: int = 0  # of the gains: critical and high ones that are not stopped now


@dataclass(frozen=True, slots=True)
class Offer:
    """Every toggle as it stands with one container, and what each preset chooses there."""

    options: tuple[Option, ...]
    presets: tuple[tuple[Preset, tuple[Choice, ...]], ...]

    def of(self, preset: Preset) -> tuple[Choice, ...]:
        """What the preset chooses here."""
        return next((choices for each, choices in self.presets if each is preset), ())


@dataclass(frozen=True, slots=True)
class LayerChange:
    """One layer's verdict now and as predicted, and how many threats more it stops."""

    layer: str
    number: int
    before: Verdict
    after: Verdict
    more: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What the choices come to, before anything happens. What can't be predicted is unknown in `after` too."""

    before: Matrix
    after: Matrix
    layers: tuple[LayerChange, ...]
    live: bool  # only limits change: the engine can do it without a relaunch
    differences: tuple[Message, ...]  # of the launch specs, in words


@dataclass(frozen=True, slots=True)
class Aside:
    """An original that is set aside, with those that were relaunched with it.

    `size`: bytes of their writable layers, None where not known.
    """

    transaction: Transaction
    engine: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Hint:
    """One further toggle that would help most, and what it would lead to."""

    toggle: Toggle
    value: str
    after: Matrix


Event = Progress | Proved | Ended


class Desk(Protocol):
    """See the module. Methods on the engine raise EngineError, NoSuchContainerError, ToggleError."""

    def know(self, snapshot: Snapshot) -> None:
        """What is shown now; quick."""

    def offer(self, state: ContainerState) -> Offer: ...

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview: ...

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """What would help most beside the choices, where the exposure stays serious; as slow as an offer."""

    def plan(
        self, state: ContainerState, choices: Sequence[Choice], remedies: frozenset[Remedy] = frozenset()
    ) -> Plan: ...

    def command(self, plan: Plan) -> str:
        """The command that would do the same, without the values of the environment."""

    def run(self, plan: Plan, watch: float, cancelled: Callable[[], bool]) -> Iterator[Event]: ...

    def undo_plan(self, transaction: Transaction) -> UndoPlan:
        """What would stay behind. Changes nothing."""

    def undo(self, transaction: Transaction, watch: float, cancelled: Callable[[], bool]) -> Iterator[Event]: ...

    def discard(self, transaction: Transaction) -> None: ...

    def kept(self) -> tuple[Transaction, ...]:
        """What is set aside, oldest first, without asking any engine."""

    def aside(self) -> tuple[Aside | Damaged, ...]: ...

    def recover(self) -> tuple[Mended, ...]:
        """What a crash left half done: each finished, undone, left to a living program, or why not now. Raises nothing
        that an engine or a disk can cause."""
