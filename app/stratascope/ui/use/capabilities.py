"""Capabilities: all in a row of cells, and the names of those that are used, and of those that are held for nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QListView,
    QSizePolicy,
    QStyle,
    QWidget,
)

from stratascope.core.message import Message, msg
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.use_picture import CapabilityUse, Standing, UsePicture
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.table import AnyIndex, CellPainter, ItemModel, ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.use.card import Card, by_words
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


_WORDS: dict[Standing, Message] = {
    Standing.USED: msg("used"),
    Standing.NEVER: msg("held but never used"),
    Standing.HELD: msg("held; whether it is used was not observed"),
    Standing.ABSENT: msg("not held"),
    Standing.UNKNOWN: msg("whether it is held is not known"),
}


class CapabilityCells(QWidget):
    """One cell each, in the order of their numbers: full, outlined, or a dot."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cells: tuple[CapabilityUse, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_cells(self, cells: tuple[CapabilityUse, ...], told: str) -> None:
        """Others."""
        self._cells = cells
        self.setAccessibleName(told)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self._theme.px(18))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._cells:
            place = min(len(self._cells) - 1, max(0, event.pos().x() * len(self._cells) // max(1, self.width())))
            cell = self._cells[place]
            give_tip(self, f"{cell.name}: {translate(_WORDS[cell.standing])}")  # which Qt shows next
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch = self.width() / max(1, len(self._cells))
        wide = max(3.0, min(pitch - 1.5, theme.px(8)))
        for place, cell in enumerate(self._cells):
            box = QRectF(place * pitch + (pitch - wide) / 2, 0, wide, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if cell.standing is Standing.USED:
                painter.setBrush(theme.color("accent"))
                painter.drawRoundedRect(box, 2.5, 2.5)
            elif cell.standing in (Standing.NEVER, Standing.HELD):
                ink = "weak" if cell.standing is Standing.NEVER else "line2"
                painter.setPen(QPen(theme.color(ink), 1.4))
                painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), 2.5, 2.5)
            else:
                painter.setBrush(theme.color("bitoff"))
                painter.drawEllipse(box.center(), 1.35 * theme.scale, 1.35 * theme.scale)


class CapabilitiesCard(Card):
    """Used: with how often and by what. Never: what could be dropped. Held: nothing was observed."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Capabilities")), number, ("capabilities",), parent)
        self.cells = CapabilityCells(theme)
        self.used = Chips(theme, translate(msg("Capabilities it used")), filled=True)
        self.never = Chips(theme, translate(msg("Capabilities it holds but did not use")), filled=False)
        self._heads = (Label(theme, 12, MEDIUM, "text3"), Label(theme, 12, MEDIUM, "text3"))
        self.none = Label(theme, 12, ink="text2", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(10))
        grid.setVerticalSpacing(theme.px(3))
        grid.setColumnStretch(1, 1)
        for row, (label, chips) in enumerate(zip(self._heads, (self.used, self.never), strict=True)):
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(chips, row, 1)
        grid.addWidget(self.none, 0, 1)
        self.body.addWidget(self.cells)
        self.body.addSpacing(theme.px(4))
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        by: dict[Standing, list[CapabilityUse]] = {standing: [] for standing in Standing}
        for each in picture.capabilities:
            by[each.standing].append(each)
        used, never, held = by[Standing.USED], by[Standing.NEVER], by[Standing.HELD]
        counts: tuple[tuple[Message, int], ...] = (
            (msg("{count} used", count=len(used)), len(used) if picture.observed else 0),
            (msg("{count} never used", count=len(never)), len(never)),
            (msg("{count} held", count=len(held)), len(held)),
            (msg("{count} not held", count=len(by[Standing.ABSENT])), len(by[Standing.ABSENT])),
            (msg("{count} not known", count=len(by[Standing.UNKNOWN])), len(by[Standing.UNKNOWN])),
        )
        words = listed(translate(text) for text, count in counts if count)
        self.numbers.say(words)
        self.cells.show_cells(picture.capabilities, words)
        self.used.show_rows(
            tuple((Cell(each.name, f"{count_text(each.uses)}×", more=by_words(each.by)),) for each in used)
        )
        idle, ink = (never, "weak") if never or not held else (held, "line2")
        self.never.show_rows(tuple((Cell(each.name, ink=ink, more=translate(_WORDS[each.standing])),) for each in idle))
        nothing = picture.observation.saw("capabilities") and not used
        self.none.setText(translate(msg("It was not seen using any.")) if nothing else "")
        self.none.setVisible(nothing)
        first, second = self._heads
        first.setText(translate(msg("Used")))
        first.setVisible(bool(used) or nothing)
        second.setText(translate(msg("Never") if idle is never else msg("Held")))
        second.setVisible(bool(idle))
