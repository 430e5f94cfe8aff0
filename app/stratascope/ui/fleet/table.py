"""All containers against threats, and against the bits of a layer's grid (capabilities), as plain tables. No Qt.

A cell is a `FleetCell`: what is drawn, and the text in it. Rows are sorted worst first, and so are the threats: what is
worst stands in the upper left corner. No layer is known by name: any layer that shows a `BitGrid` has a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from stratascope.core.layer import Assessment, BitGrid, BitRow, Layer, Tone
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import translate
from stratascope.presentation.threat_outcomes import (
    Kind,
    Protection,
    by_severity,
    depth_text,
    family_word,
    kind_of,
    protection,
    protection_word,
)
from stratascope.ui.containers.order import critical, worst_first
from stratascope.ui.widgets.exposure_words import level_ink, number_text
from stratascope.ui.widgets.gap_words import runs
from stratascope.ui.widgets.marks import severity_word
from stratascope.value import Value, replace

DEEPEST = 3  # layers; more are drawn alike, the number tells them apart


class CellKind(StrEnum):
    """How a cell is drawn; pattern and number say what the colour says."""

    OPEN_SERIOUS = "open serious"
    OPEN_MEDIUM = "open medium"
    OPEN_MINOR = "open minor"
    UNKNOWN = "unknown"
    HOST = "host"
    ONCE = "once"
    TWICE = "twice"
    DEEP = "deep"
    NOTHING = "nothing"  # nothing is known of the container
    HELD_ADDED = "held added"
    HELD = "held"
    HELD_INSIDE = "held inside"  # counts only inside an own namespace
    HELD_UNKNOWN = "held unknown"  # not known where it counts
    MISSING = "missing"  # the default has it
    UNSET = "unset"


class FleetCell(Value):
    """One cell: its ink and its text (a depth), both short."""

    ink: CellKind
    text: str = ""


class FleetRow(Value):
    """One container. `exposure` as text; `cells` in the order of the table's columns."""

    key: tuple[str, str]
    name: str
    second: str  # engine
    exposure: str
    level: str  # the exposure's colour token
    cells: tuple[FleetCell, ...]
    source: object  # ThreatState by column, or the BitGrid: for the card


class FleetColumn(Value):
    """One threat, or one bit. Columns of one `group` stand together."""

    id: str
    title: str
    group: str


class FleetTable(Value):
    """Rows and columns; empty where there is nothing to show."""

    title: str
    columns: tuple[FleetColumn, ...]
    rows: tuple[FleetRow, ...]


def running(states: tuple[ContainerState, ...]) -> tuple[ContainerState, ...]:
    """Those that have a process, in the order of the list: worst first."""
    shown = tuple(filter(runs, states))
    worst = {id(state.matrix): critical(state) for state in {id(each.matrix): each for each in shown}.values()}
    return tuple(sorted(shown, key=lambda state: (not worst[id(state.matrix)], worst_first(state))))


# -- threats


def threat_table(states: tuple[ContainerState, ...]) -> FleetTable:
    """All threats of the containers that run. Containers that are alike have one matrix: it is looked at once."""
    shown = running(states)
    matrices = {id(state.matrix): state.matrix for state in shown if state.matrix is not None}
    times = Counter(id(state.matrix) for state in shown)
    threats = _threats(matrices, times)
    columns = tuple(
        FleetColumn(threat.id, plain(translate(threat.title), 200), severity_word(threat.severity))
        for threat in threats
    )
    nothing: dict[str, ThreatState] = {}
    known = {key: {item.threat.id: item for item in matrix.threats} for key, matrix in matrices.items()}
    cells = {key: tuple(threat_cell(items.get(threat.id)) for threat in threats) for key, items in known.items()}
    empty = tuple(threat_cell(None) for _ in threats)
    rows = tuple(
        _row(state, cells.get(id(state.matrix), empty), known.get(id(state.matrix), nothing)) for state in shown
    )
    return FleetTable(translate(msg("Threats")), columns, rows)


def _threats(matrices: dict[int, Matrix], times: Counter[int]) -> list[Threat]:
    """By severity; of one severity those that are open most often first."""
    open_in: Counter[str] = Counter()
    keys: dict[str, tuple[int, ...]] = {}
    found: dict[str, Threat] = {}
    for at, matrix in matrices.items():
        for item in matrix.threats:
            name, key = item.threat.id, by_severity(item)
            found.setdefault(name, item.threat)
            open_in[name] += times[at] * (protection(item) is Protection.OPEN)
            keys[name] = min(keys.get(name, key), key)
    return sorted(found.values(), key=lambda threat: (threat.severity.rank, -open_in[threat.id], keys[threat.id]))


_OPEN_INKS = {
    Kind.CRITICAL: CellKind.OPEN_SERIOUS,
    Kind.HIGH: CellKind.OPEN_SERIOUS,
    Kind.MEDIUM: CellKind.OPEN_MEDIUM,
    Kind.LOW: CellKind.OPEN_MINOR,
}
_ONCE_AND_MORE = (CellKind.ONCE, CellKind.TWICE, CellKind.DEEP)


def threat_cell(state: ThreatState | None) -> FleetCell:
    """One threat of one container."""
    if state is None:
        return FleetCell(CellKind.NOTHING)
    kind, (least, most) = kind_of(state), state.depth
    if kind in _OPEN_INKS:
        return FleetCell(_OPEN_INKS[kind], "0")
    if kind is Kind.UNKNOWN:
        return FleetCell(CellKind.UNKNOWN, "?")
    if kind is Kind.HOST:
        return FleetCell(CellKind.HOST)
    return FleetCell(_ONCE_AND_MORE[min(least, DEEPEST) - 1], str(least) if least == most else f"{least}+")


