"""A refusal's cells: two texts each, at the top of a row; what unfolds below is a part of its own.

No sentence is cut: a row is as high as the longest of its texts needs. Only the raw call is shortened, in its middle.
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from stratascope.core.denials.denial import Denial
from stratascope.core.snapshot import ContainerState
from stratascope.ui.denied import words
from stratascope.ui.denied.model import Column, DenialModel
from stratascope.ui.kit.focus_ring import paint_focus_ring
from stratascope.ui.kit.item_model import AnyIndex, ItemRole
from stratascope.ui.kit.labels import draw_line
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme

SIDE = 12  # left of the first column
_KNOWN = 5000  # heights of texts


class InTable(Protocol):
    """What cells have of the table that they are in."""

    first: Column  # the leftmost that is shown
    whose: ContainerState | None
    layers: words.Layers
    model_: DenialModel

    def row_height(self, place: int) -> int:
        """Of a row while it is folded."""

    def columnWidth(self, column: int) -> int:
        """In pixels."""

    def hasFocus(self) -> bool:
        """Whether the keyboard is there."""


class DenialDelegate(QStyledItemDelegate):
    """Paints one cell."""

    def __init__(self, theme: Theme, table: InTable, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._table = theme, table
        self._tall: dict[tuple[int, bool, int, str], int] = {}  # size, bold, width, text
        theme.changed.connect(self._tall.clear)

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(10, self._table.row_height(index.row()))

    def needed(self, denial: Denial) -> int:
        """How high a row must be for its texts."""
        lines = self._table.model_.lines
        return max(sum(self._heights(denial, column, *lines(denial, column))) for column in Column) + self._theme.px(10)

    def _heights(self, denial: Denial, column: Column, one: str, two: str) -> tuple[int, int]:
        """Of the two texts of a cell."""
        theme, table = self._theme, self._table
        left = theme.px(SIDE if column == table.first else 6)
        width = max(20, table.columnWidth(column) - left - theme.px(6))
        if column is Column.TIME:
            return theme.box(11), theme.box(11)
        beside = 0
        if column is Column.LAYER and table.layers.number(denial.claim.layer):
            marked = words.mark_of(table.whose, denial.claim.layer) is not None
            beside = theme.px(21 + (17 if marked else 0))
        size = 12 if column is Column.ALLOWED else 13
        bold = column is Column.PROCESS
        upper = max(theme.box(13), self._high(one, size, width - beside, bold=bold))
        if column is Column.TRIED:
            return upper, theme.box(11)
        signed = column is Column.ALLOWED and words.allowed_by(denial)[2] == "weak"
        signed = signed or (column is Column.PROCESS and denial.ended)
        return upper, max(theme.box(11), self._high(two, 11, width - (theme.px(14) if signed else 0)))

    def _high(self, text: str, size: int, width: int, *, bold: bool = False) -> int:
        key = size, bold, width, text
        found = self._tall.get(key)
        if found is None:
            if len(self._tall) >= _KNOWN:
                self._tall.clear()
            metrics = QFontMetrics(self._theme.font(size, BOLD if bold else MEDIUM if size == 12 else REGULAR))
            width, wrap = max(20, width), int(Qt.TextFlag.TextWordWrap.value)
            box = metrics.boundingRect(QRect(0, 0, width, 10000), wrap, breakable(text, metrics, width))
            found = self._tall[key] = box.height()
        return found

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
        high = table.row_height(index.row())
        room = QRect(rect.left() + left, rect.top(), rect.width() - left - theme.px(6), high - 1)
        self._cell(painter, room, denial, column, pale=denial.key in table.model_.harmless)
        if flags & QStyle.StateFlag.State_HasFocus and table.hasFocus():
            ring = QRect(rect.left(), rect.top(), rect.width(), high)
            paint_focus_ring(painter, ring.adjusted(1, 1, -1, -2), theme.px(4), theme)
        painter.restore()

    def _cell(self, painter: QPainter, room: QRect, denial: Denial, column: Column, *, pale: bool) -> None:
        theme = self._theme
        one, two = self._table.model_.lines(denial, column)
        first, second = self._heights(denial, column, one, two)
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
                _draw_text(painter, upper, one, theme.font(13, BOLD if not pale else REGULAR), theme, ink)
                if denial.ended and not pale:
                    lower, below = self._sign(painter, lower, Mark.TRIANGLE, "open"), "open"
            case Column.TRIED:
                _draw_text(painter, upper, one, theme.font(13), theme, ink)
                painter.setFont(theme.font(11, fixed=True))
                fits = painter.fontMetrics().horizontalAdvance
                found = next((each for each in words.shorter(two) if fits(each) <= lower.width()), None)
                two = found or words.shorter(two)[-1]
                draw_line(painter, lower, two, theme.font(11, fixed=True), theme, below, middle=True)
                return
            case Column.LAYER:
                upper = self._layer(painter, upper, denial)
                _draw_text(painter, upper, one, theme.font(13), theme, ink)
            case Column.ALLOWED:
                _draw_text(painter, upper, one, theme.font(12, MEDIUM), theme, "text2" if not denial.remedies else ink)
                if words.allowed_by(denial)[2] == "weak":
                    lower = self._sign(painter, lower, Mark.TRIANGLE, "weak")
        _draw_text(painter, lower, two, theme.font(11), theme, below)

    def _sign(self, painter: QPainter, room: QRect, mark: Mark, ink: str) -> QRect:
        theme, side = self._theme, self._theme.px(10)
        top = room.top() + (theme.box(11) - side) / 2
        paint_mark(painter, QRectF(room.left(), top, side, side), mark, theme, ink)
        return room.adjusted(theme.px(14), 0, 0, 0)

    def _layer(self, painter: QPainter, room: QRect, denial: Denial) -> QRect:
        """Its number and mark; what is left for its name."""
        theme, table = self._theme, self._table
        number, side = table.layers.number(denial.claim.layer), theme.px(16)
        if not number:
            return room
        middle = room.top() + theme.box(13) / 2
        top = middle - side / 2
        paint_number(painter, QRectF(room.left(), top, side, side), number, theme)
        room = room.adjusted(theme.px(21), 0, 0, 0)
        mark = words.mark_of(table.whose, denial.claim.layer)
        if mark is not None:
            box = theme.px(11)
            paint_mark(painter, QRectF(room.left(), middle - box / 2, box, box), mark, theme)
            room = room.adjusted(theme.px(17), 0, 0, 0)
        return room


def _draw_text(painter: QPainter, room: QRect, text: str, font: QFont, theme: Theme, ink: str) -> None:
    painter.setFont(font)
    painter.setPen(theme.color(ink))
    shown = breakable(text, painter.fontMetrics(), room.width())
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, shown)


def breakable(text: str, metrics: QFontMetrics, width: int) -> str:
    """The same, with words that are wider than a line broken anywhere: their end may be what matters ("…forward=1")."""
    if metrics.horizontalAdvance(text) <= width:
        return text
    return " ".join(
        "\u200b".join(each) if metrics.horizontalAdvance(each) > width else each for each in text.split(" ")
    )
