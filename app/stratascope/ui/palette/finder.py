"""Makes the palette when it is first wanted, which is not needed for the window's first picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from stratascope.ui.kit.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.palette.palette import Palette
    from stratascope.ui.palette.search import PaletteEntry


class Finder:
    """`gather`: all that can be found; `palette`: None before it was opened."""

    def __init__(self, theme: Theme, window: QWidget, gather: Callable[[], tuple[PaletteEntry, ...]]) -> None:
        self._theme, self._window, self._gather = theme, window, gather
        self.palette: Palette | None = None

    def open(self) -> None:
        """With nothing typed yet."""
        if self.palette is None:
            from stratascope.ui.palette.palette import Palette

            self.palette = Palette(self._theme, self._gather, self._window)
        self.palette.show_all()
