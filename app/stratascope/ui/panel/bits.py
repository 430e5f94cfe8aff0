"""A grid of bits, as for capabilities: headers above the cells, and below them what the selected bit allows and the
sets in the kernel's notation.
"""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QStyle, QVBoxLayout, QWidget

from stratascope.core.layer import BitGrid, BitRow, Tone
from stratascope.core.message import NOTHING, colon, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.marks import TONE_INK
from stratascope.ui.kit.table import AnyIndex, CellPainter, Column, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme

ROW = 15
CELL, GAP = 22, 16  # width of a cell, and of the gap between two blocks
TIGHT = ((16, 10), (14, 6))  # the same where fonts or names are wide, so that three blocks fit
_SOFT = {Tone.BAD: "open_soft", Tone.WARN: "weak_soft", Tone.UNKNOWN: "unk_soft", Tone.GOOD: "enf_soft"}


TALLEST = 24  # px of the design: highest row, in a high window
_LEAST = 52  # three rows


def explain(row: BitRow) -> tuple[str, ...]:
    """Return what the bit allows, and why the default has it or not."""
    return tuple(translate(part) for part in (row.explanation, row.note) if part is not None)


def _signed(row: BitRow) -> str:
    return plain(f"{row.sign} {row.name}" if row.sign else row.name, 80)


