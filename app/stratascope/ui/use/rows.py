"""Rows of the cards as a model: what each cell says, how it is drawn, what is read aloud. Foreign text is made plain.

A row is known by its first cell: what is current stays so while others come and go.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from stratascope.core.sanitize import plain
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip
from stratascope.value import Value

MOST = 4200  # characters of one cell: PATH_MAX, and a little


class Gauge(Value):
    """Shares of the whole bar, 0.0 to 1.0; None: not there."""

    now: float | None
    peak: float | None
    limit: float | None


class Cell(Value):
    """One cell. `below`: a second line. `more`: for the tooltip; `fixed`: a path or a name of the kernel's.

    `sign`: as in `flow.paint_sign`, before the words; other words of the row say the same.
    """

    text: str
    below: str = ""
    ink: str = "text"
    bold: bool = False
    fixed: bool = False
    right: bool = False
    more: str = ""
    gauge: Gauge | None = None
    sign: str = ""

    @property
    def spoken(self) -> str:
        """One for the ear."""
        return ", ".join(plain(each, MOST) for each in (self.text, self.below, self.more) if each.strip())


Row = tuple[Cell, ...]


class RowModel(QAbstractTableModel):
    """`heads` are not drawn, and are told to a screen reader."""

    def __init__(self, heads: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heads = heads
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> bool:
        """Other rows. Whether all that was known of places is void."""
        before = self.rows
        if rows == before:
            return False
        if [row[0].text for row in rows] == [row[0].text for row in before]:
            self.rows = rows
            changed = [place for place, row in enumerate(rows) if row != before[place]]
            last = len(self._heads) - 1
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], last))
            return False
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()
        return True

    def place_of(self, text: str) -> int:
        """Of the row that begins so; -1: there is none."""
        return next((place for place, row in enumerate(self.rows) if row[0].text == text), -1)

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self._heads)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        cell = self.rows[index.row()][index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(cell.text, MOST)
            case Qt.ItemDataRole.ToolTipRole:
                return tip("\n".join(each for each in (cell.text, cell.below, cell.more) if each.strip()))
            case Qt.ItemDataRole.AccessibleTextRole:
                return cell.spoken or " "
            case _ if role == ItemRole:
                return cell
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self._heads[section]
        return None
