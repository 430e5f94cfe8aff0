"""The 41 capabilities to choose from, as a list of three blocks: a filled square is kept, a dot is taken away."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QWidget,
)

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.explanations import explain
from stratascope.linux.capability import NAMES, CapabilitySet
from stratascope.ui.kit.focus_ring import focus_pen
from stratascope.ui.kit.items import AnyIndex, CellPainter
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme

ROWS, ROW, BLOCK = 14, 18, 190


class CapabilityGrid(QListWidget):
    """Space or a click keeps or takes one; arrows go through all blocks. `changed` has the value as typed."""

    changed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._filling = False
        self.setAccessibleName(translate(msg("Capabilities it keeps")))
        self.setItemDelegate(CellPainter(theme, self, self._paint, self._size))
        self.setFlow(QListView.Flow.TopToBottom)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for number, name in enumerate(NAMES):
            item = QListWidgetItem(name.removeprefix("CAP_"))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            told = "\n".join(plain(translate(each)) for each in explain(number))
            item.setToolTip(tip(told))
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, told)
            self.addItem(item)
        rows = max(theme.px(ROW), theme.box(11)) * ROWS
        self.setFixedSize(theme.px(BLOCK) * 3 + 4, rows + 8)
        self.itemClicked.connect(self._flip)
        self.setCurrentRow(0)

    def keep(self, names: CapabilitySet) -> None:
        """Show this choice, without telling."""
        for number, name in enumerate(NAMES):
            self._set(number, name in names.names())

    def value(self) -> str:
        """As typed: names with commas, or none."""
        kept = [name for number, name in enumerate(NAMES) if self._kept(number)]
        return ",".join(kept) or "none"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentItem() is not None:
            self._flip(self.currentItem())
        else:
            super().keyPressEvent(event)

    def _kept(self, number: int) -> bool:
        return self.item(number).checkState() is Qt.CheckState.Checked

    def _set(self, number: int, kept: bool) -> None:
        item = self.item(number)
        item.setCheckState(Qt.CheckState.Checked if kept else Qt.CheckState.Unchecked)
        state = translate(msg("kept") if kept else msg("dropped"))
        spoken = translate(msg("{name}: {state}", name=item.text(), state=state))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)

    def _flip(self, item: QListWidgetItem) -> None:
        number = self.row(item)
        self._set(number, not self._kept(number))
        self.changed.emit(self.value())

    def _size(self, _: AnyIndex) -> QSize:
        return QSize(self._theme.px(BLOCK), max(self._theme.px(ROW), self._theme.box(11)))

    def _paint(self, painter: QPainter, box: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, rect = self._theme, QRectF(box)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(focus_pen(theme, 1.6))
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -theme.px(8), -1), theme.px(4), theme.px(4))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -theme.px(8), -1), theme.px(4), theme.px(4))
        kept = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
        painter.setPen(Qt.PenStyle.NoPen)
        side = theme.px(10)
        x, middle = rect.left() + theme.px(6), rect.center().y()
        if kept:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(x, middle - side / 2, side, side), 2.5, 2.5)
        else:
            painter.setBrush(theme.color("bitoff"))
            dot = theme.px(2.7)
            painter.drawEllipse(QRectF(x + (side - dot) / 2, middle - dot / 2, dot, dot))
        painter.setFont(theme.font(11, BOLD if kept else REGULAR))
        painter.setPen(theme.color("text" if kept else "text3"))
        room = rect.adjusted(theme.px(24), 0, -theme.px(10), 0)
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
