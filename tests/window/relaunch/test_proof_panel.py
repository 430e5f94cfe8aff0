"""Proof's rows: what is long takes several lines, and nothing of it is cut."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.message import msg
from stratascope.core.snapshot import LayerState
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.proof_panel import ROW, LayerProof
from stratascope.value import replace


def layer(fact: str) -> LayerState:
    found = sample.state("web").layers[0]
    return replace(found, assessment=replace(found.assessment, fact=msg("{text}", text=fact)))


def test_a_long_value_is_wrapped(qtbot: QtBot, theme: Theme) -> None:
    source = f"/proc/12345/{'long-name/' * 12}status:CapBnd"
    long = layer("Shared with the host: " + ", ".join(f"namespace {number}" for number in range(20)))
    short = LayerProof(theme, layer("a"), layer("b"), "Capabilities", "/proc/1/status")
    row = LayerProof(theme, layer("a"), long, "Capabilities", source)
    for each in (short, row):
        qtbot.addWidget(each)
    assert short.heightForWidth(900) == theme.px(ROW)
    for width in (900, 600, 420):
        high = row.heightForWidth(width)
        assert high > theme.px(ROW)
        for _, room, font, _, flags, text in row.texts(width):
            needed = QFontMetrics(font).boundingRect(QRect(0, 0, room, 100_000), flags, text)
            assert needed.height() <= high, text
            assert needed.width() <= room + 1, text
