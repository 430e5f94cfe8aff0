"""The visible part of the fleet's table and its zoom: the mapping from cells to pixels, and two scroll bars."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QScrollBar, QWidget

from stratascope.ui.kit.theme import Theme

ROW, LEAST_COLUMN, MOST_COLUMN = 22, 15, 30  # px at the beginning
LEAST, MOST = 2.0, 64.0  # px of a cell, smallest and largest zoom
ZOOM = 1.2
FINE = 100  # steps of a scroll bar in one cell
NOWHERE = (-1, -1)


class Viewport(QObject):
    """The view. `moved`: another part is visible, or the same at another size."""

    moved = Signal()

    def __init__(self, theme: Theme, canvas: QWidget, parent: QWidget) -> None:
        """`canvas`: the widget that the cells are painted in."""
        super().__init__(parent)
        self._theme, self._canvas = theme, canvas
        self.rows = self.columns = 0
        self._fitted = True  # the user has not zoomed yet
        self._left = self._top = 0.0  # in cells
        self._pitch = (1.0, 1.0)
        self.bars = (QScrollBar(Qt.Orientation.Horizontal), QScrollBar(Qt.Orientation.Vertical))
        for bar in self.bars:
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            bar.valueChanged.connect(self._dragged)

    # -- visible part

    def area(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return max(1, self._canvas.width()), max(1, self._canvas.height())

    def part(self) -> QRectF:
        """The visible part, in cells."""
        (width, height), (pitch_x, pitch_y) = self.area(), self._pitch
        return QRectF(self._left, self._top, width / pitch_x, height / pitch_y)

    def pitch(self) -> tuple[float, float]:
        """Pixels from cell to cell."""
        return self._pitch

    def holds(self, row: int, column: int) -> bool:
        """Whether the table has such a cell."""
        return 0 <= row < self.rows and 0 <= column < self.columns

    def cell_at(self, where: QPointF) -> tuple[int, int]:
        """Return row and column at a position in pixels; -1, -1 outside."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        column, row = math.floor(part.x() + where.x() / pitch_x), math.floor(part.y() + where.y() / pitch_y)
        return (row, column) if self.holds(row, column) else NOWHERE

    def box_of(self, row: int, column: int) -> QRectF:
        """Return the box of a cell, in pixels."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        return QRectF((column - part.x()) * pitch_x, (row - part.y()) * pitch_y, pitch_x, pitch_y)

    # -- moving

    def fit(self, *, top: float = 0.0) -> None:
        """Reset the zoom: all columns if they fit, rows high enough for names."""
        width, _ = self.area()
        columns, theme = max(1, self.columns), self._theme
        pitch = min(theme.px(MOST_COLUMN), max(theme.px(LEAST_COLUMN), width / columns))
        self._show(0.0, top, pitch, max(theme.px(ROW), theme.box(12) + 2))
        self._fitted = True

    def whole(self) -> None:
        """Show all rows and columns, however small."""
        width, height = self.area()
        rows, columns = max(1, self.rows), max(1, self.columns)
        self._show(0.0, 0.0, min(MOST, width / columns), min(self._theme.px(ROW), height / rows))

    def zoom(self, factor: float, centre: QPointF | None = None) -> None:
        """Zoom in (above 1) or out, about a point in pixels (or the middle)."""
        width, height = self.area()
        at = centre if centre is not None else QPointF(width / 2, height / 2)
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        new_x, new_y = (min(MOST, max(LEAST, pitch * factor)) for pitch in (pitch_x, pitch_y))
        left = part.x() + at.x() / pitch_x - at.x() / new_x
        top = part.y() + at.y() / pitch_y - at.y() / new_y
        self._show(left, top, new_x, new_y)

    def move_by(self, across: float, down: float) -> None:
        """Scroll by that many pixels."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        self._show(part.x() + across / pitch_x, part.y() + down / pitch_y, pitch_x, pitch_y)

    def reveal(self, row: int, column: int) -> None:
        """Scroll just far enough to show a cell."""
        part = self.part()
        left = min(max(part.x(), column + 1 - part.width()), float(column))
        top = min(max(part.y(), row + 1 - part.height()), float(row))
        if (left, top) != (part.x(), part.y()):
            self._show(left, top, *self.pitch())

    def show_size(self, rows: int, columns: int, *, anew: bool) -> None:
        """Set the number of rows and columns; `anew`: start at the beginning of another table."""
        fewer_or_more = rows != self.rows
        self.rows, self.columns = rows, columns
        if anew:
            self.fit()
        elif fewer_or_more:  # otherwise it could stay scrolled beyond the last row
            self._show(self.part().x(), self.part().y(), *self._pitch)

    def resized(self) -> None:
        """Handle another size of the view: cells keep theirs, or share the width if the user has not zoomed."""
        if self._fitted:
            self.fit(top=self.part().y())
        else:
            part = self.part()
            self._show(part.x(), part.y(), *self._pitch)

    def _show(self, left: float, top: float, pitch_x: float, pitch_y: float) -> None:
        width, height = self.area()
        self._pitch, self._fitted = (pitch_x, pitch_y), self._fitted and (pitch_x, pitch_y) == self._pitch
        across, down = width / pitch_x, height / pitch_y
        self._left = max(0.0, min(left, self.columns - across))
        self._top = max(0.0, min(top, self.rows - down))
        self._follow()

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
            # a hidden bar would give up its room, and the cells would change their width
            bar.setEnabled(bar.maximum() > 0)
        self.moved.emit()

    def _dragged(self) -> None:
        across, down = (bar.value() / FINE for bar in self.bars)
        self._show(across, down, *self.pitch())
