"""The card below the page "Use": what trials of this container came to, setting by setting."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.ui.tighten import row_text
from stratascope.ui.use.card import Card
from stratascope.ui.use.table import RowTable
from stratascope.usecases.tighten.settings import Setting
from stratascope.usecases.tighten.tighten import Tightened


class TrialCard(Card):
    """Not there where nothing was tried since the window was opened. The page scrolls, not its table."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Tried on a twin")), parent=parent)
        heads = tuple(translate(text) for text in (msg("Setting"), msg("Outcome"), msg("Trials")))
        self.table = RowTable(
            theme, translate(msg("Settings that were tried")), heads, whole=True
        )  # the page scrolls, not the table
        self.again = QPushButton(translate(msg("Run again…")))
        self.again.setObjectName("link")
        self.again.setFont(theme.font(12, MEDIUM))
        self.top.addWidget(self.again)
        self.body.addWidget(self.table, 1)
        self.setMinimumHeight(0)
        self.hide()

    def show_found(self, done: Tightened, found: tuple[Setting, ...]) -> None:
        """What was found last."""
        self.numbers.say(
            translate(msg("a copy without its ports, and with copies of its volumes; removed after each trial"))
        )
        self.table.show_rows(row_text.setting_rows(found, done))
        self.show()
