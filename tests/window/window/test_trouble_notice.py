"""The notice that says why the host's kernel is unknown: the exact command, for copying; no dialog."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope import sandbox
from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import msg
from stratascope.core.snapshot import Trouble
from stratascope.presentation import exposure
from stratascope.probe.piped import withheld
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

CLOSED = Trouble(withheld().message, sandbox.GRANT)


def test_it_appears_with_the_command_and_stays_away_once_closed(window: MainWindow) -> None:
    notice = window.notices.trouble
    assert not notice.isVisible()
    window.selection.show_snapshot(replace(sample.snapshot(), trouble=CLOSED))
    assert notice.isVisible()
    assert notice.command.isVisible()
    assert notice.command.text() == sandbox.GRANT
    assert sandbox.GRANT in notice.accessibleName()
    assert QApplication.activeModalWidget() is None
    notice.copy.click()
    assert QGuiApplication.clipboard().text() == sandbox.GRANT
    notice.close_button.click()
    window.selection.show_snapshot(replace(sample.snapshot(), trouble=CLOSED))
    assert not notice.isVisible()


def test_another_trouble_has_no_command_and_goes_with_its_reason(window: MainWindow) -> None:
    window.selection.show_snapshot(replace(sample.snapshot(), trouble=Trouble(msg("No service."), words="its words")))
    notice = window.notices.trouble
    assert notice.isVisible()
    assert not notice.command.isVisible()
    assert not notice.copy.isVisible()
    assert notice.accessibleDescription() == "its words"
    window.selection.show_snapshot(sample.snapshot())
    assert not notice.isVisible()


def test_the_whole_command_is_to_be_seen_in_the_narrowest_window(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(window.minimumSize())
    window.selection.show_snapshot(replace(sample.snapshot(), trouble=CLOSED))
    qtbot.wait(50)
    label = window.notices.trouble.command
    needed = label.heightForWidth(label.width())
    assert label.height() >= needed
    assert window.notices.trouble.text.height() >= window.notices.trouble.text.heightForWidth(
        window.notices.trouble.text.width()
    )


def test_the_demo_has_no_notice(window: MainWindow) -> None:
    window.selection.show_snapshot(replace(sample.snapshot(demo=True), trouble=CLOSED))
    assert not window.notices.trouble.isVisible()


def test_a_container_s_own_words_name_the_command_too() -> None:
    assert sandbox.GRANT in exposure.advice(Gap(GapKind.CONFINED))
    assert "Flatpak" in exposure.reason(Gap(GapKind.CONFINED))
