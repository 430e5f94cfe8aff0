"""The frame of a sheet over the window: what it shows, a rule, and buttons at its end; never larger than the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from stratascope.ui.kit.labels import Rule
from stratascope.ui.kit.theme import Theme


class Sheet(QDialog):
    """`width` and `height`: in the theme's measure, where the window is large enough."""

    def __init__(self, theme: Theme, parent: QWidget, width: int, height: int) -> None:
        super().__init__(parent)
        self._theme, self._window, self._wide, self._high = theme, parent, width, height

    def frame(self, shown: Sequence[tuple[QWidget, int]], left: Sequence[QWidget], right: Sequence[QWidget]) -> None:
        """Lay it out: what it shows, each with its stretch, and the buttons at both ends."""
        theme = self._theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px(20)] * 4)
        layout.setSpacing(theme.px(10))
        for widget, stretch in (*shown, (Rule(theme), 0)):
            layout.addWidget(widget, stretch)
        end = QHBoxLayout()
        end.setSpacing(theme.px(8))
        for button in left:
            end.addWidget(button)
        end.addStretch(1)
        for button in right:
            end.addWidget(button)
        layout.addLayout(end)
        theme.changed.connect(self.update)

    def present(self) -> None:
        """In front of the window, no larger than it."""
        parent, theme = self._window, self._theme
        if not self.isVisible():
            self.resize(min(theme.px(self._wide), parent.width() - 16), min(theme.px(self._high), parent.height() - 16))
        self.show()
        self.raise_()
        self.activateWindow()
