"""The fleet's cells: drag or wheel to move, Ctrl and wheel to zoom, arrow keys from cell to cell, Enter opens one.

What is in view is kept by `Viewport`; the cells are one item, painted by `Mosaic`.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem, QGridLayout, QStyleOptionGraphicsItem, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.heads import EMPTY, LEFT, ColumnHeads, RowHeads
from stratascope.ui.fleet.mosaic import Mosaic
from stratascope.ui.fleet.table import FleetTable, card_lines
from stratascope.ui.fleet.viewport import NOWHERE, ZOOM, Viewport
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.focus_ring import focus_pen
from stratascope.ui.kit.theme import Theme


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
