"""The page "Strata": the container's head, the layers with the rays across them, and the panel of the open layer.

In a low window there is room for strata or panel only: whichever was asked for last, with a strip of the six marks.
What is not started yet is drawn by the same, on a page of its own.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.panel import Panel
from stratascope.ui.strata.view import Strata
from stratascope.ui.window.header import Header
from stratascope.ui.window.layer_strip import LayerStrip


class StrataPage(QWidget):
    """`layer_closed`: in a low window, back to the strata."""

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
        """`named`: whether the container's name and chips stand above the card."""
        super().__init__()
        self._selection = selection
        self._low = False
        self.layer_open = False  # low window: the panel is in front of the strata
        self.header = Header(theme, layers, selection, named=named)
        self.strip = LayerStrip(theme, layers, selection)
        self.strata = Strata(theme, layers, selection)
        self.panel = Panel(theme, layers, selection, acceptances)
        self._filler = QWidget()  # takes the room below the strata where the panel is not shown
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*(theme.px(length) for length in (16, 10, 16, 10)))
        self._column.setSpacing(theme.px(8))
        self._column.addWidget(self.header)
        self._column.addWidget(self.strip)
        self._column.addWidget(self.strata)
        self._column.addWidget(self.panel, 1)
        self._column.addWidget(self._filler, 0)
        self._filler.hide()
        self.strip.back.connect(self.close_layer)
        selection.layer_opened.connect(self._open_layer)

    @property
    def widget(self) -> QWidget:
        """Itself, for who holds it by what it can do."""
        return self

    def close_layer(self) -> None:
        """In a low window: back to the strata."""
        self.layer_open = False
        self._fold()
        self.layer_closed.emit()
        self.strata.bands[self._selection.layer].setFocus()

    def adapt(self, *, low: bool, compact: bool, low_card: bool, bare: bool | None = None) -> None:
        """Fold parts away, or bring them back. `bare`: of the card; None: as the strata."""
        self._low = low
        self.header.card.set_low(low_card, bare=compact if bare is None else bare)
        self.strata.set_compact(compact)
        self._fold()

    def _open_layer(self) -> None:
        self.layer_open = True
        self._fold()

    def _fold(self) -> None:
        low, opened = self._low, self.layer_open
        self.strip.setVisible(low and opened)
        self.strata.setVisible(not low or not opened)
        self.panel.setVisible(not low or opened)
        self._filler.setVisible(low and not opened)
        self._column.setStretchFactor(self._filler, 1 if low and not opened else 0)


def make(parts: Parts) -> MadePage:
    """The page "Before it starts", for the window: what draws the container in view stands on it, and its card and
    findings lead to the page's column.
    """
    from stratascope.ui.before.page import BeforePage  # made when it is first opened, as all that is below it

    own, acceptances = Selection(), Acceptances(None)
    strata = StrataPage(parts.theme, parts.layers, own, acceptances, named=False)
    page = BeforePage(parts.theme, parts.layers, parts.before, own, strata)
    for each in (own, acceptances):
        each.setParent(page)
    card, findings = strata.header.card, strata.panel.findings
    card.close_wanted.connect(page.close_critical)
    card.switch_wanted.connect(page.show_switch)
    findings.fix_wanted.connect(partial(page.show_switch, turn_on=True))
    for part in (strata.header, findings):
        page.column.draft.offer_changed.connect(part.show_offer)
    return MadePage(
        page, choose=page.put, search=page.search_field, stop=page.stop, head=strata.header, column=page.column
    )
