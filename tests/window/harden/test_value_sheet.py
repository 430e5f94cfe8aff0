"""The sheet for a toggle's value: invalid input is reported, and nothing is applied to another container."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from rig.window.hardening import select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.snapshot import Snapshot
from stratascope.ui.window.main_window import MainWindow
from window.file_dialogs import choose

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_a_value_that_cannot_be_is_told_and_not_taken(window: MainWindow) -> None:
    column = side_of(window).column
    column.draft.switch("memory", True)
    row = column.rows["memory"]
    assert row.value.isVisibleTo(row)
    row.value.click()
    sheet = column.sheet
    assert sheet.isVisible()
    sheet.field.setText("much")
    assert not sheet.take.isEnabled()
    assert "Give a size such as 512m" in sheet.error.text()
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert sheet.isVisible()
    sheet.field.setText("300m")
    assert sheet.error.text() == ""
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    assert not sheet.isVisible()
    assert {choice.id: choice.value for choice in column.draft.choices}["memory"] == "300m"


def test_a_value_is_not_taken_for_another_container(window: MainWindow, picture: Snapshot) -> None:
    column = side_of(window).column
    column.draft.switch("memory", True)
    column.rows["memory"].value.click()
    column.sheet.field.setText("300m")
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    assert not column.sheet.isVisible()
    here = window.selection.current
    assert here is not None
    select(window, here.container.name)
    before = column.draft.choices
    QTest.keyClick(column.sheet, Qt.Key.Key_Return)
    column.sheet.take.click()
    assert column.draft.choices == before


def test_a_file_is_not_taken_for_another_container(window: MainWindow, staged: StagedHardening) -> None:
    column, profile = side_of(window).column, "/srv/profile.json"
    staged.files = ((profile, '{"defaultAction": "SCMP_ACT_ALLOW"}'),)
    before = {choice.id: choice.value for choice in column.draft.choices}
    column.draft.switch("seccomp", True)
    column.rows["seccomp"].value.click()
    column.sheet.browse.click()
    select(window, "web")  # another container is selected, or this one disappears, while the dialog is open
    choose(Path(profile))
    assert column.title.text() == "Harden web"
    assert profile not in {choice.value for choice in column.draft.choices}
    assert column.presets.current is Preset.RECOMMENDED
    select(window, "ci-runner")
    assert {choice.id: choice.value for choice in column.draft.choices} == before | {"seccomp": "default"}


def test_a_file_that_cannot_be_used_is_told(window: MainWindow, tmp_path: Path) -> None:
    column = side_of(window).column
    column.draft.switch("seccomp", True)
    column.rows["seccomp"].value.click()
    column.sheet.browse.click()
    choose(tmp_path / "no.json")
    assert column.told.isVisible()
    assert "no.json" in column.told.text()
    assert {choice.id: choice.value for choice in column.draft.choices}["seccomp"] == "default"


def test_capabilities_are_chosen_in_a_grid(window: MainWindow) -> None:
    column = side_of(window).column
    column.draft.switch("capabilities", True)
    column.rows["capabilities"].value.click()
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
    sheet.take.click()
    assert {choice.id: choice.value for choice in column.draft.choices}["capabilities"] == "CAP_NET_BIND_SERVICE"
    assert column.rows["capabilities"].value.text() == "1 of 41"
