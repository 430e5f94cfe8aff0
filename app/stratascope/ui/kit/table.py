"""All tables of the window: rows of any type, described by columns. One model, one delegate, one view.

A column defines a cell's text, its accessible text and tooltip, the sort key, and how a single line is painted. Rows
are identified by their key: rows that keep their places are changed in place, so that selection, scroll position and a
screen reader's position outlive an update. The table handles selection, keys, copying, menu and widths; Qt handles
navigation and screen readers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from stratascope.core.message import Message
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import draw_line, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme
from stratascope.value import Value

ItemRole = int(Qt.ItemDataRole.UserRole) + 1
AnyIndex = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
BESIDE = 6  # px of the design: margin at each side of a cell
BAR = 3  # px: at the left of the selected row
_CHOOSABLE = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren


def _text(_: Any) -> str:
    return "text"


class Column(Value):
    """A column. `head` may be foreign text, made plain. Functions take the row: `whole` is the tooltip and accessible
    text if that is more than `text`, `spoken` the accessible text alone; `order` is the sort key.

    `least`: its width in px of the design; if it `grows` it takes its part of what is left; a `share` is a part of the
    table's width, up to `most` px. `from_width`: hidden in a narrower table. `middle`: a name, elided in its middle.
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
    explained: str = ""  # tooltip of its header

    @property
    def title(self) -> str:
        """The header's text."""
        return self.head if isinstance(self.head, str) else translate(self.head)


def same(row: Any) -> Hashable:
    """Return the row: it is its own key."""
    return row  # type: ignore[no-any-return]


