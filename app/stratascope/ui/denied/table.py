"""The list of refusals: rows of 48 or more, of which the chosen one unfolds. Keyboard, selection and ear are Qt's."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
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
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableView,
    QWidget,
)

from stratascope.core.denials.denial import Denial
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.denied import words
from stratascope.ui.denied.cells import SIDE, DenialDelegate
from stratascope.ui.denied.details import Details
from stratascope.ui.denied.model import Column, DenialModel
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.item_model import AnyIndex, as_rows
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.theme import MEDIUM, Theme

ROW, HEAD = 48, 26
TIGHT = 620  # below it the raw call and the process share what there is; the time goes
_SHARES = {Column.PROCESS: 0.17, Column.TRIED: 0.33, Column.LAYER: 0.23, Column.ALLOWED: 0.27}


def _is_copy(event: QKeyEvent) -> bool:
    return event.type() == QEvent.Type.ShortcutOverride and event.matches(QKeySequence.StandardKey.Copy)


class _Heads(QHeaderView):
    def __init__(self, theme: Theme, table: DenialTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._theme, self._table = theme, table

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), max(self._theme.px(HEAD), self._theme.box(11) + self._theme.px(8)))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        theme = self._theme
        painter.save()
        painter.fillRect(rect, theme.color("panel"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        left = theme.px(SIDE if section == self._table.first else 6)
        room = rect.adjusted(left, 0, -theme.px(4), 0)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        draw_line(painter, room, title, theme.font(11, MEDIUM), theme, "text3")
        painter.restore()


class DenialTable(QTableView):
    """`unfolded`: another row is, or none (""). `copy_wanted`, `menu_wanted` are of the current row."""

    unfolded = Signal(str)
    copy_wanted = Signal()
    menu_wanted = Signal(object)  # QPoint on the screen

    def __init__(self, theme: Theme, layers: words.Layers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.layers = theme, layers
        self.whose: ContainerState | None = None  # whose refusals they are
        self.model_ = DenialModel(layers, self)
        self.open = ""  # key of the row that is unfolded
        self.first = Column.TIME
        self._pressed = ""  # what was unfolded when the mouse was pressed
        self._chosen = ""  # key of the current row
        self._folded: list[int] = []  # heights of the rows, without what unfolds
        self.details = Details(theme, self.viewport())
        self.setHorizontalHeader(_Heads(theme, self))
        self.setModel(self.model_)
        self._cells = DenialDelegate(theme, self, self)
        self.setItemDelegate(self._cells)
        as_rows(self)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setMinimumSectionSize(1)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().hide()
        self.setAccessibleName(translate(msg("What was refused")))
        self.setAccessibleDescription(translate(msg("Enter expands a row, with the reason and what would allow it")))
        self.clicked.connect(self._clicked)
        self.model_.dataChanged.connect(self._changed)
        theme.changed.connect(self.fit)
        self.fit()

    def row_height(self, place: int) -> int:
        """48, or what its texts need."""
        return self._folded[place] if place < len(self._folded) else self._theme.px(ROW)

    @property
    def chosen(self) -> Denial | None:
        """Of the current row."""
        at = self.currentIndex()
        return self.model_.rows[at.row()] if at.isValid() and at.row() < len(self.model_.rows) else None

    @property
    def at_top(self) -> bool:
        """Whether new rows may come in: nothing is being read further below, or in full."""
        return not self.open and self.verticalScrollBar().value() == 0

    def show_rows(self, shown: tuple[Denial, ...], harmless: tuple[Denial, ...], *, hold: bool) -> None:
        """Other refusals; the current row stays the current one, and what is unfolded stays so."""
        key, scrolled = self._chosen, self.verticalScrollBar().value()
        if self.model_.show(shown, harmless, hold=hold):
            place = self.model_.place_of(key)
            if place >= 0:
                self._make_current(place)
            if self.model_.place_of(self.open) < 0:
                self.fold()
            self._set_heights()
            self.executeDelayedItemsLayout()  # how far it scrolls is known only then
            self.verticalScrollBar().setValue(scrolled)
        self._place_details()

    def unfold(self, key: str) -> None:
        """That row, and no other."""
        if key != self.open and self.model_.place_of(key) >= 0:
            self.open = key
            self.unfolded.emit(key)
            self._set_heights()
            place = self.model_.place_of(key)
            if self.currentIndex().row() != place:  # else another unfolds as the keyboard comes
                self._make_current(place)
            self.scrollTo(self.model_.index(place, 0))
            accessibility.announce(self, self.details.why.text())

    def fold(self) -> None:
        """None is unfolded."""
        if self.open:
            had = self.details.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
            self.open = ""
            if had:
                self.setFocus(Qt.FocusReason.OtherFocusReason)
            self.details.hide()
            self._set_heights()
            self.unfolded.emit("")

    def again(self) -> None:
        """What is unfolded says something else."""
        self._set_heights()

    def fit(self) -> None:
        """Share out the width; where there is little the time goes."""
        theme, whole = self._theme, self.viewport().width()
        tight = whole < theme.px(TIGHT)
        self.first = Column.PROCESS if tight else Column.TIME
        self.setColumnHidden(Column.TIME, tight)
        wide = 0 if tight else theme.px(SIDE + 8 + 66)
        self.setColumnWidth(Column.TIME, max(1, wide))
        left = whole - wide
        for column, share in _SHARES.items():
            self.setColumnWidth(column, max(theme.px(40), round(left * share)))
        used = sum(self.columnWidth(column) for column in (Column.PROCESS, Column.TRIED, Column.LAYER))
        self.setColumnWidth(Column.ALLOWED, max(theme.px(40), left - used))
        self._set_heights()
        self.viewport().update()

    # -- inside

    def _make_current(self, place: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(self.model_.index(place, Column.TRIED), flags)

    def _set_heights(self) -> None:
        rows = self.verticalHeader()
        self.verticalScrollBar().setSingleStep(self._theme.px(ROW))
        open_at = self.model_.place_of(self.open) if self.open else -1
        self._folded = [self._needed(row) for row in range(self.model_.rowCount())]
        for row, folded in enumerate(self._folded):
            high = folded + (self.details.high_at(self._details_width()) if row == open_at else 0)
            if rows.sectionSize(row) != high:
                rows.resizeSection(row, high)
        self._place_details()

    def _needed(self, row: int) -> int:
        least = max(self._theme.px(ROW), self._theme.box(13) + self._theme.box(11) + self._theme.px(10))
        return max(least, self._cells.needed(self.model_.rows[row]))

    def _changed(self, first: QModelIndex | QPersistentModelIndex) -> None:
        """A row says something else, which may take another height."""
        if first.row() < len(self._folded) and self._folded[first.row()] != self._needed(first.row()):
            self._set_heights()

    def _details_left(self) -> int:
        return self.columnViewportPosition(Column.PROCESS) + self._theme.px(SIDE if self.first == Column.PROCESS else 6)

    def _details_width(self) -> int:
        return max(1, self.viewport().width() - self._details_left())

    def _place_details(self) -> None:
        place = self.model_.place_of(self.open) if self.open else -1
        if place < 0:
            self.details.hide()
            return
        folded = self.row_height(place)
        top, high = self.rowViewportPosition(place) + folded, self.rowHeight(place) - folded - 1
        self.details.setGeometry(self._details_left(), top, self._details_width(), max(1, high))
        self.details.show()

    def _clicked(self, index: AnyIndex) -> None:
        key = self.model_.rows[index.row()].key
        if key == self._pressed:
            self.fold()
        else:
            self.unfold(key)

    # -- events

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        denial = self.chosen
        if denial is not None:
            self._chosen = denial.key
            if self.open and self.open != denial.key and self.hasFocus():  # what is read in full goes along
                self.unfold(denial.key)
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model_.rows:
            self._make_current(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self.open
        super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        # the window copies the whole container by these keys
        if self.chosen is not None and isinstance(event, QKeyEvent) and _is_copy(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        denial = self.chosen
        if denial is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif denial is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.open == denial.key:
                self.fold()
            else:
                self.unfold(denial.key)
        elif event.key() == Qt.Key.Key_Escape and self.open:
            self.fold()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            at = self.visualRect(self.currentIndex()).center()
        else:
            index = self.indexAt(self.viewport().mapFromGlobal(event.globalPos()))
            if index.isValid():
                self.setCurrentIndex(index)
        if self.chosen is not None:
            self.menu_wanted.emit(self.viewport().mapToGlobal(QPoint(at)))

    def updateGeometries(self) -> None:
        super().updateGeometries()
        if hasattr(self, "details"):  # Qt asks while it is being made
            self._place_details()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self._place_details()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()
