"""The fleet's page: cells without colour, scrolling, hover, opening a container, saving, and the cost of a repaint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent, QImage, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QToolButton
from pytestqt.qtbot import QtBot

from rig.window import fake_fleet
from rig.window.contrast import contrast
from stratascope.layers import all_layers
from stratascope.ui.fleet.page import FleetPage
from stratascope.ui.fleet.picture import cell_colors, paint_cell
from stratascope.ui.fleet.table import CellKind, FleetCell
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.value import replace
from window.file_dialogs import choose, open_dialog

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> FleetPage:
    theme.apply()
    made = FleetPage(theme, all_layers())
    qtbot.addWidget(made)
    made.resize(1140, 850)
    made.show_states(fake_fleet.states(120))
    made.show()
    settle()
    return made


def settle() -> None:
    for _ in range(10):
        QApplication.processEvents()


# -- cells


@pytest.mark.parametrize(("width", "side"), [(8, 8), (18, 18), (14, 2)])
def test_cells_differ_without_colour(theme: Theme, width: int, side: int) -> None:
    """In black and white, with the number if it fits, any two kinds differ."""
    numbers = {CellKind.ONCE: "1", CellKind.TWICE: "2", CellKind.DEEP: "3", CellKind.UNKNOWN: "?"}
    pictures: dict[bytes, CellKind] = {}
    for ink in (
        CellKind.OPEN_SERIOUS,
        CellKind.UNKNOWN,
        CellKind.HOST,
        CellKind.ONCE,
        CellKind.TWICE,
        CellKind.DEEP,
        CellKind.NOTHING,
    ):
        text = numbers.get(ink, "0" if ink is CellKind.OPEN_SERIOUS else "")
        image = QImage(width * 2, side * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2)
        image.fill(theme.color("panel"))
        painter = QPainter(image)
        paint_cell(painter, QRectF(0, 0, width, side), FleetCell(ink, text), theme)
        painter.end()
        grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
        seen = bytes(grey.constBits())
        assert pictures.setdefault(seen, ink) is ink
    assert len(pictures) == 7


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_numbers_are_readable_on_their_ground(qtbot: QtBot, mode: ThemeMode) -> None:
    theme = Theme(mode)
    for ink in (
        CellKind.OPEN_SERIOUS,
        CellKind.OPEN_MEDIUM,
        CellKind.OPEN_MINOR,
        CellKind.UNKNOWN,
        CellKind.ONCE,
        CellKind.TWICE,
        CellKind.DEEP,
    ):
        ground, text = cell_colors(ink, theme)
        assert contrast(ground.name(), text.name()) >= 4.5, ink


# -- the picture


def test_the_mosaic_is_the_same_as_painting_each_cell(page: FleetPage, theme: Theme) -> None:
    table = page.table
    page.grid.mosaic.show(table)
    made = page.grid.mosaic.image(QRectF(2, 3, 10, 10), 180, 200, 1.0)
    plain = QImage(180, 200, QImage.Format.Format_ARGB32_Premultiplied)
    plain.fill(0)
    painter = QPainter(plain)
    for row in range(10):
        for column in range(10):
            box = QRectF(column * 18, row * 20, 18, 20)
            painter.setClipRect(box)
            paint_cell(painter, box, table.rows[row + 3].cells[column + 2], theme)
    painter.end()
    assert made == plain


def test_the_mosaic_is_empty_outside_of_the_table(page: FleetPage) -> None:
    image = page.grid.mosaic.image(QRectF(-5, -5, 4, 4), 40, 40, 2.0)
    assert numpy.frombuffer(bytes(image.constBits()), numpy.uint32).max() == 0


def test_it_begins_with_names_in_view_and_can_show_all(page: FleetPage) -> None:
    grid = page.grid
    assert grid.view.pitch()[1] >= 20
    assert grid.view.part().topLeft() == QPointF(0, 0)
    grid.view.whole()
    settle()
    assert grid.view.part().height() >= 120
    assert grid.view.part().width() >= 60.99
    page.grab()
    grid.view.fit()
    assert grid.view.pitch()[1] >= 20


def wheel(page: FleetPage, turn: int, keys: Qt.KeyboardModifier) -> None:
    viewport = page.grid.canvas
    where = QPointF(200, 200)
    event = QWheelEvent(
        where, QPointF(viewport.mapToGlobal(where)), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)
    settle()


def test_the_wheel_scrolls_and_with_ctrl_zooms_about_the_pointer(page: FleetPage) -> None:
    grid = page.grid
    wheel(page, -120, Qt.KeyboardModifier.NoModifier)
    assert grid.view.part().y() > 1
    pitch, under = grid.view.pitch(), grid.view.cell_at(QPointF(200, 200))
    wheel(page, 120, Qt.KeyboardModifier.ControlModifier)
    assert grid.view.pitch()[0] > pitch[0] * 1.1
    assert grid.view.cell_at(QPointF(200, 200)) == under
    for _ in range(60):
        wheel(page, 120, Qt.KeyboardModifier.NoModifier)
    assert grid.view.part().y() == 0
    for _ in range(200):
        grid.view.move_by(500, 500)
    assert grid.view.part().bottom() <= 120.001
    assert grid.view.part().right() <= 61.001


def test_no_button_zooms_and_the_mouse_has_a_menu_for_it(page: FleetPage) -> None:
    grid = page.grid
    assert {"−", "+", "Names", "All"}.isdisjoint(each.text() for each in page.findChildren(QToolButton))
    at = QPointF(60, 60)
    whole = QPointF(grid.canvas.mapToGlobal(at.toPoint()))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at.toPoint(), whole.toPoint())
    QApplication.sendEvent(grid.canvas, event)
    assert grid.menu is not None
    entries = {action.text().partition("\t")[0]: action for action in grid.menu.actions()}
    entries["Whole fleet"].trigger()
    assert grid.view.part().height() >= 119
    entries["Names"].trigger()
    assert grid.view.part().height() < 60
    grid.menu.close()


@pytest.mark.parametrize("height", [300, 850])
def test_no_title_is_cut_and_in_a_low_window_the_one_pointed_at_is_told(page: FleetPage, height: int) -> None:
    page.resize(688, height)
    settle()
    grid = page.grid
    assert (grid.columns.height() < grid.columns.needed()) is (height == 300)
    assert grid.canvas.height() >= 3 * grid.view.pitch()[1]
    before = grid.columns.grab().toImage()
    grid.point(0, 1)
    assert grid.columns.grab().toImage() != before


@pytest.mark.parametrize("count", [1, 13, 24, 25, 200])
def test_few_rows_are_not_stretched_and_heads_stand_beside_their_cells(page: FleetPage, count: int) -> None:
    page.show_states(fake_fleet.states(count))
    settle()
    page.resize(1100, 700)
    settle()
    grid = page.grid
    assert grid.view.pitch()[1] == pytest.approx(22, abs=1.5)
    assert (grid.rows.start, grid.rows.pitch) == pytest.approx((grid.view.part().y(), grid.view.pitch()[1]))
    assert (grid.columns.start, grid.columns.pitch) == pytest.approx((grid.view.part().x(), grid.view.pitch()[0]))
    grid.view.whole()
    assert grid.rows.pitch == pytest.approx(grid.view.pitch()[1])


def test_a_wider_window_keeps_the_height_of_rows(page: FleetPage) -> None:
    before = page.grid.view.pitch()
    page.grid.view.move_by(0, 300)
    top = page.grid.view.part().y()
    page.resize(1400, 700)
    settle()
    assert page.grid.view.pitch()[1] == pytest.approx(before[1], abs=0.01)
    assert page.grid.view.part().y() == pytest.approx(top, abs=0.01)
    page.grid.view.zoom(1.5)
    zoomed = page.grid.view.pitch()
    page.resize(1200, 800)
    settle()
    assert page.grid.view.pitch() == pytest.approx(zoomed, abs=0.01)


def test_fewer_rows_are_in_view_where_it_was_scrolled_far_down(page: FleetPage) -> None:
    grid = page.grid
    grid.view.move_by(0, 100_000)
    assert grid.view.part().bottom() == pytest.approx(120)
    pitch = grid.view.pitch()
    page.show_states(fake_fleet.states(120), "grafana")
    assert len(page.table.rows) == 9
    assert grid.view.part().y() == 0
    assert grid.rows.start == 0
    assert grid.view.pitch() == pytest.approx(pitch)
    page.show_states(fake_fleet.states(120))
    grid.view.move_by(0, 100_000)
    assert grid.view.part().bottom() == pytest.approx(120)


# -- hover


def test_pointing_at_a_cell_tells_its_card_and_a_click_opens_the_container(page: FleetPage, qtbot: QtBot) -> None:
    grid = page.grid
    viewport = grid.canvas
    where = (grid.place_of(5, 3) - QPointF(grid.canvas.pos())).toPoint()
    kind, none = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
    at, everywhere = QPointF(where), QPointF(viewport.mapToGlobal(where))
    QApplication.sendEvent(viewport, QMouseEvent(kind, at, everywhere, none, none, Qt.KeyboardModifier.NoModifier))
    assert grid.lit == (5, 3)
    assert page.card.isVisible()
    row, column = page.table.rows[5], page.table.columns[3]
    assert page.card.lines[0].text() == row.name
    assert page.card.lines[1].text().startswith(column.title)
    assert "depth" in page.card.lines[2].text()
    with qtbot.waitSignal(page.chosen) as seen:
        QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=where)
    assert seen.args == [row.key]
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert not page.card.isVisible()


def test_the_card_stays_until_it_would_say_something_else(page: FleetPage) -> None:
    grid = page.grid
    grid.point(5, 3, grid.place_of(5, 3))
    assert page.card.isVisible()
    page.show_states(fake_fleet.states(120))  # read again, without news
    assert page.card.isVisible()
    before = page.table.rows[5].name
    page.show_states(tuple(each for each in fake_fleet.states(120) if each.container.name != before))
    assert page.table.rows[5].name != before
    assert not page.card.isVisible()
    grid.point(5, 3, grid.place_of(5, 3))
    page.show_states(fake_fleet.states(3))  # fewer rows than the highlighted one
    assert not page.card.isVisible()


def test_a_drag_moves_and_opens_nothing(page: FleetPage, qtbot: QtBot) -> None:
    viewport = page.grid.canvas
    page.grid.view.zoom(3)  # rows and columns out of view: there is somewhere to drag to
    before = page.grid.view.part()
    with qtbot.assertNotEmitted(page.chosen):
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
        QTest.mouseMove(viewport, QPoint(300, 240))
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(300, 240))
        settle()
    assert page.grid.view.part().y() - before.y() == pytest.approx(60 / page.grid.view.pitch()[1])
    assert page.grid.view.part().x() == before.x()


def test_keys_move_from_cell_to_cell_and_enter_opens(page: FleetPage, qtbot: QtBot) -> None:
    grid, canvas = page.grid, page.grid.canvas
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right):
        QTest.keyClick(canvas, key)
    assert grid.lit == (1, 2)  # the first key highlights the first cell
    assert page.table.rows[1].name in grid.part_name(grid.part_in_hand())
    QTest.keyClick(canvas, Qt.Key.Key_End)
    assert grid.lit[0] == 119
    assert grid.view.part().bottom() == pytest.approx(120)
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert grid.lit == (0, 0)
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert grid.lit[0] > 10
    pitch = grid.view.pitch()
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert grid.view.pitch() > pitch
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    with qtbot.waitSignal(page.chosen) as seen:
        QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert seen.args == [page.table.rows[grid.lit[0]].key]


def test_the_keys_stay_at_their_container_when_rows_come_and_go(page: FleetPage, qtbot: QtBot) -> None:
    grid, canvas, all_of_them = page.grid, page.grid.canvas, fake_fleet.states(120)
    worst = page.table.rows[0].key
    page.show_states(tuple(each for each in all_of_them if each.key != worst))
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert grid.lit == (1, 1)
    key, title = page.table.rows[1].key, page.table.columns[1].id
    page.show_states(all_of_them)
    assert page.table.rows[0].key == worst
    row, column = grid.lit
    assert (page.table.rows[row].key, page.table.columns[column].id) == (key, title)
    assert (grid.rows.lit, grid.columns.lit) == grid.lit
    with qtbot.waitSignal(page.chosen) as seen:
        QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert seen.args == [key]
    page.show_states(tuple(each for each in all_of_them if each.key != key))
    assert grid.part_in_hand() < 0
    with qtbot.assertNotEmitted(page.chosen):
        QTest.keyClick(canvas, Qt.Key.Key_Return)


def test_a_click_on_a_name_opens_the_container(page: FleetPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.chosen) as seen:
        QTest.mouseClick(page.grid.rows, Qt.MouseButton.LeftButton, pos=QPoint(20, 30))
    assert seen.args == [page.table.rows[1].key]


# -- the page


def test_filter_switch_and_legend(page: FleetPage) -> None:
    assert page.count.text() == "120 running containers, worst first"
    page.show_states(fake_fleet.states(120), "grafana")
    assert {row.name.rsplit("-", 1)[0] for row in page.table.rows} == {"grafana"}
    assert "of 120 running containers" in page.count.text()
    page.switch.buttons[1].click()
    assert page.table.title == "Capabilities"
    assert CellKind.HELD in page.legend.inks
    assert CellKind.OPEN_SERIOUS not in page.legend.inks
    page.show_states(fake_fleet.states(120), "zzz")
    assert page.stack.currentWidget() is page.empty
    assert page.empty.text() == "No container matches the filter"
    page.show_states(tuple(replace(each, matrix=None, layers=()) for each in fake_fleet.states(3)), "")
    assert page.empty.text() == "Nothing could be read about these containers"
    page.show_states((), "")
    assert page.empty.text() == "No running container seen"
    page.show_states(fake_fleet.states(5), "")
    assert len(page.table.rows) == 5


def test_what_was_chosen_is_shown_again_after_a_filter_that_nothing_matches(page: FleetPage) -> None:
    states = fake_fleet.states(120)
    page.show_states(states)
    page.work_out()
    page.switch.buttons[1].click()
    chosen = page.table.title
    for needle, title in (("no such container", chosen), ("", chosen)):
        page.show_states(states, needle)
        page.work_out()
        assert (page.table.title == title) is (not needle)
    assert page.switch.buttons[1].isChecked()


def test_a_hidden_page_works_nothing_out(page: FleetPage) -> None:
    page.hide()
    page.show_states(fake_fleet.states(7))
    assert len(page.table.rows) == 120
    page.show()
    assert len(page.table.rows) == 7


def test_the_theme_follows(page: FleetPage, theme: Theme) -> None:
    before = page.grab().toImage().pixelColor(600, 700)
    theme.set_mode(ThemeMode.DARK)
    settle()
    assert page.grab().toImage().pixelColor(600, 700) != before


# -- files


def test_files_are_written_whole(page: FleetPage, tmp_path: Path) -> None:
    for ending in ("png", "svg", "csv"):
        assert page.write(tmp_path / f"fleet.{ending}")
    image = QImage(str(tmp_path / "fleet.png"))
    assert image.width() > 61 * 18
    assert image.height() > 120 * 20
    assert (tmp_path / "fleet.csv").read_text(encoding="utf-8").count("\n") == 121


def test_a_file_that_cannot_be_written_is_told_and_the_old_one_stays(page: FleetPage, tmp_path: Path) -> None:
    assert not page.write(tmp_path / "no" / "such" / "folder" / "x.csv")
    box = page.findChild(QMessageBox)
    assert box is not None
    assert "could not be written" in box.text()
    assert box.textFormat() is Qt.TextFormat.PlainText
    box.done(0)


def test_export_menu_asks_for_a_file(page: FleetPage, tmp_path: Path) -> None:
    page.export_menu.actions()[2].trigger()
    assert open_dialog().defaultSuffix() == "csv"
    choose(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").stat().st_size > 1000


# -- cost


def test_pyqtgraph_is_not_imported_with_the_window() -> None:
    code = (
        "import sys; import stratascope.ui.window.main_window; "
        "sys.exit('pyqtgraph' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.returncode == 0, done.stderr
