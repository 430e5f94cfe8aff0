"""Finds the containers that depend on another one, how, and in which order. Pure.

A dependent refers to a container by id: after a relaunch it would still be tied to the original, which is set aside.
Borrowed volumes (`--volumes-from`) are no such tie: the volumes stay, and their owner is only looked up at creation.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from stratascope.core.container import Container, Status
from stratascope.core.relaunch.launch_spec import FIRST, ORIGINAL
from stratascope.core.relaunch.transaction import Stage, Transaction

_MODES = ("network_mode", "pid_mode", "ipc_mode", "uts_mode", "cgroupns_mode", "userns_mode")


class Dependency(StrEnum):
    NAMESPACES = "namespaces"  # uses its network, PID, IPC … namespace
    LINK = "link"  # Docker's --link: an address and a name resolved at its start
    REQUIRES = "requires"  # Podman starts the other one before it


def set_aside(others: Iterable[Container], transactions: Iterable[Transaction]) -> frozenset[str]:
    """Ids of those that a relaunch set aside, by the journal, or by labels if it was another user's."""
    found = {
        member.old
        for item in transactions
        if item.stage is Stage.DONE and item.owner is None
        for member in item.members
    }
    everyone = list(others)
    named = {value for other in everyone for name, value in other.labels if name in (ORIGINAL, FIRST)}
    return frozenset(
        other.id
        for other in everyone
        if other.status in (Status.EXITED, Status.CREATED)
        and (other.id in found or (other.id in named and ".old-" in other.name))
    )


def dependents(container: Container, others: Iterable[Container]) -> tuple[tuple[Container, Dependency], ...]:
    """All that need it, directly or indirectly, and how; each after those of them that it needs itself."""
    everyone = {container.id: container, **{other.id: other for other in others}}
    ties = {key: _ties(other, everyone) for key, other in everyone.items()}
    reached = {container.id: Dependency.NAMESPACES}
    while more := {
        key: next(tie for target, tie in needed.items() if target in reached)
        for key, needed in ties.items()
        if key not in reached and any(target in reached for target in needed)
    }:
        reached |= more
    found: list[tuple[Container, Dependency]] = []
    waiting = [key for key in reached if key != container.id]
    while waiting:
        # links may form a cycle: then any one is first
        place = next((key for key in waiting if not any(target in waiting for target in ties[key])), waiting[0])
        waiting.remove(place)
        found.append((everyone[place], reached[place]))
    return tuple(found)


def _ties(container: Container, everyone: dict[str, Container]) -> dict[str, Dependency]:
    """What it needs, by id."""
    found: dict[str, Dependency] = {}
    modes = [str(getattr(container.asked, name)).partition(":") for name in _MODES]
    words = [(word, Dependency.NAMESPACES) for kind, _, word in modes if kind == "container"]
    words += [(word, Dependency.LINK) for word in container.links]
    words += [(word, Dependency.REQUIRES) for word in container.requires]
    for word, tie in words:
        target = word if word in everyone else _called(word, everyone)
        if target and target != container.id:
            found.setdefault(target, tie)
    return found


def _called(word: str, everyone: dict[str, Container]) -> str:
    return next((key for key, other in everyone.items() if other.name == word), "")
