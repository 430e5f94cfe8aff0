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
from stratascope.core.severity import Severity
from stratascope.state.accepted import AcceptedFile
from stratascope.ui.app.app import make_window
from stratascope.ui.findings.list import AcceptDialog, FindingCard
from stratascope.ui.kit.page import View
from stratascope.ui.panel.panel import FINDINGS
from stratascope.ui.window.main_window import MainWindow, Services


def offered(window: MainWindow, qtbot: QtBot, name: str) -> None:
    state = next(each for each in window.selection.snapshot.containers if each.container.name == name)  # type: ignore[union-attr]
    window.selection.go_to(state.key)
    qtbot.waitUntil(lambda: side_of(window).column.draft.offer is not None, timeout=20000)


def cards(window: MainWindow) -> dict[str, FindingCard]:
    return {card.finding.code: card for card in window.strata_page.panel.findings.cards}


def test_a_finding_is_mended_by_the_switch_that_closes_it(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    window.selection.open_layer(3)
    window.strata_page.panel.open_tab(FINDINGS)
    card = cards(window)["capabilities.sys-admin"]
    draft = side_of(window).column.draft
    option = draft.offer.mending(card.finding)  # type: ignore[union-attr]
    assert option is not None
    assert not option.toggle.changes_users, "one capability is taken away, not the user changed"
    row = draft.row_of(option.key)
    assert row is not None
    draft.switch(row.key, False)
    qtbot.waitUntil(lambda: card.fix.text() == "Fix")
    assert card.fix.isVisibleTo(card)
    QTest.mouseClick(card.fix, Qt.MouseButton.LeftButton)
    row = draft.row_of(option.key)
    assert row is not None
    assert draft.is_on(row)
    qtbot.waitUntil(lambda: card.fix.text() == "Switched on")
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
        for card in window.strata_page.panel.findings.cards:
            there = draft.offer.mending(card.finding) is not None  # type: ignore[union-attr]
            assert card.fix.isVisibleTo(card) is there, card.finding.code
            seen += not there
    assert seen, "the host's own settings are mended by no switch"


def test_arrows_and_copying(window: MainWindow, qtbot: QtBot) -> None:
    offered(window, qtbot, "backup")
    window.selection.open_layer(3)
    panel = window.strata_page.panel
    panel.open_tab(FINDINGS)
    first, second = panel.findings.cards[:2]
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert second.hasFocus()
    QTest.keyClick(second, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith(second.accessibleName())
    QTest.keyClick(second, Qt.Key.Key_Up)
    assert first.hasFocus()
    QTest.mouseClick(first.copy, Qt.MouseButton.LeftButton)
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
    assert [card.finding for card in column.list.cards] == list(state.findings)
    column.chips.chips["serious"].click()
    assert {card.finding.severity for card in column.list.cards} <= {Severity.CRITICAL, Severity.HIGH}
    assert column.list.cards
    QTest.mouseClick(column.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().count("\n\n") == len(column.list.cards) - 1
    # Enter opens the layer of a finding
    card = next(each for each in column.list.cards if each.finding.layer != "capabilities")
    number = next(layer.number for layer in state.layers if layer.id == card.finding.layer)
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_Return)
    assert window.selection.layer == number
    # pages about the machine have no findings column; in a narrow window the tab is back
    window.pages.show_view(View.SHARED)
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
    cards(window)[code].accept_wanted.emit()
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
    assert "capabilities.sys-admin" not in cards(window)
    (card,) = listed.accepted
    assert not card.isVisible()
    listed.folded.click()
    assert card.isVisible()
    told = [label.text() for label in card.findChildren(QLabel)]
    assert any("Accepted by ana" in text and "Mounts <b>by</b> design" in text for text in told)
    # accepting changes nothing the kernel allows
    assert window.selection.current is not None
    assert window.selection.current.matrix == exposure
    # it covers this container only, and the finding counts again once it is withdrawn
    opened(window, "ci-runner")
    assert not panel.findings.accepted
    opened(window, "backup")
    panel.findings.accepted[0].accept_wanted.emit()
    qtbot.waitUntil(lambda: "capabilities.sys-admin" in cards(window))
    assert kept.entries() == ()


def test_one_that_has_expired_counts_again(accepting: MainWindow, kept: AcceptedFile, qtbot: QtBot) -> None:
    yesterday = date.today() - timedelta(days=1)
    kept.add(Accepted("capabilities.sys-admin", "For the move", "ana", yesterday, container="back*"))
    opened(accepting, "backup")
    accepting.acceptances.read()
    qtbot.waitUntil(lambda: cards(accepting)["capabilities.sys-admin"].standing is not None)
    told = [label.text() for label in cards(accepting)["capabilities.sys-admin"].findChildren(QLabel)]
    assert any("so it counts again: For the move" in text for text in told)


def test_a_list_that_is_damaged_is_told(
    accepting: MainWindow, kept: AcceptedFile, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "accepted.toml").write_text("[[accepted\n")
    accepting.acceptances.read()
    qtbot.waitUntil(accepting.notices.settings.isVisible)
    opened(accepting, "backup")
    assert "capabilities.sys-admin" in cards(accepting), "nothing is hidden by a list that can't be read"


def test_without_a_list_nothing_can_be_accepted(window: MainWindow) -> None:
    opened(window, "backup")
    card = cards(window)["capabilities.sys-admin"]
    card.copying.open(QPoint(3, 3))
    assert card.copying.menu is not None
    assert not [each for each in card.copying.menu.actions() if "Accept" in each.text()]
    card.copying.menu.close()
