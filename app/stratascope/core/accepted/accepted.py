"""Findings that somebody reviewed and accepts, each with a reason, an owner and an expiry date.

An exception changes how reports count and fold findings. It never touches exposure and threats, which are what the
kernel enforces. An expired one has no effect, and the report says that it expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from glob import escape

from stratascope.core.container import Container
from stratascope.core.message import MessageError
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value

ANY = "*"
_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")


class Accepted(Value):
    """One exception. `finding`: a finding's code, or `threat.ID`; `until`: the last day on which it holds.

    `container` (its name), `engine` (its id, `docker`), `image` and `group` (its Compose project or pod) are shell
    patterns, all of which must match. `line` in the file that it is from; 0: not known.
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
        """Whether it applies to this container."""
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
    """Whether the finding is accepted today; False if it never was, or no longer is."""
    return standing is not None and not standing.expired


class Acceptance(Value):
    """A list of exceptions, applied on a given day."""

    entries: tuple[Accepted, ...]
    today: date

    def of(self, finding: str, container: Container) -> Standing | None:
        """The exception that accepts it today, else one that has expired; None: never accepted."""
        found = [each for each in self.entries if each.finding == finding and each.covers(container)]
        if not found:
            return None
        longest = max(found, key=lambda each: each.until)
        return Standing(longest, expired=longest.until < self.today)

    def unused(self, states: Iterable[ContainerState]) -> tuple[Accepted, ...]:
        """Exceptions that match no current finding: mistyped, or fixed since."""
        left = dict.fromkeys(self.entries)
        for state in states:
            codes = set(codes_of(state))
            for entry in [each for each in left if each.finding in codes and each.covers(state.container)]:
                del left[entry]
        return tuple(left)


class AcceptedError(MessageError):
    """A list of exceptions that can't be used; `message` says where, and what to do."""


def groups(container: Container) -> tuple[str, ...]:
    """Names of its Compose project and its pod."""
    labels = dict(container.labels)
    named = (*(labels.get(label, "") for label in _PROJECT), container.pod_name, container.pod)
    return tuple(name for name in named if name)


def threat_code(threat: str) -> str:
    """The code by which an exception names an open threat."""
    return f"threat.{threat}"


def codes_of(state: ContainerState) -> Iterator[str]:
    """All codes by which exceptions can name what was found in a container."""
    yield from (finding.code for finding in state.findings)
    if state.matrix is not None:
        yield from (threat_code(each.threat.id) for each in state.matrix.threats if each.outcome is Outcome.OPEN)


def exception(finding: str, container: Container, reason: str, owner: str, until: date) -> Accepted:
    """An exception for exactly this finding of this container, with its name escaped."""
    return Accepted(finding, reason, owner, until, container=escape(container.name), engine=escape(container.engine))
