"""The real window on a real engine, with a journal in a folder of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring.engines import LateEngines
from stratascope.wiring.views import live_view


@contextmanager
def live(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, rig: Rig, state: Path, name: str
) -> Iterator[tuple[MainWindow, Callable[[QAbstractButton], None]]]:
    """The window with the container in view, and a click that is counted in `click.count`."""
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    ui.make_application(["test"])
    late = LateEngines()
    window = ui.make_window(live_view(late), Services(hardening=start.hardening_of(late), twins=start.twins_of(late)))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.start()
    side, trials, many = window.hardening, window.trials, window.many
    assert side is not None
    assert trials is not None
    assert many is not None
    draft = side.column.draft

    def click(button: QAbstractButton) -> None:
        qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled())
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def there() -> bool:
        states = () if window.selection.snapshot is None else window.selection.snapshot.containers
        found = next((each for each in states if each.container.name == name and each.matrix is not None), None)
        if found is not None:
            window.selection.go_to(found.key)
        return found is not None

    try:
        qtbot.waitUntil(there)
        qtbot.waitUntil(lambda: draft.usable and draft.relaunch is not None)
        yield window, click
    finally:
        qtbot.waitUntil(lambda: not side.busy and not trials.busy and not many.busy)
        side.queries.end()
        window.stop()
