"""Colour never stands alone: any two states of a painted sign differ in shape, pattern or text when all colour and
brightness are removed. The test compares where something is drawn, not how dark it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from rig.window import sample
from rig.window.contrast import contrast
from rig.window.sample import E, U, W, X
from stratascope.core.layer import CallVerdict, Verdict
from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import Progress, State
from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.presentation.threat_outcomes import Protection
from stratascope.ui.fleet.picture import paint_cell
from stratascope.ui.fleet.table import CellKind, FleetCell
from stratascope.ui.kit.buttons import paint_switch
from stratascope.ui.kit.marks import Mark, paint_evidence, paint_mark, paint_stance
from stratascope.ui.kit.theme import Theme, ThemeMode, load_tokens
from stratascope.ui.relaunch.dialog import StepLine
from stratascope.ui.strata.band import Band
from stratascope.ui.strata.rays_card import RayLegend, Sign
from stratascope.ui.syscalls.list import MARKS, paint_ground
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
Shape = NDArray[numpy.bool_]
SHARE = 0.06  # part of all that is drawn in two signs that only one of them has
SEEN = 22  # of 255: difference from the background from which a grey counts as drawn
SCALE = 2  # as on a high-resolution display; at 11 pixels a sign hardly has a shape


def shape(width: float, height: float, paint: Callable[[QPainter], None], theme: Theme, ground: str = "panel") -> Shape:
    """Return where something is drawn, on that background."""
    image = QImage(round(width * SCALE), round(height * SCALE), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    image.fill(theme.color(ground))
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return drawn(image)


def drawn(image: QImage) -> Shape:
    """Return, in grey, every pixel that differs from the corner."""
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    flat = numpy.frombuffer(grey.constBits(), numpy.uint8).reshape(grey.height(), grey.bytesPerLine())
    levels = flat[:, : grey.width()].astype(numpy.int16)
    found: Shape = numpy.abs(levels - levels[0, 0]) > SEEN
    return found


def alike(shapes: Mapping[Any, Shape]) -> list[str]:
    """Return the pairs that cannot be told apart."""
    wrong = []
    for (one, first), (two, second) in combinations(shapes.items(), 2):
        either = int((first | second).sum())
        differ = int((first ^ second).sum())
        if not either or differ / either < SHARE:
            wrong.append(f"{one} and {two}: {differ} of {either}")
    return wrong


@pytest.fixture(params=[ThemeMode.LIGHT, ThemeMode.DARK])
def theme(request: pytest.FixtureRequest, qapp: object) -> Theme:
    return Theme(request.param)


def test_marks(theme: Theme) -> None:
    for side in (11, 14):
        box = QRectF(3, 3, side, side)
        shapes = {
            mark: shape(side + 6, side + 6, partial(paint_mark, box=box, mark=mark, theme=theme), theme)
            for mark in Mark
        }
        assert alike(shapes) == []


ANSWERS = (
    None,
    *(Ruling(stance, msg("word"), "") for stance in Stance if stance is not Stance.NOT_ITS_JOB),
    *(Ruling(stance, msg("word"), "", basis=Basis.ASKED) for stance in (Stance.STOPS, Stance.LETS_THROUGH)),
)


def test_answers_of_the_matrix(theme: Theme) -> None:
    box = QRectF(3, 3, 31, 23)
    for where in Protection:
        shapes = {
            ruling: shape(
                37,
                29,
                partial(paint_stance, box=box, ruling=ruling, where=where, theme=theme),
                theme,
            )
            for ruling in ANSWERS
        }
        assert alike(shapes) == [], where


def test_system_calls(theme: Theme) -> None:
    box = QRectF(2, 2, 126, 19)

    def paint(painter: QPainter, verdict: CallVerdict) -> None:
        paint_ground(painter, box, verdict, theme)
        paint_mark(painter, QRectF(7, 7, 9, 9), MARKS[verdict], theme)

    assert alike({each: shape(130, 23, partial(paint, verdict=each), theme) for each in CallVerdict}) == []


def test_bands(theme: Theme) -> None:
    """The field next to the text, without rays."""
    layers = dict(zip((E, W, X, U), sample.state("x", (E, W, X, U, E, E)).layers, strict=False))
    images: dict[str, Shape] = {}
    for verdict, state in layers.items():
        band = Band(theme, 3, None)
        band.resize(600, 40)
        band.show_layer(replace(state, assessment=replace(state.assessment, verdict=verdict)), running=True, gap=None)
        page = QWidget()
        page.setStyleSheet(f"background: {theme.color('window').name()}")
        band.setParent(page)
        page.resize(600, 40)
        image = page.grab().toImage()
        images[verdict] = _tinted(image.copy(300, 0, 300, 40))
    away = Band(theme, 3, None)
    assert away.text()
    assert alike(images) == []


def _tinted(image: QImage) -> Shape:
    """Return as `drawn` does, counting a soft background too, on which a pattern is drawn."""
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    flat = numpy.frombuffer(grey.constBits(), numpy.uint8).reshape(grey.height(), grey.bytesPerLine())
    levels = flat[:, : grey.width()].astype(numpy.int16)
    middle = int(numpy.median(levels))
    found: Shape = numpy.abs(levels - middle) > 3
    return found


def test_rays(theme: Theme) -> None:
    legend = RayLegend(theme)
    legend.resize(60, 18)
    shapes = {sign: shape(30, 18, partial(legend.paint_sign, sign=sign, x=15), theme, "window") for sign in Sign}
    assert alike(shapes) == []


def test_marks_of_evidence(theme: Theme) -> None:
    marks = ("tick", "ring", "square", "question", "triangle")
    shapes = {
        mark: shape(
            16, 16, partial(paint_evidence, box=QRectF(2, 2, 12, 12), mark=mark, theme=theme, ink="text"), theme
        )
        for mark in marks
    }
    assert alike(shapes) == []


TEXTS = {
    CellKind.OPEN_SERIOUS: "0",
    CellKind.OPEN_MEDIUM: "0",
    CellKind.OPEN_MINOR: "0",
    CellKind.UNKNOWN: "?",
    CellKind.ONCE: "1",
    CellKind.TWICE: "2",
    CellKind.DEEP: "3",
}
DEPTHS = (
    CellKind.OPEN_SERIOUS,
    CellKind.UNKNOWN,
    CellKind.HOST,
    CellKind.ONCE,
    CellKind.TWICE,
    CellKind.DEEP,
    CellKind.NOTHING,
)
BITS = (
    CellKind.HELD_ADDED,
    CellKind.HELD,
    CellKind.HELD_INSIDE,
    CellKind.HELD_UNKNOWN,
    CellKind.MISSING,
    CellKind.UNSET,
)


@pytest.mark.parametrize("inks", [DEPTHS, BITS], ids=["depths", "bits"])
def test_cells_of_the_fleet(theme: Theme, inks: tuple[CellKind, ...]) -> None:
    """On the cell's own colour, if any: the number or sign in it has to differ."""
    shapes: dict[str, Shape] = {}
    for ink in inks:
        image = QImage(48, 48, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(SCALE)
        image.fill(theme.color("panel"))
        painter = QPainter(image)
        paint_cell(painter, QRectF(0, 0, 24, 24), FleetCell(ink, TEXTS.get(ink, "")), theme)
        painter.end()
        shapes[ink] = _tinted(image)
    assert alike(shapes) == []


def test_switches(theme: Theme) -> None:
    box = QRectF(2, 2, 32, 18)
    shapes = {f"{on}": shape(36, 22, partial(paint_switch, box=box, theme=theme, on=on), theme) for on in (True, False)}
    assert alike(shapes) == []


def test_steps(theme: Theme) -> None:
    shapes = {}
    for state in State:
        line = StepLine(theme, Progress("x", state, 1.0, msg("x")))
        line.resize(300, 28)
        line.setStyleSheet(f"background: {theme.color('panel').name()}")
        shapes[state] = drawn(line.grab().toImage().copy(0, 0, 20, 28))
    assert alike(shapes) == []


def test_the_same_sign_twice_is_found(theme: Theme) -> None:
    same = {
        str(at): shape(20, 20, lambda p: paint_mark(p, QRectF(3, 3, 14, 14), Mark.OPEN, theme), theme) for at in (1, 2)
    }
    assert len(alike(same)) == 1


# -- dichromatic vision (Machado, Oliveira, Fernandes 2009, full strength, on linear RGB)

SEEING = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}


def as_seen(colour: str, eye: str) -> str:
    parts = numpy.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = numpy.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = numpy.clip(numpy.array(SEEING[eye]) @ linear, 0, 1)
    coded = numpy.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(part) * 255):02X}" for part in coded)


@pytest.mark.parametrize("eye", sorted(SEEING))
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["enf", "weak", "open", "unk", "accent", "rayopen", "raywarn"])
def test_signs_stand_out_for_every_eye(eye: str, theme: str, ink: str) -> None:
    tokens = load_tokens()[theme]
    for ground in ("panel", "window"):
        assert contrast(as_seen(tokens[ink], eye), as_seen(tokens[ground], eye)) >= 3.0, ground


def test_each_verdict_is_a_word_too(theme: Theme) -> None:
    from stratascope.ui.kit.marks import verdict_word

    assert len({verdict_word(each) for each in Verdict}) == len(Verdict)
