"""Everything copied or saved is confirmed, always in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from rig.window.named import in_menu
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit import feedback
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow


def said(window: QWidget) -> str:
    found = window.findChildren(Feedback)
    assert len(found) == 1
    return found[0].text() if found[0].isVisible() else ""


def test_a_copy_is_said_for_a_moment_and_moves_nothing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "STAYS", 50)
    before = QApplication.focusWidget()
    in_menu(window)["Copy as text"].trigger()
    assert said(window) == "Copied"
    assert QApplication.focusWidget() is before
    told = window.findChildren(Feedback)[0]
    assert window.rect().contains(told.geometry())
    assert window.childAt(told.geometry().center()) is not told, "a click goes through it"
    qtbot.waitUntil(lambda: said(window) == "")


def test_a_finding_says_so_too(window: MainWindow) -> None:
    window.findings.copy.click()
    window.daily.copy("portainer")
    assert said(window) == "Copied"


def test_a_saved_file_is_named(window: MainWindow, tmp_path: Path) -> None:
    window.pages.show_view(View.FLEET)
    assert window.pages.of(FleetPages).containers.write(tmp_path / "fleet.csv")
    assert said(window) == f"Saved as {tmp_path / 'fleet.csv'}"
    feedback.saved(window, tmp_path / ("n" * 900))
    assert window.rect().contains(window.findChildren(Feedback)[0].geometry()), "never wider than the window"
