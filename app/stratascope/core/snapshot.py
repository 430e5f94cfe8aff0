"""What the program knows at one moment: engines, ground, and every container with its assessed layers.

And the capture it is decoded from: all raw text read from the machine, to save, attach to a bug report, and replay.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Container, Engine
from stratascope.core.ground import Ground, Peers
from stratascope.core.layer import Assessment, Finding, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.ports import ContainerCapture, RawContainer
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Basis
from stratascope.value import Value, field, replace


class PrivilegeState(StrEnum):
    ABSENT = "absent"  # nothing live to read (a replayed capture, the demo)
    IDLE = "idle"  # not requested
    ASKING = "asking"  # waiting for a password, or for the root reader to start
    ON = "on"
    REFUSED = "refused"  # authorisation refused, or the root reader exited; unprivileged reading goes on


class Privilege(Value):
    """Root access for reading. `command`: what would be, or was, run as root ("" if no prompt is needed); `message`:
    why there is none.
    """

    state: PrivilegeState = PrivilegeState.ABSENT
    command: str = ""
    message: Message | None = None
    words: str = ""  # output of the refusing program

    @property
    def asks_nobody(self) -> bool:
        """Whether root is available without a password prompt."""
        return self.state is PrivilegeState.ON or not self.command

    @property
    def nobody_to_ask(self) -> Message | None:
        """Why root can't even be asked for: nothing here could; None: it can."""
        return self.message if self.state is PrivilegeState.REFUSED and not self.command else None


class CapturedContainer(Value):
    """A container's inspect JSON and what was read of its processes; `found` is None if it has none."""

    raw: RawContainer
    found: ContainerCapture | None


class Trouble(Value):
    """Why this machine's kernel could not be read; `command`: a command that would fix it."""

    message: Message
    command: str = ""
    words: str = ""  # output of the failing program


class MachineCapture(Value):
    """Everything read from a machine at one time. `taken_at`: seconds since the epoch; `host`: this machine's capture;
    `hosts`: captures of other machines, by id of the engine that runs there.
    """

    taken_at: float
    host: Capture
    engines: tuple[Engine, ...]
    containers: tuple[CapturedContainer, ...]
    hosts: tuple[tuple[str, Capture], ...] = ()
    trouble: Trouble | None = None  # set if this machine could not be read at all

    def host_of(self, engine: str) -> Capture:
        """The capture of the machine that this engine runs on."""
        return next((capture for name, capture in self.hosts if name == engine), self.host)


V = TypeVar("V")


class LayerState(Value):
    """One layer of one container. `facts`: None if nothing could be read."""

    id: str
    number: int
    facts: Any
    asked: Any
    assessment: Assessment


class ProcessState(Value):
    """A further process of a container, and the fields in which it differs from the first.

    Or a thread that differs from its process's first thread: then `pid` is the thread's id, and `thread_of` its
    process.
    """

    pid: int
    pid_inside: int | None
    command: str
    drift: tuple[str, ...]
    kind: str = ""  # "exec" if it belongs to an exec session
    thread_of: int | None = None
    exposure: float | None = None  # its own, if the facts that decide it differ from the first process's
    verified: bool = True  # whether `exposure` rests on the kernel's data alone
    effective: int | None = None  # capabilities in effect, as a mask; None: not read
    user: int | None = None  # its uid, in the container's numbering
    layers: tuple[LayerState, ...] = ()  # its own assessment; empty: same as the first process's, or not assessed
    capture: Capture | None = None


class ContainerState(Value):
    """A container with everything found out about it. `layers` from 1 (namespaces) up."""

    container: Container
    layers: tuple[LayerState, ...]
    processes: tuple[ProcessState, ...] = ()
    findings: tuple[Finding, ...] = ()  # of all layers and of drift, worst first
    gap: Gap | None = None  # set if none of its processes could be read
    capture: Capture | None = None
    members_from: str = ""
    matrix: Matrix | None = None  # threats and exposure of the weakest process; None if no process is known
    first_exposure: float | None = None  # of its first process alone
    unread: int = 0  # at least this many of its processes were not read
    first_layers: tuple[LayerState, ...] = ()  # of its first process alone; `layers` show the weakest
    as_started: ContainerState | None = None  # predicted state once started, if it is not running
    peers: Peers = Peers()  # the other containers that it was judged beside

    @property
    def key(self) -> tuple[str, str]:
        return self.container.key

    def facts_of(self, kind: type[V]) -> V | None:
        """The facts of the layer whose facts are of that kind; None where nothing could be read."""
        return next((layer.facts for layer in self.layers if isinstance(layer.facts, kind)), None)

    @property
    def judged(self) -> ContainerState:
        """The predicted state of a container that is not running, if there is one; else this state."""
        return self if self.as_started is None else self.as_started

    @property
    def would_start(self) -> bool:
        """Whether this is the prediction for a container that exists in an engine and is not running."""
        return any(layer.assessment.basis is Basis.PREDICTED for layer in self.layers)

    @property
    def raising(self) -> tuple[ProcessState, ...]:
        """Further processes and threads whose exposure is above the first process's."""
        first = self.first_exposure
        return tuple(each for each in self.processes if first is not None and (each.exposure or 0.0) > first)

    @property
    def worst(self) -> Verdict:
        """The worst verdict of its layers, in the order OPEN, WEAKENED, UNKNOWN, ENFORCED."""
        order = (Verdict.OPEN, Verdict.WEAKENED, Verdict.UNKNOWN, Verdict.ENFORCED)
        verdicts = {layer.assessment.verdict for layer in self.layers}
        return next((verdict for verdict in order if verdict in verdicts), Verdict.UNKNOWN)


