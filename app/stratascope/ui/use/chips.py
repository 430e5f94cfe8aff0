"""Names as chips that flow from left to right: capabilities, each with how often it was used. Keys and ear are Qt's."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QSizePolicy,
    QStyle,
    QWidget,
)

from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.items import AnyIndex, CellPainter, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.use.rows import Cell, Row, columns, first_text

_GAP = 5
_LINES = 5  # that are shown at the least; where there are more it scrolls


class Chips(QListView):
    """`filled`: on a soft ground, else outlined with dashes in the cell's ink. `below` of a cell stands behind it."""

    def __init__(self, theme: Theme, name: str, *, filled: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.filled = theme, filled
        self.model_ = ItemModel(columns((name,)), first_text, self)
        self.setModel(self.model_)
        self.setItemDelegate(
            CellPainter(theme, self, self._paint, lambda index: self.chip_size(index.data(ItemRole)[0]))
        )
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        theme.changed.connect(self._bound)
        self._bound()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Other chips; the current one stays the current one."""
        at = self.currentIndex()
        before = self.model_.rows[at.row()][0].text if at.isValid() else ""
        if self.model_.show(rows) and before and (place := self.model_.place_of(before)) >= 0:
            self.setCurrentIndex(self.model_.index(place, 0))
        self._bound()

    def chip_size(self, cell: Cell) -> QSize:
        """Of one chip, with the gap to the next."""
        theme = self._theme
        weight = BOLD if self.filled else MEDIUM
        width = QFontMetrics(theme.font(11, weight)).horizontalAdvance(cell.text) + theme.px(14 + _GAP) + 2
        if cell.below:
            width += QFontMetrics(theme.font(11)).horizontalAdvance(cell.below) + theme.px(5)
        return QSize(width, theme.box(11) + theme.px(4 + _GAP))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model_.rows:
            self.setCurrentIndex(self.model_.index(0, 0))

    def currentChanged(self, current: AnyIndex, previous: AnyIndex) -> None:
        super().currentChanged(current, previous)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._bound()

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()  # what is above that it takes where there is room

    def minimumSizeHint(self) -> QSize:
        least = self.chip_size(self.model_.rows[0][0]).height() if self.model_.rows else 0
        return QSize(self._theme.px(100), min(self.maximumHeight(), _LINES * least))

    def _bound(self) -> None:
        """No higher than its lines."""
        lines, x = 1, 0
        # as if there were a scroll bar: its coming and going would else change how many lines there are
        room = self.width() - self.verticalScrollBar().sizeHint().width()
        sizes = [self.chip_size(row[0]) for row in self.model_.rows]
        for size in sizes:
            if x and x + size.width() > room:
                lines, x = lines + 1, 0
            x += size.width()
        self.setMaximumHeight(lines * sizes[0].height() + 1 if sizes else 0)
        self.setVisible(bool(sizes))
        self.verticalScrollBar().setSingleStep(sizes[0].height() if sizes else 20)
        self.updateGeometry()
        self.scheduleDelayedItemsLayout()

    def _size(self, index: AnyIndex) -> QSize:
        return self.chip_size(index.data(ItemRole)[0])

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, cell = self._theme, index.data(ItemRole)[0]
        gap = theme.px(_GAP)
        box = QRectF(rect).adjusted(0.5, 0.5, -gap - 0.5, -gap - 0.5)
        pen = QPen(Qt.PenStyle.NoPen)
        if not self.filled:
            pen = QPen(theme.color(cell.ink), 1, Qt.PenStyle.DashLine)
            pen.setDashPattern([3, 2])
        current = index == self.currentIndex()  # Qt's own makes it current as the keyboard comes, not selected
        if current:
            pen = QPen(theme.color("line2"), 1)
        painter.setPen(pen)
        painter.setBrush(theme.color("accent_soft") if self.filled else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        if current and self.hasFocus():  # inside of that line: what lies outside of it is cut off
            paint_focus_ring(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(4), theme)
        inner = box.adjusted(theme.px(7), 0, -theme.px(7), 0)
        painter.setFont(theme.font(11, BOLD if self.filled else MEDIUM))
        painter.setPen(theme.color("text"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, cell.text)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, cell.below)
