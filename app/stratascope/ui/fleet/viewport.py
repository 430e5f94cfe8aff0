"""Which part of the fleet's table is in view, and how near: a pyqtgraph view, with scroll bars that are our own.

pyqtgraph keeps the mapping from cells to pixels. It is imported here and nowhere else, so only with the fleet's page.
"""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QScrollBar, QWidget

from stratascope.ui.kit.theme import Theme

ROW, LEAST_COLUMN, MOST_COLUMN = 22, 15, 30  # px at the beginning
LEAST, MOST = 2.0, 64.0  # px of a cell, zoomed out and in
ZOOM = 1.2
FINE = 100  # steps of a scroll bar in one cell
NOWHERE = (-1, -1)


class Viewport(QObject):
    """`moved`: another part is in view, or the same in another size."""

    moved = Signal()

    def __init__(self, theme: Theme, cells: QGraphicsItem, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.rows = self.columns = 0
        self._fitted = True  # nobody has zoomed yet
        self._pitch = (1.0, 1.0)  # as it was set: the view's own changes with its size
        pyqtgraph.setConfigOption("exitCleanup", False)  # it would walk through all objects when the program ends
        self._view: Any = pyqtgraph.GraphicsView()
        self._box: Any = pyqtgraph.ViewBox(invertY=True, enableMenu=False, defaultPadding=0.0)
        self._view.setCentralItem(self._box)
        self._box.disableAutoRange()
        self._box.addItem(cells, ignoreBounds=True)
        self._box.sigRangeChanged.connect(self._follow)
        self.canvas: QWidget = self._view  # has the keyboard
        self.surface: QWidget = self._view.viewport()  # has the mouse
        self.surface.setMouseTracking(True)
        self.bars = (QScrollBar(Qt.Orientation.Horizontal), QScrollBar(Qt.Orientation.Vertical))
        for bar in self.bars:
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            bar.valueChanged.connect(self._dragged)

    def set_background(self, color: QColor) -> None:
        """Of what is not covered by cells."""
        self._view.setBackground(color)

    # -- what is in view

    def area(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return max(1, self.surface.width()), max(1, self.surface.height())

    def part(self) -> QRectF:
        """What is in view, in cells."""
        (left, right), (top, bottom) = self._box.viewRange()
        return QRectF(left, top, max(1e-6, right - left), max(1e-6, bottom - top))

    def pitch(self) -> tuple[float, float]:
        """Pixels from cell to cell."""
        part, (width, height) = self.part(), self.area()
        return width / part.width(), height / part.height()

    def holds(self, row: int, column: int) -> bool:
        """Whether the table has such a cell."""
        return 0 <= row < self.rows and 0 <= column < self.columns

    def cell_at(self, where: QPointF) -> tuple[int, int]:
        """Row and column at a place in pixels; -1, -1 outside."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        column, row = math.floor(part.x() + where.x() / pitch_x), math.floor(part.y() + where.y() / pitch_y)
        return (row, column) if self.holds(row, column) else NOWHERE

    def box_of(self, row: int, column: int) -> QRectF:
        """Where a cell is, in pixels."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        return QRectF((column - part.x()) * pitch_x, (row - part.y()) * pitch_y, pitch_x, pitch_y)

    # -- moving

    def fit(self, *, top: float = 0.0) -> None:
        """As at the beginning: all columns where they find room, rows high enough for names."""
        width, _ = self.area()
        columns, theme = max(1, self.columns), self._theme
        pitch = min(theme.px(MOST_COLUMN), max(theme.px(LEAST_COLUMN), width / columns))
        self._show(0.0, top, pitch, max(theme.px(ROW), theme.box(12) + 2))
        self._fitted = True

    def whole(self) -> None:
        """All rows and columns in view, however small."""
        width, height = self.area()
        rows, columns = max(1, self.rows), max(1, self.columns)
        self._show(0.0, 0.0, min(MOST, width / columns), min(self._theme.px(ROW), height / rows))

    def zoom(self, factor: float, centre: QPointF | None = None) -> None:
        """Closer (above 1) or farther, about a point in pixels (or the middle)."""
        width, height = self.area()
        at = centre if centre is not None else QPointF(width / 2, height / 2)
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        new_x, new_y = (min(MOST, max(LEAST, pitch * factor)) for pitch in (pitch_x, pitch_y))
        left = part.x() + at.x() / pitch_x - at.x() / new_x
        top = part.y() + at.y() / pitch_y - at.y() / new_y
        self._show(left, top, new_x, new_y)

    def move_by(self, across: float, down: float) -> None:
        """Move what is in view by so many pixels."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        self._show(part.x() + across / pitch_x, part.y() + down / pitch_y, pitch_x, pitch_y)

    def reveal(self, row: int, column: int) -> None:
        """Move no further than until that cell is in view."""
        part = self.part()
        left = min(max(part.x(), column + 1 - part.width()), float(column))
        top = min(max(part.y(), row + 1 - part.height()), float(row))
        if (left, top) != (part.x(), part.y()):
            self._show(left, top, *self.pitch())

    def show_size(self, rows: int, columns: int, *, anew: bool) -> None:
        """So many rows and columns; `anew`: from the beginning of another table."""
        fewer_or_more = rows != self.rows
        self.rows, self.columns = rows, columns
        if anew:
            self.fit()
        elif fewer_or_more:  # or it would stay scrolled to where there are none any more
            self._show(self.part().x(), self.part().y(), *self._pitch)

    def resized(self) -> None:
        """The view has another size: cells keep theirs, or share out the width anew where nobody has zoomed."""
        if self._fitted:
            self.fit(top=self.part().y())
        else:
            part = self.part()
            self._show(part.x(), part.y(), *self._pitch)

    def _show(self, left: float, top: float, pitch_x: float, pitch_y: float) -> None:
        width, height = self.area()
        self._pitch, self._fitted = (pitch_x, pitch_y), self._fitted and (pitch_x, pitch_y) == self._pitch
        across, down = width / pitch_x, height / pitch_y
        left = max(0.0, min(left, self.columns - across))
        top = max(0.0, min(top, self.rows - down))
        right, bottom = max(float(self.columns), across), max(float(self.rows), down)
        self._box.setLimits(xMin=0.0, yMin=0.0, xMax=right, yMax=bottom)  # a drag cannot leave the table
        self._box.setRange(xRange=(left, left + across), yRange=(top, top + down), padding=0.0)
        self._follow()  # also where the range is the same, but the view has another size

    def _follow(self) -> None:
        part = self.part()
        counts, begins, lengths = (self.columns, self.rows), (part.x(), part.y()), (part.width(), part.height())
        for bar, count, begin, length in zip(self.bars, counts, begins, lengths, strict=True):
            bar.blockSignals(True)
            bar.setRange(0, max(0, round((count - length) * FINE)))
            bar.setPageStep(max(1, round(length * FINE)))
            bar.setSingleStep(FINE)
            bar.setValue(round(begin * FINE))
            bar.blockSignals(False)
            # it keeps its room when there is nothing to move, or the cells would change their width
            bar.setEnabled(bar.maximum() > 0)
        self.moved.emit()

    def _dragged(self) -> None:
        across, down = (bar.value() / FINE for bar in self.bars)
        self._show(across, down, *self.pitch())
