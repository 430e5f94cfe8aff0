"""Foreign text stays plain, whatever it contains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6 import QtGui
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QTextDocument, QTextLayout
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.window.sample import LONG, NASTY
from stratascope import ui
from stratascope.ui.kit.labels import Label, Line, tip, wrapped
from stratascope.ui.kit.theme import Theme

UI = Path(ui.__file__).parent


@pytest.mark.parametrize("text", ["<b>x</b>", "a & b", NASTY, "<img src='file:///etc/passwd'>", "日本語"])
def test_a_tooltip_shows_markup_letter_by_letter(text: str) -> None:
    shown = tip(text)
    assert QtGui.Qt.mightBeRichText(shown)  # so that Qt does decode what was escaped
    document = QTextDocument()
    document.setHtml(shown)
    plain_text = document.toPlainText().replace("\u200b", "")
    assert "\x1b" not in plain_text
    assert "\u202e" not in plain_text
    if text.isprintable():
        assert plain_text == text


def test_no_other_text_is_markup_either() -> None:
    """Qt interprets the text of a label, a box and a tooltip as markup if it looks like it."""
    for path in UI.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "QLabel(" not in text or path.name == "labels.py", path
        assert text.count("QMessageBox(") == text.count("box.setTextFormat(Qt.TextFormat.PlainText)"), path
        for line in re.findall(r"\.setToolTip\(.*|ToolTipRole\b.*:\n.*|QToolTip\.showText\(.*", text):
            assert re.search(r"\btip\(", line), f"{path}: {line}"
        assert not re.search(r"\.(setHtml|setWhatsThis|setStatusTip|appendHtml|insertHtml)\(", text), path


def test_a_label_is_plain(theme: Theme, qtbot: QtBot) -> None:
    for label in (Label(theme), Line(theme)):
        qtbot.addWidget(label)
        assert label.textFormat() is Qt.TextFormat.PlainText


def test_a_tooltip_is_cut() -> None:
    assert len(tip(LONG)) < 1200


def test_no_tooltip_for_nothing() -> None:
    assert tip("") == ""


def test_a_line_is_elided_and_tells_the_whole(theme: Theme, qtbot: QtBot) -> None:
    line = Line(theme)
    qtbot.addWidget(line)
    line.resize(60, 20)
    line.say(NASTY)
    assert line.textFormat() is Qt.TextFormat.PlainText
    assert "\u202e" not in line.text()
    assert "&lt;img" in line.toolTip()
    assert line.accessibleName().startswith("<img")
    line.resize(4000, 20)
    line.show()
    assert line.toolTip() == ""


def test_every_label_is_plain_text(theme: Theme, qtbot: QtBot) -> None:
    label = Label(theme)
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText


def test_a_count_is_whole_or_not_seen(qtbot: QtBot, theme: Theme) -> None:
    line = Line(theme, 12, or_nothing=True)
    qtbot.addWidget(line)
    line.say("13 running containers")

    def inks(width: int) -> int:
        line.resize(width, 20)
        drawn = line.grab().toImage()
        return len({drawn.pixel(x, y) for x in range(drawn.width()) for y in range(drawn.height())})

    assert inks(300) > 1
    assert inks(40) == 1
    assert line.accessibleName() == "13 running containers"
    assert "13 running containers" in line.toolTip()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the Docker socket, /var/run/docker.sock.", ["/var/run/docker.sock."]),
        ("a folder, /srv/a-name/that-is-longer/than-a-line/of-it", ["/srv/"]),
        ("either/or, 10/20", []),
    ],
)
def test_a_path_breaks_between_its_parts_and_not_after_its_first_slash(
    qtbot: QtBot, theme: Theme, text: str, whole: list[str]
) -> None:
    layout, shown, lines = QTextLayout(wrapped(text), theme.font(13)), wrapped(text), []
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(150)
        lines.append(shown[line.textStart() : line.textStart() + line.textLength()].replace("\N{WORD JOINER}", ""))
    layout.endLayout()
    for path in whole:
        assert any(path in line for line in lines), lines
    assert "".join(lines) == text
    label = Label(theme, wrap=True, text=text)
    qtbot.addWidget(label)
    assert label.text() == text


def test_an_endless_word_breaks_and_what_is_copied_stays_as_it_is(qtbot: QtBot, theme: Theme) -> None:
    text = f"- -v {'0123456789abcdef' * 4}:/srv/a-name/that-is-longer/than-a-line/of-it"
    label = Label(theme, wrap=True, fixed=True, text=text)
    qtbot.addWidget(label)
    assert label.text() == text
    wide = QFontMetrics(label.font()).horizontalAdvance("0") * 30
    flags = int(Qt.TextFlag.TextWordWrap)
    room = QFontMetrics(label.font()).boundingRect(0, 0, wide, 9999, flags, wrapped(text))
    assert room.width() <= wide
    label.selectable().setText(text)
    assert QLabel.text(label) == text, "no invisible character is copied with it"
