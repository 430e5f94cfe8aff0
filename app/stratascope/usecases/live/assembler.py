"""Turns raw text into a snapshot: translates, checks whose process it is, decodes, assesses. Pure.

A replay, a one-shot report and the live window all use `Assembler`. It caches the result of each container and
recomputes it only when its own input changed, so one event among 200 containers costs as much as one among 20.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap, GapKind, gap_words, or_none, whole_gap
from stratascope.core.container import ENGINES, Container, Engine, Status, other_kernel
from stratascope.core.ground import Ground, Peers, Surroundings, decode_ground, inode_of, with_sockets
from stratascope.core.layer import Assessment, Layer, NamedGap, Tab, Verdict
from stratascope.core.overview.shared_parts import Sharer, Sharing, peers_of, sharing_of
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import belongs
from stratascope.core.snapshot import (
    CapturedContainer,
    ContainerState,
    LayerState,
    MachineCapture,
    Snapshot,
    cap_severity,
)
from stratascope.core.threats.depth import Matrix
from stratascope.fault_log import fault_logger
from stratascope.linux.process import parse_stat
from stratascope.usecases.judging import matrix_of, parts_of
from stratascope.usecases.live.further_processes import ruling_with_unread, unread_finding, weigh, with_unread
from stratascope.usecases.live.reader import Translations, Wanted
from stratascope.value import Value, replace

T = TypeVar("T")

_ALIVE = frozenset({Status.RUNNING, Status.PAUSED, Status.RESTARTING, Status.STOPPING, Status.UNKNOWN})


class _Known(Value):
    """The result for one container, and its inputs."""

    capture: CapturedContainer
    engine: Engine
    ground: Ground
    container: Container
    gap: Gap | None
    sharing: Sharing
    peers: Peers | None = None
    state: ContainerState | None = None


class Assembler:
    """Turns captures into snapshots. Not thread-safe: the caller owns it."""

    def __init__(self, layers: tuple[Layer, ...], translations: Translations, *, verified_only: bool = False) -> None:
        self._layers, self._verified_only = layers, verified_only
        self._translations = translations
        self._known: dict[tuple[str, str], _Known] = {}
        self._grounds: dict[int, tuple[Capture, Ground]] = {}
        self._finished: list[_Known] = []  # of the last snapshot, in order, including peers
        self._peers: tuple[Peers, ...] = ()

    def snapshot(self, machine: MachineCapture, *, demo: bool = False, wanted: Wanted = lambda _: True) -> Snapshot:
        """Everything in `machine`, assessed. Containers keep the engines' order. `wanted`: only these, beside the
        others.
        """
        engines = {engine.id: engine for engine in machine.engines}
        self._grounds = {
            id(host): (host, self._ground(host)) for host in (machine.host, *(c for _, c in machine.hosts))
        }
        self._grounds[id(machine.host)] = machine.host, with_sockets(self._ground(machine.host), machine.engines)
        known = [
            self._prepare(item, engines[item.raw.engine], self._ground(machine.host_of(item.raw.engine)))
            for item in machine.containers
            if item.raw.engine in engines
        ]
        known = [item for item in known if not _is_over(item)]
        peers = self._peers_of(known)
        finished = [
            self._finish(item, mine, machine.taken_at) if wanted(item.container) else item
            for item, mine in zip(known, peers, strict=True)
        ]
        self._finished, self._peers = finished, peers
        self._known = {item.container.key: item for item in finished}
        self._translations.forget_all_but(set(self._known))
        return Snapshot(
            machine.taken_at,
            self._ground(machine.host),
            tuple(engine for engine in machine.engines if engine.kind in ENGINES),
            tuple(item.state for item in finished if item.state is not None),
            demo,
            trouble=machine.trouble,
            elsewhere=tuple((engine, self._ground(host)) for engine, host in machine.hosts),
        )

    def _peers_of(self, known: list[_Known]) -> tuple[Peers, ...]:
        """Compares all with all only if a container was added, removed, or shares something else than before.

        Sandboxes are compared with nothing: what stands in a container shares with that whatever it does not take away.
        """
        if len(known) == len(self._finished) and all(map(_shares_alike, known, self._finished)):
            return self._peers
        engines = [item for item in known if item.container.sandbox is None]
        found = iter(peers_of(tuple(Sharer(item.container, item.sharing, item.ground) for item in engines)))
        return tuple(next(found) if item.container.sandbox is None else Peers() for item in known)

    def _ground(self, host: Capture) -> Ground:
        known = self._grounds.get(id(host))
        return known[1] if known is not None and known[0] is host else alike(decode_ground(host))

    def _prepare(self, captured: CapturedContainer, engine: Engine, ground: Ground) -> _Known:
        raw = captured.raw
        before = self._known.get((raw.engine, raw.id))
        if before is not None and (
            before.capture.found is not captured.found
            or not (before.engine is engine or before.engine == engine)
            or not (before.ground is ground or before.ground == ground)
        ):
            before = None
        if before is not None and before.ground is not ground:
            before = replace(before, ground=ground)  # equal, and `peers_of` keeps machines apart by this object
        if before is not None and (before.capture.raw is raw or before.capture.raw == raw):
            return before
        container, found = self._translations.container(raw, engine), captured.found
        if before is not None and before.container == container:  # a health check's result, the end of a session
            return replace(before, capture=captured)
        gap = _attempted(container, lambda: _unusable(container, found, ground))
        shared = None if found is None or gap is not None else _attempted(container, lambda: sharing_of(found.first))
        sharing = shared if isinstance(shared, Sharing) else Sharing()
        return _Known(captured, engine, ground, container, gap, sharing)

    def _finish(self, known: _Known, peers: Peers, taken_at: float) -> _Known:
        if known.state is not None and (known.peers is peers or known.peers == peers):
            return known
        state = _attempted(known.container, lambda: self._state(known, peers, taken_at))
        if isinstance(state, Gap):
            state = self._state(replace(known, gap=state), peers, taken_at)
        return replace(known, peers=peers, state=state)

    def _state(self, known: _Known, peers: Peers, taken_at: float) -> ContainerState:
        around = Surroundings(known.ground, known.engine, peers, self._verified_only)
        container, found = known.container, known.capture.found
        if known.gap is not None or found is None:
            return self._unread(container, around, known.gap or Gap(GapKind.GONE))
        first = found.first

        def judged(process: Capture, unread: int) -> tuple[tuple[LayerState, ...], Matrix]:
            states = tuple([self._layer(layer, process, container, around) for layer in self._layers])
            return states, self._matrix(states, around, unread)

        more = max(0, found.unread)
        members = [each for each in found.members if _is_member(each, container, peers)]
        weighed = weigh(first, members, more, self._layers, judged, known.ground, taken_at)
        layers, source = weighed.layers, first.source("cgroup")
        of_layers = (finding for layer in layers for finding in layer.assessment.findings)
        findings = [*(cap_severity(finding, weighed.matrix) for finding in of_layers), *weighed.findings]
        if weighed.unread:
            layers = tuple(
                replace(each, assessment=with_unread(each.assessment, weighed.unread, source)) for each in layers
            )
            findings.append(unread_finding(weighed.unread, source))
        findings.sort(key=lambda finding: finding.severity.rank)
        return ContainerState(
            container=container,
            layers=layers,
            processes=weighed.processes,
            findings=tuple(findings),
            capture=first,
            members_from=found.members_from,
            unread=weighed.unread,
            first_layers=weighed.first_layers,
            matrix=weighed.matrix,
            first_exposure=weighed.first_exposure,
            peers=peers,
        )

    def _unread(self, container: Container, around: Surroundings, gap: Gap) -> ContainerState:
        """Nothing is known of its processes: only what was asked for, and the gap."""
        source = f"/proc/{container.pid}" if container.pid else ""

        def assessed(layer: Layer) -> Assessment:
            return Assessment(Verdict.UNKNOWN, gap_words(gap).band, gaps=(NamedGap(layer.id, gap, source),))

        layers = tuple(
            LayerState(layer.id, layer.number, None, layer.asked(container), assessed(layer)) for layer in self._layers
        )
        return ContainerState(container=container, layers=layers, gap=gap)

    def _layer(self, layer: Layer, process: Capture, container: Container, around: Surroundings) -> LayerState:
        asked = layer.asked(container)
        facts = layer.decode(process, container, around)
        assessment = layer.assessed(facts, asked, around)
        drawn = replace(assessment, fact=alike(assessment.fact), draw=_Drawn(container, assessment.draw))
        return LayerState(layer.id, layer.number, facts, asked, drawn)

    def _matrix(self, states: tuple[LayerState, ...], around: Surroundings, unread: int) -> Matrix:
        layers = [ruling_with_unread(layer) if unread else layer for layer in self._layers]
        return matrix_of(parts_of(layers, states, around), around)


def _is_over(known: _Known) -> bool:
    """Whether it is a sandbox that has ended since it was found: it exists only while it has processes."""
    return known.container.sandbox is not None and known.gap is not None and known.gap.kind is GapKind.GONE


def _is_member(process: Capture, container: Container, peers: Peers) -> bool:
    """Whether it is its own: in a sandbox, the process that was listed, and no later one of its number. Where one was
    matched only by a shared PID namespace, its mount namespace shows whether it is a neighbour's.
    """
    if container.sandbox is None:
        return inode_of(process.text("ns/mnt")) not in peers.mounts
    stat = or_none(process.decoded("stat", parse_stat))
    return stat is not None and (process.pid, stat.start) in container.sandbox.members


def _attempted(container: Container, make: Callable[[], T]) -> T | Gap:
    """Contain a bug or an unforeseen text to this one container; the log has the traceback."""
    try:
        return make()
    except Exception as error:
        logger = fault_logger(__name__)
        logger.exception("%s: %s can't be assessed", container.engine, container.name)
        return Gap(GapKind.UNPARSED, detail=f"{type(error).__name__}: {error}")


class _Drawn(Value, eq=False):
    """A layer's views; none if they can't be built. A class rather than a closure: a fleet has fifty thousand
    of these.
    """

    container: Container
    draw: Callable[[], tuple[Tab, ...]]

    def __call__(self) -> tuple[Tab, ...]:
        found = _attempted(self.container, self.draw)
        return () if isinstance(found, Gap) else found


def _shares_alike(one: _Known, before: _Known) -> bool:
    return one is before or (
        one.container.key == before.container.key
        and one.container.name == before.container.name
        and one.sharing == before.sharing
        and one.ground is before.ground
        and one.container.asked == before.container.asked
    )


def _unusable(container: Container, found: ContainerCapture | None, ground: Ground) -> Gap | None:
    """Why the readings can't be used for this container; None if they can."""
    if container.error:
        return Gap(GapKind.UNPARSED, detail=container.error)
    if other_kernel(container):
        return Gap(GapKind.FOREIGN, detail=f"{container.runtime} runs it on a kernel of its own")
    if container.pid is None or container.status not in _ALIVE:
        return Gap(GapKind.GONE, detail="no process")
    if found is None:
        return Gap(GapKind.UNSUPPORTED, detail="its /proc is not within reach")
    return whole_gap(found.first) or belongs(container, found.first, ground)
