"""All containers against threats, and against the bits of a layer's grid (capabilities), as plain tables. No Qt.

A cell is a `FleetCell`: its kind, and its text. Rows are sorted worst first, and so are the threats: the worst is in
the upper left corner. No layer is known by name: every layer that shows a `BitGrid` has a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from stratascope.core.layer import Assessment, BitGrid, BitRow, Layer, Tone
from stratascope.core.message import Message, bracketed, comma, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import level_ink, number_text
from stratascope.presentation.takeover import critical, danger, runs
from stratascope.presentation.threat_outcomes import (
    Protection,
    ThreatOutcome,
    by_severity,
    depth_text,
    family_word,
    kind_of,
    protection,
    protection_word,
)
from stratascope.ui.containers.rows import worst_first
from stratascope.ui.kit.marks import severity_word
from stratascope.value import Value, replace

DEEPEST = 3  # layers; deeper cells look the same, the number tells them apart


class CellKind(StrEnum):
    """How a cell is drawn; pattern and number repeat what the colour says."""

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
    HELD_UNKNOWN = "held unknown"  # whether inside only is unknown
    MISSING = "missing"  # part of the engine's default set
    UNSET = "unset"


class FleetCell(Value):
    """One cell: its kind and its text (a depth), both short."""

    ink: CellKind
    text: str = ""


class FleetRow(Value):
    """One container. `exposure` as text; `cells` in the order of the table's columns."""

    key: tuple[str, str]
    name: str
    second: str  # engine
    exposure: str
    level: str  # colour token of the exposure
    cells: tuple[FleetCell, ...]
    source: object  # for the card: the judged threats by column, or the BitGrid
    state: ContainerState | None = None


class FleetColumn(Value):
    """One threat, or one bit. Columns of one `group` are adjacent."""

    id: str
    title: str
    group: str


class FleetTable(Value):
    """Rows and columns; empty if there is nothing to show."""

    title: str
    columns: tuple[FleetColumn, ...]
    rows: tuple[FleetRow, ...]


def running(states: tuple[ContainerState, ...]) -> tuple[ContainerState, ...]:
    """Return the containers that have a process, worst first."""
    shown = tuple(filter(runs, states))
    worst = {id(state.matrix): critical(state) for state in {id(each.matrix): each for each in shown}.values()}
    return tuple(sorted(shown, key=lambda state: (not worst[id(state.matrix)], worst_first(state))))


class Kept:
    """Caches what was computed for each reading, by identity, so that filtering computes nothing anew."""

    def __init__(self) -> None:
        # holds a reference, so that no other matrix gets the same id()
        self._matrices: dict[int, tuple[Matrix, _Judged]] = {}
        self._grids: dict[int, tuple[Assessment, BitGrid | None]] = {}
        self._cells: dict[tuple[int, int], tuple[BitGrid | None, tuple[FleetCell, ...]]] = {}

    def judged(self, matrix: Matrix) -> _Judged:
        """Return the judged threats by id."""
        found = self._matrices.get(id(matrix))
        if found is None:
            judged = {
                item.threat.id: (item, threat_cell(item), protection(item) is Protection.OPEN, by_severity(item))
                for item in matrix.threats
            }
            found = self._matrices[id(matrix)] = matrix, judged
        return found[1]

    def grid(self, state: ContainerState, layer: str) -> BitGrid | None:
        """Return the grid of that layer, or None if it shows none."""
        assessment = next((each.assessment for each in state.layers if each.id == layer), None)
        if assessment is None:
            return None
        found = self._grids.get(id(assessment))
        if found is None:
            views = (view for tab in assessment.tabs for view in tab.views)
            grid = next((view for view in views if isinstance(view, BitGrid)), None)
            found = self._grids[id(assessment)] = assessment, grid
        return found[1]

    def cells(self, grid: BitGrid | None, count: int) -> tuple[FleetCell, ...]:
        """Return `count` cells, one for each bit."""
        found = self._cells.get((id(grid), count))
        if found is None:
            found = self._cells[id(grid), count] = grid, _bit_cells(grid, count)
        return found[1]

    def forget_all_but(self, states: tuple[ContainerState, ...]) -> None:
        """Drop readings that are gone or were replaced."""
        matrices = {id(state.matrix) for state in states}
        assessments = {id(layer.assessment) for state in states for layer in state.layers}
        self._matrices = {at: kept for at, kept in self._matrices.items() if at in matrices}
        self._grids = {at: kept for at, kept in self._grids.items() if at in assessments}
        grids = {id(grid) for _, grid in self._grids.values()}
        self._cells = {at: kept for at, kept in self._cells.items() if at[0] in grids}

    @property
    def count(self) -> int:
        """The number of cached readings."""
        return len(self._matrices) + len(self._grids)


_Judged = dict[str, tuple[ThreatState, FleetCell, bool, tuple[int, ...]]]  # its cell, whether it is open, its position


# -- threats