class BitList(QListView):
    """The cells, in as many blocks side by side as fit; if space is short, cells and gaps are narrower."""

    reflowed = Signal()

    def __init__(self, theme: Theme, grid: BitGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cell, self.gap, self.tight = theme.px(CELL), theme.px(GAP), False
        self.grid = grid
        bits = Column(NOTHING, lambda row: plain(row.name), whole=self._whole, spoken=self.spoken)
        self.bits = ItemModel((bits,), lambda row: row.number, self)
        self.bits.show(grid.rows)
        self.block_width, self.row_height, self.blocks = 200, ROW, 1
        self._room = 0
        self.setModel(self.bits)
        self.setItemDelegate(CellPainter(theme, self, self._paint, lambda _: QSize(self.block_width, self.row_height)))
        self.setFlow(QListView.Flow.TopToBottom)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(translate(msg("Bits")))
        self.setAccessibleDescription(translate(msg("Arrow keys move from bit to bit; what it allows is shown below")))
        self.reflow()
        theme.changed.connect(self.reflow)

    def show_grid(self, grid: BitGrid) -> None:
        """Set another grid; rows are kept if the bits are the same."""
        self.grid = grid
        self.bits.show(grid.rows, anew=True)
        self.reflow()

    def spoken(self, row: BitRow) -> str:
        """Return the accessible text of a row: its name and the sets that hold it."""
        holding = [head.name for head, bit in zip(self.grid.sets, row.bits, strict=False) if bit]
        word = translate(row.word) if row.word else ""
        text = (
            msg("{name} {word}, in: {sets}", name=row.name, word=word, sets=", ".join(holding))
            if holding
            else msg("{name} {word}, in no set", name=row.name, word=word)
        )
        return translate(text).replace("  ", " ").replace(" ,", ",")

    def _whole(self, row: BitRow) -> str:
        return "\n".join((self.spoken(row), *explain(row)))

    def set_room(self, room: int) -> None:
        """Set the available height; the rows share it up to their maximum."""
        if room != self._room:
            self._room = room
            self.reflow()

    def reflow(self) -> None:
        """Choose the number of blocks for the width, and the row height for the window's height."""
        theme, count = self._theme, max(1, len(self.grid.rows))
        self.setFont(theme.font(11, BOLD))
        names = max((self.fontMetrics().horizontalAdvance(_signed(row)[:40]) for row in self.grid.rows), default=80)
        width = max(self.width(), 50)
        wide = (CELL, GAP)
        for blocks, sizes in ((3, wide), *((3, each) for each in TIGHT), (2, wide), (1, wide)):
            cell, gap = map(theme.px, sizes)
            least = theme.px(12) + names + len(self.grid.sets) * cell + gap
            if least * blocks - gap <= width:
                break
        self.blocks, self.tight, self.cell, self.gap = blocks, sizes in TIGHT, cell, gap
        rows = -(-count // self.blocks)
        self.row_height = max(theme.px(ROW), theme.box(11) - 1, min(theme.px(TALLEST), (self._room - 1) // rows))
        # the last block has no gap at its right, so blocks may be slightly wider
        self.block_width = min((width + gap) // blocks - 1, least + theme.px(68))
        self.setGridSize(QSize(self.block_width, self.row_height))
        self.setFixedHeight(rows * self.row_height + 1)
        self.doItemsLayout()
        self.reflowed.emit()

    def cells_left(self, left: int) -> int:
        """Return where the cells begin in a block that begins at `left`."""
        return left + self.block_width - self.gap - len(self.grid.sets) * self.cell - self._theme.px(2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.reflow()

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, row = self._theme, index.data(ItemRole)
        cell = self.cell
        cells = self.cells_left(rect.left())
        grid = self.grid
        if 0 <= grid.emphasis < len(grid.sets):
            painter.fillRect(
                QRect(cells + grid.emphasis * cell, rect.top(), cell, rect.height()), theme.color("accent_soft")
            )
        tinted = row.word is not None and row.tone in _SOFT
        body = QRectF(rect.left(), rect.top() + 0.5, self.block_width - self.gap, rect.height() - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        if tinted:
            painter.setBrush(theme.color(_SOFT[row.tone]))
            painter.drawRoundedRect(body, theme.px(4), theme.px(4))
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            strong = self.hasFocus()
            painter.setPen(outline_pen(theme, "line2", focused=strong))
            # aligned to whole pixels
            edge = body.adjusted(1, 0.5, -1, -0.5) if strong else body.adjusted(0.5, 0, -0.5, 0)
            painter.drawRoundedRect(edge, theme.px(4), theme.px(4))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawRoundedRect(body, theme.px(4), theme.px(4))
        on = any(row.bits)
        ink = TONE_INK[row.tone] if tinted else "text" if on else "text3"
        x = rect.left() + theme.px(6)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color(ink))
        painter.setFont(theme.font(11, BOLD if on else MEDIUM.Normal))
        room = cells - x
        name = painter.fontMetrics().elidedText(_signed(row), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(x, rect.top(), room, rect.height()), middle, name)
        side, dot = theme.px(10), 2.7 * theme.scale
        for place, bit in enumerate(row.bits):
            centre = QPointF(cells + place * cell + cell / 2, rect.top() + rect.height() / 2)
            painter.setPen(Qt.PenStyle.NoPen)
            if bit:
                painter.setBrush(theme.color(ink if tinted else "accent"))
                square = QRectF(centre.x() - side / 2, centre.y() - side / 2, side, side)
                painter.drawRoundedRect(square, 2.5, 2.5)
            else:
                painter.setBrush(theme.color("bitoff"))
                painter.drawEllipse(centre, dot / 2, dot / 2)


class _Heads(QWidget):
    """Inh Prm Eff Bnd Amb above each block; only their initials if there is little room."""

    decoration = True  # each bit names its sets, so screen readers skip it

    def __init__(self, theme: Theme, view: BitList) -> None:
        super().__init__()
        self._theme, self._view = theme, view
        self.setFixedHeight(theme.box(10) + theme.px(2))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, view, painter = self._theme, self._view, QPainter(self)
        painter.setPen(theme.color("text2"))
        cell = view.cell
        for block in range(view.blocks):
            left = view.cells_left(block * view.block_width)
            for place, head in enumerate(view.grid.sets):
                strong = place == view.grid.emphasis
                painter.setFont(theme.font(10, BOLD if strong else MEDIUM))
                painter.setPen(theme.color("text" if strong else "text2"))
                box = QRect(left + place * cell - 4, 0, cell + 8, self.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, plain(head.head, 4)[: 1 if view.tight else 4])


class _Area(Scrolled):
    """A scroll area that asks for its minimum height only, and takes the available room, in whole rows."""

    def set_row(self, height: int) -> None:
        """The height of a row."""
        self.verticalScrollBar().setSingleStep(height)
        self._fit_rows()

    def _fit_rows(self) -> None:
        row = max(1, self.verticalScrollBar().singleStep())
        cut = self.height() % row if self.height() < self.maximumHeight() and self.height() > row else 0
        if cut != self.viewportMargins().bottom():
            self.setViewportMargins(0, 0, 0, cut)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_rows()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())


class BitsView(QWidget):
    """Headers, cells, and a footer: what the selected bit allows, why the default has it or not, the source."""

    def __init__(self, theme: Theme, grid: BitGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.list = BitList(theme, grid)
        self.heads = _Heads(theme, self.list)
        self.what = Label(theme, 12, wrap=True)
        self.what.setMinimumHeight(theme.box(12))
        self.note = Label(theme, 11, ink="text2", wrap=True)
        self.source = Line(theme, 11, ink="text3", fixed=True, middle=True)
        self.list.selectionModel().currentChanged.connect(self._show_bit)
        inner = QWidget()
        inner.setObjectName("page")
        theme.lay(QVBoxLayout(inner), self.list, STRETCH, around=0, gap=0)
        self.area, self._alone = _Area(inner), True
        self.area.verticalScrollBar().rangeChanged.connect(lambda *_: self._show_bit(self.list.currentIndex()))
        self.list.reflowed.connect(self._fit)
        self.list.reflowed.connect(self.heads.update)
        self._fit()
        layout = theme.lay(QVBoxLayout(self), self.heads, (self.area, 1), 4, Rule(theme), 4, self.what, around=0, gap=0)
        foot = theme.lay(QHBoxLayout(), (self.note, 1), (self.source, 0, Qt.AlignmentFlag.AlignBottom), gap=8)
        layout.addLayout(foot)
        layout.addStretch(0)
        self.choose()

    def set_page(self, height: int) -> None:
        """The cells scroll by themselves where three rows and the footer have room in that height; else the page does,
        which holds all of them.
        """
        self._alone = height >= self.heads.height() + self._theme.px(_LEAST) + self._below()
        self._fit()

    def _below(self) -> int:
        """The height of what stands below the cells: lines and gaps, a line of text, two of the note."""
        return self._theme.px(14) + self._theme.box(12) + 2 * self._theme.box(11)

    def _fit(self) -> None:
        whole = self.list.height()
        self.area.setMinimumHeight(min(whole, self.list.row_height) if self._alone else whole)
        self.area.setMaximumHeight(whole)
        self.area.set_row(self.list.row_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.list.set_room(event.size().height() - self.heads.height() - self._below())

    def show_grid(self, grid: BitGrid) -> None:
        """Set another grid; the selected bit stays selected."""
        if grid != self.list.grid:
            self.list.show_grid(grid)
            if self.list.currentIndex().isValid():
                self._show_bit(self.list.currentIndex())
            else:
                self.choose()

    def begin(self) -> None:
        """Select what is worth seeing first, and show it: another container's grid is shown."""
        self.area.verticalScrollBar().setValue(0)
        self.choose()
        self._show_bit(self.list.currentIndex())

    def choose(self) -> None:
        """Select the worst difference, else the first bit that is set."""
        rows = self.list.grid.rows
        order = (Tone.BAD, Tone.WARN)
        place = next((at for tone in order for at, row in enumerate(rows) if row.word and row.tone is tone), None)
        if place is None:
            place = next((at for at, row in enumerate(rows) if any(row.bits)), 0)
        if rows:
            self.list.selectionModel().setCurrentIndex(
                self.list.bits.index(place, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )

    def _show_bit(self, index: QModelIndex) -> None:
        row = index.data(ItemRole) if index.isValid() else None
        if row is None:
            return
        box = self.list.visualRect(index)
        self.area.ensureVisible(0, box.center().y(), 0, 2 * self.list.row_height)
        bar, high = self.area.verticalScrollBar(), self.list.row_height
        bar.setValue(-(-bar.value() // high) * high)  # no partial row below the headers
        grid = self.list.grid
        told, *note = explain(row) or ("",)
        self.what.setText(translate(colon(row.name, told)))
        self.note.setText(together(note))
        chosen = grid.sets[grid.emphasis] if 0 <= grid.emphasis < len(grid.sets) else None
        if chosen is not None:
            self.source.say(chosen.source)
            give_tip(self.heads, "\n".join(f"{each.name}: {each.text} ({each.source})" for each in grid.sets))
