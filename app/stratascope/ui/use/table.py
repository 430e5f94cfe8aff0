"""Parts of cards: a table with one or two lines a row, words with signs, and names as chips.

Rows have hairlines between them and no header. Sentences are in the wide column and wrap; names next to them are
elided. A table is as high as its rows if there is room, and otherwise scrolls. A row is identified by its first cell,
so that the current row stays current while others come and go. Foreign text is made plain.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QSizePolicy, QStyle, QWidget

from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.table import AnyIndex, CellPainter, Column, ItemModel, ItemRole, ItemTable, RowLook
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, smooth_painter
from stratascope.value import Value

MOST = 4200  # characters of one cell: PATH_MAX, and a little


class Gauge(Value):
    """A bar's values as fractions of its width, 0.0 to 1.0; None: absent."""

    now: float | None
    peak: float | None
    limit: float | None


class Cell(Value):
    """One cell. `below`: a second line. `more`: for the tooltip; `fixed`: a path or a name of the kernel's.

    `sign`: as in `paint_sign`, in front of the text; other text in the row says the same. NO_SIGN leaves its room free.
    """

    text: str
    below: str = ""
    ink: str = "text"
    bold: bool = False
    fixed: bool = False
    right: bool = False
    more: str = ""
    gauge: Gauge | None = None
    sign: str = ""

    @property
    def spoken(self) -> str:
        """The accessible text."""
        return ", ".join(plain(each, MOST) for each in (self.text, self.below, self.more) if each.strip())


Row = tuple[Cell, ...]


def columns(heads: tuple[str, ...]) -> tuple[Column, ...]:
    """Return a column for each header; headers are not drawn, and are for screen readers."""
    return tuple(_column(head, at) for at, head in enumerate(heads))


def _column(head: str, at: int) -> Column:
    def whole(row: Row) -> str:
        cell = row[at]
        return "\n".join(each for each in (cell.text, cell.below, cell.more) if each.strip())

    return Column(head, lambda row: plain(row[at].text, MOST), whole=whole, spoken=lambda row: row[at].spoken or " ")


def first_text(row: Row) -> str:
    """Return a row's key, the text of its first cell."""
    return row[0].text


NO_SIGN = " "


def paint_sign(painter: QPainter, box: QRectF, sign: str, theme: Theme) -> None:
    """Paint a sign at the left of `box`: a tick, a cross, a question mark, none; anything else is a dash."""
    if sign == NO_SIGN:
        return
    x, middle, unit = box.left() + theme.scale, box.center().y(), theme.scale
    painter.setPen(QPen(theme.color("open" if sign == "cross" else "enf"), 1.6 * unit))
    if sign == "tick":
        points = [
            QPointF(x, middle),
            QPointF(x + 3 * unit, middle + 3 * unit),
            QPointF(x + 8 * unit, middle - 4 * unit),
        ]
        painter.drawPolyline(QPolygonF(points))
    elif sign == "cross":
        for up in (-1, 1):
            painter.drawLine(QPointF(x, middle - 3.6 * unit * up), QPointF(x + 7.2 * unit, middle + 3.6 * unit * up))
    elif sign == "?":
        paint_mark(painter, QRectF(x - unit, middle - 5.5 * unit, 11 * unit, 11 * unit), Mark.UNKNOWN, theme)
    else:
        painter.fillRect(QRectF(x, middle - 0.8 * unit, theme.px(8), 1.8 * unit), theme.color("text3"))


class Word(Value):
    """A word with a sign. `sign`: tick, dash, or none. `strong`: the bold part of the text, mostly a number."""

    text: str
    sign: str = ""
    strong: str = ""
    ink: str = "text2"

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The parts of the text, and whether they are bold."""
        before, strong, after = self.text.partition(self.strong) if self.strong else (self.text, "", "")
        return tuple(piece for piece in ((before, False), (strong, True), (after, False)) if piece[0])


class WordLine(QWidget):
    """Words in wrapped lines; as high as its lines."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.words: tuple[Word, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def say(self, words: tuple[Word, ...]) -> None:
        """Replace the words."""
        if words != self.words:
            self.words = words
            self.setAccessibleName(listed(word.text for word in words))
            self._tell_what_is_cut()
            self.updateGeometry()
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_what_is_cut()

    def _tell_what_is_cut(self) -> None:
        """Put words longer than a line into the tooltip."""
        cut = (word.text for word, needed in zip(self.words, self._needed(), strict=True) if needed > self.width())
        give_tip(self, "\n".join(cut))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._lines(width) * self._line()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._lines(max(self.width(), self._theme.px(160))) * self._line())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._line())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        for (x, line), word in zip(self._places(self.width()), self.words, strict=True):
            box = QRectF(x, line * self._line(), self.width() - x, self._line())
            if word.sign:
                paint_sign(painter, box, word.sign, theme)
                box.setLeft(box.left() + theme.px(16))
            painter.setPen(theme.color(word.ink))
            for text, bold in word.pieces:
                painter.setFont(theme.font(12, BOLD if bold else REGULAR))
                shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()) + 1)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
                box.setLeft(box.left() + painter.fontMetrics().horizontalAdvance(text))

    def _line(self) -> int:
        return self._theme.box(12) + self._theme.px(3)

    def _lines(self, width: int) -> int:
        return max((line for _, line in self._places(width)), default=0) + 1

    def _places(self, width: int) -> list[tuple[int, int]]:
        found, x, line = [], 0, 0
        for needed in self._needed():
            if x and x + needed > width:
                x, line = 0, line + 1
            found.append((x, line))
            x += needed + self._theme.px(18)
        return found

    def _needed(self) -> list[int]:
        """Return the width of each word, with its sign."""
        theme = self._theme
        plain_text, bold = QFontMetrics(theme.font(12, REGULAR)), QFontMetrics(theme.font(12, BOLD))
        return [
            (theme.px(16) if word.sign else 0)
            + sum((bold if strong else plain_text).horizontalAdvance(text) for text, strong in word.pieces)
            for word in self.words
        ]


