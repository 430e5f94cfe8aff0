"""The table of all lists that have a row for each thing: selection, keys, copying, menu and widths stand here once.

What stands in its cells are the columns of its model (`items.py`). Moving within it, and screen readers, are Qt's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QStyle, QTableView

from stratascope.ui.kit.items import (
    BESIDE,
    PLAIN_ROW,
    AnyIndex,
    CellPainter,
    Column,
    Draw,
    ItemModel,
    ItemRole,
    RowLook,
    draw_column,
)
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

AIR, HEAD = 8, 26  # px of the design: above and below a line, and the least height of heads that we paint
WHOLE_ROW = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


class ItemTable(QTableView):
    """`turned`: other rows, or another one is current. `opened`: Enter or a double click, with the row's thing.

    A table that `acts` has Ctrl+C and a menu for its current row: `copy_wanted`, and `menu_wanted` with where on the
    screen. `lead`: the column in which the keyboard begins.
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
        """`draw`: paints a cell; without it each column is one line of text. `high`: of a row, px of the design.

        `first`: where no row is current the first one becomes it.
        """
        super().__init__()
        self._theme, self.model_, self._least_high, self._first = theme, model, high, first
        self._kept: Hashable = None  # key of the row that was current last
        self._showing = False
        model.setParent(self)
        self.setModel(model)
        self.cells = CellPainter(theme, self, draw or self._draw, size, row)
        self.setItemDelegate(self.cells)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves it
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(row is not None and row.hovered)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.set_heads(self.horizontalHeader())
        self.setAccessibleName(name)
        self.activated.connect(lambda index: self.opened.emit(index.data(ItemRole)))
        theme.changed.connect(self.restyle)

    def set_heads(self, heads: QHeaderView) -> None:
        """Those above its columns; their widths are the table's."""
        if heads is not self.horizontalHeader():
            self.setHorizontalHeader(heads)
        heads.setFont(self._theme.font(11, MEDIUM))
        heads.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        heads.setHighlightSections(False)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    # -- rows

    def show_rows(self, rows: Sequence[Any], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> None:
        """Other rows; the current one stays so where it is still there. `anew`: as in the model."""
        top, self._showing = self.verticalScrollBar().value(), True
        if self.model_.show(rows, columns, anew=anew):
            self.place_again(top)
        self._showing = False
        self.turned.emit()

    def place_again(self, top: int) -> None:
        """All that was known of places is void: go on at the same row, scrolled as far as before."""
        place = -1 if self._kept is None else self.model_.place_of(self._kept)
        if place < 0 and self._first and self.model_.rows:
            place = 0
        if place >= 0:
            self.make_current(place)
        self.rows_placed()
        self.executeDelayedItemsLayout()  # how far it scrolls is known only then
        self.verticalScrollBar().setValue(top)
        if self._first:
            self.scrollTo(self.currentIndex())

    def rows_placed(self) -> None:
        """Rows came or went; a table whose rows are not alike sets their heights."""

    def current(self) -> Any:
        """The thing of the current row; None where there is none."""
        return self.model_.at(self.currentIndex().row())

    def make_current(self, place: int) -> None:
        """That row."""
        self.selectionModel().setCurrentIndex(self.model_.index(place, self.lead), WHOLE_ROW)

    def row_height(self) -> int:
        """Of a row with one line: as designed, or what its letters need."""
        return max(self._theme.px(self._least_high), self._theme.box(13) + self._theme.px(AIR))

    def restyle(self) -> None:
        """The theme or the size of letters is another one."""
        self.fit()

    def fit(self) -> None:
        """Share out the width among the columns, as they ask for it."""
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
        left = max(0, whole - sum(widths.values()))
        parts = sum(self.model_.columns[at].grows for at in widths)
        for at, width in widths.items():
            more = left * self.model_.columns[at].grows // parts if parts else 0
            self.setColumnWidth(at, width + more)

    def _draw(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        draw_column(self._theme, painter, rect, index, self.model_.columns[index.column()])

    # -- keys, mouse, size

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self._kept = self.model_.key(self.model_.rows[current.row()])
        if current.row() != previous.row() and not self._showing:
            self.turned.emit()
        self.viewport().update()  # the ring is as wide as the row's height, or lies over its neighbours

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model_.rows:
            self.make_current(0)

    def event(self, event: QEvent) -> bool:
        # the window copies the whole container by these keys
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
    """Heads above a table whose first column begins further right than the others. `side`: px of the design."""

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
        """What stands in one."""
        theme, at_left = self._theme, self.sectionViewportPosition(section) == 0
        room = rect.adjusted(theme.px(self._side if at_left else BESIDE), 0, -theme.px(4), 0)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        draw_line(painter, room, title, theme.font(11, MEDIUM), theme, "text3")
