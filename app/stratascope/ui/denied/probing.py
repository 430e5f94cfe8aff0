"""The line at the bottom: what healthy programs ask for in vain and go on without, folded away."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.sanitize import plain
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import translate
from stratascope.ui.harden.toggle_row import FoldButton
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import MEDIUM, Theme


class _Head(FoldButton):
    """No wider than its words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        words = QFontMetrics(self._theme.font(12, MEDIUM)).horizontalAdvance(f"{self.text()}  {self._count}")
        return QSize(words + self._theme.px(32), super().sizeHint().height())


class ProbingBand(QFrame):
    """`turned`: they are shown below all others, or not."""

    turned = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("band")
        self.head = _Head(theme)
        self.note, self.calls = Line(theme, 12, ink="text2"), Line(theme, 11, ink="text2", fixed=True)
        self.note.say(translate(msg("healthy programs are refused this too, and go on without it")))
        above = QHBoxLayout()
        above.setSpacing(theme.px(8))
        above.addWidget(self.head)
        above.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (8, 2, 14, 8)))
        column.setSpacing(0)
        column.addLayout(above)
        below = QHBoxLayout()
        below.setContentsMargins(theme.px(22), 0, 0, 0)
        below.addWidget(self.calls, 1)
        column.addLayout(below)
        self.head.toggled.connect(self.turned)
        self.setAccessibleName(translate(msg("Harmless probing")))
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.hide()

    @property
    def open(self) -> bool:
        """Whether they are shown."""
        return self.head.isChecked()

    def fold(self) -> None:
        """Shown no more."""
        self.head.setChecked(False)

    def set_low(self, low: bool) -> None:
        """One line."""
        self.calls.setVisible(not low)

    def show_harmless(self, harmless: tuple[Refusal, ...]) -> None:
        """How many there are; none: no trace of it."""
        count = sum(each.count for each in harmless)
        self.head.show_head(translate(msg("Harmless probing")), count)
        self.head.updateGeometry()
        self.calls.say(_asked_in_vain(harmless))
        self.setVisible(bool(harmless))


def _asked_in_vain(harmless: tuple[Refusal, ...]) -> str:
    """Which calls are asked for in vain, the most frequent first."""
    counts: dict[str, int] = {}
    for each in harmless:
        name = plain(each.syscall or each.process, 40)
        counts[name] = counts.get(name, 0) + each.count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "   ".join(f"{name} {count_text(count)}×" for name, count in ordered[:20])
