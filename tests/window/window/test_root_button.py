"""The button that reads as root: it says what it starts, asks once, and reports a refusal until it is dismissed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from rig.window import sample
from stratascope.core.message import msg
from stratascope.core.snapshot import Privilege, PrivilegeState
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

COMMAND = "pkexec /usr/libexec/stratascope-helper"
IDLE = Privilege(PrivilegeState.IDLE, COMMAND)
REFUSED = Privilege(PrivilegeState.REFUSED, COMMAND, msg("It was refused."), "Request <b>dismissed</b>\x1b[31m")


def show(window: MainWindow, privilege: Privilege) -> None:
    window.selection.show_snapshot(replace(sample.snapshot(), privilege=privilege))


def test_it_is_hidden_where_nothing_is_live(window: MainWindow) -> None:
    assert not window.toolbar.root.isVisible()
    window.toolbar.elevate()
    show(window, IDLE)
    assert window.toolbar.root.isVisible()


def test_it_says_exactly_what_it_starts(window: MainWindow) -> None:
    show(window, IDLE)
    button = window.toolbar.root
    assert button.text() == button.accessibleName() == "Read as root"
    assert COMMAND in button.toolTip()
    assert COMMAND in button.accessibleDescription()
    assert "Ctrl+R" in button.toolTip()
    show(window, replace(IDLE, command=""))
    assert "no password is needed" in button.toolTip()


@pytest.mark.parametrize("state", PrivilegeState)
def test_root_sees_no_shut_lock_while_it_opens_by_itself(window: MainWindow, state: PrivilegeState) -> None:
    show(window, Privilege(state))
    assert window.toolbar.root.isVisible() is (state in (PrivilegeState.ON, PrivilegeState.REFUSED))


def test_by_mouse_by_key_and_by_keyboard_focus(window: MainWindow, watch: sample.StillWatch) -> None:
    show(window, IDLE)
    QTest.mouseClick(window.toolbar.root, Qt.MouseButton.LeftButton)
    assert watch.elevated == 1
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert watch.elevated == 2
    window.toolbar.root.setFocus()
    QTest.keyClick(window.toolbar.root, Qt.Key.Key_Space)
    assert watch.elevated == 3


@pytest.mark.parametrize("state", [PrivilegeState.ASKING, PrivilegeState.ON, PrivilegeState.ABSENT])
def test_it_asks_only_once(window: MainWindow, watch: sample.StillWatch, state: PrivilegeState) -> None:
    show(window, Privilege(state, COMMAND))
    window.toolbar.elevate()
    window.toolbar.root.click()
    assert watch.elevated == 0


def test_on_is_told(window: MainWindow) -> None:
    show(window, Privilege(PrivilegeState.ON, COMMAND))
    assert window.toolbar.root.text() == "Root reading on"
    assert "Ctrl+R" not in window.toolbar.root.toolTip()


def test_a_refusal_is_told_until_it_is_closed(window: MainWindow, watch: sample.StillWatch) -> None:
    show(window, IDLE)
    before = window.selection.current
    assert not window.notices.privilege.isVisible()
    show(window, REFUSED)
    assert window.notices.privilege.isVisible()
    assert window.notices.privilege.accessibleName() == "It was refused."
    assert "\x1b" not in window.notices.privilege.accessibleDescription()
    assert "<b>" not in window.notices.privilege.text.toolTip()
    assert window.selection.current is not None
    assert before is not None
    assert window.selection.current.key == before.key
    QTest.mouseClick(window.notices.privilege.close_button, Qt.MouseButton.LeftButton)
    assert not window.notices.privilege.isVisible()
    show(window, REFUSED)
    assert not window.notices.privilege.isVisible(), "what was closed stays closed"
    window.toolbar.root.click()
    assert watch.elevated == 1
    show(window, Privilege(PrivilegeState.ASKING, COMMAND))
    show(window, REFUSED)
    assert window.notices.privilege.isVisible(), "asked again and refused again: told again"
    show(window, Privilege(PrivilegeState.ON, COMMAND))
    assert not window.notices.privilege.isVisible()


def test_it_folds_into_the_lock(window: MainWindow) -> None:
    show(window, IDLE)
    wide = window.toolbar.root.sizeHint().width()
    window.resize(800, 700)
    assert window.toolbar.root.sizeHint().width() < wide / 3
    assert window.toolbar.root.accessibleName() == "Read as root"


@pytest.mark.parametrize("state", [PrivilegeState.IDLE, PrivilegeState.ASKING, PrivilegeState.ON])
def test_it_is_painted(window: MainWindow, theme: Theme, state: PrivilegeState) -> None:
    show(window, Privilege(state, COMMAND))
    image = window.toolbar.root.grab().toImage()
    inks = {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}
    assert len(inks) > 5
