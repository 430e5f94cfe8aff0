"""What is worst in a fleet: its threats by how many containers and machines they are open in, and its machines."""

from __future__ import annotations

from stratascope.core.message import Message, msg, plural
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Outcome, Threat
from stratascope.presentation.formats.told import Subject, Told
from stratascope.value import Value


class OpenThreat(Value):
    """One threat, and in how many containers on how many machines it is open."""

    threat: Threat
    containers: int
    machines: int


def open_threats(told: Told) -> tuple[OpenThreat, ...]:
    """The more severe, then the more often open, first."""
    known = {threat.id: threat for threat in all_threats()}
    containers: dict[str, int] = {}
    machines: dict[str, set[str]] = {}
    for subject in told.subjects:
        for name, outcome, _ in subject.threats:
            if outcome == Outcome.OPEN:
                containers[name] = containers.get(name, 0) + count_of(subject)
                machines.setdefault(name, set()).update(subject.machines)
    found = (OpenThreat(known[name], containers[name], len(machines[name])) for name in containers)
    return tuple(sorted(found, key=lambda each: (each.threat.severity.rank, -each.containers, each.threat.id)))


def count_of(subject: Subject) -> int:
    """How many containers it stands for."""
    return max(1, len(subject.machines))


def head(told: Told) -> Message:
    """How many of what."""
    total = sum(machine.containers for machine in told.machines)
    return msg(
        "{containers} on {machines}, {kinds}",
        containers=plural("{count} container", "{count} containers", total),
        machines=plural("{count} machine", "{count} machines", len(told.machines)),
        kinds=plural("of {count} kind", "of {count} kinds", len(told.subjects)),
    )


def where(subject: Subject, named: int = 3) -> Message:
    """On which machines it is: a few by name, the others counted."""
    names = ", ".join(subject.machines[:named])
    rest = len(subject.machines) - named
    if rest <= 0:
        return msg("on {names}", names=names)
    return plural("on {names} and {count} more machine", "on {names} and {count} more machines", rest, names=names)


def open_in(found: OpenThreat) -> Message:
    """How often it is open."""
    return msg(
        "{title}: open in {containers} on {machines}",
        title=found.threat.title,
        containers=plural("{count} container", "{count} containers", found.containers),
        machines=plural("{count} machine", "{count} machines", found.machines),
    )
