"""Two containers side by side in the window: from the list, and from a capture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QScreen
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionComboBox
from pytestqt.qtbot import QtBot

from stratascope import resources
from stratascope.core.message import msg
from stratascope.i18n.language import VARIABLE, start
from stratascope.presentation.comparison import Part
from stratascope.ui.app import app
from stratascope.ui.compare import CompareController, CompareDialog
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.layout import least_size
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

TWO = 3  # column of the second container

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def compare(window: MainWindow) -> Iterator[CompareController]:
    window.selection.show_snapshot(demo_snapshot())
    yield window.compare
    window.compare.dialog.hide()
    window.compare.stop()


def key(name: str) -> tuple[str, str]:
    return next(each.key for each in demo_snapshot().containers if each.container.name == name)


def test_by_its_key_of_the_container_in_view(qtbot: QtBot, window: MainWindow, compare: CompareController) -> None:
    window.selection.go_to(key("web"))
    QTest.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    dialog = compare.dialog
    assert dialog.isVisible()
    assert dialog.one.currentText().startswith("web")
    assert dialog.lead.text() == "Choose two containers."
    assert not dialog.copy.isEnabled()
    dialog.two.setCurrentIndex(dialog.two.findText("backup", Qt.MatchFlag.MatchStartsWith))
    qtbot.waitUntil(lambda: dialog.found is not None)
    assert dialog.lead.text() == "backup is more exposed: 10.0, against 5.4 for web."
    QTest.keyClick(dialog.two, Qt.Key.Key_Return)  # Enter in a name field presses no button
    assert dialog.isVisible()
    assert dialog.one.currentText().startswith("web")


def test_it_fits_a_small_screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QScreen, "availableSize", lambda _: QSize(1024, 640))
    window: MainWindow = request.getfixturevalue("window")
    dialog = window.compare.dialog
    assert dialog.height() <= 640 - 32
    assert dialog.minimumSizeHint().height() <= dialog.height()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_fits_the_smallest_window(window: MainWindow, theme: Theme, qapp: QApplication, language: str) -> None:
    start({VARIABLE: language}, None)
    app.speak(qapp)
    try:
        assert CompareDialog(theme, window).minimumSizeHint().width() <= least_size(theme, QSize(1440, 900)).width()
    finally:
        start({VARIABLE: "en"}, None)
        app.speak(qapp)


def test_a_pull_down_has_its_twenty_rows_not_the_screens(window: MainWindow, theme: Theme) -> None:
    theme.apply()
    box = CompareDialog(theme, window).one
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    assert not box.style().styleHint(QStyle.StyleHint.SH_ComboBox_Popup, option, box)


def test_parts_sides_and_text(qtbot: QtBot, compare: CompareController) -> None:
    compare.ask(key("web"), key("ci-runner"))
    dialog = compare.dialog
    qtbot.waitUntil(lambda: dialog.found is not None)
    model = dialog.table.model_
    assert dialog.found is not None
    assert model.rowCount() == len(dialog.found.differences)
    dialog.chips[Part.LAYER].click()
    assert {each.part for each in model.rows} == {Part.LAYER}
    row = next(at for at, each in enumerate(model.rows) if each.id == "capabilities")
    assert model.rows[row].worse == 1
    assert model.index(row, TWO).data(Qt.ItemDataRole.AccessibleTextRole).endswith("weaker here")
    assert model.headerData(TWO, Qt.Orientation.Horizontal) == "ci-runner"
    dialog.swap.click()
    qtbot.waitUntil(lambda: dialog.found is not None and dialog.found.one.container.name == "ci-runner")
    assert next(each for each in model.rows if each.id == "capabilities").worse == -1
    dialog.copy.click()
    assert QGuiApplication.clipboard().text().startswith("ci-runner compared with web\n")


def test_beside_a_capture_it_is_the_one_of_the_same_name(qtbot: QtBot, compare: CompareController) -> None:
    compare.ask(key("web"))
    compare.open_capture(resources.path("demo/demo.json"))
    dialog = compare.dialog
    qtbot.waitUntil(lambda: dialog.found is not None)
    assert dialog.counted.text() == "Nothing is different."
    assert dialog.two.currentText() == "web (demo.json)"
    assert dialog.names == ("web (now)", "web (demo.json)")


def test_a_file_that_is_no_capture_says_so(qtbot: QtBot, tmp_path: Path, compare: CompareController) -> None:
    compare.ask(key("web"), key("backup"))
    (tmp_path / "x.json").write_text("{")
    compare.open_capture(tmp_path / "x.json")
    qtbot.waitUntil(lambda: "is damaged" in compare.dialog.lead.text())
    compare.open_capture(tmp_path / "none.json")
    qtbot.waitUntil(lambda: "is damaged" not in compare.dialog.lead.text())
    assert compare.dialog.table.model_.rowCount() == 0


def test_long_values_are_whole(qtbot: QtBot, compare: CompareController, theme: Theme) -> None:
    """In as many lines as they need, also in a narrower window."""
    web = next(each for each in demo_snapshot().containers if each.container.name == "web")
    image = "registry.example.com/" + "a-rather-long-name/" * 12 + "x" * 90
    compare.show_pair(web, replace(web, container=replace(web.container, image=image)), "yesterday")
    table = compare.dialog.table
    qtbot.waitUntil(lambda: table.model_.rowCount() == 1)
    for width in (1200, 800):
        compare.dialog.resize(width, 680)
        qtbot.waitUntil(partial(lambda least: table.viewport().width() < least, width))
        column = table.model_.columns[TWO]
        metrics = QFontMetrics(theme.font(column.size, column.weight))
        lines = -(-metrics.horizontalAdvance(image) // table.columnWidth(TWO))
        assert lines > 2
        assert table.rowHeight(0) >= lines * metrics.height()
        assert sum(table.columnWidth(at) for at in range(4)) <= table.viewport().width()


def test_beside_its_own_past(qtbot: QtBot, compare: CompareController) -> None:
    web = next(each for each in demo_snapshot().containers if each.container.name == "web")
    before = replace(web, container=replace(web.container, image="nginx:1.26"))
    compare.show_pair(web, before, "yesterday")
    dialog = compare.dialog
    qtbot.waitUntil(lambda: dialog.found is not None)
    rows = dialog.table.model_.rows
    assert [(each.what, each.one, each.two) for each in rows] == [("Image", "nginx:1.27", "nginx:1.26")]
    assert dialog.names == ("web (now)", "web (yesterday)")


def test_the_model_keeps_qts_rules(qtbot: QtBot, compare: CompareController) -> None:
    compare.ask(key("web"), key("backup"))
    qtbot.waitUntil(lambda: compare.dialog.found is not None)
    model = compare.dialog.table.model_
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    compare.dialog.chips[Part.CALL].click()
    assert {each.part for each in model.rows} <= {Part.CALL}
    compare.dialog.say(msg("Choose two containers."))
    assert model.rowCount() == 0
    assert tester.model() is model
