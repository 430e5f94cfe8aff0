"""The table of tokens: both themes complete, and every contrast that the design promises."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFileDialog,
    QMenu,
    QPushButton,
    QRadioButton,
    QStyle,
    QStyleOptionButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from rig.window.contrast import contrast
from stratascope.core.message import msg
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.theme import Theme, ThemeMode, load_tokens, style_sheet

TEXT_ON_GROUNDS = ("text", "text2", "text3", "accent", "enf", "weak", "open", "unk")


def test_both_themes_have_the_same_tokens_and_only_colours() -> None:
    table = load_tokens()
    assert list(table) == ["light", "dark", "light high", "dark high"]
    assert all(set(tokens) == set(table["light"]) for tokens in table.values())
    for tokens in table.values():
        assert all(re.fullmatch(r"#[0-9A-F]{6}", value) for value in tokens.values())


def test_contrast_knows_its_ends() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#777777") == pytest.approx(1.0)


@pytest.mark.parametrize("theme", load_tokens())
@pytest.mark.parametrize("token", TEXT_ON_GROUNDS)
@pytest.mark.parametrize("ground", ["panel", "window", "sunk"])
def test_text_is_readable_on_every_ground(theme: str, token: str, ground: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens[token], tokens[ground]) >= 4.5


@pytest.mark.parametrize("theme", load_tokens())
@pytest.mark.parametrize("verdict", ["enf", "weak", "open", "unk"])
def test_a_verdict_is_readable_on_its_own_soft_colour(theme: str, verdict: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens[verdict], tokens[f"{verdict}_soft"]) >= 4.5
    assert contrast(tokens["text"], tokens[f"{verdict}_soft"]) >= 7
    assert contrast(tokens["text2"], tokens[f"{verdict}_soft"]) >= 4.5


@pytest.mark.parametrize("theme", load_tokens())
def test_other_pairs(theme: str) -> None:
    tokens = load_tokens()[theme]
    # the design rounds to one decimal: line2 on a light window is 2.98
    assert round(contrast(tokens["line2"], tokens["panel"]), 1) >= 3
    assert round(contrast(tokens["line2"], tokens["window"]), 1) >= 3
    assert contrast(tokens["bitoff"], tokens["panel"]) >= 3
    assert contrast(tokens["on_accent"], tokens["accent"]) >= 4.5
    assert contrast(tokens["ground_text"], tokens["ground"]) >= 7
    assert contrast(tokens["ground_label"], tokens["ground"]) >= 4.5
    assert contrast(tokens["text"], tokens["sel"]) >= 7


@pytest.mark.parametrize("theme", load_tokens())
@pytest.mark.parametrize("token", ["ray", "ray2", "rayopen", "raywarn", "raylow"])
@pytest.mark.parametrize("ground", ["window", "enf_soft", "weak_soft", "unk_soft", "sunk"])
def test_rays_stand_out_on_every_band(theme: str, token: str, ground: str) -> None:
    tokens = load_tokens()[theme]
    # the design rounds to one decimal
    assert round(contrast(tokens[token], tokens[ground]), 1) >= 3.2


@pytest.mark.parametrize("theme", ["light high", "dark high"])
def test_high_contrast_is_high(theme: str) -> None:
    """WCAG AAA for all text, also on selected items, and visible lines."""
    tokens = load_tokens()[theme]
    for ground in ("panel", "window", "sunk", "sel"):
        assert all(contrast(tokens[token], tokens[ground]) >= 7 for token in TEXT_ON_GROUNDS), ground
        assert contrast(tokens["line"], tokens[ground]) >= 4
        assert contrast(tokens["line2"], tokens[ground]) >= 7
    for verdict in ("enf", "weak", "open", "unk"):
        assert contrast(tokens[verdict], tokens[f"{verdict}_soft"]) >= 7
    assert contrast(tokens["on_accent"], tokens["accent"]) >= 7
    assert contrast(tokens["on_open"], tokens["rayopen"]) >= 7
    assert contrast(tokens["ground_label"], tokens["ground"]) >= 7


@pytest.mark.parametrize("theme", load_tokens())
def test_a_pill_in_the_ground_is_readable(theme: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens["on_label"], tokens["ground_label"]) >= 4.5


@pytest.mark.parametrize("theme", load_tokens())
def test_the_style_sheet_has_no_hole(theme: str) -> None:
    sheet = style_sheet(load_tokens()[theme], round)
    assert "@" not in sheet
    assert "$" not in sheet
    assert load_tokens()[theme]["accent"] in sheet


def test_switching_the_theme_tells_everyone(theme: Theme) -> None:
    told = []
    theme.changed.connect(lambda: told.append(theme.name))
    light = theme.color("text").name()
    theme.set_mode(ThemeMode.DARK)
    assert told == ["dark"]
    assert theme.color("text").name() != light
    theme.set_mode(ThemeMode.LIGHT)


def test_high_contrast_has_colours_of_its_own(theme: Theme) -> None:
    for mode in (ThemeMode.LIGHT, ThemeMode.DARK):
        theme.set_mode(mode)
        tokens = load_tokens()
        theme.set_contrast(high=True)
        assert theme.name == f"{mode} high"
        assert theme.color("text2").name().upper() == tokens[f"{mode} high"]["text2"] != tokens[mode]["text2"]
        theme.set_contrast(high=False)
        assert theme.color("text2").name().upper() == tokens[mode]["text2"]


def test_nothing_is_written_smaller_than_ten(theme: Theme) -> None:
    assert theme.font(6).pixelSize() >= 10
    assert theme.box(13) >= 13 * 1.4


def test_no_colour_value_stands_in_the_code() -> None:
    from pathlib import Path

    import stratascope.ui

    folder = Path(stratascope.ui.__file__).parent
    for file in folder.glob("*.py"):
        assert not re.search(r"#[0-9A-Fa-f]{6}\b", file.read_text(encoding="utf-8")), file.name


@pytest.mark.parametrize("look", ["", "link"])
def test_what_has_the_focus_keeps_its_size_and_the_room_for_its_text(qtbot: QtBot, look: str) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    theme = Theme(ThemeMode.LIGHT)
    holder.setStyleSheet(style_sheet(load_tokens()["light"], theme.px))
    buttons = [text_button(theme, msg("Stop observing"), look=look) for _ in range(2)]
    theme.lay(QVBoxLayout(holder), *buttons)
    holder.show()
    qtbot.waitExposed(holder)
    holder.activateWindow()
    buttons[0].setFocus()
    qtbot.waitUntil(buttons[0].hasFocus)
    assert buttons[0].sizeHint() == buttons[1].sizeHint()
    rooms = [_room(each) for each in buttons]
    assert rooms[0] == rooms[1]


def _room(button: QPushButton) -> QRect:
    option = QStyleOptionButton()
    option.initFrom(button)
    return button.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, button)


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_an_empty_box_is_seen(qtbot: QtBot, mode: ThemeMode, kind: type[QAbstractButton]) -> None:
    theme = Theme(mode)
    theme.apply()
    box = kind()
    qtbot.addWidget(box)
    box.show()
    drawn = box.grab().toImage()
    colours = {drawn.pixelColor(x, drawn.height() // 2).name() for x in range(drawn.width())}
    assert max(contrast(colour, theme.color("window").name()) for colour in colours) >= 3.0


def test_the_buttons_of_a_file_dialog_show_what_they_do(qtbot: QtBot, theme: Theme) -> None:
    theme.apply()
    dialog = QFileDialog()
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    qtbot.addWidget(dialog)
    dialog.show()
    above = dialog.findChild(QToolButton, "toParentButton")
    assert isinstance(above, QToolButton)
    drawn, size = above.grab().toImage(), above.size()
    inner = {
        drawn.pixelColor(x, y).name()
        for x in range(size.width() // 4, size.width() * 3 // 4)
        for y in range(size.height() // 4, size.height() * 3 // 4)
    }
    assert len(inner) > 4, "a picture"


@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_a_checked_box_has_a_tick_in_its_frame(qtbot: QtBot, theme: Theme, mode: ThemeMode) -> None:
    theme.set_mode(mode)
    theme.apply()
    drawn = []
    for on in (True, False):
        box = QCheckBox("")
        qtbot.addWidget(box)
        box.setChecked(on)
        image = box.grab().toImage()
        drawn.append([image.pixel(x, y) for x in range(image.width()) for y in range(image.height())])
    ticked, empty = drawn
    frame = theme.color("text3").rgb()
    assert ticked.count(frame) == empty.count(frame) > 30
    assert ticked != empty


def test_a_menu_higher_than_the_screen_scrolls(qtbot: QtBot, theme: Theme) -> None:
    """Two columns would part a heading from its entries."""
    theme.apply()
    menu = QMenu()
    qtbot.addWidget(menu)
    assert menu.style().styleHint(QStyle.StyleHint.SH_Menu_Scrollable, None, menu)
