"""The icon: the window has it, it is legible at 16 pixels on light and dark; the symbolic one has one colour."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtGui import QColor, QIcon, QPixmap
from pytestqt.qtbot import QtBot

from stratascope import resources
from stratascope.ui.app.app import make_application, own_icon
from stratascope.ui.window.main_window import MainWindow

SIZES = (16, 24, 32, 48, 64, 128, 256)
LIGHT, DARK = QColor("#fafafa"), QColor("#1e1e1e")


def luminance(colour: QColor) -> float:
    """Return WCAG 2.2's relative luminance."""
    shares = (colour.redF(), colour.greenF(), colour.blueF())
    parts = [share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4) for share in shares]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_window_has_it(window: MainWindow) -> None:
    app = make_application([])
    assert not app.windowIcon().isNull()
    assert not window.windowIcon().isNull()
    assert app.desktopFileName() == resources.APPLICATION_ID


@pytest.mark.parametrize("size", SIZES)
def test_it_fills_each_size(qtbot: QtBot, size: int) -> None:
    picture = own_icon().pixmap(size, size).toImage()
    assert (picture.width(), picture.height()) == (size, size)
    solid = sum(picture.pixelColor(x, y).alpha() > 128 for x in range(size) for y in range(size))
    assert 0.4 < solid / size**2 < 0.9
    assert all(picture.pixelColor(x, y).alpha() == 0 for x, y in ((0, 0), (size - 1, 0), (0, size - 1)))


def test_at_16_pixels_its_layers_are_apart(qtbot: QtBot) -> None:
    """In a column next to the ray: a row for each of the six and one for the kernel, all in different colours."""
    picture = own_icon().pixmap(16, 16).toImage()
    column = [picture.pixelColor(4, y) for y in range(3, 10)]
    for above, below in pairwise(column):
        apart = (above.red() - below.red(), above.green() - below.green(), above.blue() - below.blue())
        assert max(map(abs, apart)) >= 24
    ray = [picture.pixelColor(6, y) for y in range(3, 7)]
    assert all(colour.red() > 2 * colour.green() for colour in ray)
    assert all(colour.red() < 2 * colour.green() for colour in column)


@pytest.mark.parametrize("ground", [LIGHT, DARK], ids=["light", "dark"])
def test_its_outline_stands_out(qtbot: QtBot, ground: QColor) -> None:
    """WCAG asks for 3:1; ring and handle, where they cover a pixel fully."""
    picture = own_icon().pixmap(64, 64).toImage()
    for x, y in ((26, 6), (6, 26), (45, 26), (26, 45), (52, 52)):
        assert picture.pixelColor(x, y).alpha() == 255
        assert contrast(picture.pixelColor(x, y), ground) >= 3.0


def test_the_theme_of_the_desktop_goes_first(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "hicolor" / "32x32" / "apps"
    folder.mkdir(parents=True)
    (tmp_path / "hicolor" / "index.theme").write_text(
        "[Icon Theme]\nName=Hicolor\nComment=c\nDirectories=32x32/apps\n[32x32/apps]\nSize=32\nType=Fixed\n"
    )
    red = QPixmap(32, 32)
    red.fill(QColor("red"))
    assert red.save(str(folder / f"{resources.APPLICATION_ID}.png"))
    before = QIcon.themeSearchPaths()
    QIcon.setThemeSearchPaths([str(tmp_path)])
    try:
        assert own_icon().pixmap(32, 32).toImage().pixelColor(16, 16) == QColor("red")
    finally:
        QIcon.setThemeSearchPaths(before)


def test_the_symbolic_one_follows_the_rules() -> None:
    """One colour, a grid of 16, and only paths: the desktop paints them in its text colour."""
    root = ElementTree.parse(resources.path(resources.SYMBOLIC_ICON)).getroot()
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("16", "16", "0 0 16 16")
    assert [child.tag.rpartition("}")[2] for child in root] == ["path"]
    assert {child.get("fill") for child in root} == {"#2e3436"}
    assert not any(child.get(name) for child in root for name in ("stroke", "style", "opacity", "transform"))
