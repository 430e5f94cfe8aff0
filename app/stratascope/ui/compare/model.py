"""Differences as rows: what, and what it is in either container."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.overview.comparison import Difference, Part
from stratascope.presentation.overview.comparison_report import PARTS
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip


class Column(IntEnum):
    """From the left."""

    PART = 0
    WHAT = 1
    ONE = 2
    TWO = 3


class DifferenceModel(QAbstractTableModel):
    """`show` gives it rows, and what the two are called."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.all: tuple[Difference, ...] = ()
        self.rows: tuple[Difference, ...] = ()
        self.names = ("", "")

    def show(self, found: tuple[Difference, ...], names: tuple[str, str], part: Part | None) -> None:
        """Others. `part`: only those of that kind."""
        self.beginResetModel()
        self.all, self.names = found, names
        self.rows = tuple(each for each in found if part in (None, each.part))
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        found, column = self.rows[index.row()], Column(index.column())
        if role == ItemRole:
            return found
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(found, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(found, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self.text(found, column))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        sides = (msg("First container"), msg("Second container"))
        names = (name or translate(side) for name, side in zip(self.names, sides, strict=True))
        heads = (translate(msg("Kind")), translate(msg("What")), *names)
        return heads[section] if section < len(Column) else None

    def text(self, found: Difference, column: Column) -> str:
        """Of one cell."""
        match column:
            case Column.PART:
                return translate(PARTS[found.part])
            case Column.WHAT:
                return plain(found.what, 300)
            case Column.ONE:
                return plain(found.one, 2000)
            case Column.TWO:
                return plain(found.two, 2000)

    def _spoken(self, found: Difference, column: Column) -> str:
        text = self.text(found, column)
        if weaker(found, column):
            return translate(msg("{text}, weaker here", text=text))
        return text


def weaker(found: Difference, column: Column) -> bool:
    """Whether it is the side that is defended less."""
    return found.worse == {Column.ONE: -1, Column.TWO: 1}.get(column, 2)
