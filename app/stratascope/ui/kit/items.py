"""Every list of the window is rows of anything, told by its columns: one model, one painter of cells.

A column says what stands in a row's cell, what a screen reader and the tooltip say of it, how rows are ordered by it,
and how it looks where it is one line of text. Rows are known again by their key: those that keep their places are
changed in place, so that selection, scroll position and a screen reader's place outlive an update.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from stratascope.core.message import Message
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.labels import draw_line, tip
from stratascope.ui.kit.theme import REGULAR, Theme
from stratascope.value import Value

ItemRole = int(Qt.ItemDataRole.UserRole) + 1
AnyIndex = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
BESIDE = 6  # px of the design: what is free at each side of a cell
BAR = 3  # px: at the left of the chosen row
_CHOOSABLE = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren


def _text(_: Any) -> str:
    return "text"


class Column(Value):
    """`head` may be foreign text, made plain. What can be called is given the row: `whole` is what the tooltip and a
    screen reader say where that is more than `text`, `spoken` the screen reader's alone; by `order` rows are sorted.

    `least`: its width in px of the design; one that `grows` takes its part of what is left; with a `share` it is that
    part of the table, `most` px at the most. `from_width`: where the table is narrower it is left out. `middle`: a
    name, cut in its middle.
    """

    head: Message | str
    text: Callable[[Any], str]
    least: int = 0
    grows: int = 0
    ink: Callable[[Any], str] = _text
    whole: Callable[[Any], str] | None = None
    spoken: Callable[[Any], str] | None = None
    order: Callable[[Any], Any] | None = None
    size: int = 13
    weight: QFont.Weight = REGULAR
    middle: bool = False
    from_width: int = 0
    share: float = 0.0
    most: int = 10_000
    explained: str = ""  # of its head, in the tooltip

    @property
    def title(self) -> str:
        """Its head in words."""
        return self.head if isinstance(self.head, str) else translate(self.head)


def same(row: Any) -> Hashable:
    """A row that is its own key."""
    return row  # type: ignore[no-any-return]


class ItemModel(QAbstractTableModel):
    """`key`: by which a row is known again. `choosable`: whether a row can be chosen; a heading can't."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        key: Callable[[Any], Hashable] = same,
        parent: QObject | None = None,
        *,
        choosable: Callable[[Any], bool] | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns, self.key, self._choosable = columns, key, choosable
        self.rows: tuple[Any, ...] = ()
        self._given: Sequence[Any] = ()  # in the order in which they came
        self._sorted: tuple[int, Qt.SortOrder] | None = None

    # -- what a list asks

    def show(self, rows: Sequence[Any], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> bool:
        """Other rows. Whether all that was known of places is void. `anew`: equal ones may say something else."""
        self._given = rows
        before, found = self.rows, self._ordered(rows)
        columns = self.columns if columns is None else columns
        if columns == self.columns and list(map(self.key, found)) == list(map(self.key, before)):
            self.rows = found
            changed = [at for at, (old, new) in enumerate(zip(before, found, strict=True)) if anew or old != new]
            if changed:
                self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(columns) - 1))
            return False
        self.beginResetModel()
        self.rows, self.columns = found, columns
        self.endResetModel()
        return True

    def at(self, row: int) -> Any:
        """What that row shows; None where there is none."""
        return self.rows[row] if 0 <= row < len(self.rows) else None

    def place_of(self, key: Hashable) -> int:
        """Of the row with that key; -1: there is none."""
        return next((at for at, row in enumerate(self.rows) if self.key(row) == key), -1)

    def _ordered(self, rows: Sequence[Any]) -> tuple[Any, ...]:
        by = None if self._sorted is None else self.columns[self._sorted[0]].order
        if self._sorted is None or by is None:
            return tuple(rows)
        found = sorted(rows, key=by)
        return tuple(found if self._sorted[1] is Qt.SortOrder.AscendingOrder else reversed(found))

    # -- what a view asks

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        row = self.at(index.row())
        if row is None:
            return Qt.ItemFlag.NoItemFlags
        chosen = self._choosable is None or self._choosable(row)
        return _CHOOSABLE if chosen else Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == ItemRole:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return (column.spoken or column.whole or column.text)(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip((column.whole or column.text)(row))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.title
        return tip(column.explained) if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and (column, order) != self._sorted:
            self._sorted = (column, order)
            self.show(self._given)


class RowLook(Value):
    """How a row is painted around what stands in its cells. `bar`: at the left of the chosen one; `tint`: the ground of
    one that is not chosen, a colour token or ""; `above`: the hairline is at its top.

    `framed`: whether a row is painted so; a heading is not. `high`: of the part that is, where something unfolds below.
    """

    bar: bool = False
    hovered: bool = True
    above: bool = False
    tint: Callable[[Any], str] = lambda _: ""
    framed: Callable[[Any], bool] = lambda _: True
    high: Callable[[int], int] | None = None


PLAIN_ROW = RowLook()
Draw = Callable[[QPainter, QRect, AnyIndex, QStyle.StateFlag], None]


class CellPainter(QStyledItemDelegate):
    """Paints the cells of one view: `draw` what is in one, `size` how large it is. With a `row` it paints the ground,
    the hairline and the place of the keyboard around them, the same in all tables; without one a cell is all `draw`'s.
    """

    def __init__(
        self,
        theme: Theme,
        view: QAbstractItemView,
        draw: Draw,
        size: Callable[[AnyIndex], QSize] | None = None,
        row: RowLook | None = None,
    ) -> None:
        super().__init__(view)
        self._theme, self._view, self._draw, self._size, self._row = theme, view, draw, size, row

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return super().sizeHint(option, index) if self._size is None else self._size(index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        rect, state = QRect(option.rect), option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = self._row
        if row is None or not row.framed(index.data(ItemRole)):
            self._draw(painter, rect, index, state)
        else:
            self._ground(painter, rect, index, state, row)
            if row.high is not None:
                rect.setHeight(row.high(index.row()))
            self._draw(painter, rect, index, state)
            if state & QStyle.StateFlag.State_HasFocus and self._view.hasFocus():
                ring = rect.adjusted(1, 1, -1, -1 if row.above else -2)
                paint_focus_ring(painter, ring, self._theme.px(4), self._theme)
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag, row: RowLook) -> None:
        theme, tint = self._theme, row.tint(index.data(ItemRole))
        paint_chosen(painter, rect, state, theme, bar=row.bar and rect.left() <= 0, tint=tint, hovered=row.hovered)
        painter.setPen(theme.color("line"))
        y = rect.top() if row.above else rect.bottom()
        painter.drawLine(rect.left(), y, rect.right(), y)


def paint_chosen(
    painter: QPainter,
    rect: QRect,
    state: QStyle.StateFlag,
    theme: Theme,
    *,
    bar: bool = False,
    tint: str = "",
    hovered: bool = True,
) -> None:
    """The ground of what is chosen, or under the pointer, or else its own."""
    if state & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, theme.color("sel"))
        if bar:
            painter.fillRect(QRect(rect.left(), rect.top(), BAR, rect.height()), theme.color("accent"))
    elif tint:
        painter.fillRect(rect, theme.color(tint))
    elif hovered and state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, theme.color("sunk"))


def draw_column(theme: Theme, painter: QPainter, rect: QRect, index: AnyIndex, column: Column) -> None:
    """One line of text, as its column looks."""
    room = rect.adjusted(theme.px(BESIDE), 0, -theme.px(BESIDE), -1)
    font, ink = theme.font(column.size, column.weight), column.ink(index.data(ItemRole))
    draw_line(painter, room, str(index.data()), font, theme, ink, middle=column.middle)
