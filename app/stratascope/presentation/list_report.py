"""`stratascope list`: one line per container, worst first; the JSON also lists who shares what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from stratascope.core.capture import gap_words
from stratascope.core.container import Container, EngineKind
from stratascope.core.layer import Verdict
from stratascope.core.message import Message, colon, msg
from stratascope.core.overview.shared_parts import Shared, shared_parts
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.core.text import natural
from stratascope.core.threats.threat import Basis, Outcome
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.json_report import SCHEMA, kind_of
from stratascope.presentation.takeover import runs, unseen_engines
from stratascope.presentation.terminal import LEVEL_STYLE, Style, clip, width_of, wrap
from stratascope.presentation.terms import SANDBOX_GROUPS, STATUSES, exposure_level, maker_of, timestamp
from stratascope.presentation.threat_outcomes import by_outcome, not_known, open_questions
from stratascope.value import Value

PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
_HEADS = {
    "exposure": msg("Exposure"),
    "layers": msg("1 to 6"),
    "name": msg("Name"),
    "id": msg("ID"),
    "group": msg("Group"),
    "engine": msg("Engine"),
    "image": msg("Image"),
    "why": msg("Why"),
}
COLUMNS = tuple(_HEADS)
SORTS = ("exposure", "name", "group", "engine", "image")
_WIDEST, _LEAST, _REASON = 28, 10, 26  # maximum and minimum cells of a column, and the minimum for the reason
_WHOLE = 60  # cells of an id, which is of no use if it is cut
_SPARED = ("image", "group", "engine")  # left out, the first first, where a line has no room for all


def group_of(container: Container) -> str:
    """The container's Compose project, or its pod, or what kind of sandbox it is; empty if it has none of them."""
    if container.sandbox is not None:
        return translate(SANDBOX_GROUPS[container.sandbox.group])
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
    matrix = state.matrix
    worst = next((each for each in by_outcome(matrix) if each.outcome is Outcome.OPEN), None)
    unread = not_known(matrix)
    if unread is not None and (worst is None or open_questions(matrix, worst)):
        return unread
    return msg("Nothing is open") if worst is None else worst.threat.title


def render(
    snapshot: Snapshot,
    style: Style,
    *,
    sort: str = "exposure",
    columns: tuple[str, ...] = (),
    legend: bool = False,
) -> str:
    """The whole list. `sort`: one of `SORTS`; `columns`: of `COLUMNS`, by default those that fit; `legend`: end with
    what the marks mean.
    """
    lines = [*_lines(snapshot, style, sort, columns)]
    if legend and snapshot.containers and "layers" in (columns or COLUMNS):
        lines += ["", *wrap(translate(_legend(snapshot, style)), "", style, "2")]
    return "\n".join(lines) + "\n"


def _legend(snapshot: Snapshot, style: Style) -> Message:
    """What the marks mean; those of what only the engine states, where there are any."""
    holds, weak, opened, unknown = (style.bare_mark(each) for each in Verdict)
    key = msg(
        "1 to 6: namespaces, cgroup, capabilities, seccomp, access control, user namespace. {holds} enforced, {weak} "
        "weakened, {open} open, {unknown} not known.",
        holds=holds, weak=weak, open=opened, unknown=unknown,
    )  # fmt: skip
    asked = [style.bare_mark(each, asked=True) for each in Verdict][:3]
    shown = any(layer.assessment.basis is Basis.ASKED for state in snapshot.containers for layer in state.layers)
    if not shown or not style.unicode:
        return key
    return msg("{key} {marks}: the same, as only the engine says.", key=key, marks=" ".join(asked))


def _lines(snapshot: Snapshot, style: Style, sort: str, columns: tuple[str, ...]) -> Iterator[str]:
    rows = [_row(state, style) for state in in_order(snapshot, sort)]
    if rows:
        heads = {each: _Cell(translate(head), translate(head)) for each, head in _HEADS.items()}
        widths = {each: max(width_of(row[each].text) for row in (heads, *rows)) for each in COLUMNS}
        widths = {each: min(_WHOLE if each == "id" else _WIDEST, width) for each, width in widths.items()}
        sandboxes = any(state.container.sandbox is not None for state in snapshot.containers)
        shown = columns or _fitting(rows, widths, style, sandboxes=sandboxes)
        _narrow(widths, shown, style)
        yield style.paint(_line(heads, shown, widths, style), "2")
        for row in rows:
            yield _line(row, shown, widths, style)
        stopped = sum(not runs(state) for state in snapshot.containers)
        if stopped:
            counted = msg("{running} running, {stopped} stopped", running=len(rows) - stopped, stopped=stopped)
            yield style.paint(translate(counted), "2")
    else:
        yield translate(msg("No containers."))
        for engine in snapshot.engines:
            if engine.message is not None:
                text = translate(colon(plain(engine.id, 40), engine.message))
                yield from wrap(text, "", style, "33")
    unseen = listed(plain(each, 60) for each in unseen_engines(snapshot))
    if unseen:
        yield from wrap(translate(msg("{engines} not seen", engines=unseen)), "", style, "33")


