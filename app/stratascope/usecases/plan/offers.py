"""What hardening offers for one container, and what a choice would come to: the types."""

from __future__ import annotations

from stratascope.core.layer import Verdict
from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice, Preset, Toggle
from stratascope.core.threats.depth import Matrix
from stratascope.value import Value


class Option(Value):
    """One toggle for one container. `gains`: how many threats more it stops, or stops by one layer more, alone."""

    toggle: Toggle
    value: str  # what it would be set to when switched on: the preset's, else a sensible one
    already: bool  # in effect now: shown on, and can't be switched
    why_not: Message | None  # this engine or container can't
    gains: int
    risks: tuple[Message, ...]
    presets: tuple[Preset, ...]
    serious: int = 0  # of the gains: critical and high ones that are not stopped now


class Offer(Value):
    """Every toggle as it stands with one container, and what each preset chooses there."""

    options: tuple[Option, ...]
    presets: tuple[tuple[Preset, tuple[Choice, ...]], ...]

    def of(self, preset: Preset) -> tuple[Choice, ...]:
        """What the preset chooses here."""
        return next((choices for each, choices in self.presets if each is preset), ())


class LayerChange(Value):
    """One layer's verdict now and as predicted, and how many threats more it stops."""

    layer: str
    number: int
    before: Verdict
    after: Verdict
    more: int


class Preview(Value):
    """What the choices come to, before anything happens. What can't be predicted is unknown in `after` too."""

    before: Matrix
    after: Matrix
    layers: tuple[LayerChange, ...]
    live: bool  # only limits change: the engine can do it without a relaunch
    differences: tuple[Message, ...]  # of the launch specs, in words


class Hint(Value):
    """One further toggle that would help most, and what it would lead to."""

    toggle: Toggle
    value: str
    after: Matrix
