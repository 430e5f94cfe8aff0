"""A table of rows in a card: one or two lines a row, hairlines between them, no heads. Keys and ear are Qt's.

Sentences stand in the wide column, and take as many lines as they need; names beside them are shortened.

It is as high as its rows where there is room, and scrolls where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QSizePolicy, QStyle

from stratascope.core.sanitize import plain
from stratascope.ui.kit.table import AnyIndex, Column, ItemModel, ItemRole, ItemTable, RowLook
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme
from stratascope.ui.use.flow import paint_sign
from stratascope.ui.use.rows import MOST, Cell, Gauge, Row, columns, first_text

SIGN = 18  # width of a sign before the words
_SHARES = {2: 0.48, 3: 0.34}  # of the width that a column beside the wide one may take, by their number


def _wrapped(font: QFont, text: str, width: int) -> int:
    """How high a text is at that width."""
    wrap = int(Qt.TextFlag.TextWordWrap.value)
    return QFontMetrics(font).boundingRect(QRect(0, 0, max(20, width), 10000), wrap, plain(text, MOST)).height()


def _cut(painter: QPainter, text: str, width: int, mode: Qt.TextElideMode) -> str:
    return painter.fontMetrics().elidedText(plain(text, MOST), mode, width)


def cell_font(theme: Theme, cell: Cell) -> QFont:
    """Of its first line."""
    return theme.font(11 if cell.fixed else 12, BOLD if cell.bold else REGULAR, fixed=cell.fixed)


def _width(font: QFont, text: str) -> int:
    return QFontMetrics(font).horizontalAdvance(plain(text))


def paint_gauge(painter: QPainter, room: QRectF, gauge: Gauge, theme: Theme) -> None:
    """A track; what is used now fills it, the peak is a stroke through it, a limit a thicker one in its colour."""
    high = float(theme.px(8))
    box = QRectF(room.left(), room.center().y() - high / 2, room.width(), high)
    radius = high / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("sunk"))
    painter.drawRoundedRect(box, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("line"), 1))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    if gauge.now is not None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ray2"))
        width = max(high, box.width() * min(1.0, gauge.now))
        painter.drawRoundedRect(QRectF(box.left(), box.top(), width, high), radius, radius)
    for share, ink, wide in ((gauge.limit, "weak", 3.0), (gauge.peak, "text", 2.0)):
        if share is not None:
            x = box.left() + (box.width() - wide) * min(1.0, share)
            painter.fillRect(QRectF(x, box.top() - theme.px(4), wide, high + theme.px(8)), theme.color(ink))


class RowTable(ItemTable):
    """`wide`: the column that takes what width the others leave; `lines`: of a row, one or two. `whole`: it is as high
    as its rows at any width, and never scrolls.
    """

    def __init__(
        self,
        theme: Theme,
        name: str,
        heads: tuple[str, ...],
        wide: int = 0,
        lines: int = 1,
        least: int = 2,
        *,
        whole: bool = False,
    ) -> None:
        self.wide, self._lines, self._least, self._whole = wide, lines, least, whole
        model = ItemModel(columns(heads), first_text)
        super().__init__(theme, name, model, self._paint, size=self._size, row=RowLook(hovered=False, above=True))
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(1)
        self.restyle()

    def row_height(self) -> int:
        """One line or two, with air."""
        return self._lines_high() + self._theme.px(6 if self._lines > 1 else 7)

    def _lines_high(self) -> int:
        return self._theme.box(12) + (self._theme.box(11) if self._lines > 1 else 0)

    def show_rows(self, rows: Sequence[Row], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> None:
        super().show_rows(rows, columns, anew=anew)
        self.fit()

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()  # what is above that it takes where there is room

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(120), min(len(self.model_.rows), self._least) * self.row_height() + 1)

    def restyle(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self.row_height())
        self.verticalScrollBar().setSingleStep(self.row_height())
        self.fit()
        self.viewport().update()

    def _bound(self) -> None:
        rows = self.verticalHeader()
        high = sum(rows.sectionSize(row) for row in range(len(self.model_.rows))) + 1
        self.setMaximumHeight(high)
        if self._whole:
            self.setMinimumHeight(high)
        self.setVisible(bool(self.model_.rows))
        self.updateGeometry()

    def fit(self) -> None:
        """What stands in a column decides how wide it is, up to a half of all; of many rows the first ones do."""
        theme, whole = self._theme, self.viewport().width()
        widths = []
        for column in range(self.model_.columnCount()):
            needed = 0
            for row in self.model_.rows[:60]:
                cell = row[column]
                if cell.gauge is not None:
                    needed = max(needed, theme.px(80))
                    continue
                for text, font in ((cell.text, cell_font(theme, cell)), (cell.below, theme.font(11))):
                    needed = max(needed, _width(font, text[:200]) + (theme.px(SIGN) if cell.sign else 0))
            widths.append(
                min(
                    needed + theme.px(14),
                    round(whole * _SHARES.get(len(self.model_.rows[0]) if self.model_.rows else 2, 0.3)),
                )
            )
        rest = whole - sum(width for column, width in enumerate(widths) if column != self.wide)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, max(theme.px(40), rest) if column == self.wide else width)
        air, rows = self.row_height() - self._lines_high(), self.verticalHeader()
        for place, row in enumerate(self.model_.rows):
            cell = row[self.wide]
            needed = 0 if cell.gauge is not None else self._cell_high(cell, self.columnWidth(self.wide)) + air
            high = max(self.row_height(), needed)
            if rows.sectionSize(place) != high:
                rows.resizeSection(place, high)
        self._bound()

    # -- how a cell is drawn

    def _size(self, _: AnyIndex) -> QSize:
        return QSize(10, self.row_height())

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, cell = self._theme, index.data(ItemRole)[index.column()]
        room = rect.adjusted(theme.px(4 if index.column() == 0 else 8), 1, -theme.px(4), 0)
        if cell.gauge is not None:
            paint_gauge(painter, QRectF(room), cell.gauge, theme)
        else:
            self._words(painter, room, cell, wrapped=index.column() == self.wide and not cell.fixed)

    def _cell_high(self, cell: Cell, width: int) -> int:
        """How high that cell of the wide column has to be."""
        theme = self._theme
        width -= theme.px(12) + (theme.px(SIGN) if cell.sign else 0)
        upper = _wrapped(cell_font(theme, cell), cell.text, width) if not cell.fixed else theme.box(12)
        below = _wrapped(theme.font(11), cell.below, width) if cell.below else 0
        return max(theme.box(12), upper) + below

    def _words(self, painter: QPainter, room: QRect, cell: Cell, *, wrapped: bool) -> None:
        theme = self._theme
        if cell.sign:
            paint_sign(painter, QRectF(room), cell.sign, theme)
            room = room.adjusted(theme.px(SIGN), 0, 0, 0)
        side = Qt.AlignmentFlag.AlignRight if cell.right else Qt.AlignmentFlag.AlignLeft
        middle = side | Qt.AlignmentFlag.AlignVCenter
        upper = room
        if cell.below:
            first, second = theme.box(12), theme.box(11)
            if wrapped:
                first = max(first, _wrapped(cell_font(theme, cell), cell.text, room.width()))
                second = max(second, _wrapped(theme.font(11), cell.below, room.width()))
            top = room.top() + (room.height() - first - second) // 2
            upper = QRect(room.left(), top, room.width(), first)
            lower = QRect(room.left(), top + first, room.width(), second)
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text3"))
            if wrapped:
                painter.drawText(lower, middle | Qt.TextFlag.TextWordWrap, plain(cell.below, MOST))
            else:
                painter.drawText(lower, middle, _cut(painter, cell.below, lower.width(), Qt.TextElideMode.ElideRight))
        painter.setFont(cell_font(theme, cell))
        painter.setPen(theme.color(cell.ink))
        if wrapped:
            painter.drawText(upper, middle | Qt.TextFlag.TextWordWrap, plain(cell.text, MOST))
            return
        mode = Qt.TextElideMode.ElideMiddle if cell.fixed else Qt.TextElideMode.ElideRight
        painter.drawText(upper, middle, _cut(painter, cell.text, upper.width(), mode))
