"""Captures in the window: opened, dropped, marked as captures, and saved after a dialog that says what they contain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMessageBox
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.named import in_menu
from stratascope import resources
from stratascope.state import capture_file
from stratascope.ui.app.app import make_window
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring import views
from stratascope.wiring.engines import demo_capture
from window.capture_store import CaptureStore
from window.file_dialogs import choose

DEMO = resources.path("demo/demo.json")


@pytest.fixture
def store() -> CaptureStore:
    return CaptureStore()


@pytest.fixture
def window(qtbot: QtBot, store: CaptureStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), Services(captures=store))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    yield made
    made.stop()


def drop(window: MainWindow, *paths: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), action, data, buttons, keys)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), action, data, buttons, keys))
    return enter.isAccepted()


def test_a_capture_in_the_place_of_this_machine(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    made = make_window(views.recorded_view([DEMO, tmp_path / "bad.json"]), Services(captures=CaptureStore()))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.start()
    qtbot.waitUntil(lambda: made.selection.snapshot is not None and not made.selection.snapshot.asking, timeout=60000)
    notice = made.notices.captures
    assert notice.isVisible()
    assert made.notices.demo.isHidden()
    assert "demo" in notice.text.text()
    assert "2026" in notice.text.text()
    assert notice.wrong.text().startswith("bad: The capture")
    assert made.selection.current is not None
    assert made.selection.engine is None, "nothing of it can be asked"
    assert "from 2 captures" in made.containers.status.text()
    made.stop()


def test_opened_by_the_menu(window: MainWindow, store: CaptureStore, qtbot: QtBot) -> None:
    in_menu(window)["Open captures…"].trigger()
    choose(DEMO, Path("/other.json"))
    qtbot.waitUntil(lambda: store.shown == [DEMO, Path("/other.json")])


def test_dropped_on_it(window: MainWindow, store: CaptureStore, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setText("no file")
    enter = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()
    assert drop(window, DEMO)
    qtbot.waitUntil(lambda: store.shown == [DEMO])


def test_what_is_no_capture_is_told(window: MainWindow, store: CaptureStore, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert drop(window, tmp_path / "x.json")
    qtbot.waitUntil(lambda: bool(window.findChildren(QMessageBox)))
    box = window.findChildren(QMessageBox)[0]
    assert "is not a capture" in box.text()
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert store.shown == []
    box.close()


def test_it_says_what_is_in_it_before_it_is_saved(
    window: MainWindow, store: CaptureStore, qtbot: QtBot, tmp_path: Path
) -> None:
    assert window.captures is not None
    window.captures.ask_save()
    dialog = window.captures.dialog
    assert dialog.isVisible()
    assert "environment" in dialog.lines.text()
    assert str(len(demo_capture().containers)) in dialog.lines.text()
    assert not dialog.labels.isChecked()
    buttons = dialog.findChild(QDialogButtonBox)
    assert buttons is not None
    buttons.button(QDialogButtonBox.StandardButton.Save).click()
    choose(tmp_path / "mine.json")
    qtbot.waitUntil(lambda: window.findChild(Feedback) is not None)
    note = window.findChild(Feedback)
    assert note is not None
    assert note.text() == f"Saved as {tmp_path / 'mine.json'}"
    assert not window.notices.settings.isVisible(), "no warning: nothing is amiss"
    assert store.saved == [(tmp_path / "mine.json", False)]
    assert capture_file.load(tmp_path / "mine.json").containers


def test_nothing_to_save_yet(window: MainWindow, store: CaptureStore) -> None:
    store.held = None
    assert window.captures is not None
    window.captures.ask_save()
    assert window.notices.settings.isVisible()
    assert store.saved == []
