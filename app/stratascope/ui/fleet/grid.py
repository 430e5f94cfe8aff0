"""The fleet's cells and headers: drag or wheel to move; Ctrl and wheel, two fingers, or the menu to zoom; arrow keys,
Enter opens one.

`Viewport` keeps the visible part; the cells are one widget, painted by `Mosaic`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGridLayout, QMenu, QToolTip, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.presentation.engine_signs import EngineSign, sign_of
from stratascope.ui.fleet.picture import paint_cell
from stratascope.ui.fleet.table import FleetCell, FleetTable, card_lines
from stratascope.ui.fleet.viewport import NOWHERE, ZOOM, Viewport
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.engine_icons import SIDE, engine_pixmap
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, smooth_painter

NAMES, TOP, GROUPED = 214, 168, 22  # width of the names; height of the titles, and of the groups above them
LINE = GROUPED + 22  # height of the groups and one title
SEEN = 112  # height of the cells at least, for all titles at once
STILL = 4  # px: a press that moves less is a click
EMPTY = FleetTable("", (), ())


class _Head(QWidget):
    """What row and column headers share: the table, the visible part, the highlighted line."""

    decoration = True  # each cell names its container and its column, so screen readers skip the headers

    pointed = Signal(int)  # the row or column under the pointer, -1 for none
    clicked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.table, self.start, self.pitch, self.lit = EMPTY, 0.0, 1.0, -1
        self.setMouseTracking(True)

    def follow(self, start: float, pitch: float) -> None:
        """Set the first visible cell (a fraction), and the pixels from cell to cell."""
        if (start, pitch) != (self.start, self.pitch):
            self.start, self.pitch = start, pitch
            self.update()

    def light(self, place: int) -> None:
        """Highlight a row or column."""
        if place != self.lit:
            self.lit = place
            self.update()

    def visible(self, length: int, count: int) -> range:
        """Return the visible rows (columns)."""
        first = max(0, math.floor(self.start))
        return range(first, max(first, min(count, math.ceil(self.start + length / self.pitch))))

    def leaveEvent(self, event: object) -> None:
        self.pointed.emit(-1)

    def event(self, event: QEvent) -> bool:
        """The whole name at the pointer as a tooltip: what is painted may be shortened."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tip(self.whole(event.pos())), self)
            return True
        return super().event(event)

    def whole(self, where: QPoint) -> str:
        """Return the whole name at that place, "" for none."""
        return ""

    def _at(self, along: float, count: int) -> int:
        place = math.floor(self.start + along / self.pitch)
        return place if 0 <= place < count else -1


