"""The tables of the fleet: their rows, columns and order, and the texts of cells."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from rig.window import fake_fleet, fake_matrix, sample
from stratascope.core.container import Status
from stratascope.core.layer import Assessment, BitGrid, Tab
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.report_model import subject_of
from stratascope.presentation.takeover import danger
from stratascope.ui.fleet.table import CellKind, FleetCell, Kept, bit_tables, card_lines, threat_cell, threat_table
from stratascope.ui.kit.theme import Theme
from stratascope.ui.threats.exposure import ExposureSheet
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot


def test_rows_come_worst_first_as_in_the_list() -> None:
    table = threat_table(fake_fleet.states(60))
    best = [float(row.exposure.split("–")[0]) for row in table.rows if row.exposure[0].isdigit()]
    assert best[:6] == [10.0] * 6
    open_first = ["0" in [cell.text for cell in row.cells[:7]] for row in table.rows]
    assert open_first == sorted(open_first, reverse=True)  # those with an open critical threat
    assert table.rows[-1].exposure == "–"


def test_columns_are_grouped_by_severity_and_the_most_open_first() -> None:
    table = threat_table(fake_fleet.states(60))
    groups = [column.group for column in table.columns]
    assert list(dict.fromkeys(groups)) == ["Critical", "High", "Medium", "Low"]
    opened = [sum(row.cells[at].text == "0" for row in table.rows) for at in range(groups.count("Critical"))]
    assert opened == sorted(opened, reverse=True)
    assert len(table.columns) == len(fake_matrix.THREATS)


def test_a_cell_has_depth_as_number_and_ink() -> None:
    matrix = fake_matrix.matrix()
    cells = {state.threat.id: threat_cell(state) for state in matrix.threats}
    assert cells["use-engine-socket"] == FleetCell(CellKind.OPEN_SERIOUS, "0")
    assert cells["create-char-device"] == FleetCell(CellKind.OPEN_MEDIUM, "0")
    assert cells["trace-child"] == FleetCell(CellKind.OPEN_MINOR, "0")
    assert cells["new-user-namespace"] == FleetCell(CellKind.UNKNOWN, "?")
    assert cells["bpf"] == FleetCell(CellKind.HOST)
    assert cells["set-hostname"] == FleetCell(CellKind.TWICE, "2")
    assert cells["read-firmware"] == FleetCell(CellKind.ONCE, "1+")
    assert cells["read-kernel-memory"] == FleetCell(CellKind.DEEP, "4")
    assert threat_cell(None) == FleetCell(CellKind.NOTHING)


def test_what_does_not_run_is_left_out() -> None:
    states = (*fake_fleet.states(3), sample.state("old-job", status=Status.EXITED))
    assert len(threat_table(states).rows) == 3


def with_grid(grid: BitGrid) -> ContainerState:
    made = sample.state("web")
    layers = tuple(fake_fleet.with_grid(layer, grid) if layer.id == "capabilities" else layer for layer in made.layers)
    return replace(made, layers=layers)


def test_capabilities_are_those_in_effect_and_say_where_they_count() -> None:
    grid = sample.grid(frozenset({21}))
    for whole, held, added in (
        (True, CellKind.HELD, CellKind.HELD_ADDED),
        (False, CellKind.HELD_INSIDE, CellKind.HELD_INSIDE),
        (None, CellKind.HELD_UNKNOWN, CellKind.HELD_UNKNOWN),
    ):
        (table,) = bit_tables((with_grid(replace(grid, whole_machine=whole)),), all_layers())
        assert table.title == "Capabilities"
        assert len(table.columns) == 41
        cells = {column.title: cell.ink for column, cell in zip(table.columns, table.rows[0].cells, strict=True)}
        assert cells["CHOWN"] is held
        assert cells["SYS_ADMIN"] is added
        assert cells["SYS_BOOT"] is CellKind.UNSET


def test_a_set_that_was_not_read_is_unknown_and_not_empty() -> None:
    grid = sample.grid()
    sets = tuple(replace(each, text="") if each.head == "Eff" else each for each in grid.sets)
    (table,) = bit_tables((with_grid(replace(grid, sets=sets)),), all_layers())
    assert {cell.ink for cell in table.rows[0].cells} == {CellKind.UNKNOWN}


def test_grids_are_drawn_again_only_where_something_changed() -> None:
    drawn = []

    def draw() -> tuple[Tab, ...]:
        drawn.append(1)
        return (Tab(msg("Bits"), (sample.grid(),)),)

    made = sample.state("web")
    assessment = Assessment(sample.W, msg("x"), draw=draw)
    layers = tuple(replace(each, assessment=assessment) if each.id == "capabilities" else each for each in made.layers)
    states = (replace(made, layers=layers),)
    kept = Kept()
    first = bit_tables(states, all_layers(), kept)
    assert bit_tables(states, all_layers(), kept) == first
    assert len(drawn) == 1
    again = tuple(
        replace(each, assessment=replace(assessment)) if each.id == "capabilities" else each for each in layers
    )
    newer = (replace(made, layers=again),)
    bit_tables(newer, all_layers(), kept)
    assert len(drawn) == 2
    kept.forget_all_but(newer)
    assert kept.count == len([layer for layer in made.layers if layer.id in {each.id for each in all_layers()}])
    kept.forget_all_but(())
    assert kept.count == 0


def test_what_is_kept_makes_no_difference() -> None:
    kept, states = Kept(), fake_fleet.states(60)
    for shown in (states, states[:7], (), states[20:], states):
        assert threat_table(shown, kept) == threat_table(shown)
        assert bit_tables(shown, all_layers(), kept) == bit_tables(shown, all_layers())


def test_an_empty_fleet_has_tables_without_rows() -> None:
    assert threat_table(()).rows == ()
    assert bit_tables((), all_layers()) == ()


def test_a_socket_is_told_with_its_engine_wherever_its_threat_is(theme: Theme, qtbot: QtBot) -> None:
    """On the fleet's card, in the sheet of the exposure, and in a report."""
    threat = "use-engine-socket"
    found = ((each, each.matrix.of(threat)) for each in demo_snapshot().containers if each.matrix is not None)
    state, judged = next((each, of) for each, of in found if of is not None and of.outcome is Outcome.OPEN)
    assert state.matrix is not None
    assert judged is not None
    told = translate(danger(judged, state))
    assert told != translate(judged.threat.what)
    table = threat_table((state,))
    place = next(at for at, column in enumerate(table.columns) if column.id == threat)
    assert card_lines(table, table.rows[0], place)[-1] == told
    window = QWidget()
    qtbot.addWidget(window)
    sheet = ExposureSheet(theme, window)
    sheet.show_matrix(state.matrix, "", state)
    first = sheet.table.model()
    tips = [first.index(row, 1).data(Qt.ItemDataRole.AccessibleDescriptionRole) for row in range(first.rowCount())]
    assert told in tips
    items = subject_of(state, "docker", Annotations()).items
    assert any(told in item.text for item in items if item.threat)
