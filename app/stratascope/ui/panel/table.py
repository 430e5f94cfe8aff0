"""Decoded facts as a table: what, its value, what was asked for, where it was read. An item view, laid out in full."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QObject,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Row, Table, Tone
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_ring import focus_pen
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import Label, tip
from stratascope.ui.kit.marks import TONE_INK, TONE_MARK, paint_mark, tone_mark, tone_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

LABEL, VALUE, ASKED, SOURCE = range(4)
LONGEST = 2000  # characters of one cell


class FactsModel(QAbstractTableModel):
    """Rows of facts; the column of what was asked is there only where something was."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        super().__init__()
        self.rows = rows
        self._columns = self._choose()

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def column(self, place: int) -> int:
        """Which of LABEL, VALUE, ASKED, SOURCE stands there."""
        return self._columns[place]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and section < len(self._columns):
            if role == Qt.ItemDataRole.DisplayRole:
                heads = (msg("Fact"), msg("Value"), msg("Asked for"), msg("Source"))
                return translate(heads[self._columns[section]])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        column = self._columns[index.column()]
        if role == ItemRole:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return cell_text(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            mark = tone_word(row.tone, row.basis) if column == VALUE else ""
            parts = [part for part in (cell_text(row, column), mark, _note(row, column)) if part]
            return "\n".join(parts) or translate(msg("empty"))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip("\n".join(part for part in (cell_text(row, column), _note(row, column)) if part))
        return None

    def show(self, rows: tuple[Row, ...]) -> None:
        """Other rows; kept as they are where only values differ."""
        before, self.rows = self.rows, rows
        columns = self._choose()
        if len(before) == len(rows) and columns == self._columns:
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(columns) - 1))
            return
        self.rows = before
        self.beginResetModel()
        self.rows, self._columns = rows, columns
        self.endResetModel()

    def _choose(self) -> tuple[int, ...]:
        asked = any(row.asked is not None for row in self.rows)
        source = any(row.source for row in self.rows)
        return (LABEL, VALUE, *((ASKED,) if asked else ()), *((SOURCE,) if source else ()))


def cell_text(row: Row, column: int) -> str:
    """One cell as plain text."""
    if column == SOURCE:
        return plain(row.source, LONGEST)
    message = (row.label, row.value, row.asked)[column]
    return plain(translate(message), LONGEST) if message is not None else ""


def _note(row: Row, column: int) -> str:
    return plain(translate(row.note), LONGEST) if column == VALUE and row.note is not None else ""


class _FactDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, view: FactsList) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view

    def _font(self, column: int, tone: Tone) -> QFont:
        if column == SOURCE:
            return self._theme.font(11, fixed=True)
        strong = column == VALUE and tone is not Tone.PLAIN
        return self._theme.font(12, BOLD if strong else MEDIUM if column == VALUE else MEDIUM.Normal)

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        theme, model = self._theme, self._view.facts
        column = model.column(index.column())
        row: Row = index.data(ItemRole)
        width = max(40, self._view.columnWidth(index.column()) - theme.px(12) - self._mark_room(column, row))
        height = _height(self._font(column, row.tone), cell_text(row, column), width, theme.box(12))
        note = _note(row, column)
        if note:
            height += _height(theme.font(11), note, width, theme.box(11))
        return QSize(width, height + theme.px(7))

    def _mark_room(self, column: int, row: Row) -> int:
        return self._theme.px(17) if column == VALUE and row.tone in TONE_MARK else 0

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        theme, model = self._theme, self._view.facts
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        column = model.column(index.column())
        row: Row = index.data(ItemRole)
        painter.save()
        if state & QStyle.StateFlag.State_Selected and self._view.hasFocus():
            painter.fillRect(rect, theme.color("sel"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        inner = rect.adjusted(theme.px(6), theme.px(3), -theme.px(6), -theme.px(3))
        room = self._mark_room(column, row)
        if room:
            side = theme.px(11)
            y = inner.top() + (theme.box(12) - side) / 2
            paint_mark(painter, QRectF(inner.left(), y, side, side), tone_mark(row.tone, row.basis), theme)
            inner.setLeft(inner.left() + room)
        font = self._font(column, row.tone)
        painter.setFont(font)
        ink = {LABEL: "text2", SOURCE: "text3", ASKED: "text2"}.get(column, TONE_INK[row.tone])
        painter.setPen(theme.color(ink))
        flags = int(Qt.TextFlag.TextWrapAnywhere if column == SOURCE else Qt.TextFlag.TextWordWrap)
        text = cell_text(row, column)
        if " " not in text:
            flags = int(Qt.TextFlag.TextWrapAnywhere)
        height = _height(font, text, inner.width(), theme.box(12))
        top = QRect(inner.left(), inner.top(), inner.width(), height)
        painter.drawText(top, flags | int(Qt.AlignmentFlag.AlignVCenter), text)
        note = _note(row, column)
        if note:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            rest = inner.adjusted(0, height, 0, 0)
            painter.drawText(rest, int(Qt.TextFlag.TextWordWrap), note)
        if state & QStyle.StateFlag.State_HasFocus and self._view.hasFocus():
            painter.setPen(focus_pen(theme))
            painter.drawRect(rect.adjusted(1, 1, -1, -2))
        painter.restore()


def _height(font: QFont, text: str, width: int, least: int) -> int:
    flags = int(Qt.TextFlag.TextWordWrap) if " " in text else int(Qt.TextFlag.TextWrapAnywhere)
    return max(least, QFontMetrics(font).boundingRect(QRect(0, 0, max(20, width), 100000), flags, text).height() + 1)


class FactsList(QTableView):
    """As high as its rows; the page around it scrolls."""

    def __init__(self, theme: Theme, rows: tuple[Row, ...], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.facts = FactsModel(rows)
        self.setModel(self.facts)
        self.setItemDelegate(_FactDelegate(theme, self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setFont(theme.font(11, MEDIUM))
        self.horizontalHeader().setHighlightSections(False)
        self.setAccessibleName(name)
        self.facts.modelReset.connect(self.fit)
        self.facts.dataChanged.connect(self.fit)
        theme.changed.connect(self.fit)
        self.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()  # the page scrolls, not the table
            return watched is self.viewport()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Share out the width, and take the height that this needs."""
        count = self.facts.columnCount()
        width = max(100, self.viewport().width())
        shares = {LABEL: 20, VALUE: 41, ASKED: 15, SOURCE: 24}
        total = sum(shares[self.facts.column(place)] for place in range(count))
        for place in range(count):
            self.setColumnWidth(place, width * shares[self.facts.column(place)] // total)
        self.resizeRowsToContents()
        rows = sum(self.rowHeight(row) for row in range(self.facts.rowCount()))
        self.setFixedHeight(rows + self.horizontalHeader().sizeHint().height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()


class TableBlock(QWidget):
    """A heading with its table."""

    def __init__(self, theme: Theme, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Label(theme, 13, BOLD)
        self.title.setText(plain(translate(table.title)))
        self.list = FactsList(theme, table.rows, plain(translate(table.title)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px(2))
        layout.addWidget(self.title)
        layout.addWidget(self.list)

    def show_table(self, table: Table) -> None:
        """Other rows in the same place."""
        self.title.setText(plain(translate(table.title)))
        self.list.facts.show(table.rows)
