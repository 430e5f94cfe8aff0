"""The fleet's cells in a pyqtgraph view: drag or wheel to move, Ctrl and wheel to zoom, arrow keys from cell to cell.

pyqtgraph keeps the mapping from cells to pixels; the cells themselves are one item, painted by `Mosaic`. It is imported
here and nowhere else, through importlib: it has no types.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem, QGridLayout, QScrollBar, QStyleOptionGraphicsItem, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.heads import EMPTY, GROUPED, LEFT, TOP, ColumnHeads, RowHeads
from stratascope.ui.fleet.mosaic import Mosaic
from stratascope.ui.fleet.table import FleetTable, card_lines
from stratascope.ui.widgets import accessibility
from stratascope.ui.widgets.focus_ring import focus_pen
from stratascope.ui.widgets.theme import Theme

ROW, LEAST_COLUMN, MOST_COLUMN = 22, 15, 30  # px at the beginning
LEAST, MOST = 2.0, 64.0  # px of a cell, zoomed out and in
ZOOM = 1.2
FINE = 100  # steps of a scroll bar in one cell
NOWHERE = (-1, -1)


class _Cells(QGraphicsItem):
    """All cells; the row and the column under the pointer are tinted, the chosen cell has an outline."""

    def __init__(self, theme: Theme, grid: FleetGrid) -> None:
        super().__init__()
        self._theme, self._grid = theme, grid

    def boundingRect(self) -> QRectF:
        table = self._grid.table
        return QRectF(0, 0, len(table.columns), len(table.rows))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        grid, theme = self._grid, self._theme
        part = grid.part()
        width, height = grid.area()
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        painter.save()
        painter.resetTransform()  # pixels of the view: the image is made for them
        pitch_x, pitch_y = grid.pitch()
        row, column = grid.lit
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sel"))
        if row >= 0:
            painter.drawRect(QRectF(0, (row - part.y()) * pitch_y, width, pitch_y))
        if column >= 0:
            painter.drawRect(QRectF((column - part.x()) * pitch_x, 0, pitch_x, height))
        painter.drawImage(QPointF(0, 0), grid.mosaic.image(part, width, height, ratio))
        strong = grid.canvas.hasFocus()
        if row >= 0 and column >= 0 and (strong or grid.canvas.underMouse()):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(focus_pen(theme, 3) if strong else QPen(theme.color("line2"), 1.5))
            box = QRectF((column - part.x()) * pitch_x, (row - part.y()) * pitch_y, pitch_x, pitch_y)
            painter.drawRoundedRect(box.adjusted(-0.5, -0.5, 0.5, 0.5), 3, 3)
        painter.restore()


class FleetGrid(QWidget):
    """`show_table` gives it a table; `opened` names a container that was clicked, `pointed` the cell for the card."""

    opened = Signal(object)  # key of a container
    pointed = Signal(int, int, object)  # row, column, QPointF in this widget; -1, -1 for none

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.table, self.lit = EMPTY, NOWHERE
        self.mosaic = Mosaic(theme)
        self._pressed: QPointF | None = None
        self._fitted = True  # nobody has zoomed yet
        self._heads = theme.px(GROUPED)  # height that the titles would like
        self._pitch = (1.0, 1.0)  # as it was set: the view's own changes with its size
        graph: Any = importlib.import_module("pyqtgraph")
        graph.setConfigOption("exitCleanup", False)  # it would walk through all objects when the program ends
        self._view: Any = graph.GraphicsView()
        self._box: Any = graph.ViewBox(invertY=True, enableMenu=False, defaultPadding=0.0)
        self._view.setCentralItem(self._box)
        self._box.disableAutoRange()
        self._cells = _Cells(theme, self)
        self._box.addItem(self._cells, ignoreBounds=True)
        self._box.sigRangeChanged.connect(self._moved)
        self.canvas: QWidget = self._view
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setAccessibleName(translate(msg("The fleet")))
        self.canvas.setAccessibleDescription(
            translate(msg("Arrow keys move from cell to cell, Enter opens the container, plus and minus zoom"))
        )
        viewport: QWidget = self._view.viewport()
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)
        self.canvas.installEventFilter(self)
        accessibility.expose(self.canvas, self)
        self.rows, self.columns = RowHeads(theme), ColumnHeads(theme)
        self.rows.setFixedWidth(theme.px(LEFT))
        self.rows.pointed.connect(lambda row: self.point(row, -1))
        self.columns.pointed.connect(lambda column: self.point(-1, column))
        self.rows.clicked.connect(self._open)
        self._bars = (QScrollBar(Qt.Orientation.Horizontal), QScrollBar(Qt.Orientation.Vertical))
        for bar in self._bars:
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            bar.valueChanged.connect(self._dragged)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.columns, 0, 1)
        layout.addWidget(self.rows, 1, 0)
        layout.addWidget(self.canvas, 1, 1)
        layout.addWidget(self._bars[0], 2, 1)
        layout.addWidget(self._bars[1], 1, 2)
        layout.setRowStretch(1, 1)
        layout.setColumnStretch(1, 1)
        theme.changed.connect(self._relook)
        self._relook()

    # -- what is shown

    def show_table(self, table: FleetTable, inks: dict[str, str]) -> None:
        """Another table, or the same with other cells; what is in view stays where the shape is the same."""
        columns = len(table.columns)
        other = columns != len(self.table.columns) or table.title != self.table.title
        rows = len(self.table.rows)
        lit = _moved_to(self.lit, self.table, table)
        self._cells.prepareGeometryChange()
        self.table = self.rows.table = self.columns.table = table
        self.columns.inks = inks
        grouped = any(column.group for column in table.columns)
        self._heads = self._theme.px(GROUPED if grouped else TOP)
        self._fit_heads()
        self.mosaic.show(table)
        if other:
            self.point(-1, -1)
            self.fit()
        else:
            if len(table.rows) != rows:  # or it would stay scrolled to where there are none any more
                self._set(self.part().x(), self.part().y(), *self._pitch)
            self._light(*lit)
        self._moved()
        self.rows.update()
        self.columns.update()

    def _fit_heads(self) -> None:
        """Titles have their whole length, but never so much that hardly a row is left."""
        self.columns.setFixedHeight(max(self._theme.px(40), min(self._heads, self.height() * 2 // 5)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_heads()

    def area(self) -> tuple[int, int]:
        """Width and height of the cells' view in pixels."""
        return max(1, self._view.viewport().width()), max(1, self._view.viewport().height())

    def part(self) -> QRectF:
        """What is in view, in cells."""
        (left, right), (top, bottom) = self._box.viewRange()
        return QRectF(left, top, max(1e-6, right - left), max(1e-6, bottom - top))

    def pitch(self) -> tuple[float, float]:
        """Pixels from cell to cell."""
        part, (width, height) = self.part(), self.area()
        return width / part.width(), height / part.height()

    # -- moving

    def fit(self, *, top: float = 0.0) -> None:
        """As at the beginning: all columns where they find room, rows high enough for names."""
        width, _ = self.area()
        columns, theme = max(1, len(self.table.columns)), self._theme
        pitch = min(theme.px(MOST_COLUMN), max(theme.px(LEAST_COLUMN), width / columns))
        self._set(0.0, top, pitch, max(theme.px(ROW), theme.box(12) + 2))
        self._fitted = True

    def whole(self) -> None:
        """All rows and columns in view, however small."""
        width, height = self.area()
        rows, columns = max(1, len(self.table.rows)), max(1, len(self.table.columns))
        self._set(0.0, 0.0, min(MOST, width / columns), min(self._theme.px(ROW), height / rows))

    def zoom(self, factor: float, centre: QPointF | None = None) -> None:
        """Closer (above 1) or farther, about a point of the view in pixels (or its middle)."""
        width, height = self.area()
        at = centre if centre is not None else QPointF(width / 2, height / 2)
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        new_x, new_y = (min(MOST, max(LEAST, pitch * factor)) for pitch in (pitch_x, pitch_y))
        left = part.x() + at.x() / pitch_x - at.x() / new_x
        top = part.y() + at.y() / pitch_y - at.y() / new_y
        self._set(left, top, new_x, new_y)

    def move_by(self, across: float, down: float) -> None:
        """Move what is in view by so many pixels."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        self._set(part.x() + across / pitch_x, part.y() + down / pitch_y, pitch_x, pitch_y)

    def _set(self, left: float, top: float, pitch_x: float, pitch_y: float) -> None:
        width, height = self.area()
        self._pitch, self._fitted = (pitch_x, pitch_y), self._fitted and (pitch_x, pitch_y) == self._pitch
        across, down = width / pitch_x, height / pitch_y
        left = max(0.0, min(left, len(self.table.columns) - across))
        top = max(0.0, min(top, len(self.table.rows) - down))
        right, bottom = max(float(len(self.table.columns)), across), max(float(len(self.table.rows)), down)
        self._box.setLimits(xMin=0.0, yMin=0.0, xMax=right, yMax=bottom)  # a drag cannot leave the table
        self._box.setRange(xRange=(left, left + across), yRange=(top, top + down), padding=0.0)
        self._moved()  # also where the range is the same, but the view has another size

    def _moved(self) -> None:
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        self.columns.follow(part.x(), pitch_x)
        self.rows.follow(part.y(), pitch_y)
        self._cells.update()
        self._tell_bars(part)

    def _tell_bars(self, part: QRectF) -> None:
        counts = (len(self.table.columns), len(self.table.rows))
        begins, lengths = (part.x(), part.y()), (part.width(), part.height())
        for bar, count, begin, length in zip(self._bars, counts, begins, lengths, strict=True):
            bar.blockSignals(True)
            bar.setRange(0, max(0, round((count - length) * FINE)))
            bar.setPageStep(max(1, round(length * FINE)))
            bar.setSingleStep(FINE)
            bar.setValue(round(begin * FINE))
            bar.blockSignals(False)
            # it keeps its room when there is nothing to move, or the cells would change their width
            bar.setEnabled(bar.maximum() > 0)

    def _dragged(self) -> None:
        across, down = (bar.value() / FINE for bar in self._bars)
        self._set(across, down, *self.pitch())

    # -- the cell under the pointer, or the one that the keys are at

    def point(self, row: int, column: int, where: QPointF | None = None) -> None:
        """Light a cell (-1: none), and tell its card."""
        self._light(row, column)
        self.pointed.emit(row, column, where if where is not None else QPointF())

    def _light(self, row: int, column: int) -> None:
        if (row, column) != self.lit:
            self.lit = (row, column)
            self.rows.light(row)
            self.columns.light(column)
            self._cells.update()
            accessibility.tell_taken(self.canvas, self.part_in_hand())

    def cell_at(self, where: QPointF) -> tuple[int, int]:
        """Row and column at a place of the view; -1, -1 outside."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        column, row = math.floor(part.x() + where.x() / pitch_x), math.floor(part.y() + where.y() / pitch_y)
        inside = 0 <= row < len(self.table.rows) and 0 <= column < len(self.table.columns)
        return (row, column) if inside else NOWHERE

    def place_of(self, row: int, column: int) -> QPointF:
        """The middle of a cell, in this widget."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        inside = QPointF((column + 0.5 - part.x()) * pitch_x, (row + 0.5 - part.y()) * pitch_y)
        return QPointF(self.canvas.mapTo(self, inside.toPoint()))

    def _open(self, row: int) -> None:
        if 0 <= row < len(self.table.rows):
            self.opened.emit(self.table.rows[row].key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.Resize and watched is not self.canvas:
            QTimer.singleShot(0, self, self._resized)  # after the view has taken it in
        if isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if isinstance(event, QFocusEvent) and watched is self.canvas:
            self._taken(event)
            self._cells.update()
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
            return self._key(event)
        if isinstance(event, QMouseEvent) and watched is not self.canvas:
            self._mouse(event)
        elif kind == QEvent.Type.Leave and watched is not self.canvas:
            self.point(-1, -1)
        return super().eventFilter(watched, event)

    def _mouse(self, event: QMouseEvent) -> None:
        where = event.position()
        row, column = self.cell_at(where)
        if event.type() == QEvent.Type.MouseMove and not event.buttons():
            self.point(row, column, QPointF(self.canvas.mapTo(self, where.toPoint())))
        elif event.type() == QEvent.Type.MouseButtonPress and event.button() is Qt.MouseButton.LeftButton:
            self._pressed = where
        elif event.type() == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            still = (where - self._pressed).manhattanLength() < 4
            self._pressed = None
            if still:
                self._open(row)

    def _wheel(self, event: QWheelEvent) -> None:
        turn = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 2
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM ** (event.angleDelta().y() / 120), event.position())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.move_by(-turn.y() or -turn.x(), 0)
        else:
            self.move_by(-turn.x(), -turn.y())
        event.accept()

    def _key(self, event: QKeyEvent) -> bool:
        row, column = self.lit
        key, keys = event.key(), Qt.Key
        last_row, last_column = len(self.table.rows) - 1, len(self.table.columns) - 1
        page = max(1, int(self.area()[1] / self.pitch()[1]) - 1)
        steps = {
            keys.Key_Up: (-1, 0),
            keys.Key_Down: (1, 0),
            keys.Key_Left: (0, -1),
            keys.Key_Right: (0, 1),
            keys.Key_PageUp: (-page, 0),
            keys.Key_PageDown: (page, 0),
            keys.Key_Home: (-last_row - 1, -last_column - 1),
            keys.Key_End: (last_row + 1, 0),
        }
        if key in steps and last_row >= 0:
            down, across = steps[keys(key)]
            self._go(min(last_row, max(0, row + down)), min(last_column, max(0, column + across)))
        elif key in (keys.Key_Return, keys.Key_Enter):
            self._open(row)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            self.zoom(ZOOM)
        elif key == keys.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == keys.Key_0 and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.fit()
        else:
            return False
        return True

    def _taken(self, event: QFocusEvent) -> None:
        """The keyboard has come: its place is the cell that is lit, else the first one in view."""
        by_mouse = event.reason() is Qt.FocusReason.MouseFocusReason
        if event.gotFocus() and self.part_in_hand() < 0 and self.part_count() and not by_mouse:
            part = self.part()
            self._go(min(len(self.table.rows) - 1, round(part.y())), min(len(self.table.columns) - 1, round(part.x())))

    def _go(self, row: int, column: int) -> None:
        """To that cell, and bring it into view."""
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        left = min(max(part.x(), column + 1 - part.width()), float(column))
        top = min(max(part.y(), row + 1 - part.height()), float(row))
        if (left, top) != (part.x(), part.y()):
            self._set(left, top, pitch_x, pitch_y)
        self.point(row, column, self.place_of(row, column))

    # -- for the ear: cell by cell, row after row

    def part_count(self) -> int:
        return len(self.table.rows) * len(self.table.columns)

    def part_name(self, place: int) -> str:
        return ", ".join(self._lines(place)[:3])

    def part_more(self, place: int) -> str:
        return "\n".join(self._lines(place)[3:])

    def part_box(self, place: int) -> QRect:
        part, (pitch_x, pitch_y) = self.part(), self.pitch()
        row, column = divmod(place, len(self.table.columns))
        left, top = (column - part.x()) * pitch_x, (row - part.y()) * pitch_y
        return QRectF(left, top, pitch_x, pitch_y).toAlignedRect()

    def part_in_hand(self) -> int:
        row, column = self.lit
        inside = 0 <= row < len(self.table.rows) and 0 <= column < len(self.table.columns)
        return row * len(self.table.columns) + column if inside else -1

    def take_part(self, place: int) -> None:
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._go(*divmod(place, len(self.table.columns)))

    def open_part(self, place: int) -> None:
        self._open(place // len(self.table.columns))

    def _lines(self, place: int) -> tuple[str, ...]:
        row, column = divmod(place, len(self.table.columns))
        return card_lines(self.table, self.table.rows[row], column)

    # -- how it looks

    def _relook(self) -> None:
        self._view.setBackground(self._theme.color("panel"))
        self.mosaic.forget()
        self._cells.update()
        self.rows.update()
        self.columns.update()

    def _resized(self) -> None:
        """The view has another size: cells keep theirs, or share out the width anew where nobody has zoomed."""
        if self._fitted:
            self.fit(top=self.part().y())
        else:
            part = self.part()
            self._set(part.x(), part.y(), *self._pitch)


def _moved_to(lit: tuple[int, int], before: FleetTable, after: FleetTable) -> tuple[int, int]:
    """Where the same container and the same column are now: a row's number is another container's at any reading."""
    row, column = lit
    if row >= 0:
        key = before.rows[row].key
        row = next((at for at, each in enumerate(after.rows) if each.key == key), -1)
        if row < 0:
            return NOWHERE
    if column >= 0:
        name = before.columns[column].id
        column = next((at for at, each in enumerate(after.columns) if each.id == name), -1)
        if column < 0:
            return NOWHERE
    return row, column
