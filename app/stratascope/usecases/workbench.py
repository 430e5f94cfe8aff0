"""Hardening on one engine: options and previews by the layers' own rules, and runs by an engine's relauncher.

A preview goes the way of everything else: the options wanted, predicted facts, assessments, postures, depth. What can't
be predicted is unknown there too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from stratascope.core.catalogue import all_threats
from stratascope.core.container import Asked
from stratascope.core.depth import Matrix, Posture, ThreatState, judge
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.launch import Limits
from stratascope.core.layer import Layer, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch import Damaged, Ended, Ending, Progress, Remedy, Stage, State, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.core.threat import Outcome, Stance
from stratascope.core.toggle import Choice, Preset, Subject, Toggle, ToggleError
from stratascope.layers.toggles import all_toggles, choices, fold, plain, toggle
from stratascope.usecases import relaunch
from stratascope.usecases.desk import Aside, Event, LayerChange, Offer, Option, Preview
from stratascope.usecases.harden import harden
from stratascope.usecases.owner import accept_owned, harden_owned, undo_owned
from stratascope.usecases.planning import Plan, Workshop, plan, subject_of
from stratascope.usecases.preflight import has_owner
from stratascope.usecases.proving import verify
from stratascope.usecases.recovering import Mended, recover_all
from stratascope.usecases.undo import undo
from stratascope.usecases.undo_plan import UndoPlan, undo_plan

_SENSIBLE = {
    "capabilities": "default",
    "memory": "512m",
    "pids": "256",
    "cpus": "1",
    "ulimit-nofile": "1024",
    "ulimit-nproc": "256",
    "ulimit-core": "0",
    "tmpfs": "/tmp",
    "user": "1000",
    "userns": "auto",
    "seccomp": "default",
    "apparmor": "default",
    "selinux": "default",
    "masked-paths": "default",
    "host-paths": "read-only",
    "engine-socket": "remove",
    "devices": "remove",
    "publish": "loopback",
    "privileged": "off",
}
Postures = tuple[tuple[Layer, Posture], ...]

_PRIVATE = frozenset({"pid", "ipc", "uts", "network", "cgroupns"})


class Workbench:
    """What a `usecases.desk.Desk` does for the containers of one engine."""

    def __init__(self, shop: Workshop, layers: tuple[Layer, ...], ground: Ground) -> None:
        self._shop, self._layers, self._ground = shop, layers, ground
        self._near: tuple[ContainerState, Postures] | None = None  # as it is now, of the container looked at last

    # -- pure

    def options(self, state: ContainerState) -> tuple[Option, ...]:
        """Every toggle, as it stands with this container."""
        subject = self._subject(state, ())
        presets = {preset: {item.toggle: item.value for item in choices(preset, subject)} for preset in Preset}
        return tuple(self._option(state, subject, item, presets) for item in all_toggles())

    def offer(self, state: ContainerState) -> Offer:
        """All toggles and presets for one container."""
        return Offer(self.options(state), tuple((preset, self.preset(state, preset)) for preset in Preset))

    def preset(self, state: ContainerState, preset: Preset, *, look: bool = False) -> tuple[Choice, ...]:
        """What the preset chooses here. `look`: ask the engine where it writes, which may raise EngineError."""
        changes = self._shop.port.changes(state.container.id) if look else None
        return choices(preset, subject_of(self._shop, state, (), changes))

    def preview(self, state: ContainerState, chosen: Sequence[Choice]) -> Preview:
        """Raises ToggleError."""
        return self._preview(state, chosen, self._subject(state, chosen))

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
        if _live(made.choices) and not made.checked.blocks:
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
        """Remove what it set aside, or accept what an owner did. Raises EngineError, JournalError, BusyError."""
        if transaction.owner is not None:
            accept_owned(self._shop, transaction)
            return
        with relaunch.held(self._shop.journal, transaction):
            relaunch.discard(self._shop.port, self._shop.journal, transaction)

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

    def _preview(self, state: ContainerState, chosen: Sequence[Choice], subject: Subject) -> Preview:
        wanted = plain(chosen, subject)
        before = state.container.asked
        after = fold(before, wanted, subject)
        verdicts, matrix = self._predict(state, before, after)
        now = state.matrix if state.matrix is not None else matrix
        changes = tuple(
            LayerChange(
                layer.id, layer.number, old.assessment.verdict, verdicts[layer.id], _more(now, matrix, layer.id)
            )
            for layer, old in zip(self._layers, state.layers, strict=True)
        )
        said = tuple(
            msg("{title}: {value}. {what}", title=which.title, value=item.value, what=which.what)
            for item, which in ((item, toggle(item.toggle)) for item in wanted)
        )
        live = _live(wanted) and not has_owner(state.container)  # the owner would take it back at its next turn
        return Preview(now, matrix, changes, live, said)

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
        except EngineError as error:
            yield replace(told, state=State.FAILED, seconds=time.monotonic() - begun)
            yield Ended(Ending.REFUSED, None, error.message, error.words)
            return
        yield replace(told, state=State.DONE, seconds=time.monotonic() - begun)
        yield from verify(self._shop, made, made.spec.id)
        yield Ended(Ending.LIMITED, None)

    def _subject(self, state: ContainerState, chosen: Sequence[Choice]) -> Subject:
        return subject_of(self._shop, state, chosen)

    def _option(
        self, state: ContainerState, subject: Subject, item: Toggle, presets: dict[Preset, dict[str, str]]
    ) -> Option:
        value = next((found[item.id] for found in presets.values() if item.id in found), _sensible(item.id))
        # A limit that a preset would lower is not in effect as the preset wants it
        already = item.on(state.container.asked, subject) and not any(item.id in found for found in presets.values())
        why_not: Message | None = None
        gains = 0
        risks: tuple[Message, ...] = ()
        try:
            value = item.check(value, subject)
            risks = item.risks(value, subject)
            if not already:
                gains = self._gain(state, Choice(item.id, value), subject)
        except ToggleError as error:
            why_not = error.message
        within = tuple(preset for preset in Preset if item.id in presets[preset])
        return Option(item, value, already, why_not, gains, risks, within)

    def _gain(self, state: ContainerState, choice: Choice, subject: Subject) -> int:
        if state.matrix is None:
            return 0
        after = self._preview(state, (choice,), subject).after
        return sum(_better(old, new) for old, new in zip(state.matrix.threats, after.threats, strict=True))

    def _predict(self, state: ContainerState, before: Asked, after: Asked) -> tuple[dict[str, Verdict], Matrix]:
        around = Surroundings(self._ground, self._shop.engine)
        container = replace(state.container, asked=after)
        verdicts, postures = {}, []
        for layer, old in zip(self._layers, state.layers, strict=True):
            facts, asked = layer.predict(old.facts, before, after, around), layer.asked(container)
            known = facts is not None
            verdicts[layer.id] = layer.assess(facts, asked, around).verdict if known else Verdict.UNKNOWN
            postures.append((layer, layer.posture(facts if known else old.facts, asked, around)))
        return verdicts, judge(all_threats(), tuple(postures), self._ground, self._postures(state, around))

    def _postures(self, state: ContainerState, around: Surroundings) -> Postures:
        """Of today: most options change one layer and a handful of threats, the others are as they are now."""
        if self._near is None or self._near[0] is not state:
            found = tuple(
                (layer, layer.posture(old.facts, layer.asked(state.container), around))
                for layer, old in zip(self._layers, state.layers, strict=True)
            )
            self._near = state, found
        return self._near[1]


def _live(chosen: Sequence[Choice]) -> bool:
    """Whether the engine can do all of it while the container runs."""
    return bool(chosen) and all(toggle(item.toggle).live for item in chosen)


def _sensible(name: str) -> str:
    return "private" if name in _PRIVATE else _SENSIBLE.get(name, "on")


def _better(old: ThreatState, new: ThreatState) -> bool:
    if old is new:
        return False
    if old.outcome is not new.outcome:
        return new.outcome is Outcome.STOPPED
    return new.depth[0] > old.depth[0]


def _more(before: Matrix, after: Matrix, layer: str) -> int:
    """How many threats more that layer stops."""
    return sum(
        old is not new and new.stance(layer) is Stance.STOPS and old.stance(layer) is not Stance.STOPS
        for old, new in zip(before.threats, after.threats, strict=True)
    )
