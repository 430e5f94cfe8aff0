"""The exports of a plan, where something stands in the way of its relaunch."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QMenu,
)
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import planned, select
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.harden.exports import Exported
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.window.main_window import Services
from stratascope.usecases.plan.preflight import Block
from window.file_dialogs import choose

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
BLOCK = Block("swarm", msg("Docker Swarm owns this container."), msg("Export the hardened settings."))


def test_exports_are_in_a_menu(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", "dark")
    staged.blocks = (BLOCK,)
    services = Services(
        hardening=staged,
        exports=lambda plan: (Exported(msg("Compose override file"), "override.yaml", lambda: plan.spec.name),),
    )
    made = ui.make_window(sample.StillWatch(), services)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    select(made, "ci-runner")
    side = planned(qtbot, made)
    assert side.column.button.text() == "Export instead…"
    side.column.button.click()
    menu = side.column.exports
    assert [action.text() for action in menu.actions()] == ["Compose override file"]
    part = menu.actions()[0].menu()
    assert isinstance(part, QMenu)
    part.actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == "ci-runner"
    part.actions()[1].trigger()
    choose(tmp_path / "override.yaml")
    assert (tmp_path / "override.yaml").read_text() == "ci-runner"
    assert [each.text() for each in made.findChildren(Feedback)] == [f"Saved as {tmp_path / 'override.yaml'}"]
    menu.hide()
    made.clock.stop()
    made.close()
