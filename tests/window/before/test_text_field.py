"""The text field: notes on lines are shown behind the text, and never cover it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from stratascope.ui.before.text_field import OPEN, WEAK, LineNote, TextField, by_line
from stratascope.ui.kit.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

TEXT = "one\n" + "x" * 400 + "\nthree\nfour\n"
NOTES = (
    LineNote(1, "It is open.", OPEN, 1),
    LineNote(1, "It is weak.", WEAK, 2),
    LineNote(2, "It is weak, too.", WEAK, 3),
    LineNote(3, "A sentence " * 40, WEAK, 4, short="Set the crash handler, and 4 more critical"),
    LineNote(4, "Of no weight.", "", 5),
    LineNote(0, "Of the whole."),
)


def field(qtbot: QtBot, theme: Theme) -> TextField:
    made = TextField(theme)
    qtbot.addWidget(made)
    made.resize(700, 200)
    made.setPlainText(TEXT)
    made.show()
    made.show_notes(NOTES)
    QApplication.processEvents()
    return made


def test_a_reason_stands_behind_its_line_where_there_is_room(qtbot: QtBot, theme: Theme) -> None:
    text = field(qtbot, theme)
    assert text.reason_of(1) == "It is open.  +1"
    assert text.reason_of(2) in ("", "It is weak, too."[: len(text.reason_of(2))]), "behind the end of what wraps"
    assert text.reason_of(3) == "Set the crash handler, and 4 more critical"
    text.resize(280, 200)
    QApplication.processEvents()
    assert text.reason_of(3) == "Set the crash handler", "whole, or not at all"
    text.resize(160, 200)
    QApplication.processEvents()
    assert text.reason_of(3) == ""


def test_what_is_typed_is_not_covered(qtbot: QtBot, theme: Theme) -> None:
    """A long line looks the same with and without a note, except for its background."""
    text = field(qtbot, theme)
    text.show_notes(())
    bare = text.viewport().grab().toImage()
    text.show_notes((LineNote(2, "It is weak, too.", "", 3),))
    assert text.viewport().grab().toImage() == bare
    text.show_notes(NOTES)
    assert text.viewport().grab().toImage() != bare


def test_margins_have_mark_number_and_ground(qtbot: QtBot, theme: Theme) -> None:
    text = field(qtbot, theme)
    whole: QImage = text.grab().toImage()
    ground = theme.color(OPEN).rgb()
    ratio = whole.devicePixelRatio()
    row = round((text.viewport().geometry().top() + text.fontMetrics().height() / 2 + 2) * ratio)
    seen = [whole.pixel(x, row) for x in range(whole.width())]
    assert seen.count(ground) > whole.width() / 2
    assert ground in seen[: round(60 * ratio)], "in the margin at the left"
    assert ground in seen[-round(30 * ratio) :], "and at the right"


def test_all_of_it_is_in_the_tooltip_and_told_with_the_line(qtbot: QtBot, theme: Theme) -> None:
    text = field(qtbot, theme)
    place = QPoint(5, 5)
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, text.viewport().mapToGlobal(place))
    QApplication.sendEvent(text.viewport(), event)
    assert "It is open." in QToolTip.text()
    assert "It is weak." in QToolTip.text()
    QToolTip.hideText()
    assert "layer 1" in text.accessibleDescription()
    with qtbot.waitSignal(text.line_entered):
        text.go_to(4)
    assert text.accessibleDescription() == "line 4  layer 5  Of no weight."


def test_the_worst_of_a_line_comes_first() -> None:
    found = by_line((LineNote(1, "a", OPEN), LineNote(1, "b", WEAK), LineNote(0, "c")))
    assert [each.text for each in found[1]] == ["a", "b"]
    assert 0 not in found
