"""A layer's band: its focus ring stands around its two lines."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.layer import About
from stratascope.core.message import msg
from stratascope.ui.kit.theme import Theme
from stratascope.ui.strata.band import Band
from stratascope.value import replace

WORDS = slice(60, 260)  # px: what is right of number and mark, and left of the rays


def rows(one: QImage, other: QImage) -> set[int]:
    """Return where two pictures differ, at the words."""
    across = range(WORDS.start, WORDS.stop)
    return {y for y in range(one.height()) if any(one.pixel(x, y) != other.pixel(x, y) for x in across)}


@pytest.mark.parametrize("checked", [False, True])
def test_the_focus_ring_crosses_neither_line(qtbot: QtBot, theme: Theme, checked: bool) -> None:
    layer = sample.states()[0].layers[2]

    def picture(fact: str, *, focused: bool) -> QImage:
        band = Band(theme, 3, About(msg("Capabilities"), msg("rights of root"), msg("Keys."), ()))
        qtbot.addWidget(band)
        band.resize(700, band.sizeHint().height())
        band.show_layer(replace(layer, assessment=replace(layer.assessment, fact=msg(fact))), running=True, gap=None)
        band.setChecked(checked)
        band.show()
        band.activateWindow()
        band.setFocusPolicy(Qt.FocusPolicy.StrongFocus if focused else Qt.FocusPolicy.NoFocus)
        if focused:
            band.setFocus()
            qtbot.waitUntil(band.hasFocus)
        return band.grab().toImage()

    words = rows(picture("40 of 41, 26 added, by engine", focused=False), picture("-", focused=False))
    ring = rows(picture("-", focused=False), picture("-", focused=True))
    assert words
    assert ring
    assert words & ring == set()


def test_a_low_band_has_its_fact_whole_or_not_at_all(qtbot: QtBot, theme: Theme) -> None:
    layer = sample.states()[0].layers[2]

    def picture(fact: str) -> QImage:
        band = Band(theme, 3, About(msg("Capabilities"), msg("rights of root"), msg("Keys."), ()))
        qtbot.addWidget(band)
        band.set_compact(True)
        band.set_rays(True, away=False)
        band.resize(700, band.sizeHint().height())
        band.show_layer(replace(layer, assessment=replace(layer.assessment, fact=msg(fact))), running=True, gap=None)
        return band.grab().toImage()

    bare = picture("")
    assert picture("2 of 41") != bare
    assert picture("40 of 41 capabilities, 26 of them added by its engine") == bare
