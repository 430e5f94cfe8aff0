"""The fleet's cells: drag or wheel to move, Ctrl and wheel to zoom, arrow keys from cell to cell, Enter opens one.

What is in view is kept by `Viewport`; the cells are one item, painted by `Mosaic`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem, QGridLayout, QStyleOptionGraphicsItem, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.cells import paint_cell
from stratascope.ui.fleet.heads import EMPTY, LEFT, ColumnHeads, RowHeads
from stratascope.ui.fleet.table import FleetCell, FleetTable, card_lines
from stratascope.ui.fleet.viewport import NOWHERE, ZOOM, Viewport
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.theme import Theme

# The visible part of the fleet as one image, put together from painted tiles. There are about twenty distinct cells,
# however many containers there are. Each is painted once for a zoom; the image is then gathered by numpy, pixel by
# pixel, so that its cost depends on the size of the window and not on the fleet.
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
        view = grid.view
        width, height = view.area()
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        painter.save()
        painter.resetTransform()  # pixels of the view: the image is made for them
        row, column = grid.lit
        lit = view.box_of(row, column)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sel"))
        if row >= 0:
            painter.drawRect(QRectF(0, lit.y(), width, lit.height()))
        if column >= 0:
            painter.drawRect(QRectF(lit.x(), 0, lit.width(), height))
        painter.drawImage(QPointF(0, 0), grid.mosaic.image(view.part(), width, height, ratio))
        strong = view.canvas.hasFocus()
        if row >= 0 and column >= 0 and (strong or view.canvas.underMouse()):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(focus_pen(theme, 3) if strong else QPen(theme.color("line2"), 1.5))
            painter.drawRoundedRect(lit.adjusted(-0.5, -0.5, 0.5, 0.5), 3, 3)
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
        self._heads = theme.px(40)  # height that the titles would like
        self._cells = _Cells(theme, self)
        self.view = Viewport(theme, self._cells, self)
        self.canvas = self.view.canvas
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setAccessibleName(translate(msg("The fleet")))
        self.canvas.setAccessibleDescription(
            translate(msg("Arrow keys move from cell to cell, Enter opens the container, plus and minus zoom"))
        )
        self.view.surface.installEventFilter(self)
        self.canvas.installEventFilter(self)
        accessibility.expose(self.canvas, self)
        self.rows, self.columns = RowHeads(theme), ColumnHeads(theme)
        self.rows.setFixedWidth(theme.px(LEFT))
        self.rows.pointed.connect(lambda row: self.point(row, -1))
        self.columns.pointed.connect(lambda column: self.point(-1, column))
        self.rows.clicked.connect(self._open)
        across, down = self.view.bars
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.columns, 0, 1)
        layout.addWidget(self.rows, 1, 0)
        layout.addWidget(self.canvas, 1, 1)
        layout.addWidget(across, 2, 1)
        layout.addWidget(down, 1, 2)
        layout.setRowStretch(1, 1)
        layout.setColumnStretch(1, 1)
        self.view.moved.connect(self._moved)
        theme.changed.connect(self._relook)
        self._relook()

    # -- what is shown

    def show_table(self, table: FleetTable, inks: dict[str, str]) -> None:
        """Another table, or the same with other cells; what is in view stays where the shape is the same."""
        columns = len(table.columns)
        other = columns != len(self.table.columns) or table.title != self.table.title
        lit = _moved_to(self.lit, self.table, table)
        self._cells.prepareGeometryChange()
        self.table = self.rows.table = self.columns.table = table
        self.columns.inks = inks
        self._heads = self.columns.needed()
        self._fit_heads()
        self.mosaic.show(table)
        if other:
            self.point(-1, -1)
        self.view.show_size(len(table.rows), columns, anew=other)
        if not other:
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

    def _moved(self) -> None:
        part, (pitch_x, pitch_y) = self.view.part(), self.view.pitch()
        self.columns.follow(part.x(), pitch_x)
        self.rows.follow(part.y(), pitch_y)
        self._cells.update()

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

    def place_of(self, row: int, column: int) -> QPointF:
        """The middle of a cell, in this widget."""
        return QPointF(self.canvas.mapTo(self, self.view.box_of(row, column).center().toPoint()))

    def _open(self, row: int) -> None:
        if 0 <= row < len(self.table.rows):
            self.opened.emit(self.table.rows[row].key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.Resize and watched is not self.canvas:
            QTimer.singleShot(0, self, self.view.resized)  # after the view has taken it in
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
        row, column = self.view.cell_at(where)
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
            self.view.zoom(ZOOM ** (event.angleDelta().y() / 120), event.position())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.view.move_by(-turn.y() or -turn.x(), 0)
        else:
            self.view.move_by(-turn.x(), -turn.y())
        event.accept()

    def _key(self, event: QKeyEvent) -> bool:
        row, column = self.lit
        key, keys = event.key(), Qt.Key
        last_row, last_column = len(self.table.rows) - 1, len(self.table.columns) - 1
        page = max(1, int(self.view.area()[1] / self.view.pitch()[1]) - 1)
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
            self.view.zoom(ZOOM)
        elif key == keys.Key_Minus:
            self.view.zoom(1 / ZOOM)
        elif key == keys.Key_0 and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.view.fit()
        else:
            return False
        return True

    def _taken(self, event: QFocusEvent) -> None:
        """The keyboard has come: its place is the cell that is lit, else the first one in view."""
        by_mouse = event.reason() is Qt.FocusReason.MouseFocusReason
        if event.gotFocus() and self.part_in_hand() < 0 and self.part_count() and not by_mouse:
            part = self.view.part()
            self._go(min(len(self.table.rows) - 1, round(part.y())), min(len(self.table.columns) - 1, round(part.x())))

    def _go(self, row: int, column: int) -> None:
        """To that cell, and bring it into view."""
        self.view.reveal(row, column)
        self.point(row, column, self.place_of(row, column))

    # -- for the ear: cell by cell, row after row

    def part_count(self) -> int:
        return len(self.table.rows) * len(self.table.columns)

    def part_name(self, place: int) -> str:
        return ", ".join(self._lines(place)[:3])

    def part_more(self, place: int) -> str:
        return "\n".join(self._lines(place)[3:])

    def part_box(self, place: int) -> QRect:
        return self.view.box_of(*divmod(place, len(self.table.columns))).toAlignedRect()

    def part_in_hand(self) -> int:
        row, column = self.lit
        return row * len(self.table.columns) + column if self.view.holds(row, column) else -1

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
        self.view.set_background(self._theme.color("panel"))
        self.mosaic.forget()
        self._cells.update()
        self.rows.update()
        self.columns.update()


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
