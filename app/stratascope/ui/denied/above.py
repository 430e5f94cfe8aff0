"""The column of the page: why it ended, where that is known, above the list of what was refused."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from stratascope.core.snapshot import ContainerState
from stratascope.ui.kit.theme import Theme

LEAST = 120  # height that why it ended has at the least
_NO_LIMIT = 16_777_215  # QWIDGETSIZE_MAX
EndKey = tuple[object, ...]


def end_of(state: ContainerState) -> EndKey:
    """What tells one end or run of a container from its next."""
    container = state.container
    return container.status, container.pid, container.started, container.exit_code, container.out_of_memory


class EndingAbove(QVBoxLayout):
    """`rows`: whether there is something to list. Where there is not, why it ended may be all that there is to say.

    `away`: nothing is shown, since it is another container's.
    """

    def __init__(self, theme: Theme, page: QWidget, card: QWidget) -> None:
        super().__init__(page)
        self._theme, self._page, self._card = theme, page, card
        self._ending: QWidget | None = None
        self._shown, self._whole = False, False
        self.rows = False
        self.away = False
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(theme.px(10))
        self.addWidget(card, 1)

    def put(self, ending: QWidget) -> None:
        """The part above."""
        self._ending = ending
        self.insertWidget(0, ending)
        self.place()

    def tell(self, *, shown: bool, whole: bool) -> None:
        """Whether the part above has something to say, and whether that is all: then there is no empty list."""
        self._shown, self._whole = shown, whole
        self.place()

    def place(self) -> None:
        """As the page is now: the part above has half of it at the most where there are rows, else what it needs."""
        ending = self._ending
        alone = ending is not None and self._shown and self._whole and not self.rows
        self._card.setVisible(not self.away and not alone)
        if ending is not None:
            ending.setVisible(not self.away and self._shown)
            high, low = self._page.height(), self._card.minimumSizeHint().height() + self.spacing()
            most = max(high * 55 // 100 if self.rows else high - low, self._theme.px(LEAST))
            ending.setMaximumHeight(_NO_LIMIT if alone else most)
            self.setStretch(0, int(alone))
