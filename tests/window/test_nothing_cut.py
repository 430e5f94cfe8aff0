"""At 1440 x 900, with the desktop's own font, no sentence ends in an ellipsis: only names and paths may.

Our widgets elide text by one function of Qt, which is intercepted on a walk through the whole window. A name is elided
in its middle, or is one word; a text of several words that loses its end is a cut sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from stratascope.i18n.language import VARIABLE, start
from stratascope.ui.app import app
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import Theme
from window import whole_walk

COMMAND = re.compile(r"(^| )--[a-z]|^docker run |^podman run ")
IMAGE = re.compile(r"[a-z0-9._/-]+:[A-Za-z0-9._-]+").fullmatch  # a name with its tag: the tooltip has all of it


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
    """Collect each text that was drawn without its end, and what remained of it."""
    found, whole = dict[str, str](), dict[str, str]()
    elided, draw = QFontMetrics.elidedText, QPainter.drawText

    def listen(metrics: QFontMetrics, text: str, mode: Qt.TextElideMode, width: int) -> str:
        shown = elided(metrics, text, mode, width)
        if shown == text:
            found.pop(text, None)  # it was painted before it was laid out again
        elif mode is Qt.TextElideMode.ElideRight:
            whole[shown] = text  # also asked for a tooltip, of pages that are hidden and have no size yet
        return shown

    def see(painter: QPainter, *words: Any) -> Any:
        found.update({whole[each]: each for each in words if isinstance(each, str) and each in whole})
        return draw(painter, *words)

    monkeypatch.setattr(QFontMetrics, "elidedText", listen)
    monkeypatch.setattr(QPainter, "drawText", see)
    return found


def test_no_sentence_is_cut(qtbot: QtBot, speech: str, cut: dict[str, str]) -> None:
    """A command is no sentence; it is complete in the tooltip, and when copied."""
    for _, part in whole_walk.stops(qtbot, 1440):
        part.grab()
    sentences = {text: shown for text, shown in cut.items() if not COMMAND.search(text) and not IMAGE(text)}
    assert sentences == {}


def test_what_is_cut_is_found(qtbot: QtBot, speech: str, cut: dict[str, str], theme: Theme) -> None:
    """The interception itself."""
    line = Line(theme, 13)
    qtbot.addWidget(line)
    line.resize(60, 20)
    line.say("A sentence of more than sixty pixels")
    line.show()
    qtbot.waitUntil(lambda: "A sentence of more than sixty pixels" in cut)
