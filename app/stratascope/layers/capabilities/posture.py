"""The posture of layer 3: what of a process's capabilities decides its stances.

The permitted set matters as much as the effective one: a compromised process can make effective whatever it is
permitted (capset(2)), and the effective set is always a subset.
"""

from __future__ import annotations

from stratascope.core.container import EngineKind
from stratascope.core.ground import Surroundings
from stratascope.layers.capabilities.facts import CapabilitiesAsked, CapabilityFacts
from stratascope.layers.shared.conditional_needs import Answers, answers
from stratascope.layers.shared.unprivileged_ports import PORT_START, SETTING
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp_profile import release
from stratascope.linux.sysctl import path_of
from stratascope.value import Value


class CapabilityPosture(Value):
    """Bits of the sets; None: unknown. `held`: effective or permitted."""

    held: int | None
    bounding: int | None
    no_new_privs: bool | None
    root: bool | None  # whether it is root inside the container
    default: int  # the engine's, which other containers are assumed to hold
    last: int
    port_start: int | None  # the first port that needs no capability in its network namespace
    port_source: str
    root_directory: bool  # whether the engine always leaves a container's root directory writable by its owner
    settings: Answers
    kernel: tuple[int, int] | None = None  # kernel release
    neighbours: tuple[int | None, ...] = ()  # what the processes hold that share its PID namespace


def posture_of(facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> CapabilityPosture:
    """From the facts of the container's first process."""
    held = None
    if facts.effective is not None:
        held = facts.effective.bits | (0 if facts.permitted is None else facts.permitted.bits)
    return CapabilityPosture(
        held,
        None if facts.bounding is None else facts.bounding.bits,
        facts.no_new_privs,
        facts.root_inside,
        facts.default.bits,
        facts.last,
        facts.port_start,
        path_of(SETTING) if facts.host_network else f"@{PORT_START}",
        around.engine.kind is EngineKind.DOCKER,
        answers(around.ground),
        _release(around.ground.kernel),
        tuple(sorted({neighbour.permitted for neighbour in around.peers.neighbours}, key=lambda held: held or 0)),
    )


def _release(text: str) -> tuple[int, int] | None:
    try:
        return release(text)
    except DecodeError:
        return None
