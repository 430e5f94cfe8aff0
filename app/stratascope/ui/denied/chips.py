"""Of which layer refusals are shown: all, or those of one."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg
from stratascope.core.refusals.refusal import Refusal
from stratascope.i18n.translate import translate
from stratascope.presentation.refusals_report import Layers
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.theme import Theme

ALL = ""


class LayerChips(ChoiceChips):
    """`chosen` has the id of a layer, or ALL."""

    def __init__(self, theme: Theme, layers: Layers, parent: QWidget | None = None) -> None:
        super().__init__(theme, ALL, parent)
        self.add(ALL, FilterChip(theme, translate(msg("All"))))
        for which in layers.ids:
            self.add(which, FilterChip(theme, layers.title(which), number=layers.number(which)))
            self.chips[which].hide()
        self.setAccessibleName(translate(msg("Filter by layer")))

    def show_counts(self, shown: tuple[Refusal, ...]) -> None:
        """How often each refused; one that never did has no chip."""
        for which, chip in self.chips.items():
            count = sum(each.count for each in shown if which in (ALL, each.claim.layer))
            self.show_count(which, chip.text(), count)
        self.arrange()
