"""Bars of limits: filled if read from the kernel, outlined if stated or predicted, and described as such."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from stratascope.core.layer import Bar, Tone
from stratascope.core.message import msg
from stratascope.core.threats.threat import Basis
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.page import BarWidget
from stratascope.value import replace

READ = Bar(msg("Processes"), None, 512.0, 32768.0, msg("512"), "pids.max", Tone.GOOD)


@pytest.mark.parametrize(
    ("basis", "word"),
    [(Basis.KERNEL, "Enforced"), (Basis.ASKED, "Enforced, as asked"), (Basis.PREDICTED, "Enforced, if run")],
)
def test_it_says_how_it_is_known(qtbot: QtBot, theme: Theme, basis: Basis, word: str) -> None:
    bar = BarWidget(theme, replace(READ, basis=basis))
    qtbot.addWidget(bar)
    assert bar.accessibleDescription().splitlines()[0] == word


def test_only_what_was_read_is_full(qtbot: QtBot, theme: Theme) -> None:
    def middle_of_mark(basis: Basis) -> int:
        bar = BarWidget(theme, replace(READ, basis=basis))
        qtbot.addWidget(bar)
        bar.resize(400, bar.sizeHint().height())
        image = QImage(bar.size(), QImage.Format.Format_RGB32)
        image.fill(theme.color("panel"))
        bar.render(image)
        return image.pixel(theme.px(11) // 2, theme.box(12) // 2)

    assert middle_of_mark(Basis.KERNEL) == theme.color("enf").rgb()
    assert middle_of_mark(Basis.PREDICTED) != theme.color("enf").rgb()
    assert middle_of_mark(Basis.ASKED) == middle_of_mark(Basis.PREDICTED)
