"""What all item models and their tables share: the role under which a view gets the item itself, the index of the root
and its type, and how a table is set that shows one item a row.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QStyle, QStyleOptionViewItem, QTableView

from stratascope.ui.kit.theme import Theme

ItemRole = int(Qt.ItemDataRole.UserRole) + 1
AnyIndex = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


def as_rows(table: QTableView) -> None:
    """A row is chosen as a whole, and nothing is edited; no frame and no grid, and Tab leaves it."""
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)


def as_listing(table: QTableView, heads: QFont) -> None:
    """The same with heads above its columns, whose widths and heights are the table's own."""
    as_rows(table)
    table.setMouseTracking(True)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header = table.horizontalHeader()
    header.setFont(heads)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)


def paint_row(painter: QPainter, option: QStyleOptionViewItem, theme: Theme) -> None:
    """The ground of a cell in such a row, chosen or under the pointer, and the hairline below it."""
    rect, flags = option.rect, option.state
    if flags & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, theme.color("sel"))
    elif flags & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, theme.color("sunk"))
    painter.setPen(theme.color("line"))
    painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
