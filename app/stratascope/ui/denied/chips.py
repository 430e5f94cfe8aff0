"""Of which layer refusals are shown: all, or those of one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from stratascope.core.denials.denial import Denial
from stratascope.core.message import msg
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import translate
from stratascope.ui.denied.words import Layers
from stratascope.ui.widgets.chip import ChipRow, FilterChip
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.theme import Theme

ALL = ""


class LayerChips(ChipRow):
    """One is pressed in; left and right arrows go from one to the next."""

    chosen = Signal(str)  # id of the layer, ALL

    def __init__(self, theme: Theme, layers: Layers, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.current = ALL
        self.chips = {ALL: FilterChip(theme, translate(msg("All")))}
        for which in layers.ids:
            self.chips[which] = FilterChip(theme, layers.title(which), number=layers.number(which))
        for which, chip in self.chips.items():
            self.put(chip)
            chip.setVisible(which == ALL)
            chip.setAutoExclusive(True)
            chip.clicked.connect(lambda _=False, which=which: self._choose(which))
        self.chips[ALL].setChecked(True)
        self.setAccessibleName(translate(msg("Refusals of which layer")))

    def show_counts(self, shown: tuple[Denial, ...]) -> None:
        """How often each refused; one that never did has no chip."""
        for which, chip in self.chips.items():
            count = sum(each.count for each in shown if which in (ALL, each.claim.layer))
            number = count_text(count)
            chip.say(translate(msg("{word} {count}", word=chip.text(), count=number)), empty=not count)
            chip.setAccessibleName(translate(msg("{word}: {count}", word=chip.text(), count=number)))
            give_tip(chip, translate(msg("{word}: {count}", word=chip.text(), count=number)))
            chip.setVisible(which == ALL or bool(count) or which == self.current)
        self.arrange()

    def reset(self) -> None:
        """All."""
        if self.current != ALL:
            self.chips[ALL].setChecked(True)
            self._choose(ALL)

    def _choose(self, which: str) -> None:
        if which != self.current:
            self.current = which
            self.chosen.emit(which)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        there = [which for which, chip in self.chips.items() if not chip.isHidden()]
        place = there.index(self.current) + step if self.current in there else -1
        if step and 0 <= place < len(there):
            self.chips[there[place]].setFocus(Qt.FocusReason.TabFocusReason)
            self.chips[there[place]].click()
        else:
            super().keyPressEvent(event)
