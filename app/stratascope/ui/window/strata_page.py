"""The page "Strata": the container's header, the layers with the rays across them, and the panel of the open layer.

In a low window there is room for strata or panel only: the one requested last is shown, with a strip of the six marks.
The page for what is not started yet uses the same widgets.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, assessed_word, mark_of, paint_mark, paint_number
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme, smooth_painter
from stratascope.ui.panel.panel import Panel
from stratascope.ui.relaunch.proof_panel import ProofPanel
from stratascope.ui.relaunch.result import Result
from stratascope.ui.strata.view import Strata
from stratascope.ui.window.header import Header


class _Cell(QAbstractButton):
    def __init__(self, theme: Theme, title: str, number: int) -> None:
        super().__init__()
        self._theme, self._title, self.number, self._mark, self._word = theme, title, number, Mark.UNKNOWN, ""
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_mark(self, mark: Mark, word: str) -> None:
        if (mark, word) == (self._mark, self._word):
            return
        self._mark, self._word = mark, word
        text = translate(msg("Layer {number}, {title}: {verdict}", number=self.number, title=self._title, verdict=word))
        self.setAccessibleName(text)
        give_tip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(52), self._theme.px(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(outline_pen(theme, "line", focused=self.hasFocus()))
        painter.setBrush(theme.color("sel" if self.isChecked() else "panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(6), theme.px(6))
        if self.isChecked():  # the current layer has a bar below it, as a tab has: the ring is for the focus
            bar = theme.px(3)
            under = QRectF(theme.px(8), self.height() - bar - 2, self.width() - 2 * theme.px(8), bar)
            painter.fillRect(under, theme.color("accent"))
        side, small = theme.px(16), theme.px(14)
        left = (self.width() - side - small - theme.px(5)) / 2
        paint_number(painter, QRectF(left, (self.height() - side) / 2, side, side), self.number, theme)
        left += side + theme.px(5)
        paint_mark(painter, QRectF(left, (self.height() - small) / 2, small, small), self._mark, theme)


class LayerStrip(QWidget):
    """The six marks, for a low window. `back`: to the strata."""

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
        layout = theme.lay(QHBoxLayout(self), self.all, around=0, gap=6)
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


class StrataPage(QWidget):
    """The page. `layer_closed`: back to the strata, in a low window."""

    layer_closed = Signal()

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        acceptances: Acceptances,
        *,
        named: bool = True,
    ) -> None:
        """`named`: show the container's name and chips above the card."""
        super().__init__()
        self._selection = selection
        self._low = False
        self.layer_open = False  # low window: the panel, or the proof, is in front of the strata
        self.header = Header(theme, layers, selection, named=named)
        self.strip = LayerStrip(theme, layers, selection)
        self.strata = Strata(theme, layers, selection)
        self.panel = Panel(theme, layers, selection, acceptances)
        self.proof = ProofPanel(theme, {layer.id: translate(layer.about.title) for layer in layers})
        self._proven: Result | None = None  # whose proof is in the place of the panel
        self._filler = QWidget()  # takes the room below the strata if the panel is hidden
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*(theme.px(length) for length in (16, 10, 16, 10)))
        self._column.setSpacing(theme.px(8))
        self._column.addWidget(self.header)
        self._column.addWidget(self.strip)
        self._column.addWidget(self.strata)
        self._column.addWidget(self.panel, 1)
        self._column.addWidget(self.proof, 1)
        self._column.addWidget(self._filler, 0)
        self._filler.hide()
        self.strip.back.connect(self.close_layer)
        selection.layer_opened.connect(self._open_layer)
        selection.container_changed.connect(self._show_proof)

    @property
    def widget(self) -> QWidget:
        """The page itself, for callers that know it by a protocol."""
        return self

    def close_layer(self) -> None:
        """In a low window, go back to the strata."""
        self.layer_open = False
        self._fold()
        self.layer_closed.emit()
        self.strata.bands[self._selection.layer].setFocus()

    def adapt(self, *, low: bool, compact: bool, low_card: bool, bare: bool | None = None, live: bool = False) -> None:
        """Fold parts away, or bring them back. `bare`: the card without its button; None: as the strata; `live`: there
        is room for refusals below a card of one line.
        """
        self._low = low
        self.header.set_low(low_card, bare=compact if bare is None else bare, live=live)
        self.strata.set_compact(compact)
        self._fold()

    def show_proof(self, result: Result | None, asked: bool) -> None:
        """Show what was read back after a relaunch in the place of the panel, until a layer is opened; in a low window,
        in the place of the strata where it is asked for.
        """
        self._proven, self.layer_open = result, self.layer_open or (asked and result is not None)
        self._show_proof()
        self._fold()

    def _show_proof(self) -> None:
        state = self._selection.current
        if self._proven is not None and state is not None and state.key == self._proven.key:
            self.proof.show_proof(self._proven, state)

    def _open_layer(self) -> None:
        self.layer_open, self._proven = True, None
        self._fold()

    def _fold(self) -> None:
        low, opened = self._low, self.layer_open
        proven = self._proven is not None and (not low or opened)
        self.strip.setVisible(low and opened)
        self.strata.setVisible(not low or not opened)
        self.panel.setVisible((not low or opened) and not proven)
        self.proof.setVisible(proven)
        self._filler.setVisible(low and not opened)
        self._column.setStretchFactor(self._filler, 1 if low and not opened else 0)


def make(parts: Parts) -> MadePage:
    """Make the page "Before it starts": a strata page with a selection of its own shows its container, and the card and
    the findings lead to the page's column.
    """
    from stratascope.ui.before.page import BeforePage  # imported when first opened, with all its modules

    own, acceptances = Selection(), Acceptances(None)
    strata = StrataPage(parts.theme, parts.layers, own, acceptances, named=False)
    page = BeforePage(parts.theme, parts.layers, parts.before, own, strata)
    for each in (own, acceptances):
        each.setParent(page)
    card, findings = strata.header.card, strata.panel.findings
    card.plan_wanted.connect(page.press_plan)
    findings.fix_wanted.connect(partial(page.show_switch, turn_on=True))
    strata.header.follow(page.column.draft, lambda: page.column.plan_button)
    page.column.draft.offer_changed.connect(findings.show_offer)
    return MadePage(
        page, choose=page.put, search=page.search_field, stop=page.stop, head=strata.header, column=page.column
    )