class ItemModel(QAbstractTableModel):
    """The model. `key`: identifies a row. `choosable`: whether a row can be selected; a heading cannot."""

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
        self._given: Sequence[Any] = ()  # in the given order
        self._sorted: tuple[int, Qt.SortOrder] | None = None

    # -- for the table

    def show(self, rows: Sequence[Any], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> bool:
        """Replace the rows; return whether row indices have changed meaning. `anew`: repaint equal rows too."""
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
        """Return the row at that index, or None."""
        return self.rows[row] if 0 <= row < len(self.rows) else None

    def place_of(self, key: Hashable) -> int:
        """Return the index of the row with that key, or -1."""
        return next((at for at, row in enumerate(self.rows) if self.key(row) == key), -1)

    def _ordered(self, rows: Sequence[Any]) -> tuple[Any, ...]:
        by = None if self._sorted is None else self.columns[self._sorted[0]].order
        if self._sorted is None or by is None:
            return tuple(rows)
        found = sorted(rows, key=by)
        return tuple(found if self._sorted[1] is Qt.SortOrder.AscendingOrder else reversed(found))

    # -- for the view

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
        return tip(column.explained or column.title) if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and (column, order) != self._sorted:
            self._sorted = (column, order)
            self.show(self._given)


class RowLook(Value):
    """How a row is painted around its cells. `bar`: at the left of the selected row; `tint`: background of other rows,
    a colour token or ""; `above`: the hairline is at the top.

    `framed`: whether all this applies to a row; not to a heading. `high`: the height it applies to, if a row unfolds
    below. `cells`: the focus is on a cell, and not on the whole row.
    """

    bar: bool = False
    hovered: bool = True
    ruled: bool = True  # whether there is a hairline
    above: bool = False
    tint: Callable[[Any], str] = lambda _: ""
    framed: Callable[[Any], bool] = lambda _: True
    high: Callable[[int], int] | None = None
    cells: bool = False


PLAIN_ROW = RowLook()
Draw = Callable[[QPainter, QRect, AnyIndex, QStyle.StateFlag], None]


def list_below(theme: Theme, model: ItemModel, draw: Draw, size: Callable[[AnyIndex], QSize], name: str) -> QListView:
    """Return a list below a field: the field keeps the focus, and its keys move in the list."""
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(CellPainter(theme, view, draw, size))
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setUniformItemSizes(True)
    view.setMouseTracking(True)
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setAccessibleName(name)
    return view


class CellPainter(QStyledItemDelegate):
    """The delegate of a view: `draw` paints a cell, `size` returns its size. With a `row` it also paints background,
    hairline and focus ring, the same in all tables; otherwise `draw` paints the whole cell.
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
        if isinstance(self._view, ItemTable):  # Qt says of one cell that the mouse is over it
            over = QStyle.StateFlag.State_MouseOver
            state = state | over if index.row() == self._view.pointed else state & ~over
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
            self._ring(painter, rect, index, state, row)
        painter.restore()

    def _ring(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag, row: RowLook) -> None:
        """Each cell paints its part of the ring."""
        view, ring = self._view, QRect(rect)
        if not view.hasFocus():
            return
        if isinstance(view, ItemTable) and not row.cells:
            if index.row() != view.currentIndex().row():
                return
            painter.setClipRect(rect)
            ring.setLeft(rect.left() - view.horizontalHeader().sectionPosition(index.column()))
            ring.setWidth(view.horizontalHeader().length())
        elif not state & QStyle.StateFlag.State_HasFocus:
            return
        ring.adjust(1, 1, -1, -1 if row.above else -2)
        paint_focus_ring(painter, ring, self._theme.px(4), self._theme)

    def _ground(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag, row: RowLook) -> None:
        theme, tint = self._theme, row.tint(index.data(ItemRole))
        paint_chosen(painter, rect, state, theme, bar=row.bar and rect.left() <= 0, tint=tint, hovered=row.hovered)
        if row.ruled:
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
    """Paint the background of a selected or hovered row, else its own."""
    if state & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, theme.color("sel"))
        if bar:
            painter.fillRect(QRect(rect.left(), rect.top(), BAR, rect.height()), theme.color("accent"))
    elif tint:
        painter.fillRect(rect, theme.color(tint))
    elif hovered and state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, theme.color("sunk"))


def draw_column(theme: Theme, painter: QPainter, rect: QRect, index: AnyIndex, column: Column) -> None:
    """Paint one line of text as the column defines."""
    room = rect.adjusted(theme.px(BESIDE), 0, -theme.px(BESIDE), -1)
    font, ink = theme.font(column.size, column.weight), column.ink(index.data(ItemRole))
    draw_line(painter, room, str(index.data()), font, theme, ink, middle=column.middle)


AIR, HEAD = 8, 26  # px of the design: above and below a line, and the minimum height of headers that we paint
WHOLE_ROW = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


class ItemTable(QTableView):
    """A table. `turned`: the rows or the current one have changed. `opened`: Enter or a double click, with the row.

    A table that `acts` has Ctrl+C and a context menu for its current row: `copy_wanted`, and `menu_wanted` with the
    position on screen. `lead`: the first column of the keyboard.
    """

    turned = Signal()
    opened = Signal(object)
    copy_wanted = Signal()
    menu_wanted = Signal(object)
    acts, lead = False, 0

    def __init__(
        self,
        theme: Theme,
        name: str,
        model: ItemModel,
        draw: Draw | None = None,
        *,
        size: Callable[[AnyIndex], QSize] | None = None,
        row: RowLook | None = PLAIN_ROW,
        high: int = 30,
        first: bool = False,
    ) -> None:
        """`draw`: paints a cell; without it each column is one line of text. `high`: row height, px of the design.

        `first`: if no row is current, the first one becomes so.
        """
        super().__init__()
        self._theme, self.model_, self._least_high, self._first = theme, model, high, first
        self._kept: Hashable = None  # key of the last current row
        self._showing = False
        model.setParent(self)
        self.setModel(model)
        self.cells = CellPainter(theme, self, draw or self._draw, size or self._row_size, row)
        self.setItemDelegate(self.cells)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pointed = -1  # the row below the mouse
        if row is not None and row.hovered:
            self.setMouseTracking(True)
            self.entered.connect(lambda index: self._point(index.row()))
            for away in (self.viewportEntered, self.verticalScrollBar().valueChanged):
                away.connect(lambda *_: self._point(-1))
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.set_heads(self.horizontalHeader())
        self.setAccessibleName(name)
        self.activated.connect(lambda index: self.opened.emit(index.data(ItemRole)))
        theme.changed.connect(self.restyle)

    def set_heads(self, heads: QHeaderView) -> None:
        """Set the header above the columns; the table sets its widths."""
        if heads is not self.horizontalHeader():
            self.setHorizontalHeader(heads)
        heads.setFont(self._theme.font(11, MEDIUM))
        heads.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        heads.setHighlightSections(False)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    # -- rows

    def show_rows(self, rows: Sequence[Any], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> None:
        """Replace the rows; the current one stays current if it still exists. `anew`: as in the model."""
        top, self._showing = self.verticalScrollBar().value(), True
        if self.model_.show(rows, columns, anew=anew):
            self.place_again(top)
        self._showing = False
        self.turned.emit()

    def place_again(self, top: int) -> None:
        """Restore the current row and the scroll position after row indices have changed meaning."""
        place = -1 if self._kept is None else self.model_.place_of(self._kept)
        if place < 0 and self._first and self.model_.rows:
            place = 0
        if place >= 0:
            self.make_current(place)
        self.rows_placed()
        self.executeDelayedItemsLayout()  # only then is the scroll range known
        self.verticalScrollBar().setValue(top)
        if self._first:
            self.scrollTo(self.currentIndex())

    def rows_placed(self) -> None:
        """Handle inserted or removed rows; a table with rows of different heights sets them here."""

    def current(self) -> Any:
        """Return the current row, or None."""
        return self.model_.at(self.currentIndex().row())

    def make_current(self, place: int) -> None:
        """Make that row current."""
        self.selectionModel().setCurrentIndex(self.model_.index(place, self.lead), WHOLE_ROW)

    def row_height(self) -> int:
        """Return the height of a one-line row: as designed, or what its letters need."""
        return max(self._theme.px(self._least_high), self._theme.box(13) + self._theme.px(AIR))

    def _row_size(self, _: AnyIndex) -> QSize:
        return QSize(10, self.row_height())

    def restyle(self) -> None:
        """Apply another theme or font size."""
        self.fit()

    def fit(self) -> None:
        """Distribute the width among the columns."""
        theme, whole = self._theme, self.viewport().width()
        self.verticalHeader().setDefaultSectionSize(self.row_height())
        metrics = QFontMetrics(theme.font(11, BOLD))
        widths: dict[int, int] = {}
        for at, column in enumerate(self.model_.columns):
            self.setColumnHidden(at, whole < theme.px(column.from_width))
            if self.isColumnHidden(at):
                continue
            if column.share:
                widths[at] = max(theme.px(44), min(theme.px(column.most), round(whole * column.share)))
            else:
                head = metrics.horizontalAdvance(column.title) + theme.px(3 * BESIDE)
                widths[at] = max(theme.px(column.least), head)
        for at in [at for at in widths if self.model_.columns[at].from_width][::-1]:
            if sum(widths.values()) > whole:  # longer words in another language
                self.setColumnHidden(at, True)
                del widths[at]
        left = max(0, whole - sum(widths.values()))
        parts = sum(self.model_.columns[at].grows for at in widths)
        for at, width in widths.items():
            more = left * self.model_.columns[at].grows // parts if parts else 0
            self.setColumnWidth(at, width + more)

    def _draw(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        draw_column(self._theme, painter, rect, index, self.model_.columns[index.column()])

    def _point(self, row: int) -> None:
        before, self.pointed = self.pointed, row
        for each in {before, row} - {-1}:
            place = QRect(0, self.rowViewportPosition(each), self.viewport().width(), self.rowHeight(each))
            self.viewport().update(place)

    # -- events

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point(-1)

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self._kept = self.model_.key(self.model_.rows[current.row()])
        if current.row() != previous.row() and not self._showing:
            self.turned.emit()
        self.viewport().update()  # the focus ring is as large as the row, or overlaps its neighbours

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model_.rows:
            self.make_current(0)

    def event(self, event: QEvent) -> bool:
        # the window's own shortcut would copy the whole container
        if event.type() == QEvent.Type.ShortcutOverride and self._copies(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._copies(event):
            self.copy_wanted.emit()
        else:
            super().keyPressEvent(event)

    def _copies(self, event: QEvent) -> bool:
        copy = isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy)
        return copy and self.acts and self.current() is not None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.acts:
            super().contextMenuEvent(event)
            return
        at = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            at = self.visualRect(self.currentIndex()).center()
        else:
            index = self.indexAt(self.viewport().mapFromGlobal(event.globalPos()))
            if index.isValid():
                self.setCurrentIndex(index)
        if self.current() is not None:
            self.menu_wanted.emit(self.viewport().mapToGlobal(QPoint(at)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()


class Heads(QHeaderView):
    """The header of a table whose first column is indented. `side`: px of the design."""

    smooth = False

    def __init__(self, theme: Theme, side: int = BESIDE) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._theme, self._side = theme, side
        self.setMinimumSectionSize(1)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), max(self._theme.px(HEAD), self._theme.box(11) + self._theme.px(8)))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.smooth)
        painter.fillRect(rect, self._theme.color("panel"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        self.draw(painter, rect, section)
        painter.restore()

    def draw(self, painter: QPainter, rect: QRect, section: int) -> None:
        """Paint a section."""
        theme, at_left = self._theme, self.sectionViewportPosition(section) == 0
        room = rect.adjusted(theme.px(self._side if at_left else BESIDE), 0, -theme.px(4), 0)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        draw_line(painter, room, title, theme.font(11, MEDIUM), theme, "text3", middle=True)
