"""What is shared as rows, the gravest first."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from stratascope.core.message import msg
from stratascope.core.overview.shared_parts import Kind, Shared
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.overview import shared_words as words
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.selection import Key

NAMED = 40  # containers in a cell; the list below has all of them


class Column(IntEnum):
    """From the left."""

    KIND = 0
    WHAT = 1
    COUNT = 2
    WHO = 3


_HEADS = {
    Column.KIND: msg("Kind"),
    Column.WHAT: msg("What"),
    Column.COUNT: msg("By"),
    Column.WHO: msg("Containers"),
}


class SharedModel(QAbstractTableModel):
    """`show` gives it rows, and what containers are called."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Shared, ...] = ()
        self.names: dict[Key, str] = {}

    def show(self, rows: tuple[Shared, ...], names: dict[Key, str]) -> bool:
        """Others; whether anything is not as it was."""
        if rows == self.rows and names == self.names:
            return False
        self.beginResetModel()
        self.rows, self.names = rows, names
        self.endResetModel()
        return True

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        shared, column = self.rows[index.row()], Column(index.column())
        if role == ItemRole:
            return shared
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(shared, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self.text(shared, column))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal and section < len(Column):
            return translate(_HEADS[Column(section)])
        return None

    def text(self, shared: Shared, column: Column) -> str:
        """Of one cell."""
        match column:
            case Column.KIND:
                return words.kind(shared)
            case Column.WHAT:
                return words.what(shared)
            case Column.COUNT:
                return str(len(shared.containers))
            case Column.WHO:
                names = listed(self.names.get(key, key[1][:12]) for key in shared.containers[:NAMED])
                more = len(shared.containers) - NAMED
                return translate(msg("{names} and {count} more", names=names, count=more)) if more > 0 else names

    def grave(self, row: int) -> bool:
        """Whether it is the host's own."""
        return self.rows[row].kind is Kind.HOST


def member_text(shared: Shared, key: Key, name: str) -> str:
    """A container in the list below: what it may do there is told where that is known."""
    if shared.kind in (Kind.PATH, Kind.VOLUME):
        may = msg("can write") if key in shared.writers else msg("read-only")
        return translate(msg("{name} ({engine}), {may}", name=name, engine=plain(key[0], 60), may=may))
    return translate(msg("{name} ({engine})", name=name, engine=plain(key[0], 60)))
