"""A table with one thing a row: each column says what stands in its cell, in which colour, and how wide it is.

Cells are worked out when they are drawn, so that a thousand rows cost no more than those in view.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QObject, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from stratascope.core.message import Message
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole, as_listing, paint_row
from stratascope.ui.kit.labels import draw_line, tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme
from stratascope.value import Value

ROW, BESIDE = 30, 6  # px of the design: height of a row, and what is free at each side of a cell


def _text(_: Any) -> str:
    return "text"


class Column(Value):
    """`text`, `ink` and `whole` are given the row's thing: what stands there, its colour token, and what the tooltip
    and a screen reader say where that is more. `least`: its width in px of the design; one that `grows` takes its part
    of what is left. `name`: it is cut in the middle. `from_width`: where the table is narrower it is left out.
    """

    head: Message
    text: Callable[[Any], str]
    least: int
    grows: int = 0
    ink: Callable[[Any], str] = _text
    whole: Callable[[Any], str] | None = None
    bold: bool = False
    name: bool = False
    from_width: int = 0


class RowsModel(QAbstractTableModel):
    """`show` gives it things."""

    def __init__(self, columns: tuple[Column, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = columns
        self.rows: tuple[Any, ...] = ()

    def show(self, rows: tuple[Any, ...]) -> None:
        """Others."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == ItemRole:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        whole = column.whole or column.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return whole(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(whole(row))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return translate(self.columns[section].head) if section < len(self.columns) else None
        return None


class _Cell(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: RowsTable) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        theme, rect = self._theme, option.rect
        flags: QStyle.StateFlag = option.state
        column, row = self._table.columns[index.column()], index.data(ItemRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_row(painter, option, theme)
        room = rect.adjusted(theme.px(BESIDE), 0, -theme.px(BESIDE), -1)
        font = theme.font(13, BOLD if column.bold else REGULAR)
        draw_line(painter, room, str(index.data()), font, theme, column.ink(row), middle=column.name)
        if flags & QStyle.StateFlag.State_HasFocus and self._table.hasFocus():
            paint_focus_ring(painter, rect.adjusted(1, 1, -1, -2), theme.px(4), theme)
        painter.restore()


class RowsTable(QTableView):
    """`turned`: another row is the current one; `opened`: Enter or a double click, with the row's thing."""

    turned = Signal()
    opened = Signal(object)

    def __init__(self, theme: Theme, name: str, columns: tuple[Column, ...], key: Callable[[Any], Hashable]) -> None:
        """`key`: by which a row is known again when others are shown."""
        super().__init__()
        self._theme, self.columns, self._key = theme, columns, key
        self.model_ = RowsModel(columns, self)
        self.setModel(self.model_)
        self.setItemDelegate(_Cell(theme, self))
        as_listing(self, theme.font(11, MEDIUM))
        self.setAccessibleName(name)
        self.selectionModel().currentRowChanged.connect(lambda *_: self.turned.emit())
        self.activated.connect(lambda index: self.opened.emit(index.data(ItemRole)))

    def show_rows(self, rows: tuple[Any, ...]) -> None:
        """Others; the one that was chosen stays so where it is still there, else it is the first."""
        before = self.current()
        kept = None if before is None else self._key(before)
        top = self.verticalScrollBar().value()
        self.model_.show(rows)
        if rows:
            place = next((at for at, each in enumerate(rows) if self._key(each) == kept), 0)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self.model_.index(place, 0), flags)
            self.verticalScrollBar().setValue(top)
            self.scrollTo(self.model_.index(place, 0))
        self.turned.emit()

    def current(self) -> Any:
        """The thing of the current row; None where there is none."""
        row = self.currentIndex().row()
        return self.model_.rows[row] if 0 <= row < len(self.model_.rows) else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Columns into the width."""
        theme, whole = self._theme, self.viewport().width()
        self.verticalHeader().setDefaultSectionSize(max(theme.px(ROW), theme.box(13) + theme.px(6)))
        metrics = QFontMetrics(theme.font(11, BOLD))
        widths: dict[int, int] = {}
        for at, column in enumerate(self.columns):
            self.setColumnHidden(at, whole < theme.px(column.from_width))
            if not self.isColumnHidden(at):
                head = metrics.horizontalAdvance(translate(column.head)) + theme.px(3 * BESIDE)
                widths[at] = max(theme.px(column.least), head)
        left = max(0, whole - sum(widths.values()))
        parts = sum(self.columns[at].grows for at in widths)
        for at, width in widths.items():
            more = left * self.columns[at].grows // parts if parts else 0
            self.setColumnWidth(at, width + more)
