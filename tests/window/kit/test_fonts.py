"""The fonts of the window: Inter as shipped, a family with a bold for Japanese, and the desktop's for the rest."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetricsF, QTextLayout
from PySide6.QtWidgets import QApplication, QMenu

from stratascope import resources
from stratascope.state.shipped import parts
from stratascope.ui.kit import fonts
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, ThemeMode

# What the program's own words need beyond ASCII: arrows, signs and punctuation in use
SIGNS = "…·–‘’“”•←↑→↓×−²µ±°▲▼▴▾▸○●✓"


def letters(font: QFont, text: str) -> list[str]:
    """Return the family of each run of that text as it is laid out."""
    layout = QTextLayout(text, font)
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    return [run.rawFont().familyName() for run in line.glyphRuns()]


@pytest.mark.parametrize("weight", [REGULAR, MEDIUM, BOLD, QFont.Weight.Bold])
def test_latin_is_written_in_inter_in_each_weight_as_drawn(theme: Theme, weight: QFont.Weight) -> None:
    font = theme.font(13, weight)
    assert QFontInfo(font).family() == fonts.INTER
    assert QFontInfo(font).weight() == weight
    assert set(letters(font, "Remove --privileged Ærøskøbing Łódź 10.0")) == {fonts.INTER}
    widths = {each: QFontMetricsF(theme.font(13, each)).horizontalAdvance("Container") for each in (REGULAR, BOLD)}
    assert widths[BOLD] > widths[REGULAR]  # a bold of its own, not a smeared one


def test_signs_in_use_are_in_it(theme: Theme) -> None:
    missing = [sign for sign in SIGNS if letters(theme.font(13), sign) != [fonts.INTER]]
    assert missing == [] or set(missing) <= set("▴▾▸"), missing


def test_a_command_is_written_as_it_is_typed(theme: Theme) -> None:
    """Inter's contextual forms would draw an arrow for `->`."""
    metrics = QFontMetricsF(theme.font(13))
    assert metrics.horizontalAdvance("->") == pytest.approx(
        metrics.horizontalAdvance("-") + metrics.horizontalAdvance(">"), abs=1.5
    )
    assert "calt" not in (resources.path("fonts") / "Inter-400.ttf").read_bytes().decode("latin-1")


def test_digits_are_equally_wide_in_columns_alone(theme: Theme) -> None:
    usual, column = (QFontMetricsF(theme.font(15, BOLD, tabular=each)) for each in (False, True))
    assert column.horizontalAdvance("1111") == column.horizontalAdvance("0000")
    assert usual.horizontalAdvance("1111") < usual.horizontalAdvance("0000")


def test_qt_s_own_controls_use_it(qapp: QApplication) -> None:
    Theme(ThemeMode.LIGHT).apply()
    assert QApplication.font().families()[0] == fonts.INTER
    assert QMenu().font().families()[0] == fonts.INTER
    again = Theme(ThemeMode.LIGHT)  # not twice in the list
    assert again.font(13).families().count(fonts.INTER) == 1


def test_the_fixed_font_stays_the_desktop_s(theme: Theme) -> None:
    theirs = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()
    assert theme.font(12, fixed=True).families()[: len(theirs)] == theirs


def test_a_family_with_a_bold_is_chosen_for_japanese() -> None:
    bold = {"Noto Sans CJK JP", "Noto Serif CJK JP", "BIZ UDPGothic", "Zen Kaku", "Noto Sans Mono CJK JP"}

    def best(*installed: str) -> str:
        return fonts.best_japanese(installed, lambda family: family.partition(" [")[0] in bold)

    assert best("IPAGothic", "BIZ UDPGothic", "Noto Sans CJK JP") == "Noto Sans CJK JP"
    assert best("IPAGothic", "BIZ UDPGothic [MS  ]") == "BIZ UDPGothic [MS  ]"
    assert best("IPAGothic", "Noto Serif CJK JP", "Noto Sans Mono CJK JP", "Zen Kaku") == "Zen Kaku"
    assert best("IPAGothic", "Noto Serif CJK JP") == "Noto Serif CJK JP"
    assert best("IPAGothic", "VL PGothic") == ""
    assert best() == ""


def test_a_missing_file_leaves_the_desktop_s_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    fonts.inter.cache_clear()
    try:
        assert fonts.inter() == ""
        assert fonts.families(["Sans Serif"])[0] == "Sans Serif"
        (tmp_path / "fonts").mkdir()
        (tmp_path / "fonts" / "Inter-400.ttf").write_bytes(b"\0" * 4000)
        fonts.inter.cache_clear()
        assert fonts.inter() == ""
    finally:
        monkeypatch.undo()
        fonts.inter.cache_clear()
        assert fonts.inter() == fonts.INTER


def test_it_is_loaded_at_once(qapp: QApplication) -> None:
    files = sorted(resources.path("fonts").glob("Inter-*.ttf"))
    assert sum(file.stat().st_size for file in files) < 200_000
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        loaded = [QFontDatabase.addApplicationFont(str(file)) for file in files]
        took.append(time.perf_counter() - begun)
        for each in loaded:
            QFontDatabase.removeApplicationFont(each)
    assert min(took) < 0.01


def test_its_licence_is_shown_in_about() -> None:
    (inter,) = [part for part in parts() if part.name == "Inter"]
    assert inter.licence == "OFL-1.1"
    assert "SIL OPEN FONT LICENSE Version 1.1" in inter.text
    assert "The Inter Project Authors" in inter.text
