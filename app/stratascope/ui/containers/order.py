"""Which section a container belongs to, in what order, and whether a filter finds it. Pure, no Qt."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import critical as critical
from stratascope.presentation.takeover import runs
from stratascope.presentation.takeover import undecided as undecided
from stratascope.value import Value


class ViewBy(StrEnum):
    """How the list is divided."""

    WORST = "worst"
    ENGINE = "engine"
    NAME = "name"


TAKE_OVER, EXPOSED, DEFENDED = "take-over", "exposed", "defended"
UNKNOWN, STOPPED, ALL = "unknown", "stopped", "all"
_ORDER = (TAKE_OVER, EXPOSED, DEFENDED, UNKNOWN, STOPPED)
LIMIT = 4.0  # exposure from which a container counts as exposed: "medium" in CVSS


class Section(Value):
    """A head in the list: its key, and its containers in order."""

    key: str
    states: tuple[ContainerState, ...]


def section_of(state: ContainerState) -> str:
    """The outcome that a container is listed under. Defended: whatever the unknown turns out to be."""
    if not runs(state) and not state.container.error:
        return STOPPED
    if critical(state):
        return TAKE_OVER
    if state.matrix is None:
        return UNKNOWN
    if state.matrix.exposure.best >= LIMIT:
        return EXPOSED
    return DEFENDED if state.matrix.exposure.worst < LIMIT else UNKNOWN


def worst_first(state: ContainerState) -> tuple[float, float, str, tuple[str, str]]:
    """Sort key: the exposure as it is written in the row, then what it is at best, then the name."""
    best, worst = (-1.0, -1.0) if state.matrix is None else (state.matrix.exposure.best, state.matrix.exposure.worst)
    if not runs(state):
        best, worst = -2.0, -2.0
    return (-worst, -best, state.container.name.casefold(), state.key)


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
        EXPOSED: msg("Exposed"),
        DEFENDED: msg("Defended"),
        UNKNOWN: msg("Not known"),
        STOPPED: msg("Not running"),
        ALL: msg("All"),
    }
    return translate(words[key])


def section_ink(key: str, view_by: ViewBy) -> str:
    """The colour token of a section's head."""
    inks = {TAKE_OVER: "open", EXPOSED: "weak", DEFENDED: "enf"}
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
