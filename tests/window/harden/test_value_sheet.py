"""The sheet for a toggle's value: invalid input is reported, and nothing is applied to another container."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import planned, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import Snapshot
from stratascope.layers.toggles import toggle
from stratascope.ui.window.main_window import MainWindow
from window.file_dialogs import choose

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def value_of(window: MainWindow, name: str) -> str:
    """As the plan has it."""
    return next((choice.value for choice in side_of(window).draft.choices if choice.id == name), "")


def test_a_value_that_cannot_be_is_told_and_not_taken(qtbot: QtBot, window: MainWindow) -> None:
    column = planned(qtbot, window).column
    row = column.changes.rows["memory"]
    assert row.value.isVisibleTo(row)
    row.value.click()
    sheet = column.sheet
    assert sheet.isVisible()
    sheet.field.setText("much")
    qtbot.waitUntil(lambda: "Give a size such as 512m" in sheet.error.text())
    assert not sheet.take.isEnabled()
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert sheet.isVisible()
    sheet.field.setText("300m")
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)  # taken as soon as it is known that it can be
    qtbot.waitUntil(lambda: not sheet.isVisible())
    planned(qtbot, window)
    assert value_of(window, "memory") == str(300 << 20)
    assert column.changes.rows["memory"].value.text() == "300 MiB"
    assert column.changes.rows["memory"].isChecked()


def test_a_value_is_not_taken_for_another_container(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    column = planned(qtbot, window).column
    column.changes.rows["memory"].value.click()
    column.sheet.field.setText("300m")
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    assert not column.sheet.isVisible()
    here = window.selection.current
    assert here is not None
    select(window, here.container.name)
    before = column.draft.choices
    QTest.keyClick(column.sheet, Qt.Key.Key_Return)
    column.sheet.take.click()
    qtbot.waitUntil(lambda: not column.draft.pending)
    assert column.draft.choices == before


def test_a_file_is_not_taken_for_another_container(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    profile = "/srv/profile.json"
    staged.files = ((profile, '{"defaultAction": "SCMP_ACT_ALLOW"}'),)
    select(window, "mail-relay")
    column = planned(qtbot, window).column
    column.changes.rows["seccomp"].value.click()
    column.sheet.browse.click()
    select(window, "web")  # another container is selected, or this one disappears, while the dialog is open
    choose(Path(profile))
    qtbot.waitUntil(lambda: not column.draft.pending)
    assert column.name.text() == "for web"
    assert profile not in {choice.value for choice in column.draft.choices}
    select(window, "mail-relay")
    assert value_of(window, "seccomp") == "default"


def test_a_file_that_cannot_be_used_is_told(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    select(window, "mail-relay")
    column = planned(qtbot, window).column
    column.changes.rows["seccomp"].value.click()
    column.sheet.browse.click()
    choose(tmp_path / "no.json")
    qtbot.waitUntil(column.told.isVisible)
    assert "no.json" in column.told.text()
    assert value_of(window, "seccomp") == "default"


def test_capabilities_are_chosen_in_a_grid(qtbot: QtBot, window: MainWindow) -> None:
    column = planned(qtbot, window).column
    column.draft.add((Choice(toggle("capabilities"), "CAP_CHOWN"),))
    planned(qtbot, window)
    key = next(key for key, row in column.changes.rows.items() if row.change.choice.id == "capabilities")
    column.changes.rows[key].value.click()
    sheet = column.sheet
    assert sheet.grid is not None
    assert sheet.grid.count() == 41
    blocks = {sheet.grid.visualItemRect(sheet.grid.item(number)).left() for number in range(41)}
    assert len(blocks) == 3
    assert max(sheet.grid.visualItemRect(sheet.grid.item(n)).right() for n in range(41)) <= sheet.grid.width()
    sheet.choices["none"].setChecked(True)
    sheet.grid.setFocus()
    sheet.grid.setCurrentRow(10)
    QTest.keyClick(sheet.grid, Qt.Key.Key_Space)
    assert sheet.value == "CAP_NET_BIND_SERVICE"
    assert sheet.grid.item(10).data(Qt.ItemDataRole.AccessibleTextRole) == "NET_BIND_SERVICE: kept"
    qtbot.waitUntil(sheet.take.isEnabled)
    sheet.take.click()
    planned(qtbot, window)
    assert value_of(window, "capabilities") == "CAP_NET_BIND_SERVICE"
