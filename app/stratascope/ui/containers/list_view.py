"""The list of containers: rows with marks and exposure between heads, by keyboard and mouse."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtCore import Signal as QtSignal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.containers.head import EXPOSURE
from stratascope.ui.containers.model import ContainerModel, Entry
from stratascope.ui.containers.order import section_ink
from stratascope.ui.widgets import marks
from stratascope.ui.widgets.exposure_words import best_text, level_ink, number_text
from stratascope.ui.widgets.focus_ring import paint_focus_ring
from stratascope.ui.widgets.gap_words import runs
from stratascope.ui.widgets.item_model import AnyIndex, ItemRole
from stratascope.ui.widgets.marks import Mark, paint_mark
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme

ROW, HEAD, PITCH, MARK, EDGE = 42, 25, 16, 11, 16


def mark_of(entry: Entry, number: int) -> Mark:
    """The mark of one layer in a row."""
    if entry.state is None or not runs(entry.state):
        return Mark.NOT_RUNNING
    layer = next((layer for layer in entry.state.layers if layer.number == number), None)
    return marks.mark_of(layer.assessment) if layer else Mark.UNKNOWN


class _ContainerDelegate(QStyledItemDelegate):
    """Paints heads and rows."""

    def __init__(self, theme: Theme, view: ContainerView) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        theme, entry = self._theme, index.data(ItemRole)
        if entry.state is None:
            return QSize(10, max(theme.px(HEAD), theme.box(12) + theme.px(6)))
        return QSize(10, max(theme.px(ROW), theme.box(13) + theme.box(11) + theme.px(6)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        entry: Entry = index.data(ItemRole)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.state is None:
            self._head(painter, rect, entry)
        else:
            self._ground(painter, rect, state)
            if self._view.narrow:
                self._initials(painter, rect, entry)
            else:
                self._row(painter, rect, entry)
        painter.restore()

    def _head(self, painter: QPainter, rect: QRect, entry: Entry) -> None:
        theme = self._theme
        view_by = self._view.containers.view_by
        left = rect.left() + theme.px(EDGE)
        if self._view.narrow:
            painter.setPen(theme.color("line"))
            painter.drawLine(left, rect.center().y(), rect.right() - theme.px(EDGE), rect.center().y())
            return
        painter.setFont(theme.font(11, BOLD))
        painter.setPen(theme.color(section_ink(entry.section, view_by)))
        room = rect.width() - theme.px(2 * EDGE + 40)
        title = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, room)
        box = QRect(left, rect.top(), room + theme.px(40), rect.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, title)
        x = left + painter.fontMetrics().horizontalAdvance(title) + theme.px(7)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text3"))
        number = str(entry.count)
        painter.drawText(QRect(x, rect.top(), theme.px(60), rect.height()), Qt.AlignmentFlag.AlignVCenter, number)
        x += painter.fontMetrics().horizontalAdvance(number) + theme.px(8)
        painter.setPen(theme.color("line"))
        y = rect.center().y() + 1
        painter.drawLine(x, y, rect.right() - theme.px(EDGE), y)

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        theme = self._theme
        box = QRectF(rect).adjusted(theme.px(6), 0.5, -theme.px(6), -0.5)
        if state & QStyle.StateFlag.State_Selected and self._view.elsewhere:
            painter.setPen(QPen(theme.color("line2"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(7), theme.px(7))
        elif state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box, theme.px(7), theme.px(7))
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(box.left(), box.top() + 6, 3, box.height() - 12), 1.5, 1.5)
        if state & QStyle.StateFlag.State_HasFocus and self._view.hasFocus():
            paint_focus_ring(painter, box.adjusted(1, 1, -1, -1), theme.px(6), theme)
        elif state & QStyle.StateFlag.State_MouseOver and not state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(box, theme.px(7), theme.px(7))

    def _row(self, painter: QPainter, rect: QRect, entry: Entry) -> None:
        theme = self._theme
        left, right = rect.left() + theme.px(EDGE), rect.right() - theme.px(EDGE)
        one, two = theme.box(13), theme.box(11)
        top = rect.top() + (rect.height() - one - two) // 2
        marks = right - theme.px(EXPOSURE) - 5 * theme.px(PITCH) - theme.px(MARK)
        running = entry.state is not None and runs(entry.state)
        name_right = self._exposure(painter, QRect(left, top, right - left, one), entry.state) if running else right
        painter.setFont(theme.font(13, MEDIUM))
        painter.setPen(theme.color("text" if running else "text2"))
        name = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideMiddle, name_right - left)
        painter.drawText(QRect(left, top, name_right - left, one), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        room = marks - left - theme.px(8)
        second = painter.fontMetrics().elidedText(entry.second, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, top + one, room, two), Qt.AlignmentFlag.AlignVCenter, second)
        side = theme.px(MARK)
        y = top + one + (two - side) / 2
        for number in range(1, 7):
            box = QRectF(marks + (number - 1) * theme.px(PITCH), y, side, side)
            paint_mark(painter, box, mark_of(entry, number), theme)

    def _exposure(self, painter: QPainter, line: QRect, state: ContainerState | None) -> int:
        """Number at the right of the name's line, below it the bar or "best 2.6"; where the number begins."""
        theme = self._theme
        matrix = state.matrix if state is not None else None
        ink = theme.color(level_ink(matrix))
        painter.setFont(theme.font(15, BOLD))
        painter.setPen(ink)
        number = number_text(matrix)
        tall = theme.box(15)
        box = QRect(line.left(), line.center().y() - tall // 2, line.width(), tall)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
        begin = line.right() - painter.fontMetrics().horizontalAdvance(number) - theme.px(8)
        below = QRect(line.left(), line.bottom() + 1, line.width(), theme.box(11))
        best = best_text(matrix)
        if best:
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text2"))
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, best)
        elif matrix is not None:
            wide, high = theme.px(36), theme.px(3)
            bar = QRectF(line.right() + 1 - wide, below.center().y() - high / 2 + 1, wide, high)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("line"))
            painter.drawRoundedRect(bar, high / 2, high / 2)
            if matrix.exposure.worst > 0:
                bar.setWidth(max(float(high), wide * matrix.exposure.worst / 10))
                painter.setBrush(ink)
                painter.drawRoundedRect(bar, high / 2, high / 2)
        return begin

    def _initials(self, painter: QPainter, rect: QRect, entry: Entry) -> None:
        theme = self._theme
        one, side = theme.box(13), theme.px(MARK)
        top = rect.top() + (rect.height() - one - side) // 2
        painter.setFont(theme.font(13, BOLD))
        painter.setPen(theme.color("text"))
        letters = [part[:1] for part in entry.title.replace("_", "-").replace(".", "-").split("-") if part]
        text = "".join(letters[:2]) if len(letters) > 1 else entry.title[:2]
        painter.drawText(QRect(rect.left(), top, rect.width(), one), Qt.AlignmentFlag.AlignCenter, text)
        state = entry.state
        worst = Mark(state.worst.value) if state is not None and runs(state) else Mark.NOT_RUNNING
        matrix = state.matrix if state is not None and runs(state) else None
        number = number_text(matrix) if matrix is not None else ""
        painter.setFont(theme.font(11, BOLD))
        gap = theme.px(4) if number else 0
        x = rect.center().x() - (side + gap + painter.fontMetrics().horizontalAdvance(number)) / 2
        paint_mark(painter, QRectF(x, top + one, side, side), worst, theme)
        painter.setPen(theme.color(level_ink(matrix)))
        box = QRectF(x + side + gap, top + one - theme.px(3), theme.px(40), side + theme.px(6))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, number)


