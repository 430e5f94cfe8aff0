"""The list of processes: rows of 40. Keyboard, selection and ear are Qt's; the chosen one stays so as others come."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from stratascope.core.message import msg
from stratascope.core.overview.processes import Process
from stratascope.i18n.translate import translate
from stratascope.ui.kit.item_model import AnyIndex, as_rows
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.ui.processes.cells import SIDE, ProcessDelegate
from stratascope.ui.processes.model import Column, Key, ProcessModel, Show

ROW, SESSION, HEAD = 40, 30, 26
# in the order in which they go where there is little room, and how much each takes (LOOK-NEXT, section 12)
_LEAVING = ((Column.AGE, 74), (Column.NEW_PRIVILEGES, 58), (Column.PIDS, 120))
_WIDTHS = {Column.USER: 124, Column.CAPABILITIES: 190, Column.FILTERS: 72}
_LEAST = 190  # of the first column


class _Heads(QHeaderView):
    def __init__(self, theme: Theme, table: ProcessTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._theme = theme

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), max(self._theme.px(HEAD), self._theme.box(11) + self._theme.px(8)))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        theme = self._theme
        painter.save()
        painter.fillRect(rect, theme.color("panel"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        room = rect.adjusted(theme.px(SIDE if section == Column.PROCESS else 6), 0, -theme.px(4), 0)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        draw_line(painter, room, title, theme.font(11, MEDIUM), theme, "text3")
        painter.restore()


class ProcessTable(QTableView):
    """`chosen_changed`: another process is current, or none. `copy_wanted`, `menu_wanted` are of the current one."""

    chosen_changed = Signal()
    copy_wanted = Signal()
    menu_wanted = Signal(object)  # QPoint on the screen

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.model_ = ProcessModel(self)
        self._key: Key | None = None
        self._showing = False
        self.setModel(self.model_)
        self.setItemDelegate(ProcessDelegate(theme, self, self))
        self.setHorizontalHeader(_Heads(theme, self))
        as_rows(self)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setMinimumSectionSize(1)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().hide()
        self.setAccessibleName(translate(msg("Processes")))
        theme.changed.connect(self.fit)
        self.fit()

    def row_height(self) -> int:
        """40, or what two lines need."""
        return max(self._theme.px(ROW), self._theme.box(13) + self._theme.box(11) + self._theme.px(6))

    @property
    def chosen(self) -> Process | None:
        """Of the current row."""
        return self.model_.process_at(self.model_.place_of(self._key))

    def show_rows(self, processes: tuple[Process, ...], which: Show, commands: dict[Key, str]) -> None:
        """The processes as they are now; the current one stays so as long as it is there."""
        scrolled = self.verticalScrollBar().value()
        self._showing = True
        if self.model_.show(processes, which, commands):
            self._set_heights()
            place = self.model_.place_of(self._key)
            if place >= 0:
                self._make_current(place)
            else:
                self._key = None
            self.executeDelayedItemsLayout()  # how far it scrolls is known only then
            self.verticalScrollBar().setValue(scrolled)
        self._showing = False

    def choose(self, key: Key) -> None:
        """That process."""
        place = self.model_.place_of(key)
        if place >= 0:
            self._make_current(place)
            self.scrollTo(self.model_.index(place, 0))

    def fit(self) -> None:
        """Share out the width; where there is little, columns go."""
        px, whole = self._theme.px, self.viewport().width()
        widths = {column: px(width) for column, width in (*_WIDTHS.items(), *_LEAVING)}
        for column, _ in _LEAVING:
            gone = sum(widths.values()) + px(_LEAST) > whole
            self.setColumnHidden(column, gone)
            if gone:
                del widths[column]
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        self.setColumnWidth(Column.PROCESS, max(px(80), whole - sum(widths.values())))
        self._set_heights()
        self.viewport().update()

    def _make_current(self, place: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(self.model_.index(place, Column.PROCESS), flags)

    def _set_heights(self) -> None:
        rows = self.verticalHeader()
        rows.setDefaultSectionSize(self.row_height())
        self.verticalScrollBar().setSingleStep(self.row_height())
        self.clearSpans()
        line = max(self._theme.px(SESSION), self._theme.box(12) + self._theme.px(10))
        for row in self.model_.lines_at:
            rows.resizeSection(row, line)
            self.setSpan(row, 0, 1, len(Column))

    # -- events

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        process = self.model_.process_at(current.row()) if current.isValid() else None
        if process is not None and process.key != self._key:
            self._key = process.key
            if not self._showing:
                self.chosen_changed.emit()
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model_.rows:
            self._make_current(0)

    def event(self, event: QEvent) -> bool:
        # the window copies the whole container by these keys
        if (
            isinstance(event, QKeyEvent)
            and self.chosen is not None
            and event.type() == QEvent.Type.ShortcutOverride
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.chosen is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()
