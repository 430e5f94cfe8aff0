"""Which outcomes are shown, each with its number."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg, plural
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.threat_outcomes import Protection, protection_word, protections
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.stance_cell import PROTECTION_INK, PROTECTION_MARK
from stratascope.ui.kit.theme import Theme


class OutcomeFilter(ChipRow):
    """One chip an outcome; none pressed means all are shown."""

    changed = Signal(object)  # frozenset[Protection]

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.chips = {
            where: FilterChip(theme, protection_word(where), PROTECTION_MARK[where], PROTECTION_INK[where])
            for where in Protection
        }
        for chip in self.chips.values():
            self.put(chip)
            chip.toggled.connect(lambda _: self.changed.emit(self.chosen))

    @property
    def chosen(self) -> frozenset[Protection]:
        """Those that are pressed in."""
        return frozenset(where for where, chip in self.chips.items() if chip.isChecked())

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Count anew."""
        found = protections(matrix) if matrix is not None else dict.fromkeys(Protection, 0)
        for where, chip in self.chips.items():
            count, word = found[where], chip.text()
            chip.say(translate(msg("{count} {word}", count=count, word=word)), empty=not count)
            chip.setAccessibleName(translate(msg("{word}: {count}", word=word, count=count)))
            give_tip(chip, translate(plural("Show only this threat", "Show only these {count} threats", count)))
            chip.setVisible(count > 0 or chip.isChecked())
        self.arrange()

    def clear(self) -> None:
        """Press all out."""
        for chip in self.chips.values():
            chip.setChecked(False)
