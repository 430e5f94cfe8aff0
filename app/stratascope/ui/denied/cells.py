"""A refusal's cells: two lines each, of a row only its upper 48; what unfolds below is a part of its own."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from stratascope.core.denials.denial import Denial
from stratascope.core.snapshot import ContainerState
from stratascope.ui.denied import words
from stratascope.ui.denied.model import Column, DenialModel
from stratascope.ui.widgets.focus_ring import paint_focus_ring
from stratascope.ui.widgets.item_model import AnyIndex, ItemRole
from stratascope.ui.widgets.marks import Mark, paint_mark, paint_number
from stratascope.ui.widgets.theme import BOLD, MEDIUM, REGULAR, Theme

SIDE = 12  # left of the first column


class InTable(Protocol):
    """What cells have of the table that they are in."""

    first: Column  # the leftmost that is shown
    whose: ContainerState | None
    layers: words.Layers
    model_: DenialModel

    def row_height(self) -> int:
        """Of a row that is folded."""

    def hasFocus(self) -> bool:
        """Whether the keyboard is there."""


class DenialDelegate(QStyledItemDelegate):
    """Paints one cell."""

    def __init__(self, theme: Theme, table: InTable, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._table = theme, table

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(10, self._table.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        theme, table = self._theme, self._table
        rect: QRect = option.rect
        flags: QStyle.StateFlag = option.state
        denial: Denial = index.data(ItemRole)
        column = Column(index.column())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if flags & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("sel"))
            if column == table.first:
                painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), theme.color("accent"))
        elif flags & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("sunk"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        left = theme.px(SIDE if column == table.first else 6)
        room = QRect(rect.left() + left, rect.top(), rect.width() - left - theme.px(6), table.row_height() - 1)
        self._cell(painter, room, denial, column, pale=denial.key in table.model_.harmless)
        if flags & QStyle.StateFlag.State_HasFocus and table.hasFocus():
            ring = QRect(rect.left(), rect.top(), rect.width(), table.row_height())
            paint_focus_ring(painter, ring.adjusted(1, 1, -1, -2), theme.px(4), theme)
        painter.restore()

    def _cell(self, painter: QPainter, room: QRect, denial: Denial, column: Column, *, pale: bool) -> None:
        theme = self._theme
        one, two = self._table.model_.lines(denial, column)
        first, second = theme.box(13), theme.box(11)
        top = room.top() + (room.height() - first - second) // 2
        upper, lower = QRect(room.left(), top, room.width(), first), QRect(room.left(), top + first, room.width(),
                                                                          second)  # fmt: skip
        ink, below = "text2" if pale else "text", "text2"
        match column:
            case Column.TIME:
                for box, text in ((upper, one), (lower, two)):
                    draw_line(painter, box, text, theme.font(11, fixed=True), theme, "text2")
                return
            case Column.PROCESS:
                draw_line(painter, upper, one, theme.font(13, BOLD if not pale else REGULAR), theme, ink)
                if denial.ended:
                    lower, below = self._sign(painter, lower, Mark.TRIANGLE, "open"), "open"
            case Column.TRIED:
                draw_line(painter, upper, one, theme.font(13), theme, ink)
                painter.setFont(theme.font(11, fixed=True))
                fits = painter.fontMetrics().horizontalAdvance
                found = next((each for each in words.shorter(two) if fits(each) <= lower.width()), None)
                two = found or words.shorter(two)[-1]
                draw_line(painter, lower, two, theme.font(11, fixed=True), theme, below, middle=True)
                return
            case Column.LAYER:
                upper = self._layer(painter, upper, denial)
                draw_line(painter, upper, one, theme.font(13), theme, ink)
            case Column.ALLOWED:
                draw_line(painter, upper, one, theme.font(12, MEDIUM), theme, "text2" if not denial.remedies else ink)
                if words.allowed_by(denial)[2] == "weak":
                    lower = self._sign(painter, lower, Mark.TRIANGLE, "weak")
        draw_line(painter, lower, two, theme.font(11), theme, below)

    def _sign(self, painter: QPainter, room: QRect, mark: Mark, ink: str) -> QRect:
        theme, side = self._theme, self._theme.px(10)
        paint_mark(painter, QRectF(room.left(), room.center().y() - side / 2, side, side), mark, theme, ink)
        return room.adjusted(theme.px(14), 0, 0, 0)

    def _layer(self, painter: QPainter, room: QRect, denial: Denial) -> QRect:
        """Its number and mark; what is left for its name."""
        theme, table = self._theme, self._table
        number, side = table.layers.number(denial.claim.layer), theme.px(16)
        if not number:
            return room
        top = room.center().y() - side / 2 + 0.5
        paint_number(painter, QRectF(room.left(), top, side, side), number, theme)
        room = room.adjusted(theme.px(21), 0, 0, 0)
        mark = words.mark_of(table.whose, denial.claim.layer)
        if mark is not None:
            box = theme.px(11)
            paint_mark(painter, QRectF(room.left(), room.center().y() - box / 2 + 0.5, box, box), mark, theme)
            room = room.adjusted(theme.px(17), 0, 0, 0)
        return room


def draw_line(
    painter: QPainter, room: QRect, text: str, font: QFont, theme: Theme, ink: str, *, middle: bool = False
) -> None:
    painter.setFont(font)
    painter.setPen(theme.color(ink))
    mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, painter.fontMetrics().elidedText(text, mode, room.width()))
