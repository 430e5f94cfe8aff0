"""Findings in the panel and in a column of their own: selected, copied, fixed by a toggle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import picture, side_of
from stratascope.core.accepted import Accepted
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.state.accepted import AcceptedFile
from stratascope.ui.app.app import make_window
from stratascope.ui.findings.list import AcceptDialog
from stratascope.ui.findings.row import FindingRow
from stratascope.ui.kit.page import View
from stratascope.ui.panel.panel import FINDINGS
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace


def offered(window: MainWindow, qtbot: QtBot, name: str) -> None:
    state = next(each for each in window.selection.snapshot.containers if each.container.name == name)  # type: ignore[union-attr]
    window.selection.go_to(state.key)
    qtbot.waitUntil(lambda: side_of(window).column.draft.offer is not None, timeout=20000)


def rows(window: MainWindow) -> dict[str, FindingRow]:
    return {row.finding.code: row for row in window.strata_page.panel.findings.rows}


def test_a_finding_is_mended_by_the_switch_that_closes_it(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    window.selection.open_layer(3)
    window.strata_page.panel.open_tab(FINDINGS)
    card = rows(window)["capabilities.sys-admin"]
    draft = side_of(window).column.draft
    option = draft.offer.mending(card.finding)  # type: ignore[union-attr]
    assert option is not None
    assert not option.toggle.changes_users, "one capability is taken away, not the user changed"
    row = draft.row_of(option.key)
    assert row is not None
    draft.switch(row.key, False)
    qtbot.waitUntil(lambda: card.fix.isVisibleTo(card))
    assert card.state.isHidden()
    QTest.mouseClick(card.fix, Qt.MouseButton.LeftButton)
    row = draft.row_of(option.key)
    assert row is not None
    assert draft.is_on(row)
    qtbot.waitUntil(lambda: card.state.isVisibleTo(card))
    assert card.state.text() == "✓ in the plan"
    assert card.fix.isHidden()
    qtbot.waitUntil(side_of(window).column.changes.rows[row.key].hasFocus)
    # by key; a toggle that is on is only shown
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_F)
    row = draft.row_of(option.key)
    assert row is not None
    assert draft.is_on(row)


def test_what_no_switch_mends_has_no_button(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    draft = side_of(window).column.draft
    seen = 0
    for number in range(1, 7):
        window.selection.open_layer(number)
        window.strata_page.panel.open_tab(FINDINGS)
        for row in window.strata_page.panel.findings.rows:
            there = draft.offer.mending(row.finding) is not None  # type: ignore[union-attr]
            assert (row.state.isVisibleTo(row) and row.state.text() == "no switch") is not there, row.finding.code
            assert not (row.fix.isVisibleTo(row) and row.state.isVisibleTo(row))
            seen += not there
    assert seen, "the host's own settings are mended by no switch"


def test_arrows_and_copying(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    window.selection.open_layer(3)
    panel = window.strata_page.panel
    panel.open_tab(FINDINGS)
    first, second = panel.findings.rows[:2]
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert second.hasFocus()
    QTest.keyClick(second, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith(second.accessibleName())
    QTest.keyClick(second, Qt.Key.Key_Up)
    assert first.hasFocus()
    QTest.keyClick(first, Qt.Key.Key_Space)
    assert first.unfolded
    assert first.details is not None
    QTest.mouseClick(first.details.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith(first.accessibleName())


def test_a_wide_window_has_them_in_a_column(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    window.selection.open_layer(3)
    assert window.findings.isHidden()
    window.resize(1920, 1080)
    assert window.findings.isVisible()
    panel = window.strata_page.panel
    assert FINDINGS not in [tab.key for tab in panel.tabs]
    state = window.selection.current
    assert state is not None
    column = window.findings
    assert [row.finding for row in column.list.rows] == list(state.findings)
    column.chips.chips["serious"].click()
    assert {row.finding.severity for row in column.list.rows} <= {Severity.CRITICAL, Severity.HIGH}
    assert column.list.rows
    QTest.mouseClick(column.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().count("\n\n") == len(column.list.rows) - 1
    # Enter opens the layer of a finding
    row = next(each for each in column.list.rows if each.finding.layer != "capabilities")
    number = next(layer.number for layer in state.layers if layer.id == row.finding.layer)
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Return)
    assert window.selection.layer == number
    # pages about the machine have no findings column; in a narrow window the tab is back
    window.pages.show_view(View.FLEET)
    assert column.isHidden()
    window.pages.show_view(View.STRATA)
    assert column.isVisible()
    window.resize(1440, 900)
    assert column.isHidden()
    assert FINDINGS in [tab.key for tab in panel.tabs]


@pytest.fixture
def kept(tmp_path: Path) -> AcceptedFile:
    return AcceptedFile(tmp_path / "accepted.toml")


@pytest.fixture
def accepting(qtbot: QtBot, kept: AcceptedFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The same window with its own list of accepted findings."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), Services(accepted=kept))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture())
    made.acceptances.read()
    yield made
    made.stop()


def opened(window: MainWindow, name: str) -> None:
    window.selection.go_to(next(each for each in picture().containers if each.container.name == name).key)
    window.selection.open_layer(3)
    window.strata_page.panel.open_tab(FINDINGS)


def accept(window: MainWindow, qtbot: QtBot, code: str, reason: str) -> None:
    before = len(window.strata_page.panel.findings.accepted)
    rows(window)[code].accept_wanted.emit(rows(window)[code])
    dialog = window.findChild(AcceptDialog)
    assert dialog is not None
    assert not dialog.ok.isEnabled(), "without a reason it is no exception"
    layout = dialog.layout()
    assert layout is not None
    assert dialog.height() <= layout.totalHeightForWidth(dialog.width()) + 40, "no empty space between its lines"
    assert dialog.ok.icon().isNull(), "as all other buttons"
    dialog.reason.setText(reason)
    dialog.owner.setText("ana")
    dialog.ok.click()
    qtbot.waitUntil(lambda: len(window.strata_page.panel.findings.accepted) == before + 1)


def test_an_accepted_finding_is_folded_and_counted(accepting: MainWindow, kept: AcceptedFile, qtbot: QtBot) -> None:
    window = accepting
    opened(window, "backup")
    panel = window.strata_page.panel
    state = window.selection.current
    assert state is not None
    exposure = state.matrix
    accept(window, qtbot, "capabilities.sys-admin", "Mounts <b>by</b> design")
    (entry,) = kept.entries()
    assert (entry.finding, entry.container, entry.owner) == ("capabilities.sys-admin", "backup", "ana")
    listed = panel.findings
    assert "capabilities.sys-admin" not in rows(window)
    (row,) = listed.accepted
    assert not row.isVisible()
    listed.folded.click()
    assert row.isVisible()
    row.unfold(unfolded=True)
    told = [label.text() for label in row.findChildren(QLabel)]
    assert any("Accepted by ana" in text and "Mounts <b>by</b> design" in text for text in told)
    # accepting changes nothing the kernel allows
    assert window.selection.current is not None
    assert window.selection.current.matrix == exposure
    # it covers this container only, and the finding counts again once it is withdrawn
    opened(window, "ci-runner")
    assert not panel.findings.accepted
    opened(window, "backup")
    panel.findings.accepted[0].accept_wanted.emit(panel.findings.accepted[0])
    qtbot.waitUntil(lambda: "capabilities.sys-admin" in rows(window))
    assert kept.entries() == ()


def test_one_that_has_expired_counts_again(accepting: MainWindow, kept: AcceptedFile, qtbot: QtBot) -> None:
    yesterday = date.today() - timedelta(days=1)
    kept.add(Accepted("capabilities.sys-admin", "For the move", "ana", yesterday, container="back*"))
    opened(accepting, "backup")
    accepting.acceptances.read()
    qtbot.waitUntil(lambda: rows(accepting)["capabilities.sys-admin"].standing is not None)
    row = rows(accepting)["capabilities.sys-admin"]
    row.unfold(unfolded=True)
    told = [label.text() for label in row.findChildren(QLabel)]
    assert any("so it counts again: For the move" in text for text in told)


def test_a_list_that_is_damaged_is_told(
    accepting: MainWindow, kept: AcceptedFile, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "accepted.toml").write_text("[[accepted\n")
    accepting.acceptances.read()
    qtbot.waitUntil(accepting.notices.settings.isVisible)
    opened(accepting, "backup")
    assert "capabilities.sys-admin" in rows(accepting), "nothing is hidden by a list that can't be read"


def test_without_a_list_nothing_can_be_accepted(window: MainWindow) -> None:
    opened(window, "backup")
    row = rows(window)["capabilities.sys-admin"]
    row.copying.open(QPoint(3, 3))
    assert row.copying.menu is not None
    assert not [each for each in row.copying.menu.actions() if "Accept" in each.text()]
    row.copying.menu.close()


def test_rows_stay_while_findings_come_and_go(window: MainWindow) -> None:
    """A count that changes in a sentence, one that goes and one that comes: all others are the same widgets."""
    window.resize(1920, 1080)
    state = next(each for each in picture().containers if each.container.name == "backup")
    window.selection.go_to(state.key)
    column = window.findings
    before = {row.finding.code: row for row in column.list.rows}
    first, second, *others = state.findings
    changed = replace(first, text=msg("37 of them now."))
    new = replace(second, code="namespaces.new-one")
    states = tuple(each for each in picture().containers if each.key != state.key)
    newer = replace(state, findings=(new, changed, *others))
    window.selection.show_snapshot(replace(picture(), containers=(newer, *states)))
    after = {row.finding.code: row for row in column.list.rows}
    assert [row.finding for row in column.list.rows] == list(newer.findings)
    assert {code for code in after if after[code] is not before.get(code)} == {"namespaces.new-one"}
    assert after[first.code].line.text() == "37 of them now."
    assert all(row.isVisible() and row.height() >= 29 for row in column.list.rows)
    assert second.code not in after or second.code in {each.code for each in others}


def test_it_unfolds_by_mouse_and_key(window: MainWindow) -> None:
    opened(window, "backup")
    row = rows(window)["capabilities.sys-admin"]
    assert not row.unfolded
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    assert row.unfolded
    shown = [label.text() for label in row.findChildren(QLabel) if label.isVisible()]
    assert "Critical" in shown
    assert translate(row.finding.advice) in shown
    QTest.keyClick(row, Qt.Key.Key_Space)
    assert not row.unfolded
