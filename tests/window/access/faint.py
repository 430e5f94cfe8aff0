"""Contrast as painted: each text of a window against its background.

The window is painted twice, as vectors (which text in which colour where) and as pixels (its background). Decided
against reading the darkest pixel of a text: letters of 11 px have hardly one in their full colour.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from PySide6.QtCore import QBuffer, QByteArray, QPoint, QRect, QRectF
from PySide6.QtGui import QImage, QPainter, QRegion, QTransform
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from rig.window.contrast import contrast

LEAST, LEAST_LARGE = 4.5, 3.0  # WCAG 2.1, 1.4.3 AA
LARGE, LARGE_BOLD = 24.0, 18.66  # px
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Written:
    """A painted text: its content, colour and size, and where its line begins."""

    text: str
    ink: str
    size: float
    bold: bool
    x: float
    y: float
    width: float


def vectors(top: QWidget) -> list[Written]:
    """Return the texts that a widget paints."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(top.size())
    generator.setViewBox(top.rect())
    generator.setResolution(96)
    painter = QPainter(generator)
    top.render(painter, QPoint(0, 0), QRegion(top.rect()))
    painter.end()
    return list(_texts(ElementTree.fromstring(data.data()), {}))


def _texts(node: ElementTree.Element, above: dict[str, str]) -> Iterator[Written]:
    said = above | dict(node.attrib)
    if "transform" in node.attrib:
        said["transforms"] = above.get("transforms", "") + " " + node.attrib["transform"]
    if node.tag == f"{SVG}text" and (node.text or "").strip():
        matrix = QTransform()
        for part in re.findall(r"matrix\(([^)]*)\)", said.get("transforms", "")):
            matrix = QTransform(*(float(each) for each in part.split(","))) * matrix
        where = matrix.map(QPoint(round(float(node.attrib["x"])), round(float(node.attrib["y"]))))
        size = float(said.get("font-size", "12").removesuffix("px"))
        text = (node.text or "").strip()
        bold = int(said.get("font-weight", "400")) >= 600
        upright = abs(matrix.m12()) < 0.01
        yield Written(
            text, said.get("fill", "#000000"), size, bold, where.x(), where.y(), _width(text, size) if upright else 0
        )
    for child in node:
        yield from _texts(child, said)


def _width(text: str, size: float) -> float:
    return len(text) * size * 0.45


def ground(image: QImage, written: Written) -> str:
    """Return the most frequent colour around a text; within a single letter there is more ink than background."""
    box = QRect(
        round(written.x),
        round(written.y - written.size * 0.85),
        max(round(written.size), round(written.width)),
        round(written.size * 1.1),
    )
    ratio = image.devicePixelRatio()
    scaled = (round(ratio * each) for each in (box.x(), box.y(), box.width(), box.height()))
    box = QRect(*scaled) & image.rect()
    if box.isEmpty():
        return ""
    part = image.copy(box).convertToFormat(QImage.Format.Format_RGB32)
    counted = Counter(memoryview(part.constBits()).cast("I")[::2])  # every second pixel
    return f"#{counted.most_common(1)[0][0] & 0xFFFFFF:06x}"


def too_faint(top: QWidget, tried: set[tuple[str, str, str]], hidden: Iterable[QRectF] = ()) -> Iterator[str]:
    """Yield the texts without contrast. `tried`: those that were looked at; `hidden`: where vectors show what pixels
    do not.
    """
    image = top.grab().toImage()
    places: dict[tuple[str, float, float], Written] = {}
    for written in vectors(top):
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", written.ink):
            continue
        if any(box.contains(written.x + 1, written.y - 1) for box in hidden):
            continue
        # selected text is painted twice and clipped, which vectors do not show: keep the visible one, which stands out
        other = places.get((written.text, written.x, written.y))
        below = ground(image, written)
        if other is None or contrast(written.ink, below) > contrast(other.ink, below):
            places[written.text, written.x, written.y] = written
    for written in places.values():
        below = ground(image, written)
        key = (written.text, written.ink, below)
        if not below or key in tried:
            continue
        tried.add(key)
        large = written.size >= LARGE or (written.bold and written.size >= LARGE_BOLD)
        found = contrast(written.ink, below)
        if found < (LEAST_LARGE if large else LEAST):
            yield f"{written.text[:40]!r} ({written.ink} on {below}, {written.size} px): {found:.2f}"