# -- bits


Grids = dict[int, tuple[Assessment, BitGrid | None]]  # by the identity of an assessment, which is kept for that


def bit_tables(
    states: tuple[ContainerState, ...], layers: tuple[Layer, ...], kept: Grids | None = None
) -> tuple[FleetTable, ...]:
    """One table for each layer that shows a grid of bits: the column that counts now, of all containers that run.

    `kept`: grids of the last time, so that only what has changed is drawn anew; it is brought up to date.
    """
    shown, before, now = running(states), kept or {}, Grids()
    tables = []
    for layer in layers:
        grids = [_grid(state, layer.id, before, now) for state in shown]
        widest = max((grid for grid in grids if grid is not None), key=lambda grid: len(grid.rows), default=None)
        if widest is None:
            continue
        columns = tuple(FleetColumn(str(row.number), plain(row.name, 80), "") for row in widest.rows)
        cells = {key: _bit_cells(grid, len(columns)) for key, grid in {id(each): each for each in grids}.items()}
        rows = tuple(_row(state, cells[id(grid)], grid) for state, grid in zip(shown, grids, strict=True))
        tables.append(FleetTable(translate(layer.about.title), columns, rows))
    if kept is not None:
        kept.clear()
        kept.update(now)
    return tuple(tables)


def _grid(state: ContainerState, layer: str, before: Grids, now: Grids) -> BitGrid | None:
    assessment = next((each.assessment for each in state.layers if each.id == layer), None)
    if assessment is None:
        return None
    known = before.get(id(assessment))
    if known is None:
        views = (view for tab in assessment.tabs for view in tab.views)
        known = (assessment, next((view for view in views if isinstance(view, BitGrid)), None))
    now[id(assessment)] = known
    return known[1]


def _bit_cells(grid: BitGrid | None, count: int) -> tuple[FleetCell, ...]:
    if grid is None or not grid.sets[grid.emphasis].text:
        return (FleetCell(CellKind.NOTHING if grid is None else CellKind.UNKNOWN, "" if grid is None else "?"),) * count
    cells = [FleetCell(_bit_ink(grid, row)) for row in grid.rows]
    return (*cells, *(FleetCell(CellKind.UNSET),) * (count - len(cells)))


def _bit_ink(grid: BitGrid, row: BitRow) -> CellKind:
    if not row.bits[grid.emphasis]:
        return CellKind.MISSING if row.word is not None and row.tone is Tone.GOOD else CellKind.UNSET
    if grid.whole_machine is None:
        return CellKind.HELD_UNKNOWN
    if not grid.whole_machine:
        return CellKind.HELD_INSIDE
    return CellKind.HELD_ADDED if row.word is not None and row.tone in (Tone.BAD, Tone.WARN) else CellKind.HELD


def _row(state: ContainerState, cells: tuple[FleetCell, ...], source: object) -> FleetRow:
    container, matrix = state.container, state.matrix
    name = plain(container.name or container.id[:12], 300)
    second = plain(container.engine, 100)
    return FleetRow(state.key, name, second, number_text(matrix), level_ink(matrix), cells, source)


def with_machines(table: FleetTable, machines: Mapping[tuple[str, str], str]) -> FleetTable:
    """Each row with the machine's name behind that of its container."""
    rows = (
        replace(row, name=translate(msg("{name}, {machine}", name=row.name, machine=plain(machines[row.key], 100))))
        for row in table.rows
    )
    return replace(table, rows=tuple(rows))


# -- words


def ink_word(ink: CellKind) -> str:
    """It in words, for legend, card and files."""
    words: dict[CellKind, Message] = {
        CellKind.OPEN_SERIOUS: msg("Open, serious"),
        CellKind.OPEN_MEDIUM: msg("Open, medium"),
        CellKind.OPEN_MINOR: msg("Open, minor"),
        CellKind.UNKNOWN: msg("Not known"),
        CellKind.HOST: msg("By the host only"),
        CellKind.ONCE: msg("Stopped by one layer"),
        CellKind.TWICE: msg("Stopped by two layers"),
        CellKind.DEEP: msg("Stopped by three or more layers"),
        CellKind.NOTHING: msg("Nothing is known"),
        CellKind.HELD_ADDED: msg("Held, added to the default"),
        CellKind.HELD: msg("Held"),
        CellKind.HELD_INSIDE: msg("Held, effective only inside"),
        CellKind.HELD_UNKNOWN: msg("Held, scope not known"),
        CellKind.MISSING: msg("Dropped from the default"),
        CellKind.UNSET: msg("Not held"),
    }
    return translate(words[ink])


def card_lines(table: FleetTable, row: FleetRow, place: int) -> tuple[str, ...]:
    """What the card says of one cell: container, column, value in words, and a sentence."""
    column, cell = table.columns[place], row.cells[place]
    lines = [row.name, column.title, ink_word(cell.ink)]
    if isinstance(row.source, dict):
        state = row.source.get(column.id)
        if isinstance(state, ThreatState):
            where = protection_word(protection(state))
            lines[2] = translate(msg("{outcome}, depth {depth}", outcome=where, depth=depth_text(state)))
            family = family_word(state.threat.family)
            severity = severity_word(state.threat.severity)
            lines[1] = translate(msg("{title} ({family}, {severity})", title=column.title, family=family,
                                     severity=severity.lower()))  # fmt: skip
            lines.append(plain(translate(state.threat.what), 400))
    elif isinstance(row.source, BitGrid) and place < len(row.source.rows):
        lines.append(plain(translate(row.source.rows[place].explanation), 400))
    return tuple(lines)
