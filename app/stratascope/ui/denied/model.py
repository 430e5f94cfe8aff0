"""Refusals as rows. They keep their order while they are looked at: what died of it first, then what came last.

A row that is refused again moves up only after it had been quiet for a minute, so that several that are refused all the
time do not change places twice a second. As long as the list is being read, rows that are new stand at its end, where
they move nothing.
"""

from __future__ import annotations

import time
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from stratascope.core.denials.denial import Denial
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.denied import words
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip

QUIET = 60.0  # seconds


class Column(IntEnum):
    """From the left."""

    TIME = 0
    PROCESS = 1
    TRIED = 2
    LAYER = 3
    ALLOWED = 4


_HEADS = {
    Column.TIME: msg("Time"),
    Column.PROCESS: msg("Process"),
    Column.TRIED: msg("What it tried"),
    Column.LAYER: msg("Refused by"),
    Column.ALLOWED: msg("What would allow it"),
}


class DenialModel(QAbstractTableModel):
    """`show` gives it rows; harmless ones stand below all others, where they are shown at all."""

    def __init__(self, layers: words.Layers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        self.rows: tuple[Denial, ...] = ()
        self.harmless: frozenset[str] = frozenset()  # keys of those
        self.waiting = 0  # new ones at the end, which have no place among the others yet
        self._rank: dict[str, float] = {}  # by key: the moment by which it has its place

    # -- what the page asks

    def show(self, shown: tuple[Denial, ...], harmless: tuple[Denial, ...], *, hold: bool) -> bool:
        """Other refusals. Whether all that was known of places is void. `hold`: rows stay where they are, new ones come
        last.
        """
        self.harmless = frozenset(each.key for each in harmless)
        found = {each.key: each for each in (*shown, *harmless)}
        if hold:
            stay = [found.pop(each.key, each) for each in self.rows]
            self.waiting += len(found)
            rows = (*stay, *found.values())
        else:
            self.waiting = 0
            self._place(found)
            rows = tuple(sorted(found.values(), key=self._order))
        before, self.rows = self.rows, rows
        if [each.key for each in rows] != [each.key for each in before]:
            self.rows = before
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        for place, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(Column) - 1))
        return False

    def place_of(self, key: str) -> int:
        """Of that row; -1: there is none."""
        return next((place for place, each in enumerate(self.rows) if each.key == key), -1)

    def _place(self, found: dict[str, Denial]) -> None:
        ranks = {}
        for key, each in found.items():
            rank = self._rank.get(key)
            ranks[key] = each.last if rank is None or each.last - rank > QUIET else rank
        self._rank = ranks

    def _order(self, denial: Denial) -> tuple[bool, bool, float, str]:
        return denial.key in self.harmless, not denial.ended, -self._rank[denial.key], denial.key

    # -- what the view asks

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        denial, column = self.rows[index.row()], Column(index.column())
        if role == ItemRole:
            return denial
        if role == Qt.ItemDataRole.DisplayRole:
            return self.lines(denial, column)[0]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(each for each in self.lines(denial, column) if each)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip("\n".join(filter(None, self._whole(denial, column))))
        return None

    def _whole(self, denial: Denial, column: Column) -> tuple[str, ...]:
        return (words.span_text(denial),) if column is Column.TIME else tuple(self.lines(denial, column))

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal and section < len(Column):
            return translate(_HEADS[Column(section)])
        return None

    def lines(self, denial: Denial, column: Column) -> tuple[str, str]:
        """The two lines of a cell."""
        match column:
            case Column.TIME:
                return words.time_lines(denial.last, time.time())
            case Column.PROCESS:
                return plain(denial.process, 100), words.process_below(denial)
            case Column.TRIED:
                return words.tried(denial), words.answered(denial)
            case Column.LAYER:
                return self._layers.title(denial.claim.layer), words.reason(denial.claim)
            case Column.ALLOWED:
                allowed, opens, _ = words.allowed_by(denial)
                return allowed, opens
