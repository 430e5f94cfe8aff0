"""The settings dialog and *About*: choices take effect at once and are stored; invalid input is reported, not
stored.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.state import preferences
from stratascope.state.running_service import Running, ServiceMark
from stratascope.state.settings import Settings
from stratascope.ui.app.app import make_window
from stratascope.ui.app.notifier import Notifications, Notifier
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.about import About
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.ui.window.settings_dialog import SettingsDialog
from stratascope.usecases.live.alerts import Alert


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def dialog(qtbot: QtBot, theme: Theme, kept: Settings, window: MainWindow) -> SettingsDialog:
    made = SettingsDialog(theme, kept, window)
    made.show()
    return made


def test_defaults_are_shown_and_nothing_is_kept(dialog: SettingsDialog, kept: Settings, tmp_path: Path) -> None:
    assert [dialog.language.itemText(place) for place in range(3)] == ["Same as the desktop", "English", "日本語"]
    assert (dialog.refresh.value(), dialog.watch.value(), dialog.limit.value()) == (2.0, 10.0, 9.0)
    assert dialog.above.isChecked()
    assert dialog.failure.isChecked()
    assert not (tmp_path / "settings.json").exists()


def test_it_has_the_keyboard_as_soon_as_it_is_open(qtbot: QtBot, window: MainWindow) -> None:
    window.preferences.show_dialog()
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.language.hasFocus)
    dialog.close()


def test_each_choice_counts_at_once(dialog: SettingsDialog, kept: Settings, tmp_path: Path) -> None:
    changed = QSignalSpy(dialog.changed)
    dialog.language.setCurrentIndex(2)
    dialog.theme.setCurrentIndex(1)
    dialog.refresh.setValue(5)
    dialog.watch.setValue(30)
    dialog.limit.setValue(7.5)
    dialog.failure.setChecked(False)
    dialog.gains.setChecked(False)
    dialog.reach.setChecked(False)
    dialog.background.setChecked(True)
    dialog.sandboxes.setChecked(False)
    dialog.engines.setPlainText("ssh://me@there/run/docker.sock\n/run/other.sock")
    again = Settings(tmp_path / "settings.json")
    assert [each.of(again) for each in preferences.TABLE] == [
        "ja",
        "light",
        5.0,
        30.0,
        ("ssh://me@there/run/docker.sock", "/run/other.sock"),
        False,
        7.5,
        False,
        False,
        False,
        True,
    ]
    dialog.above.setChecked(False)
    assert preferences.NOTIFY_ABOVE.of(Settings(tmp_path / "settings.json")) is None
    assert not dialog.limit.isEnabled()
    assert changed.count() == 12


def test_what_is_no_address_is_told_and_not_kept(dialog: SettingsDialog, kept: Settings) -> None:
    dialog.engines.setPlainText("/run/a.sock")
    dialog.engines.setPlainText("/run/a.sock\nftp://x")
    assert dialog.error.isVisible()
    assert "ftp://x is not an engine address" in dialog.error.text()
    assert preferences.ENGINES.of(kept) == ("/run/a.sock",)
    dialog.refresh.setValue(7)  # an error stays, whatever else is chosen
    assert dialog.error.isVisible()
    dialog.engines.setPlainText("/run/a.sock")
    assert not dialog.error.isVisible()


def test_a_choice_that_can_not_be_kept_is_told(qtbot: QtBot, theme: Theme, window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = SettingsDialog(theme, Settings(tmp_path / "file" / "settings.json"), window)
    made.show()
    made.refresh.setValue(7)
    assert made.error.isVisible()
    assert "could not be written" in made.error.text()
    assert "last until the program ends" in made.error.text()


def test_by_the_menu(qtbot: QtBot, window: MainWindow, watch: sample.StillWatch) -> None:
    QTest.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    dialog.theme.setCurrentIndex(2)
    assert window.theme.dark
    dialog.theme.setCurrentIndex(1)
    assert not window.theme.dark
    dialog.refresh.setValue(9)
    assert watch.paced == 9.0
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_start_again(qtbot: QtBot, dialog: SettingsDialog, window: MainWindow) -> None:
    dialog.restart_wanted.connect(window.restart)
    dialog.restart.click()
    assert not window.isVisible()
    assert window.restarts


def test_the_window_remembers_its_view_and_no_filter(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    one = make_window(sample.StillWatch(), Services(Settings(path)))
    qtbot.addWidget(one)
    one.selection.show_snapshot(sample.snapshot())
    one.toolbar.filter.setText("redis")
    one.pages.show_view(View.MATRIX)
    one.resize(1300, 800)
    one.close()
    other = make_window(sample.StillWatch(), Services(Settings(path)))
    qtbot.addWidget(other)
    other.selection.show_snapshot(sample.snapshot())
    assert other.toolbar.filter.text() == ""
    assert other.containers.model.shown() == 12
    assert other.pages.view is View.MATRIX
    assert (other.width(), other.height()) == (1300, 800)
    other.close()


def test_damaged_settings_are_told_in_the_window(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{")
    made = make_window(sample.StillWatch(), Services(Settings(path)))
    qtbot.addWidget(made)
    made.show()
    assert made.notices.settings.isVisible()
    assert "damaged" in made.notices.settings.text.text()
    made.notices.settings.close_button.click()
    assert not made.notices.settings.isVisible()
    made.close()


def test_about_tells_each_library_with_its_licence(qtbot: QtBot, theme: Theme, window: MainWindow) -> None:
    about = About(theme, window)
    about.show()
    names = [item.text() for row in range(about.table.rowCount()) if (item := about.table.item(row, 0))]
    assert names[0] == "Stratascope"
    assert {"Python", "PySide6_Essentials", "docker", "podman", "pyqtgraph", "jeepney"} <= set(names)
    licences = {item.text() for row in range(about.table.rowCount()) if (item := about.table.item(row, 2))}
    assert "" not in licences
    assert "Apache License" in about.text.toPlainText()
    assert about.table.columnWidth(1) >= about.table.sizeHintForColumn(1) + 8
    about.table.selectRow(names.index("docker"))
    assert "Apache License" in about.text.toPlainText()
    QTest.keyClick(about, Qt.Key.Key_Escape)
    assert not about.isVisible()


class Heard(Notifier):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[Alert] = []

    def tell(self, alert: Alert) -> None:
        self.told.append(alert)


def test_a_notification_leads_to_its_container(
    qtbot: QtBot, window: MainWindow, watch: sample.StillWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    notifications = Notifications(window, window.selection, window.settings, tuple, heard)
    heard.clicked.connect(window.look_at)
    states = sample.states()
    window.feed.snapshot.emit(sample.snapshot(states[2:]))
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    window.feed.snapshot.emit(sample.snapshot((states[0], *states[2:])))
    assert heard.told == []  # a user who looks at the window sees it there
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    window.feed.snapshot.emit(sample.snapshot(states))
    assert [alert.key for alert in heard.told] == [states[1].key]
    window.setWindowState(window.windowState() | Qt.WindowState.WindowMinimized)
    heard.clicked.emit(heard.told[0].key, "")
    assert window.selection.current is not None
    assert window.selection.current.key == heard.told[0].key
    assert not window.isMinimized()
    heard.clicked.emit(("docker", "gone"), "")
    assert window.selection.current.key == heard.told[0].key
    notifications.stop()


def test_it_says_whether_something_records_in_the_background(
    qtbot: QtBot, theme: Theme, kept: Settings, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    without = SettingsDialog(theme, kept, window)
    assert without.service.text().startswith("To record while no window is open: ")
    assert not without.background.isEnabled()
    mark = ServiceMark()
    assert mark.claim()
    mark.say(Running(7, 1_000_000.0))
    beside = SettingsDialog(theme, kept, window)
    assert beside.service.text().startswith("Recording in the background since Mon 12 Jan")
    assert beside.background.isEnabled()
    mark.say(Running(7, 1_000_000.0, trouble="The disk is full."))
    assert SettingsDialog(theme, kept, window).service.text() == "The disk is full."
    mark.release()


def test_what_the_background_service_tells_is_not_told_twice(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, service = Heard(), Running(7, 1.0, notices=False)
    notifications = Notifications(window, window.selection, window.settings, tuple, heard, lambda: service)
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    states = sample.states()
    window.feed.snapshot.emit(sample.snapshot(states[2:]))
    service = Running(7, 1.0, notices=True)
    window.feed.snapshot.emit(sample.snapshot((states[0], *states[2:])))
    assert heard.told == []
    service = Running(7, 1.0, notices=False)
    window.feed.snapshot.emit(sample.snapshot(states))
    assert [alert.key for alert in heard.told] == [states[1].key]
    notifications.stop()


def test_no_word_of_the_dialog_is_cut(qtbot: QtBot, dialog: SettingsDialog) -> None:
    dialog.open()
    qtbot.waitExposed(dialog)
    dialog.resize(dialog.minimumSize())
    for box in (dialog.above, dialog.gains, dialog.reach, dialog.failure, dialog.background):
        assert box.width() >= box.sizeHint().width(), box.text()


def test_every_button_of_the_dialog_says_what_it_does(dialog: SettingsDialog) -> None:
    assert [button.text() for button in dialog.findChildren(QPushButton)] == ["Restart now", "Close"]
