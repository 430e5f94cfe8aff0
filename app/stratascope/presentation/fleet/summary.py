"""What is worst in a fleet: its threats by how many containers and machines they are open in, and its machines."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import Message, msg, plural
from stratascope.core.overview import fleet
from stratascope.core.overview.fleet import OpenThreat
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Outcome
from stratascope.presentation.formats.told import Subject, Told


def open_threats(told: Told) -> tuple[OpenThreat, ...]:
    """The more severe, then the more often open, first."""
    known = {threat.id: threat for threat in all_threats()}
    return fleet.open_threats(
        ([known[name] for name, outcome, _ in subject.threats if outcome == Outcome.OPEN], count_of(subject),
         subject.machines)
        for subject in told.subjects
    )  # fmt: skip


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


def where(machines: Sequence[str], named: int = 3) -> Message:
    """On which machines something is: a few by name, the others counted."""
    names = ", ".join(machines[:named])
    rest = len(machines) - named
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
