"""Which section a container belongs to, in what order, and whether a filter finds it. Pure, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stratascope.core.layer import Severity, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.plain import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n import translate
from stratascope.ui.gap_words import runs


class ViewBy(StrEnum):
    """How the list is divided."""

    WORST = "worst"
    ENGINE = "engine"
    NAME = "name"


TAKE_OVER, OPEN, WEAKENED, ENFORCED = "take-over", "open", "weakened", "enforced"
UNKNOWN, STOPPED, ALL = "unknown", "stopped", "all"
_ORDER = (TAKE_OVER, OPEN, WEAKENED, ENFORCED, UNKNOWN, STOPPED)


@dataclass(frozen=True, slots=True)
class Section:
    """A head in the list: its key, and its containers in order."""

    key: str
    states: tuple[ContainerState, ...]


def section_of(state: ContainerState) -> str:
    """The outcome that a container is listed under."""
    if not runs(state) and not state.container.error:
        return STOPPED
    if critical(state):
        return TAKE_OVER
    words = {Verdict.OPEN: OPEN, Verdict.WEAKENED: WEAKENED, Verdict.ENFORCED: ENFORCED, Verdict.UNKNOWN: UNKNOWN}
    return words[state.worst]


def critical(state: ContainerState) -> bool:
    """Whether a critical finding stands open."""
    return any(finding.severity is Severity.CRITICAL for finding in state.findings)


def worst_first(state: ContainerState) -> tuple[int, int, int, str, tuple[str, str]]:
    """Sort key: critical findings, then layers open, then weakened, then the name."""
    verdicts = [layer.assessment.verdict for layer in state.layers]
    return (
        -sum(finding.severity is Severity.CRITICAL for finding in state.findings),
        -verdicts.count(Verdict.OPEN),
        -verdicts.count(Verdict.WEAKENED),
        state.container.name.casefold(),
        state.key,
    )


def by_name(state: ContainerState) -> tuple[str, tuple[str, str]]:
    """Sort key: the name, whatever its case."""
    return (state.container.name.casefold(), state.key)


def sections(states: tuple[ContainerState, ...], view_by: ViewBy) -> tuple[Section, ...]:
    """The whole list, in order; empty sections are left out."""
    if view_by is ViewBy.NAME:
        return (Section(ALL, tuple(sorted(states, key=by_name))),) if states else ()
    groups: dict[str, list[ContainerState]] = {}
    for state in states:
        key = state.container.engine if view_by is ViewBy.ENGINE else section_of(state)
        groups.setdefault(key, []).append(state)
    order = sorted(groups) if view_by is ViewBy.ENGINE else [key for key in _ORDER if key in groups]
    return tuple(Section(key, tuple(sorted(groups[key], key=worst_first))) for key in order)


def section_title(key: str, view_by: ViewBy) -> str:
    """A section's head in words."""
    if view_by is ViewBy.ENGINE:
        return plain(key, 200)
    words: dict[str, Message] = {
        TAKE_OVER: msg("Can take over this machine"),
        OPEN: msg("A layer open"),
        WEAKENED: msg("Weakened"),
        ENFORCED: msg("Enforced"),
        UNKNOWN: msg("Not known"),
        STOPPED: msg("Not running"),
        ALL: msg("All"),
    }
    return translate(words[key])


def section_ink(key: str, view_by: ViewBy) -> str:
    """The colour token of a section's head."""
    inks = {TAKE_OVER: "open", OPEN: "weak", WEAKENED: "weak", ENFORCED: "enf"}
    return inks.get(key, "text3") if view_by is ViewBy.WORST else "text3"


def haystack(state: ContainerState) -> str:
    """All text of a container that a filter looks through, in lower case."""
    container = state.container
    words = [container.name, container.image, container.engine, container.id, container.status.value]
    for finding in state.findings:
        words += [finding.code, finding.severity.value, translate(finding.text)]
    return "\n".join(words).casefold()


def matches(text: str, needle: str) -> bool:
    """Whether every word of the filter is found somewhere."""
    return all(word in text for word in needle.casefold().split())
