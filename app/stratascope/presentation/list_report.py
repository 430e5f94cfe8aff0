"""`stratascope list`: one line per container, worst first; the JSON also lists who shares what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from stratascope.core.capture import gap_words
from stratascope.core.container import Container
from stratascope.core.message import Message, msg
from stratascope.core.overview.shared_parts import Shared, shared_parts
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.takeover import runs, unseen_engines
from stratascope.presentation.terminal import Style, clip, width_of, wrap
from stratascope.presentation.terms import STATUSES, exposure_level, timestamp
from stratascope.presentation.threat_outcomes import by_outcome

T = TypeVar("T")
PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
_LEVEL_STYLE = {"critical": "1;31", "high": "31", "medium": "33", "low": "32", "none": "32"}
_HEADS = (msg("Exposure"), msg("1 to 6"), msg("Name"), msg("Group"), msg("Engine"), msg("Image"), msg("Why"))
_GROUP = 3  # index of the group's column
_WIDEST, _LEAST, _REASON = 28, 10, 26  # maximum and minimum cells of a column, and the minimum for the reason


def group_of(container: Container) -> str:
    """The container's Compose project, or its pod; empty if it has neither."""
    labels = dict(container.labels)
    return next((labels[label] for label in PROJECT if labels.get(label)), "") or container.pod[:12]


def why(state: ContainerState) -> Message:
    """The worst open threat, or why there is none to name."""
    if state.container.error:
        return msg("The engine's answer was not understood.")
    if not runs(state):
        return STATUSES[state.container.status]
    if state.gap is not None:
        return gap_words(state.gap).band
    if state.matrix is None:
        return msg("Not known")
    worst = next(iter(by_outcome(state.matrix)), None)
    if worst is None or worst.outcome is Outcome.STOPPED:
        return msg("Nothing is open")
    return worst.threat.title if worst.outcome is Outcome.OPEN else msg("Not everything is known")


def render(snapshot: Snapshot, style: Style) -> str:
    """The whole list."""
    return "\n".join(_lines(snapshot, style)) + "\n"


def _lines(snapshot: Snapshot, style: Style) -> Iterator[str]:
    rows = [_row(state, style) for state in _in_order(snapshot)]
    if rows:
        heads = [translate(head) for head in _HEADS]
        if not any(row[_GROUP][0] for row in rows):
            heads = _without_group(heads)
            rows = [_without_group(row) for row in rows]
        widths = _widths(heads, rows, style)
        yield style.paint(_line([(head, head) for head in heads], widths, style), "2")
        for row in rows:
            yield _line(row, widths, style)
    else:
        yield translate(msg("No containers."))
    unseen = listed(plain(each, 60) for each in unseen_engines(snapshot))
    if unseen:
        yield from wrap(translate(msg("{engines} not seen", engines=unseen)), "", style, "33")


def _widths(heads: list[str], rows: list[list[tuple[str, str]]], style: Style) -> list[int]:
    """Widths of all columns but the last, which gets the rest; the widest column is narrowed first."""
    cells = [[head, *(row[at][0] for row in rows)] for at, head in enumerate(heads[:-1])]
    widths = [min(_WIDEST, max(map(width_of, column))) for column in cells]
    while sum(widths) + 2 * len(widths) + _REASON > style.width and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _without_group(cells: list[T]) -> list[T]:
    """Leave out the group if no container is in one."""
    return cells[:_GROUP] + cells[_GROUP + 1 :]


def _in_order(snapshot: Snapshot) -> list[ContainerState]:
    return sorted(snapshot.containers, key=lambda each: (not runs(each), rank(each), each.container.name, each.key))


def _line(cells: list[tuple[str, str]], widths: list[int], style: Style) -> str:
    """One line. Each cell: its plain text, which is measured, and the text to print."""
    parts = []
    for (text, shown), width in zip(cells, widths, strict=False):
        cut = clip(text, width)
        parts.append((shown if cut == text else cut) + " " * max(0, width - width_of(cut)))
    room = max(_LEAST, style.width - sum(widths) - 2 * len(widths))
    return ("  ".join(parts) + "  " + clip(cells[-1][0], room)).rstrip()


def _row(state: ContainerState, style: Style) -> list[tuple[str, str]]:
    container = state.container
    known = state.matrix is not None and runs(state)
    worst = state.matrix.exposure.worst if state.matrix is not None else 0.0
    number = f"{worst:.1f}" if known else "-"
    shown = style.paint(number, _LEVEL_STYLE[exposure_level(worst)]) if known else number
    marks = "".join(style.mark(layer.assessment) for layer in state.layers)
    bare = "".join(Style(unicode=style.unicode).mark(layer.assessment) for layer in state.layers)
    texts = (
        plain(container.name, 60),
        plain(group_of(container), 60),
        plain(container.engine, 40),
        plain(container.image, 80),
        translate(why(state)),
    )
    return [(number, shown), (bare, marks), *((text, text) for text in texts)]


def document(snapshot: Snapshot) -> str:
    """The list as one JSON document, with who shares what."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "taken_at": timestamp(snapshot.taken_at),
        "containers": [_container(state) for state in _in_order(snapshot)],
        "shared": [_shared(each) for each in shared_parts(snapshot)],
        "unseen": list(unseen_engines(snapshot)),
    }
    return json.dumps(found, indent=1) + "\n"


def _container(state: ContainerState) -> dict[str, Any]:
    container = state.container
    exposure = None if state.matrix is None else state.matrix.exposure
    return {
        "engine": container.engine,
        "id": container.id,
        "name": container.name,
        "group": group_of(container),
        "image": container.image,
        "status": container.status.value,
        "exposure": None if exposure is None else exposure.worst,
        "exposure_at_best": None if exposure is None else exposure.best,
        "layers": {layer.id: layer.assessment.verdict.value for layer in state.layers},
        "why": translate(why(state)),
    }


def _shared(shared: Shared) -> dict[str, Any]:
    return {
        "kind": shared.kind.value,
        "name": shared.name,
        "engine": shared.engine,
        "containers": [{"engine": engine, "id": number} for engine, number in shared.containers],
        "writers": [{"engine": engine, "id": number} for engine, number in shared.writers],
        "asked": shared.asked,
    }
