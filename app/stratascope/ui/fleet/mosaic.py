"""The visible part of the fleet as one image, put together from painted tiles.

There are about twenty distinct cells, however many containers there are. Each is painted once for a zoom; the image is
then gathered by numpy, pixel by pixel, so that its cost depends on the size of the window and not on the fleet.
"""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from stratascope.ui.fleet.cells import paint_cell
from stratascope.ui.fleet.table import FleetCell, FleetTable
from stratascope.ui.kit.theme import Theme

Pixels = NDArray[numpy.uint32]


class Mosaic:
    """`show` gives it a table; `image` makes the picture of a part of it."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._cells: list[FleetCell] = []
        self._codes: NDArray[numpy.uint8] = numpy.zeros((0, 0), numpy.uint8)
        self._tiles: tuple[object, Pixels] | None = None
        self._made: tuple[object, QImage] | None = None

    def show(self, table: FleetTable) -> None:
        """Another table."""
        known = {cell: code for code, cell in enumerate(self._cells)}
        rows = {id(row.cells): row.cells for row in table.rows}  # alike containers have the same
        coded = {key: [known.setdefault(cell, len(known)) for cell in cells] for key, cells in rows.items()}
        codes = [coded[id(row.cells)] for row in table.rows]
        if len(known) > len(self._cells):
            self._tiles = None
        self._cells = list(known)
        shape = (len(table.rows), len(table.columns))
        self._codes = numpy.array(codes, numpy.uint8).reshape(shape)
        self._made = None

    def forget(self) -> None:
        """The theme has changed: paint everything anew."""
        self._tiles = self._made = None

    def image(self, part: QRectF, width: int, height: int, ratio: float) -> QImage:
        """`part` in cells, on `width` x `height` logical pixels; outside of the table it is transparent."""
        key = (part.x(), part.y(), part.width(), part.height(), width, height, ratio)
        if self._made is not None and self._made[0] == key:
            return self._made[1]
        across, down = max(1, round(width * ratio)), max(1, round(height * ratio))
        rows, columns = self._codes.shape
        pitch_x, pitch_y = across / part.width(), down / part.height()
        column, left = _places(part.x(), pitch_x, across)
        row, top = _places(part.y(), pitch_y, down)
        pixels: Pixels = numpy.zeros((down, across), numpy.uint32)
        inside_x = numpy.flatnonzero((column >= 0) & (column < columns))
        inside_y = numpy.flatnonzero((row >= 0) & (row < rows))
        if inside_x.size and inside_y.size:
            tiles = self._painted(pitch_x, pitch_y, ratio)
            ys, xs = slice(inside_y[0], inside_y[-1] + 1), slice(inside_x[0], inside_x[-1] + 1)
            lines, line_of = numpy.unique(row[ys], return_inverse=True)
            codes = self._codes[lines[:, None], column[xs][None, :]]  # row of cells x pixel column
            pixels[ys, xs] = tiles[codes[line_of], top[ys][:, None], left[xs][None, :]]
        image = QImage(pixels.tobytes(), across, down, across * 4, QImage.Format.Format_ARGB32_Premultiplied).copy()
        image.setDevicePixelRatio(ratio)
        self._made = (key, image)
        return image

    def _painted(self, pitch_x: float, pitch_y: float, ratio: float) -> Pixels:
        """All distinct cells, painted for this pitch (device pixels): cell x line x pixel."""
        width, height = math.ceil(pitch_x) + 1, math.ceil(pitch_y) + 1
        key = (pitch_x, pitch_y, ratio, len(self._cells))
        if self._tiles is not None and self._tiles[0] == key:
            return self._tiles[1]
        tiles: Pixels = numpy.zeros((len(self._cells), height, width), numpy.uint32)
        for code, cell in enumerate(self._cells):
            image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
            image.fill(0)
            image.setDevicePixelRatio(ratio)
            painter = QPainter(image)
            paint_cell(painter, QRectF(0, 0, pitch_x / ratio, pitch_y / ratio), cell, self._theme)
            painter.end()
            bits: Any = image.constBits()
            tiles[code] = numpy.frombuffer(bits, numpy.uint32).reshape(height, image.bytesPerLine() // 4)[:, :width]
        self._tiles = (key, tiles)
        return tiles


def _places(start: float, pitch: float, count: int) -> tuple[NDArray[numpy.intp], NDArray[numpy.intp]]:
    """For each of `count` device pixels: its cell, and its place in that cell from the left (or top)."""
    pixel = numpy.arange(count)
    cell = numpy.floor(start + (pixel + 0.5) / pitch).astype(numpy.intp)
    begin = numpy.ceil((cell - start) * pitch - 0.5).astype(numpy.intp)
    return cell, numpy.maximum(pixel - begin, 0)