class RowHeads(_Head):
    """Engine, name, exposure. If rows are too low for text, only the highlighted one has it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.sign: Callable[[str], EngineSign] = sign_of  # what the icon of an engine shows, by its id

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, smooth_painter(self)
        height = theme.box(10)
        if self.pitch >= height - 1:
            for place in self.visible(self.height(), len(self.table.rows)):
                self._row(painter, place, (place - self.start) * self.pitch, self.pitch)
        elif 0 <= self.lit < len(self.table.rows):
            y = (self.lit + 0.5 - self.start) * self.pitch - height / 2
            self._row(painter, self.lit, min(max(0.0, y), self.height() - height), height)
        else:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text3"))
            text = translate(msg("Point at a row, or zoom in, for names"))
            painter.drawText(self.rect().adjusted(0, 4, -theme.px(8), 0), int(Qt.TextFlag.TextWordWrap), text)

    def _row(self, painter: QPainter, place: int, y: float, height: float) -> None:
        theme, row = self.theme, self.table.rows[place]
        box = QRectF(0, y, self.width() - theme.px(8), height)
        if place == self.lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box.adjusted(0, 0.5, theme.px(6), -0.5), theme.px(4), theme.px(4))
        large = height >= theme.box(12)
        painter.setFont(theme.font(12 if large else 10, BOLD, tabular=True))
        painter.setPen(theme.color(row.level))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, row.exposure)
        room = box.width() - painter.fontMetrics().horizontalAdvance(row.exposure) - theme.px(16)
        left = theme.px(8)
        if large:
            icon = engine_pixmap(self.sign(row.key[0]), theme, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(left, y + (height - theme.px(SIDE)) / 2), icon)
            left += theme.px(SIDE + 5)
            room -= theme.px(SIDE + 5)
        painter.setFont(theme.font(12 if large else 10, MEDIUM if place == self.lit else REGULAR))
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, int(room))
        painter.drawText(box.adjusted(left, 0, 0, 0), middle, name)

    def whole(self, where: QPoint) -> str:
        place = self._at(where.y(), len(self.table.rows))
        return self.table.rows[place].name if place >= 0 else ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self._at(event.position().y(), len(self.table.rows)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position().y(), len(self.table.rows))
        if event.button() is Qt.MouseButton.LeftButton and place >= 0:
            self.clicked.emit(place)


class ColumnHeads(_Head):
    """Vertical titles, and above them a bracket for each group (severity)."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.inks: dict[str, str] = {}  # group -> colour token

    def needed(self) -> int:
        """The height at which no title is cut."""
        metrics = QFontMetrics(self.theme.font(11, MEDIUM))
        longest = max((metrics.horizontalAdvance(column.title) for column in self.table.columns), default=0)
        grouped = any(column.group for column in self.table.columns)
        return max(self.theme.px(TOP), longest + self.theme.px(12)) + (self.theme.px(GROUPED) if grouped else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, smooth_painter(self)
        columns = self.table.columns
        visible = self.visible(self.width(), len(columns))
        grouped = any(column.group for column in columns)
        top = theme.px(GROUPED) if grouped else 0
        if grouped:
            self._groups(painter)
        high = self.height() >= self.needed()
        if high and self.pitch >= theme.box(10) - 3:
            for place in visible:
                self._title(painter, place, top)
        elif high and self.lit in visible:
            self._title(painter, self.lit, top)
        else:
            lit = columns[self.lit].title if self.lit in visible else ""
            hint = msg("Point at a column, or zoom in, for names") if high else msg("Point at a column for its name")
            painter.setFont(theme.font(11, MEDIUM if lit else REGULAR))
            painter.setPen(theme.color("text" if lit else "text3"))
            room = self.rect().adjusted(0, 0, 0, -theme.px(4))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignBottom), lit or translate(hint))

    def _title(self, painter: QPainter, place: int, top: int) -> None:
        theme = self.theme
        centre = (place + 0.5 - self.start) * self.pitch
        wide = max(self.pitch, theme.box(10))
        length = self.height() - top - theme.px(8)
        lit = place == self.lit
        painter.save()
        painter.translate(centre, self.height() - theme.px(3))
        painter.rotate(-90)
        box = QRectF(0, -wide / 2, length, wide)
        if lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box.adjusted(-2, 0, 2, 0), theme.px(3), theme.px(3))
        painter.setFont(theme.font(11 if self.pitch >= theme.box(11) - 1 else 10, MEDIUM if lit else REGULAR))
        painter.setPen(theme.color("text" if lit else "text2"))
        title = self.table.columns[place].title
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, int(length))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()

    def _groups(self, painter: QPainter) -> None:
        """Paint a line over the columns of each group, and its name at the line's visible beginning."""
        theme, columns, first = self.theme, self.table.columns, 0
        painter.setFont(theme.font(11, BOLD))
        while first < len(columns):
            group = columns[first].group
            last = first
            while last + 1 < len(columns) and columns[last + 1].group == group:
                last += 1
            left = max(0.0, (first - self.start) * self.pitch + 1)
            right = min(float(self.width()), (last + 1 - self.start) * self.pitch - 2)
            if right > left:
                painter.setPen(theme.color(self.inks.get(group, "text2")))
                y = theme.box(11) + 1
                painter.drawLine(QPointF(left, y), QPointF(right, y))
                shown = painter.fontMetrics().elidedText(group, Qt.TextElideMode.ElideRight, int(right - left))
                painter.drawText(QRectF(left, 0, right - left + 2, theme.box(11)), Qt.AlignmentFlag.AlignVCenter, shown)
            first = last + 1

    def whole(self, where: QPoint) -> str:
        place = self._at(where.x(), len(self.table.columns))
        if place < 0:
            return ""
        column = self.table.columns[place]
        return column.group if column.group and where.y() < self.theme.px(GROUPED) else column.title

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self._at(event.position().x(), len(self.table.columns)))


# The visible part of the fleet as one image, put together from painted tiles. There are about twenty distinct cells,
# however many containers there are. Each is painted once per zoom level; numpy then gathers the image pixel by pixel,
# so that its cost depends on the size of the window and not on that of the fleet.
Pixels = NDArray[numpy.uint32]


