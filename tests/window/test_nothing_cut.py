"""At 1440 x 900, with the desktop's own font, no sentence ends in an ellipsis: names and paths alone may.

Our widgets shorten text by one function of Qt, which is listened to on a walk through the whole window. A name is
shortened in its middle, or is one word; a text of several words that loses its end is a sentence that was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from stratascope.i18n.language import VARIABLE, start
from stratascope.ui.app import app
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import Theme
from window import whole_walk

COMMAND = re.compile(r"(^| )--[a-z]|^docker run |^podman run ")


@pytest.fixture(params=["en", "ja"])
def speech(request: pytest.FixtureRequest, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The program in that language."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    assert start({VARIABLE: request.param}, None) is None
    app.speak(qapp)
    yield request.param
    start({VARIABLE: "en"}, None)
    app.speak(qapp)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Each text that lost its end, and what was left of it."""
    found: dict[str, str] = {}
    real = QFontMetrics.elidedText

    def listen(metrics: QFontMetrics, text: str, mode: Qt.TextElideMode, width: int) -> str:
        shown = real(metrics, text, mode, width)
        if shown == text:
            found.pop(text, None)  # it was painted before it had been laid out anew
        elif mode is Qt.TextElideMode.ElideRight:
            found[text] = shown
        return shown

    monkeypatch.setattr(QFontMetrics, "elidedText", listen)
    return found


def test_no_sentence_is_cut(qtbot: QtBot, speech: str, cut: dict[str, str]) -> None:
    """A command is no sentence; its whole is in the tooltip, and copied."""
    for _, part in whole_walk.stops(qtbot, 1440):
        part.grab()
    assert {text: shown for text, shown in cut.items() if not COMMAND.search(text)} == {}


def test_what_is_cut_is_found(qtbot: QtBot, speech: str, cut: dict[str, str], theme: Theme) -> None:
    """The listening itself."""
    line = Line(theme, 13)
    qtbot.addWidget(line)
    line.resize(60, 20)
    line.say("A sentence of more than sixty pixels")
    line.show()
    qtbot.waitUntil(lambda: "A sentence of more than sixty pixels" in cut)
