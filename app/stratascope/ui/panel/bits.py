"""A grid of bits, as for capabilities: heads above the cells, and below them what the selected bit allows and the sets
as the kernel wrote them.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import BitGrid, Tone
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.table import ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.panel.bits_list import BitList, explain


class _Heads(QWidget):
    """Inh Prm Eff Bnd Amb above each block; where it is tight their first letters."""

    decoration = True  # each bit names its sets

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
    """Asks for its least height only, and takes what room there is."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())


class BitsView(QWidget):
    """Heads, cells, and the footer of 40: what the selected bit allows, hex and source."""

    def __init__(self, theme: Theme, grid: BitGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.list = BitList(theme, grid)
        self.heads = _Heads(theme, self.list)
        self.what = Label(theme, 12, wrap=True)
        self.what.setMinimumHeight(theme.box(12))
        self.hex = Line(theme, 11, ink="text2", fixed=True)
        self.source = Line(theme, 11, ink="text3", fixed=True, middle=True)
        self.list.selectionModel().currentChanged.connect(self._tell)
        inner = QWidget()
        inner.setObjectName("page")
        cells = QVBoxLayout(inner)
        cells.setContentsMargins(0, 0, 0, 0)
        cells.setSpacing(0)
        cells.addWidget(self.list)
        cells.addStretch(1)
        # the cells scroll, the footer stays: what the selected bit allows is always in sight
        self.area = _Area(inner)
        self.list.reflowed.connect(self._fit)
        self.list.reflowed.connect(self.heads.update)
        self._fit()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.heads)
        layout.addWidget(self.area, 1)
        layout.addSpacing(theme.px(6))
        layout.addWidget(Rule(theme))
        layout.addSpacing(theme.px(6))
        layout.addWidget(self.what)
        layout.addSpacing(theme.px(2))
        foot = QHBoxLayout()
        foot.addWidget(self.hex)
        foot.addStretch(1)
        foot.addWidget(self.source)
        layout.addLayout(foot)
        layout.addStretch(0)
        self.choose()

    def _fit(self) -> None:
        whole = self.list.height()
        self.area.setMinimumHeight(min(whole, self._theme.px(88)))
        self.area.setMaximumHeight(whole)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        theme = self._theme  # below the cells: lines and gaps, two lines of text, the source
        below = theme.px(20) + 2 * theme.box(12) + theme.box(11)
        self.list.set_room(event.size().height() - self.heads.height() - below)

    def show_grid(self, grid: BitGrid) -> None:
        """Another grid in the same place; the selected bit stays."""
        if grid != self.list.grid:
            self.list.show_grid(grid)
            if self.list.currentIndex().isValid():
                self._tell(self.list.currentIndex())
            else:
                self.choose()

    def choose(self) -> None:
        """Begin with the worst difference, else with the first bit that is set."""
        rows = self.list.grid.rows
        order = (Tone.BAD, Tone.WARN)
        place = next((at for tone in order for at, row in enumerate(rows) if row.word and row.tone is tone), None)
        if place is None:
            place = next((at for at, row in enumerate(rows) if any(row.bits)), 0)
        if rows:
            self.list.selectionModel().setCurrentIndex(
                self.list.bits.index(place, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )

    def _tell(self, index: QModelIndex) -> None:
        row = index.data(ItemRole) if index.isValid() else None
        if row is None:
            return
        box = self.list.visualRect(index)
        self.area.ensureVisible(0, box.center().y(), 0, 2 * self.list.row_height)
        bar, high = self.area.verticalScrollBar(), self.list.row_height
        bar.setValue(-(-bar.value() // high) * high)  # no row is cut below the heads
        grid = self.list.grid
        self.what.setText(translate(msg("{title}: {what}", title=row.name, what=together(explain(row)))))
        chosen = grid.sets[grid.emphasis] if 0 <= grid.emphasis < len(grid.sets) else None
        if chosen is not None:
            self.hex.say(translate(msg("{name} {bits}", name=chosen.name, bits=chosen.text)))
            self.source.say(chosen.source)
            give_tip(self.hex, "\n".join(f"{each.name}: {each.text} ({each.source})" for each in grid.sets))