def rank(state: ContainerState) -> tuple[bool, float, float]:
    """Sort key: most exposed first; at equal exposure the higher lower bound first; unknown ones last."""
    if state.matrix is None:
        return True, 0.0, 0.0
    return False, -state.matrix.exposure.worst, -state.matrix.exposure.best


class Captured(Value):
    """One of the captures shown. `taken_at`: seconds since the epoch; `trouble`: why it can't be shown. `engines`: its
    engines' ids in the snapshot.
    """

    name: str
    taken_at: float = 0.0
    trouble: Message | None = None
    engines: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()


class Snapshot(Value):
    """Everything at one moment; `taken_at` in seconds since the epoch. `demo`: replayed, not live. `captures`: the
    captures being replayed; empty although `demo` is set: the program's own demo.

    `engines`: those that run containers; a sandbox of another maker has none.

    `listed`: in a live view, engines whose containers have all been read at least once; `asking`: engines that have not
    answered yet, or "" while captures are still being read. `ground`: this machine's; `elsewhere`: the ground of each
    engine on another machine whose kernel was read. `unsought`: why engines could not be searched for at all.
    """

    taken_at: float
    ground: Ground
    engines: tuple[Engine, ...]
    containers: tuple[ContainerState, ...]
    demo: bool = False
    privilege: Privilege = field(default_factory=Privilege)
    trouble: Trouble | None = None  # set if nothing could be read of this machine's kernel
    listed: frozenset[str] = frozenset()
    asking: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, Ground], ...] = ()
    captures: tuple[Captured, ...] = ()
    unsought: Message | None = None

    @property
    def reading(self) -> bool:
        """Whether captures are still being read."""
        return "" in self.asking

    @property
    def nothing_read(self) -> bool:
        """Whether nothing at all could be read, so that an empty list does not mean that there are no containers."""
        captures = self.captures
        return self.unsought is not None or (bool(captures) and all(each.trouble is not None for each in captures))

    def ground_of(self, engine: str) -> Ground:
        """The ground that this engine's containers run on and were assessed with."""
        return dict(self.elsewhere).get(engine, self.ground)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Kernel releases below these containers, this machine's if there are none; "" where not read."""
        grounds = dict(self.elsewhere)
        found = dict.fromkeys(grounds.get(state.container.engine, self.ground).kernel for state in self.containers)
        return tuple(found) or (self.ground.kernel,)


def first_view(state: ContainerState, kind: type[V]) -> V | None:
    """The first view of that kind in any layer. Views are built at each call, so keep the result."""
    if state.gap is not None:
        return None
    views = (view for layer in state.layers for tab in layer.assessment.tabs for view in tab.views)
    return next((view for view in views if isinstance(view, kind)), None)


def raising_most(state: ContainerState) -> ProcessState | None:
    """The process with the highest exposure above the first process's; None if there is none."""
    return max(state.raising, key=lambda each: each.exposure or 0.0, default=None)


def raised(state: ContainerState) -> Message | None:
    """A sentence on the process that raises the exposure most; None if none does."""
    worst = raising_most(state)
    if worst is None:
        return None
    least, most = f"{state.first_exposure or 0.0:.1f}", f"{worst.exposure or 0.0:.1f}"
    if worst.kind and worst.thread_of is None:
        return msg("An exec session ({process}) raises its exposure from {least} to {most} until it ends.",
                   process=_named(worst), least=least, most=most)  # fmt: skip
    return msg("{process} raises its exposure from {least} to {most}; its first process alone has less.",
               process=_named(worst), least=least, most=most)  # fmt: skip


def _named(process: ProcessState) -> Message:
    command = plain(process.command, 40)
    if process.thread_of is not None:
        return msg("{command}, thread {tid} of PID {pid}", command=command, tid=str(process.pid),
                   pid=str(process.thread_of))  # fmt: skip
    return msg("{command}, PID {pid}", command=command, pid=str(process.pid))


def cap_severity(finding: Finding, matrix: Matrix | None) -> Finding:
    """Lower a finding's severity to that of the worst threat behind it that is not stopped.

    A layer sees only its own facts. What it finds may be stopped by another layer, or by the ground: a socket whose
    permissions let nobody in, a capability for a feature that this kernel lacks. A threat that only a program of the
    image holds counts as one of the next lower severity.
    """
    if not finding.behind or matrix is None:
        return finding
    states = [state for name in finding.behind if (state := matrix.of(name)) is not None]
    worst = [severity for state in states if (severity := state.at_stake) is not None]
    if not worst:
        return replace(finding, severity=Severity.LOW, text=finding.milder or finding.text)
    most = min(worst, key=lambda each: each.rank)
    return finding if finding.severity.rank >= most.rank else replace(finding, severity=most)