class _Cell(Value):
    """A cell's plain text, which is measured, and the text to print."""

    text: str
    shown: str


_Row: TypeAlias = dict[str, _Cell]


def _fitting(rows: list[_Row], widths: dict[str, int], style: Style, *, sandboxes: bool) -> tuple[str, ...]:
    """The columns that a line has room for. The group is left out where no container is in one, the id where no
    sandbox is, of which many may have one name.
    """
    there = {"group": any(row["group"].text for row in rows), "id": sandboxes}
    shown = [each for each in COLUMNS if there.get(each, True)]
    for spared in _SPARED:
        least = sum(_least(each, widths) + 2 for each in shown if each not in ("name", "why"))
        alike = len({row["name"].text for row in rows}) < len(rows)
        needed = spared == "engine" and alike and not sandboxes  # it tells them apart
        if least + min(widths["name"], _WIDEST) + 2 + _REASON > style.width and spared in shown and not needed:
            shown.remove(spared)
    return tuple(shown)


def _least(column: str, widths: dict[str, int]) -> int:
    return widths[column] if column == "id" else min(widths[column], _LEAST)


def _narrow(widths: dict[str, int], shown: tuple[str, ...], style: Style) -> None:
    """Narrow the widest columns until the last, which gets the rest, has room for a reason."""
    before = shown[:-1]
    least = {each: _least(each, widths) for each in before}  # numbers and marks are narrower, and never cut
    while sum(widths[each] + 2 for each in before) + _REASON > style.width:
        wider = [each for each in before if widths[each] > least[each]]
        if not wider:
            break
        widths[max(wider, key=widths.__getitem__)] -= 1


def _sorting(state: ContainerState, sort: str) -> tuple[Any, ...]:
    container = state.container
    worst = (not runs(state), rank(state), natural(container.name), state.key)
    texts = {"group": group_of(container), "engine": maker_of(container), "image": container.image}
    if sort == "name":
        return (natural(container.name), *worst)
    return (not texts[sort], natural(texts[sort]), *worst) if sort in texts else worst


def in_order(snapshot: Snapshot, sort: str = "exposure") -> list[ContainerState]:
    """The containers, the worst first, or sorted by one of `SORTS`; those without a group come last."""
    return sorted(snapshot.containers, key=lambda state: _sorting(state, sort))


def _line(row: _Row, shown: tuple[str, ...], widths: dict[str, int], style: Style) -> str:
    parts, left = [], style.width
    for each in shown[:-1]:
        cut = clip(row[each].text, widths[each])
        parts.append((row[each].shown if cut == row[each].text else cut) + " " * (widths[each] - width_of(cut)))
        left -= widths[each] + 2
    cell, room = row[shown[-1]], max(_LEAST, left)
    return "  ".join((*parts, cell.shown if width_of(cell.text) <= room else clip(cell.text, room))).rstrip()


def _row(state: ContainerState, style: Style) -> _Row:
    container = state.container
    known = state.matrix is not None and runs(state)
    worst = state.matrix.exposure.worst if state.matrix is not None else 0.0
    number = f"{worst:.1f}" if known else "-"
    bare = "".join(style.bare_mark(layer.assessment.verdict) for layer in state.layers)
    texts = {
        "name": plain(container.name, 60),
        "id": plain(container.short_id, _WHOLE),
        "group": plain(group_of(container), 60),
        "engine": plain(maker_of(container), 40),
        "image": plain(container.image if container.sandbox is None else container.command, 80),
        "why": translate(why(state)),
    }
    return {
        "exposure": _Cell(number, style.paint(number, LEVEL_STYLE[exposure_level(worst)]) if known else number),
        "layers": _Cell(bare, "".join(style.mark(layer.assessment) for layer in state.layers)),
        **{each: _Cell(text, text) for each, text in texts.items()},
    }


def document(snapshot: Snapshot, *, sort: str = "exposure") -> str:
    """The list as one JSON document, with who shares what."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "taken_at": timestamp(snapshot.taken_at),
        "containers": [_container(state) for state in in_order(snapshot, sort)],
        "shared": [_shared(each) for each in shared_parts(snapshot)],
        "unseen": list(unseen_engines(snapshot)),
    }
    return json.dumps(found, indent=1) + "\n"


def _container(state: ContainerState) -> dict[str, Any]:
    container = state.container
    exposure = None if state.matrix is None else state.matrix.exposure
    return {
        **kind_of(container),
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
        "containers": [_key(*each) for each in shared.containers],
        "writers": [_key(*each) for each in shared.writers],
        "asked": shared.asked,
    }


def _key(engine: str, number: str) -> dict[str, str | None]:
    return {"engine": None if engine == EngineKind.SANDBOXES else engine, "id": number}
