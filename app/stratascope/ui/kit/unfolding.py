"""A table of which the current row unfolds: a widget below its cells, as high as it needs.

Enter, Space or a click unfolds a row and folds any other; Escape folds it. While a row is unfolded and the list has the
keys, it goes along with the current row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from stratascope.ui.kit import accessibility
from stratascope.ui.kit.table import AnyIndex, Draw, ItemModel, ItemTable, RowLook
from stratascope.ui.kit.theme import Theme


class RowDetails(QWidget):
    """The unfolded part of a row."""

    def high_at(self, width: int) -> int:
        """Return the height it needs at that width."""
        raise NotImplementedError

    def spoken(self) -> str:
        """Return what a screen reader says of it."""
        raise NotImplementedError


class UnfoldingTable(ItemTable):
    """The table. `unfolded`: the key of the row that is unfolded now, "" for none.

    It is filled by whoever hears that. Decided against rows of several heights in the model: a screen reader would
    count them.
    """

    unfolded = Signal(str)
    acts = True

    def __init__(
        self,
        theme: Theme,
        name: str,
        model: ItemModel,
        draw: Draw,
        details: Callable[[QWidget], RowDetails],
        *,
        framed: Callable[[Any], bool] = lambda _: True,
        ruled: bool = True,
    ) -> None:
        """`framed`, `ruled`: as in `RowLook`; rows that are not framed don't unfold."""
        self.open = ""  # key of the unfolded row
        self._framed = framed
        self._pressed = ""  # what was unfolded when the mouse button went down
        self._folded: list[int] = []  # heights of the rows when folded
        self._details: RowDetails | None = None
        look = RowLook(bar=True, high=self.height_of, framed=framed, ruled=ruled)
        super().__init__(theme, name, model, draw, size=self._size, row=look)
        self._details = details(self.viewport())
        self._details.hide()
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setMinimumSectionSize(1)
        self.clicked.connect(self._clicked)
        self.model_.dataChanged.connect(self._changed)

    # -- what a table says of its rows

    def needed(self, row: Any) -> int:
        """Return the height of a row that is folded."""
        raise NotImplementedError

    def details_left(self) -> int:
        """Return where the unfolded part begins."""
        return 0

    # -- rows

    def height_of(self, place: int) -> int:
        """Return the height of a row's cells."""
        return self._folded[place] if place < len(self._folded) else self.row_height()

    def rows_placed(self) -> None:
        if self.model_.place_of(self.open) < 0:
            self.fold()
        self.set_heights()

    def unfold(self, key: str) -> None:
        """Unfold that row, and fold any other."""
        place = self.model_.place_of(key)
        if key != self.open and place >= 0 and self._framed(self.model_.rows[place]):
            self.open = key
            self.unfolded.emit(key)
            self.set_heights()
            if self.currentIndex().row() != place:  # otherwise taking the focus would unfold another row
                self.make_current(place)
            self.scrollTo(self.model_.index(place, self.lead))
            if self._details is not None:
                accessibility.announce(self, self._details.spoken())

    def fold(self) -> None:
        """Fold the unfolded row."""
        if self.open and self._details is not None:
            focus = self.focusWidget()
            had = focus is not None and self._details.isAncestorOf(focus)
            self.open = ""
            if had:
                self.setFocus(Qt.FocusReason.OtherFocusReason)
            self._details.hide()
            self.set_heights()
            self.unfolded.emit("")

    def again(self) -> None:
        """Refresh the unfolded part."""
        self.set_heights()

    def set_heights(self) -> None:
        """Set the heights of all rows anew."""
        rows = self.verticalHeader()
        open_at = self.model_.place_of(self.open) if self.open else -1
        self._folded = [self.needed(row) for row in self.model_.rows]
        for place, folded in enumerate(self._folded):
            more = self._details.high_at(self._details_width()) if place == open_at and self._details else 0
            if rows.sectionSize(place) != folded + more:
                rows.resizeSection(place, folded + more)
        self.place_details()

    def place_details(self) -> None:
        """Put the unfolded part below its row."""
        if self._details is None:
            return
        place = self.model_.place_of(self.open) if self.open else -1
        if place < 0:
            self._details.hide()
            return
        folded = self.height_of(place)
        top, high = self.rowViewportPosition(place) + folded, self.rowHeight(place) - folded - 1
        self._details.setGeometry(self.details_left(), top, self._details_width(), max(1, high))
        self._details.show()

    # -- internals

    def _details_width(self) -> int:
        return max(1, self.viewport().width() - self.details_left())

    def _size(self, index: AnyIndex) -> QSize:
        return QSize(10, self.height_of(index.row()))

    def _changed(self, first: QModelIndex | QPersistentModelIndex, last: QModelIndex | QPersistentModelIndex) -> None:
        """Adjust the heights of rows whose texts have changed."""
        places = range(first.row(), min(last.row() + 1, len(self._folded)))
        if any(self._folded[place] != self.needed(self.model_.rows[place]) for place in places):
            self.set_heights()

    def _clicked(self, index: AnyIndex) -> None:
        row = self.model_.rows[index.row()]
        if not self._framed(row):
            return
        key = str(self.model_.key(row))
        if key == self._pressed:
            self.fold()
        else:
            self.unfold(key)

    # -- events

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        row = self.current()
        if row is not None and self.open and self.hasFocus() and self._framed(row):
            self.unfold(str(self.model_.key(row)))  # the unfolded row stays in view

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self.open
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.current()
        if row is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            key = str(self.model_.key(row))
            if self.open == key:
                self.fold()
            else:
                self.unfold(key)
        elif event.key() == Qt.Key.Key_Escape and self.open:
            self.fold()
        else:
            super().keyPressEvent(event)

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self.place_details()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.place_details()
