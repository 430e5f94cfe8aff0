"""What the program knows at one moment: engines, ground, and each container with its assessed layers."""

from __future__ import annotations

from typing import Any, TypeVar

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Container, Engine
from stratascope.core.ground import Ground
from stratascope.core.layer import Assessment, Finding, Verdict
from stratascope.core.message import Message
from stratascope.core.privilege import Privilege
from stratascope.core.record import Trouble
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Basis
from stratascope.value import Value, field

V = TypeVar("V")


class LayerState(Value):
    """One layer of one container. `facts` is None where nothing at all could be read."""

    id: str
    number: int
    facts: Any
    asked: Any
    assessment: Assessment


class ProcessState(Value):
    """A further process of a container, and in which fields it differs from the first.

    Or a thread that is not as its process's first: then `pid` is its own number, and `thread_of` the process.
    """

    pid: int
    pid_inside: int | None
    command: str
    drift: tuple[str, ...]
    kind: str = ""  # "exec": an exec session began it
    thread_of: int | None = None
    exposure: float | None = None  # its own, where what decides it differs from the first
    verified: bool = True  # whether that stands on what the kernel says alone
    effective: int | None = None  # capabilities in effect, as a mask; None: not read
    user: int | None = None  # its uid, as it is called inside
    layers: tuple[LayerState, ...] = ()  # as it is judged itself; empty: as the first, or not judged
    capture: Capture | None = None


class ContainerState(Value):
    """A container with all that was found out about it. `layers` run from 1 (namespaces) up."""

    container: Container
    layers: tuple[LayerState, ...]
    processes: tuple[ProcessState, ...] = ()
    findings: tuple[Finding, ...] = ()  # of all layers and of drift, worst first
    gap: Gap | None = None  # why nothing was read of its processes, if so
    capture: Capture | None = None
    members_from: str = ""
    matrix: Matrix | None = None  # threats and exposure of the weakest process; None where nothing is known of any
    first_exposure: float | None = None  # of its first process alone
    unread: int = 0  # processes of it that were not read, at the least
    first_layers: tuple[LayerState, ...] = ()  # of its first process alone; `layers` have the marks of the weakest
    as_started: ContainerState | None = None  # as it would start, where it does not run and that was predicted

    @property
    def key(self) -> tuple[str, str]:
        return self.container.key

    @property
    def judged(self) -> ContainerState:
        """As it would start, where that was predicted; else as it is."""
        return self if self.as_started is None else self.as_started

    @property
    def would_start(self) -> bool:
        """Whether it is what a container would start as that its engine has, and that does not run."""
        return any(layer.assessment.basis is Basis.PREDICTED for layer in self.layers)

    @property
    def raising(self) -> tuple[ProcessState, ...]:
        """The further processes and threads that raise its exposure above that of its first process."""
        first = self.first_exposure
        return tuple(each for each in self.processes if first is not None and (each.exposure or 0.0) > first)

    @property
    def worst(self) -> Verdict:
        """The worst verdict of its layers: OPEN before WEAKENED before UNKNOWN before ENFORCED."""
        order = (Verdict.OPEN, Verdict.WEAKENED, Verdict.UNKNOWN, Verdict.ENFORCED)
        verdicts = {layer.assessment.verdict for layer in self.layers}
        return next((verdict for verdict in order if verdict in verdicts), Verdict.UNKNOWN)


def rank(state: ContainerState) -> tuple[bool, float, float]:
    """To sort containers by: the most exposed first, of two alike the one that is so for certain; unknown ones last."""
    if state.matrix is None:
        return True, 0.0, 0.0
    return False, -state.matrix.exposure.worst, -state.matrix.exposure.best


class Captured(Value):
    """A capture that is shown. `taken_at`: seconds since the epoch; `trouble`: why it can't be shown. `engines`: the
    ids of its engines, as the snapshot has them; `kernels` as those of a snapshot.
    """

    name: str
    taken_at: float = 0.0
    trouble: Message | None = None
    engines: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()


class Snapshot(Value):
    """Everything at one moment; `taken_at` in seconds since the epoch. `demo`: replayed, not this machine. `captures`:
    what it was replayed from, where a person opened that; else it is the demo that comes with the program.

    `listed`: the engines whose containers have all been read at least once, in a live view; `asking`: those that have
    answered nothing yet, or "" where captures are still to be read. `ground` is this machine's; `elsewhere` that of
    each engine on another one whose kernel was read. `unsought`: why engines could not be looked for at all, if so.
    """

    taken_at: float
    ground: Ground
    engines: tuple[Engine, ...]
    containers: tuple[ContainerState, ...]
    demo: bool = False
    privilege: Privilege = field(default_factory=Privilege)
    trouble: Trouble | None = None  # why nothing could be read of this machine's kernel, if so
    listed: frozenset[str] = frozenset()
    asking: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, Ground], ...] = ()
    captures: tuple[Captured, ...] = ()
    unsought: Message | None = None

    @property
    def reading(self) -> bool:
        """Whether captures are still to be read."""
        return "" in self.asking

    @property
    def nothing_read(self) -> bool:
        """Whether nothing at all could be read: that there are no containers is then not known."""
        captures = self.captures
        return self.unsought is not None or (bool(captures) and all(each.trouble is not None for each in captures))

    def ground_of(self, engine: str) -> Ground:
        """What the containers of that engine stand on, and were judged by."""
        return dict(self.elsewhere).get(engine, self.ground)

    @property
    def kernels(self) -> tuple[str, ...]:
        """The releases of the kernels below these containers, this machine's where there is none; "" where not read."""
        grounds = dict(self.elsewhere)
        found = dict.fromkeys(grounds.get(state.container.engine, self.ground).kernel for state in self.containers)
        return tuple(found) or (self.ground.kernel,)


def first_view(state: ContainerState, kind: type[V]) -> V | None:
    """The first view of that kind that any layer of it draws. Views are made at each call: keep the answer."""
    if state.gap is not None:
        return None
    views = (view for layer in state.layers for tab in layer.assessment.tabs for view in tab.views)
    return next((view for view in views if isinstance(view, kind)), None)
