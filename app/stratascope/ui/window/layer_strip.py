"""Six marks in a row: takes the strata's place in a low window, so that the open layer has the room."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QPushButton, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_ring import outline_pen
from stratascope.ui.kit.gap_words import runs
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, assessed_word, mark_of, paint_mark, paint_number
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme


class _Cell(QAbstractButton):
    def __init__(self, theme: Theme, title: str, number: int) -> None:
        super().__init__()
        self._theme, self._title, self.number, self._mark = theme, title, number, Mark.UNKNOWN
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_mark(self, mark: Mark, word: str) -> None:
        self._mark = mark
        text = translate(msg("Layer {number}, {title}: {verdict}", number=self.number, title=self._title, verdict=word))
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(52), self._theme.px(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(outline_pen(theme, "line", focused=self.hasFocus()))
        painter.setBrush(theme.color("sel" if self.isChecked() else "panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(6), theme.px(6))
        if self.isChecked():  # a bar below it, as a tab has: the ring is the keyboard's
            bar = theme.px(3)
            under = QRectF(theme.px(8), self.height() - bar - 2, self.width() - 2 * theme.px(8), bar)
            painter.fillRect(under, theme.color("accent"))
        side, small = theme.px(16), theme.px(14)
        left = (self.width() - side - small - theme.px(5)) / 2
        paint_number(painter, QRectF(left, (self.height() - side) / 2, side, side), self.number, theme)
        left += side + theme.px(5)
        paint_mark(painter, QRectF(left, (self.height() - small) / 2, small, small), self._mark, theme)


class LayerStrip(QWidget):
    """`back` asks for the strata."""

    back = Signal()

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.all = QPushButton(translate(msg("All layers")))
        self.all.clicked.connect(self.back)
        titles = {layer.number: translate(layer.about.title) for layer in layers}
        self.cells = {
            number: _Cell(theme, titles.get(number, ""), number) for number in sorted({*titles, *range(1, 7)})
        }
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px(6))
        layout.addWidget(self.all)
        for number, cell in self.cells.items():
            self._group.addButton(cell, number)
            layout.addWidget(cell)
        layout.addStretch(1)
        self._selection = selection
        self._group.idClicked.connect(selection.open_layer)
        selection.container_changed.connect(self._show)
        selection.layer_opened.connect(self._select)

    def _select(self, number: int) -> None:
        if number in self.cells:
            self.cells[number].setChecked(True)

    def _show(self) -> None:
        state = self._selection.judged
        if state is not None:
            self._show_state(state)
            self._select(self._selection.layer)

    def _show_state(self, state: ContainerState) -> None:
        layers = {layer.number: layer for layer in state.layers}
        for number, cell in self.cells.items():
            layer = layers.get(number)
            if layer is None or not runs(state):
                cell.show_mark(Mark.NOT_RUNNING, translate(msg("Not running")))
            else:
                cell.show_mark(mark_of(layer.assessment), assessed_word(layer.assessment))
