"""The services of a text as chips: what could happen by each, and how exposed it would be."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.exposure_words import exposure_sentence, number_text, worst_open
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.theme import Theme

CHIPS = 24  # services with a chip each
_LETTERS = 40


class ServiceChips(ChoiceChips):
    """`chosen` has the id of a container."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self._shown: tuple[tuple[str, str, Mark], ...] = ()
        self.setAccessibleName(translate(msg("Containers it asks for")))

    def show_states(self, states: Sequence[ContainerState], current: ContainerState | None) -> None:
        """All of a text, and the one in view, which has a chip in any case."""
        first = list(states[:CHIPS])
        if current is not None and current.key not in [each.key for each in first]:
            first[-1:] = [each for each in states if each.key == current.key]
        shown = tuple((each.container.id, number_text(each.matrix), _mark(each)) for each in first)
        if shown != self._shown:
            self._make(first, shown)
        if current is not None and current.container.id in self.chips:
            self.current = current.container.id
            self.chips[self.current].setChecked(True)
        self.setVisible(bool(shown))
        self.arrange()

    def _make(self, states: Sequence[ContainerState], shown: tuple[tuple[str, str, Mark], ...]) -> None:
        had = any(chip.hasFocus() for chip in self.chips.values())
        self._shown = shown
        self.clear()
        for state, (which, number, mark) in zip(states, shown, strict=True):
            name = plain(which, _LETTERS)
            chip = FilterChip(self._theme, f"{name}  {number}", mark)
            told = msg("{name}: {exposure}", name=plain(which, 100), exposure=exposure_sentence(state.matrix))
            chip.setAccessibleName(translate(told))
            give_tip(chip, translate(told))
            self.add(which, chip)
            chip.show()
        if had and self.current in self.chips:
            self.chips[self.current].setFocus()


def _mark(state: ContainerState) -> Mark:
    worst = worst_open(state)
    if state.matrix is None:
        return Mark.UNKNOWN
    if worst is None or worst.threat.severity is Severity.LOW:
        return Mark.ENFORCED
    return Mark.WEAKENED if worst.threat.severity is Severity.MEDIUM else Mark.OPEN