SIGN = 18  # width of a sign in front of the text
_SHARES = {2: 0.48, 3: 0.34}  # largest share of the width for a column next to the wide one, by the number of columns


def _wrapped(font: QFont, text: str, width: int) -> int:
    """Return the height of a text at that width."""
    wrap = int(Qt.TextFlag.TextWordWrap.value)
    return QFontMetrics(font).boundingRect(QRect(0, 0, max(20, width), 10000), wrap, plain(text, MOST)).height()


def _cut(painter: QPainter, text: str, width: int, mode: Qt.TextElideMode) -> str:
    return painter.fontMetrics().elidedText(plain(text, MOST), mode, width)


def cell_font(theme: Theme, cell: Cell) -> QFont:
    """Return the font of a cell's first line."""
    return theme.font(11 if cell.fixed else 12, BOLD if cell.bold else REGULAR, fixed=cell.fixed, tabular=cell.right)


def _width(font: QFont, text: str) -> int:
    return QFontMetrics(font).horizontalAdvance(plain(text))


def paint_gauge(painter: QPainter, room: QRectF, gauge: Gauge, theme: Theme) -> None:
    """Paint a track; the current use fills it, the peak is a stroke through it, a limit a thicker one in its own
    colour.
    """
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
    """The table. `wide`: the column that takes the remaining width; `lines`: per row, one or two. `whole`: as high as
    its rows at any width, and never scrolls.
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
        super().__init__(theme, name, model, self._paint, row=RowLook(hovered=False, above=True))
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(1)
        self.restyle()

    def row_height(self) -> int:
        """Return the height of one line or two, with padding."""
        return self._lines_high() + self._theme.px(6 if self._lines > 1 else 7)

    def _lines_high(self) -> int:
        return self._theme.box(12) + (self._theme.box(11) if self._lines > 1 else 0)

    def show_rows(self, rows: Sequence[Row], columns: tuple[Column, ...] | None = None, *, anew: bool = False) -> None:
        super().show_rows(rows, columns, anew=anew)
        self.fit()

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()  # it grows beyond that if there is room

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(120), min(len(self.model_.rows), self._least) * self.row_height() + 1)

    def restyle(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self.row_height())
        self.verticalScrollBar().setSingleStep(self.row_height())
        self.fit()
        self.viewport().update()

    def _limit_height(self) -> None:
        rows = self.verticalHeader()
        high = sum(rows.sectionSize(row) for row in range(len(self.model_.rows))) + 1
        self.setMaximumHeight(high)
        if self._whole:
            self.setMinimumHeight(high)
        self.setVisible(bool(self.model_.rows))
        self.updateGeometry()

    def fit(self) -> None:
        """Fit columns to their content, up to half of the width; with many rows, to the first ones."""
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
        self._limit_height()

    # -- painting

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, cell = self._theme, index.data(ItemRole)[index.column()]
        room = rect.adjusted(theme.px(4 if index.column() == 0 else 8), 1, -theme.px(4), 0)
        if cell.gauge is not None:
            paint_gauge(painter, QRectF(room), cell.gauge, theme)
        else:
            self._words(painter, room, cell, wrapped=index.column() == self.wide and not cell.fixed)

    def _cell_high(self, cell: Cell, width: int) -> int:
        """Return the height that a cell of the wide column needs."""
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


_GAP = 5
_LINES = 5  # minimum of visible lines; with more it scrolls


class Chips(QListView):
    """Names as chips. `filled`: on a soft background, else outlined with dashes in the cell's colour. A cell's `below`
    follows its name.
    """

    def __init__(self, theme: Theme, name: str, *, filled: bool) -> None:
        super().__init__()
        self._theme, self.filled = theme, filled
        self.model_ = ItemModel(columns((name,)), first_text, self)
        self.setModel(self.model_)
        self.setItemDelegate(CellPainter(theme, self, self._paint, self._size))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        theme.changed.connect(self._limit_height)
        self._limit_height()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Replace the chips; the current one stays current."""
        at = self.currentIndex()
        before = self.model_.rows[at.row()][0].text if at.isValid() else ""
        if self.model_.show(rows) and before and (place := self.model_.place_of(before)) >= 0:
            self.setCurrentIndex(self.model_.index(place, 0))
        self._limit_height()

    def chip_size(self, cell: Cell) -> QSize:
        """Return the size of a chip, with the gap to the next."""
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
            self._limit_height()

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()  # it grows beyond that if there is room

    def minimumSizeHint(self) -> QSize:
        least = self.chip_size(self.model_.rows[0][0]).height() if self.model_.rows else 0
        return QSize(self._theme.px(100), min(self.maximumHeight(), _LINES * least))

    def _limit_height(self) -> None:
        """Limit the height to its lines."""
        lines, x = 1, 0
        # reserve the scroll bar's width: its coming and going would change the number of lines
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
        current = index == self.currentIndex()  # Qt makes an item current on focus without selecting it
        if current:
            pen = QPen(theme.color("line2"), 1)
        painter.setPen(pen)
        painter.setBrush(theme.color("accent_soft") if self.filled else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        if current and self.hasFocus():  # inside of the outline: what lies outside of it is clipped
            paint_focus_ring(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(4), theme)
        inner = box.adjusted(theme.px(7), 0, -theme.px(7), 0)
        painter.setFont(theme.font(11, BOLD if self.filled else MEDIUM))
        painter.setPen(theme.color("text"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, cell.text)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, cell.below)
