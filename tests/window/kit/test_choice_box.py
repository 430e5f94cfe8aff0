"""The combo box: its background is flat, and its focus an outline."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from stratascope.ui.kit.buttons import ChoiceBox
from stratascope.ui.kit.theme import Theme


def test_focus_is_an_outline_and_the_ground_stays(qtbot: QtBot, theme: Theme) -> None:
    theme.apply()
    box = ChoiceBox(theme)
    qtbot.addWidget(box)
    box.addItems(["one", "two"])
    box.resize(200, 30)
    box.show()
    box.activateWindow()
    box.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(box.hasFocus)
    drawn = box.grab().toImage()
    column = {QColor(drawn.pixel(120, y)).name() for y in range(3, box.height() - 3)}
    assert column == {theme.color("panel").name()}
    assert QColor(drawn.pixel(120, 0)).name() == theme.color("accent").name()
    arrow = [drawn.pixel(x, y) for x in range(180, 192) for y in range(10, 20)]
    assert len(set(arrow)) > 1, "what opens downwards says so"