def threat_table(states: tuple[ContainerState, ...], kept: Kept | None = None) -> FleetTable:
    """Return the table of all threats of running containers. Identical containers share a matrix, which is judged
    once.
    """
    shown, kept = running(states), Kept() if kept is None else kept
    matrices = {id(state.matrix): state.matrix for state in shown if state.matrix is not None}
    times = Counter(id(state.matrix) for state in shown)
    known = {at: kept.judged(matrix) for at, matrix in matrices.items()}
    threats = _threats(known, times)
    columns = tuple(
        FleetColumn(threat.id, plain(translate(threat.title), 200), severity_word(threat.severity))
        for threat in threats
    )
    nothing, ids = threat_cell(None), [threat.id for threat in threats]
    cells = {at: tuple(judged[name][1] if name in judged else nothing for name in ids) for at, judged in known.items()}
    empty = (nothing,) * len(threats)
    rows = tuple(_row(state, cells.get(id(state.matrix), empty), known.get(id(state.matrix), {})) for state in shown)
    return FleetTable(translate(msg("Threats")), columns, rows)


def _threats(known: dict[int, _Judged], times: Counter[int]) -> list[Threat]:
    """Return the threats by severity, then by how often they are open."""
    open_in: Counter[str] = Counter()
    keys: dict[str, tuple[int, ...]] = {}
    found: dict[str, Threat] = {}
    for at, judged in known.items():
        count = times[at]
        for name, (item, _, is_open, key) in judged.items():
            if name not in keys:
                found[name], keys[name] = item.threat, key
            elif key < keys[name]:
                keys[name] = key
            if is_open:
                open_in[name] += count
    return sorted(found.values(), key=lambda threat: (threat.severity.rank, -open_in[threat.id], keys[threat.id]))


_OPEN_INKS = {
    ThreatOutcome.CRITICAL: CellKind.OPEN_SERIOUS,
    ThreatOutcome.HIGH: CellKind.OPEN_SERIOUS,
    ThreatOutcome.MEDIUM: CellKind.OPEN_MEDIUM,
    ThreatOutcome.LOW: CellKind.OPEN_MINOR,
}
_ONCE_AND_MORE = (CellKind.ONCE, CellKind.TWICE, CellKind.DEEP)


def threat_cell(state: ThreatState | None) -> FleetCell:
    """Return the cell of one threat of one container."""
    if state is None:
        return FleetCell(CellKind.NOTHING)
    kind, (least, most) = kind_of(state), state.depth
    if kind in _OPEN_INKS:
        return FleetCell(_OPEN_INKS[kind], "0")
    if kind is ThreatOutcome.UNKNOWN:
        return FleetCell(CellKind.UNKNOWN, "?")
    if kind is ThreatOutcome.HOST:
        return FleetCell(CellKind.HOST)
    return FleetCell(_ONCE_AND_MORE[min(least, DEEPEST) - 1], str(least) if least == most else f"{least}+")


# -- bits


def bit_layers(states: tuple[ContainerState, ...], layers: tuple[Layer, ...], kept: Kept) -> tuple[Layer, ...]:
    """Return those that have a table, see `bit_tables`."""
    return tuple(
        layer for layer in layers if any(runs(state) and kept.grid(state, layer.id) is not None for state in states)
    )


def bit_tables(
    states: tuple[ContainerState, ...], layers: tuple[Layer, ...], kept: Kept | None = None
) -> tuple[FleetTable, ...]:
    """Return a table for each layer that shows a grid of bits: its effective column, for all running containers."""
    shown, kept = running(states), Kept() if kept is None else kept
    tables = []
    for layer in layers:
        grids = [kept.grid(state, layer.id) for state in shown]
        widest = max((grid for grid in grids if grid is not None), key=lambda grid: len(grid.rows), default=None)
        if widest is None:
            continue
        columns = tuple(FleetColumn(str(row.number), plain(row.name, 80), "") for row in widest.rows)
        rows = tuple(
            _row(state, kept.cells(grid, len(columns)), grid) for state, grid in zip(shown, grids, strict=True)
        )
        tables.append(FleetTable(translate(layer.about.title), columns, rows))
    return tuple(tables)


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
    return FleetRow(state.key, name, second, number_text(matrix), level_ink(matrix), cells, source, state)


def with_machines(table: FleetTable, machines: Mapping[tuple[str, str], str]) -> FleetTable:
    """Return the table with the machine's name after that of each container."""
    rows = (replace(row, name=translate(comma(row.name, plain(machines[row.key], 100)))) for row in table.rows)
    return replace(table, rows=tuple(rows))


# -- words


def ink_word(ink: CellKind) -> str:
    """Return a kind of cell in words, for legend, card and files."""
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
    """Return the card's lines for one cell: container, column, value in words, and a sentence."""
    column, cell = table.columns[place], row.cells[place]
    lines = [row.name, column.title, ink_word(cell.ink)]
    if isinstance(row.source, dict):
        judged = row.source.get(column.id)
        if judged is not None:
            state: ThreatState = judged[0]
            where = protection_word(protection(state))
            lines[2] = translate(msg("{outcome}, depth {depth}", outcome=where, depth=depth_text(state)))
            family = family_word(state.threat.family)
            severity = severity_word(state.threat.severity)
            lines[1] = translate(bracketed(column.title, comma(family, severity.lower())))
            lines.append(plain(translate(danger(state, row.state)), 400))
    elif isinstance(row.source, BitGrid) and place < len(row.source.rows):
        lines.append(plain(translate(row.source.rows[place].explanation), 400))
    return tuple(lines)
