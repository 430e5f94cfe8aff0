"""A threat, its routes and steps, and a layer's ruling on them. Types only.

The catalogue is data in `core/threats/catalogue/`. A route succeeds if every need of every step is met.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.capture import process_folder
from stratascope.core.message import Message
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.value import Value


class Family(StrEnum):
    """Threats with the same goal: drawn together, and only the worst of them counts in the exposure."""

    HOST = "host"
    MOUNTS = "mounts"
    KERNEL = "kernel"
    NAMESPACES = "namespaces"
    PROCESSES = "processes"
    NETWORK = "network"
    RESOURCES = "resources"


class Stance(StrEnum):
    """One layer's position on a need, or on a threat's weakest route."""

    STOPS = "STOPS"
    LETS_THROUGH = "LETS_THROUGH"
    UNKNOWN = "UNKNOWN"
    NOT_ITS_JOB = "NOT_ITS_JOB"


class Outcome(StrEnum):
    """The outcome of an attempt."""

    STOPPED = "stopped"
    OPEN = "open"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """Where a stance comes from. ASKED: the kernel's value is not readable here, the engine states the setting, and no
    reading contradicts it. PREDICTED: the container is not running, and this is expected.
    """

    KERNEL = "kernel"
    ASKED = "asked"
    PREDICTED = "predicted"


class Ruling(Value):
    """A layer's answer to one need: stance, a sentence of explanation, and the evidence.

    A `source` that starts with `@` is relative to the process's own directory: `@status:CapEff` is
    /proc/4211/status:CapEff. So similar containers have equal rulings, and are judged once. `hinges`: settings each of
    which alone would undo a STOPS (`capability:CAP_SYS_ADMIN`, `user`); layers that share one fall together. `weak`: a
    STOPS that rests on a program of the image alone, not on the kernel. `aside`: a LETS_THROUGH of calls of another
    architecture alone, such as those of 32-bit programs. `trapped`: a STOPS by a signal, whose handler may have another
    program do it.
    """

    stance: Stance
    reason: Message
    source: str
    hinges: frozenset[str] = frozenset()
    basis: Basis = Basis.KERNEL
    weak: bool = False
    aside: bool = False
    trapped: bool = False


class Step(Value):
    """One action of the attacker, as a programmer would write it, and its needs."""

    text: str  # unshare(CLONE_NEWNS)
    needs: tuple[Need, ...]


class Route(Value):
    """One way to carry out a threat; `name` distinguishes it from the threat's other routes."""

    name: Message
    steps: tuple[Step, ...]


class Threat(Value):
    """Something that a compromised process might try.

    `title` is a short imperative (Use the engine's socket). `what` says in one plain sentence what happens, `gives`
    what the attacker gains, `advice` what to do about it. `first` is the layer that should stop it first.
    """

    id: str
    family: Family
    severity: Severity
    title: Message
    what: Message
    gives: Message
    advice: Message
    first: str
    routes: tuple[Route, ...]
    refs: tuple[str, ...] = ()


def evidence(source: str, pid: int | str | None) -> str:
    """A ruling's source in full; `pid` may be a placeholder, and None gives PID."""
    return f"{process_folder(pid)}/{source[1:]}" if source.startswith("@") else source


def stops(reason: Message, source: str, hinges: frozenset[str] = frozenset(), basis: Basis = Basis.KERNEL) -> Ruling:
    """The layer refuses it."""
    return Ruling(Stance.STOPS, reason, source, hinges, basis)


def lets(reason: Message, source: str, basis: Basis = Basis.KERNEL, *, aside: bool = False) -> Ruling:
    """The layer does not refuse it."""
    return Ruling(Stance.LETS_THROUGH, reason, source, basis=basis, aside=aside)


def unknown(reason: Message, source: str) -> Ruling:
    """Whether the layer refuses it is unknown."""
    return Ruling(Stance.UNKNOWN, reason, source)