class Mosaic:
    """The image of a table. `show` sets the table; `image` returns a part of it."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._cells: list[FleetCell] = []
        self._codes: NDArray[numpy.uint8] = numpy.zeros((0, 0), numpy.uint8)
        self._tiles: tuple[object, Pixels] | None = None
        self._made: tuple[object, QImage] | None = None

    def show(self, table: FleetTable) -> None:
        """Set the table."""
        known = {cell: code for code, cell in enumerate(self._cells)}
        rows = {id(row.cells): row.cells for row in table.rows}  # identical containers share their cells
        coded = {key: [known.setdefault(cell, len(known)) for cell in cells] for key, cells in rows.items()}
        codes = [coded[id(row.cells)] for row in table.rows]
        if len(known) > len(self._cells):
            self._tiles = None
        self._cells = list(known)
        shape = (len(table.rows), len(table.columns))
        self._codes = numpy.array(codes, numpy.uint8).reshape(shape)
        self._made = None

    def forget(self) -> None:
        """Repaint everything: the theme has changed."""
        self._tiles = self._made = None

    def image(self, part: QRectF, width: int, height: int, ratio: float) -> QImage:
        """Return an image of `part` (in cells) in `width` x `height` logical pixels; transparent outside of the
        table.
        """
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
        """Return all distinct cells, painted for this pitch (device pixels): cell x line x pixel."""
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
    """Return for each of `count` device pixels its cell, and its offset in that cell from the left (or top)."""
    pixel = numpy.arange(count)
    cell = numpy.floor(start + (pixel + 0.5) / pitch).astype(numpy.intp)
    begin = numpy.ceil((cell - start) * pitch - 0.5).astype(numpy.intp)
    return cell, numpy.maximum(pixel - begin, 0)


class _Cells(QWidget):
    """All cells; the row and the column of the highlighted cell are tinted, and it has an outline."""

    def __init__(self, theme: Theme, grid: FleetGrid) -> None:
        super().__init__(grid)
        self._theme, self._grid = theme, grid
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        grid, theme, view = self._grid, self._theme, self._grid.view
        width, height = view.area()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("panel"))
        row, column = grid.lit
        lit = view.box_of(row, column)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sel"))
        if row >= 0:
            painter.drawRect(QRectF(0, lit.y(), width, lit.height()))
        if column >= 0:
            painter.drawRect(QRectF(lit.x(), 0, lit.width(), height))
        painter.drawImage(QPointF(0, 0), grid.mosaic.image(view.part(), width, height, self.devicePixelRatioF()))
        strong = self.hasFocus()
        if row >= 0 and column >= 0 and (strong or self.underMouse()):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(focus_pen(theme, 3) if strong else QPen(theme.color("line2"), 1.5))
            painter.drawRoundedRect(lit.adjusted(-0.5, -0.5, 0.5, 0.5), 3, 3)


class FleetGrid(QWidget):
    """The grid. `opened` carries the container that was clicked, `pointed` the cell for the card."""

    opened = Signal(object)  # key of a container
    pointed = Signal(int, int, object)  # row, column, QPointF in this widget; -1, -1 for none

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.table, self.lit = EMPTY, NOWHERE
        self.mosaic = Mosaic(theme)
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None  # where a drag is
        self.menu: QMenu | None = None
        self._heads = theme.px(40)  # height at which no title is cut
        self.canvas = _Cells(theme, self)
        self.view = Viewport(theme, self.canvas, self)
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setAccessibleName(translate(msg("The fleet")))
        self.canvas.setAccessibleDescription(
            translate(msg("Arrow keys move from cell to cell, Enter opens the container, plus and minus zoom"))
        )
        self.canvas.installEventFilter(self)
        accessibility.expose(self.canvas, self)
        self.rows, self.columns = RowHeads(theme), ColumnHeads(theme)
        self.rows.setFixedWidth(theme.px(NAMES))
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
        theme.changed.connect(self._restyle)
        self._restyle()

    # -- contents

    def show_table(self, table: FleetTable, inks: dict[str, str]) -> None:
        """Set the table, or update its cells; scroll position and zoom stay if the shape is the same."""
        columns = len(table.columns)
        other = columns != len(self.table.columns) or table.title != self.table.title
        lit = _same_cell(self.lit, self.table, table)
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
        """Give the titles their full height; where too few rows would be left, only the one pointed at has a line."""
        low = self.height() - self._heads < self._theme.px(SEEN)
        self.columns.setFixedHeight(self._theme.px(LINE) if low else self._heads)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_heads()

    def _moved(self) -> None:
        part, (pitch_x, pitch_y) = self.view.part(), self.view.pitch()
        self.columns.follow(part.x(), pitch_x)
        self.rows.follow(part.y(), pitch_y)
        self.canvas.update()

    # -- the cell under the pointer, or the one the keys are at

    def point(self, row: int, column: int, where: QPointF | None = None) -> None:
        """Highlight a cell (-1: none), and show its card."""
        self._light(row, column)
        self.pointed.emit(row, column, where if where is not None else QPointF())

    def _light(self, row: int, column: int) -> None:
        if (row, column) != self.lit:
            self.lit = (row, column)
            self.rows.light(row)
            self.columns.light(column)
            self.canvas.update()
            accessibility.tell_taken(self.canvas, self.part_in_hand())

    def place_of(self, row: int, column: int) -> QPointF:
        """Return the middle of a cell, in this widget's coordinates."""
        return QPointF(self.canvas.mapTo(self, self.view.box_of(row, column).center().toPoint()))

    def _open(self, row: int) -> None:
        if 0 <= row < len(self.table.rows):
            self.opened.emit(self.table.rows[row].key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.Resize:
            self.view.resized()
        if isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.view.zoom(1.0 + event.value(), event.position())
            return True
        if isinstance(event, QContextMenuEvent):
            self.open_menu(event.globalPos())
            return True
        if isinstance(event, QFocusEvent):
            self._focused(event)
            self.canvas.update()
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
            return self._key(event)
        if isinstance(event, QMouseEvent):
            self._mouse(event)
        elif kind == QEvent.Type.Leave:
            self.point(-1, -1)
        return super().eventFilter(watched, event)

    def _mouse(self, event: QMouseEvent) -> None:
        where, kind = event.position(), event.type()
        row, column = self.view.cell_at(where)
        if kind == QEvent.Type.MouseMove and not event.buttons():
            self.point(row, column, QPointF(self.canvas.mapTo(self, where.toPoint())))
        elif kind == QEvent.Type.MouseMove and self._pressed is not None:
            if self._dragged is None and (where - self._pressed).manhattanLength() >= STILL:
                self._dragged = self._pressed
            if self._dragged is not None:
                moved, self._dragged = self._dragged - where, where
                self.view.move_by(moved.x(), moved.y())
        elif kind == QEvent.Type.MouseButtonPress and event.button() is Qt.MouseButton.LeftButton:
            self._pressed, self._dragged = where, None
        elif kind == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            still = self._dragged is None and (where - self._pressed).manhattanLength() < STILL
            self._pressed = self._dragged = None
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

    def open_menu(self, at: QPoint) -> None:
        """Open the menu of zooms at that position on screen."""
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self)
        for text, keys, call in (
            (msg("Whole fleet"), "0", self.view.whole),
            (msg("Names"), "Ctrl+0", self.view.fit),
            (msg("Zoom in"), "+", lambda: self.view.zoom(ZOOM)),
            (msg("Zoom out"), "-", lambda: self.view.zoom(1 / ZOOM)),
        ):
            self.menu.addAction(f"{translate(text)}\t{keys}").triggered.connect(lambda _=False, call=call: call())
        self.menu.popup(at)

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
            self._move_to(min(last_row, max(0, row + down)), min(last_column, max(0, column + across)))
        elif key in (keys.Key_Return, keys.Key_Enter):
            self._open(row)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            self.view.zoom(ZOOM)
        elif key == keys.Key_Minus:
            self.view.zoom(1 / ZOOM)
        elif key == keys.Key_0:
            names = event.modifiers() & Qt.KeyboardModifier.ControlModifier
            (self.view.fit if names else self.view.whole)()
        else:
            return False
        return True

    def _focused(self, event: QFocusEvent) -> None:
        """Highlight a cell on focus: the highlighted one, else the first visible."""
        by_mouse = event.reason() is Qt.FocusReason.MouseFocusReason
        if event.gotFocus() and self.part_in_hand() < 0 and self.part_count() and not by_mouse:
            part = self.view.part()
            self._move_to(
                min(len(self.table.rows) - 1, round(part.y())), min(len(self.table.columns) - 1, round(part.x()))
            )

    def _move_to(self, row: int, column: int) -> None:
        """Highlight that cell and scroll to it."""
        self.view.reveal(row, column)
        self.point(row, column, self.place_of(row, column))

    # -- for screen readers: cell by cell, row after row

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
        self._move_to(*divmod(place, len(self.table.columns)))

    def open_part(self, place: int) -> None:
        self._open(place // len(self.table.columns))

    def _lines(self, place: int) -> tuple[str, ...]:
        row, column = divmod(place, len(self.table.columns))
        return card_lines(self.table, self.table.rows[row], column)

    # -- painting

    def _restyle(self) -> None:
        self.mosaic.forget()
        self.canvas.update()
        self.rows.update()
        self.columns.update()


def _same_cell(lit: tuple[int, int], before: FleetTable, after: FleetTable) -> tuple[int, int]:
    """Return the cell of the same container and column in the new table: row numbers change with every reading."""
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
