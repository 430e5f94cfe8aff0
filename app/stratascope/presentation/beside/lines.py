"""What is accepted in the reports that people read: folded and counted, with who accepts it, until when and why."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.accepted.accepted import Acceptance, Accepted, Standing, in_force
from stratascope.core.message import Message, msg, plural
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.value import replace


def without_accepted(snapshot: Snapshot, acceptance: Acceptance | None) -> Snapshot:
    """Without the findings that are accepted today."""
    if acceptance is None:
        return snapshot
    return replace(snapshot, containers=tuple(_without(state, acceptance) for state in snapshot.containers))


def _without(state: ContainerState, acceptance: Acceptance) -> ContainerState:
    kept = tuple(each for each in state.findings if not in_force(acceptance.of(each.code, state.container)))
    return state if len(kept) == len(state.findings) else replace(state, findings=kept)


def accepted_lines(snapshot: Snapshot, acceptance: Acceptance | None) -> Iterator[Message]:
    """A heading and a line each for what is accepted, what has expired, and exceptions that fit nothing."""
    if acceptance is None:
        return
    found: dict[bool, list[Message]] = {False: [], True: []}
    for state in snapshot.containers:
        for finding in state.findings:
            standing = acceptance.of(finding.code, state.container)
            if standing is not None:
                where = msg("{code} of {name}", code=finding.code, name=state.container.name)
                line = msg("{where}: {words}", where=where, words=accepted_words(standing))
                found[standing.expired].append(line)
    accepted, expired = found[False], found[True]
    if accepted:
        yield plural("{count} finding is accepted", "{count} findings are accepted", len(accepted))
        yield from accepted
    if expired:
        yield plural("{count} finding counts again, because its exception has expired",
                     "{count} findings count again, because their exceptions have expired", len(expired))  # fmt: skip
        yield from expired
    for entry in acceptance.unused(snapshot.containers):
        yield msg("The exception {which} matches nothing that was found.", which=exception_words(entry))


def accepted_words(standing: Standing) -> Message:
    """Who accepts it, until when and why; or that this has ended."""
    entry = standing.entry
    until = entry.until.isoformat()
    if standing.expired:
        return msg("Accepted by {owner} until {day}, which has passed, so it counts again: {reason}", owner=entry.owner,
                   day=until, reason=entry.reason)  # fmt: skip
    return msg("Accepted by {owner} until {day}: {reason}", owner=entry.owner, day=until, reason=entry.reason)


def exception_words(entry: Accepted) -> str:
    """An exception by what it is for: "seccomp.off (web, docker)"."""
    where = ", ".join(value for value in (entry.container, entry.engine, entry.image, entry.group) if value != "*")
    return f"{entry.finding} ({where or '*'})"
