"""The notices below the toolbar are complete at any width: in a narrow window they wrap."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.message import msg
from stratascope.core.snapshot import Captured
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

LONG = msg("A sentence about the settings that is much longer than a window of five hundred and sixty pixels is wide.")


def whole(label: QLabel) -> bool:
    """Whether all its lines fit."""
    return label.height() >= label.heightForWidth(label.width())


@pytest.mark.parametrize("width", [560, 1440])
def test_nothing_of_them_is_cut(window: MainWindow, qtbot: QtBot, width: int) -> None:
    window.resize(width, 900)
    window.selection.show_snapshot(sample.snapshot(demo=True))
    notices = window.notices
    notices.settings.tell(LONG)
    qtbot.waitUntil(lambda: notices.demo.isVisible() and notices.settings.isVisible())
    captured = Captured("a-machine-with-a-name-of-some-length", 1.0)
    for bar in (notices.demo, notices.settings):
        for label in bar.findChildren(QLabel):
            qtbot.waitUntil(partial(whole, label))
    window.selection.show_snapshot(replace(sample.snapshot(), captures=(captured, captured, captured)))
    qtbot.waitUntil(notices.captures.isVisible)
    qtbot.waitUntil(partial(whole, notices.captures.text))
    assert not notices.demo.isVisible()
