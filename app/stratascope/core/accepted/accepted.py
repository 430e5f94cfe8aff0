"""Findings that somebody looked at and accepts, each with a reason, an owner and an end.

An exception changes what is counted and folded in reports. Exposure and threats are what the kernel says, and it never
touches them. One that has come to its end counts for nothing any more, and that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from glob import escape

from stratascope.core.container import Container
from stratascope.core.message import Message
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value

ANY = "*"
_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")


class Accepted(Value):
    """One exception. `finding`: a finding's code, or `threat.ID`; `until`: the last day on which it holds.

    `container` (its name), `engine` (its id, `docker`), `image` and `group` (its Compose project or pod) are patterns
    as of a shell; all four have to fit. `line` of the file it is from, 0 where that is not known.
    """

    finding: str
    reason: str
    owner: str
    until: date
    container: str = ANY
    engine: str = ANY
    image: str = ANY
    group: str = ANY
    line: int = 0

    def covers(self, container: Container) -> bool:
        """Whether it is about this container."""
        return (
            fnmatchcase(container.name, self.container)
            and fnmatchcase(container.engine, self.engine)
            and fnmatchcase(container.image, self.image)
            and (self.group == ANY or any(fnmatchcase(name, self.group) for name in groups(container)))
        )


class Standing(Value):
    """What an exception does for one finding of one container."""

    entry: Accepted
    expired: bool


def in_force(standing: Standing | None) -> bool:
    """Whether the finding is accepted today; not if it never was, or no longer is."""
    return standing is not None and not standing.expired


class Acceptance(Value):
    """A list of exceptions on one day."""

    entries: tuple[Accepted, ...]
    today: date

    def of(self, finding: str, container: Container) -> Standing | None:
        """The one that accepts it today, else one that did and has expired; None: it was never accepted."""
        found = [each for each in self.entries if each.finding == finding and each.covers(container)]
        if not found:
            return None
        longest = max(found, key=lambda each: each.until)
        return Standing(longest, expired=longest.until < self.today)

    def unused(self, states: Iterable[ContainerState]) -> tuple[Accepted, ...]:
        """The exceptions that fit nothing that is found: mistyped, or closed since."""
        left = dict.fromkeys(self.entries)
        for state in states:
            codes = set(codes_of(state))
            for entry in [each for each in left if each.finding in codes and each.covers(state.container)]:
                del left[entry]
        return tuple(left)


class AcceptedError(Exception):
    """A list of exceptions that can't be used; `message` says where, and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.id)
        self.message = message


def groups(container: Container) -> tuple[str, ...]:
    """The names of the Compose project and the pod that it is in."""
    labels = dict(container.labels)
    named = (*(labels.get(label, "") for label in _PROJECT), container.pod_name, container.pod)
    return tuple(name for name in named if name)


def threat_code(threat: str) -> str:
    """By what an exception names an open threat."""
    return f"threat.{threat}"


def codes_of(state: ContainerState) -> Iterator[str]:
    """By what exceptions can name what was found of a container."""
    yield from (finding.code for finding in state.findings)
    if state.matrix is not None:
        yield from (threat_code(each.threat.id) for each in state.matrix.threats if each.outcome is Outcome.OPEN)


def exception(finding: str, container: Container, reason: str, owner: str, until: date) -> Accepted:
    """One for just this finding of just this container, whatever its name is made of."""
    return Accepted(finding, reason, owner, until, container=escape(container.name), engine=escape(container.engine))