class ContainerView(QListView):
    """The list itself: keyboard, type-ahead and selection are Qt's; heads are stepped over."""

    chosen = QtSignal(object)  # the key of the current container
    opened = QtSignal(object)  # the same, by Enter or a click

    def __init__(self, theme: Theme, containers: ContainerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.containers = containers
        self.narrow = False
        self.elsewhere = False  # the page in view is of all containers: the chosen one only has an outline
        self.setModel(containers)
        self.setItemDelegate(_ContainerDelegate(theme, self))
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(translate(msg("Containers")))
        self.setAccessibleDescription(translate(msg("Each with its exposure and the verdicts of its six layers")))
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.clicked.connect(self._open)
        self.activated.connect(self._open)
        theme.changed.connect(self._relook)

    def dataChanged(self, first: AnyIndex, last: AnyIndex, roles: Sequence[int] = ()) -> None:
        """A row has its height whatever it says; QListView would lay out and paint all of them anew."""
        QAbstractItemView.dataChanged(self, first, last, roles)

    def select_key(self, key: tuple[str, str] | None) -> bool:
        """Make that container the current one; False where it is not in the list."""
        row = self.containers.row_of(key) if key is not None else self.containers.first_row()
        if row < 0:
            return False
        index = self.containers.index(row)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)
        return True

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.containers.hold(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.containers.hold(False)

    def hideEvent(self, event: QEvent) -> None:
        self.containers.hold(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._at_head(event):  # Qt would make it the current row, and the highlight of the container would go
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() or not self._at_head(event):  # the same for a drag that comes across one
            super().mouseMoveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Home, Qt.Key.Key_Up) and self.currentIndex().row() <= self.containers.first_row():
            self.scrollToTop()  # the head above the first row must be reachable for the eye
        super().keyPressEvent(event)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """As Qt moves, but never onto a head."""
        index = super().moveCursor(action, modifiers)
        actions = QAbstractItemView.CursorAction
        if not index.isValid() or self._is_container(index.row()):
            return index
        back = action in (actions.MoveUp, actions.MovePageUp, actions.MovePrevious, actions.MoveEnd)
        for step in (-1, 1) if back else (1, -1):
            row = index.row()
            while 0 <= row < self.containers.rowCount():
                if self._is_container(row):
                    return self.containers.index(row)
                row += step
        return self.currentIndex()

    def _at_head(self, event: QMouseEvent) -> bool:
        index = self.indexAt(event.position().toPoint())
        return index.isValid() and not self._is_container(index.row())

    def _open(self, index: QModelIndex) -> None:
        entry = self.containers.entry(index.row())
        if entry is not None and entry.state is not None:
            self.opened.emit(entry.state.key)

    def _is_container(self, row: int) -> bool:
        entry = self.containers.entry(row)
        return entry is not None and entry.state is not None

    def _current_changed(self, current: QModelIndex) -> None:
        entry = self.containers.entry(current.row()) if current.isValid() else None
        if entry is not None and entry.state is not None:
            self.chosen.emit(entry.state.key)

    def _relook(self) -> None:
        self.scheduleDelayedItemsLayout()
