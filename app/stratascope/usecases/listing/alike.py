"""Which containers are replicas of each other, and so alike that one row may stand for all of them. Pure.

Alike is what was made alike (`usecases.many.kinds`), as the same service of the same project, and is so now: the same
state, the same marks, the same answer to each threat. One that differs in any of it stands by itself, and so does one
with a process that is not as its first.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.natural_sort import common_start
from stratascope.usecases.many.kinds import PROJECT, SERVICE, kind_of, label

_ENDS = "-_.0123456789"  # what replicas have behind the name that they share


def drifts(state: ContainerState) -> bool:
    """Whether something in it can do more than its first process: what a mark in the list tells."""
    return bool(state.raising) or any(process.kind and process.drift for process in state.processes)


def likeness(state: ContainerState) -> Hashable:
    """The same for replicas that one row may stand for; None for what always stands by itself."""
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
    """The same for containers of several machines that are told once: they are called the same, of the same image, and
    the same stands open in them. How each was made is not asked: paths and options differ from machine to machine.
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
    """What replicas are called together: their service, or how their names begin; empty where they share nothing."""
    return label(states[0].container, SERVICE) or common_start([state.container.name for state in states]).rstrip(_ENDS)


def _stem(state: ContainerState) -> str:
    """The service, else the name without its number: two that are called otherwise are no replicas of each other."""
    name = state.container.name
    return label(state.container, SERVICE) or name.rstrip(_ENDS) or name
