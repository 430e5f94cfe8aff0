"""Which containers are replicas of each other, and so alike that one row can represent all of them. Pure.

Alike means created alike (`usecases.many.kinds`), as the same service of the same project, and alike now: the same
state, the same marks, the same answer to each threat. A container that differs in any of these has its own row, and so
does one with a process that differs from its first.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from stratascope.core.snapshot import ContainerState
from stratascope.core.text import common_start
from stratascope.core.threats.threat import Outcome
from stratascope.usecases.many.kinds import PROJECT, SERVICE, kind_of, label

_ENDS = "-_.0123456789"  # what follows the shared name in replicas


def drifts(state: ContainerState) -> bool:
    """Whether a process in it can do more than its first: shown as a mark in the list."""
    return bool(state.raising) or any(process.kind and process.drift for process in state.processes)


def likeness(state: ContainerState) -> Hashable:
    """Equal for replicas that one row can represent; None for containers with a row of their own."""
    container = state.container
    if drifts(state) or container.infra or container.error:
        return None
    matrix = state.matrix
    return (
        kind_of(container),
        label(container, PROJECT),
        _stem(state),
        container.pod,
        container.status,
        container.health,
        tuple((layer.assessment.verdict, layer.assessment.basis) for layer in state.layers),
        None if matrix is None else tuple((each.threat.id, each.outcome, each.depth) for each in matrix.threats),
    )


def told_once(state: ContainerState) -> Hashable:
    """Equal for containers of several machines that are listed as one: same name, same image, same open threats. Their
    other options may differ, since paths and options vary between machines.
    """
    container, matrix = state.container, state.matrix
    return (
        label(container, PROJECT),
        _stem(state),
        container.image,
        container.status,
        drifts(state),
        tuple([layer.assessment.verdict for layer in state.layers]),
        None if matrix is None else (matrix.exposure.worst, matrix.exposure.best),
        None if matrix is None else tuple([each.threat.id for each in matrix.threats if each.outcome is Outcome.OPEN]),
    )


def common_name(states: Sequence[ContainerState]) -> str:
    """A name for a group of replicas: their service, or the common beginning of their names; empty if there is none."""
    return label(states[0].container, SERVICE) or common_start([state.container.name for state in states]).rstrip(_ENDS)


def _stem(state: ContainerState) -> str:
    """The service, else the name without its number: containers with different ones are not replicas."""
    name = state.container.name
    return label(state.container, SERVICE) or name.rstrip(_ENDS) or name
