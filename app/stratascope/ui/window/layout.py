"""Where the parts of the window stand, and what is shown at which size: parts fold away as it gets narrower or lower.

Decided against layouts that do this by themselves: what goes first is a matter of the design, not of least sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from stratascope.ui.widgets.feed import SettingsLike
from stratascope.ui.widgets.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.window.main_window import MainWindow

LIST, LIST_LEAST, LIST_MOST, LIST_NARROW = 300, 264, 420, 64
NARROW, ONE_COLUMN, FOLD_ENGINES, LOW, COMPACT = 960, 720, 1320, 700, 560  # px, design lengths
LEAST_WIDTH, LEAST_HEIGHT = 560, 480
UNBOUNDED = 16777215  # QWIDGETSIZE_MAX


def least_size(theme: Theme, screen: QSize) -> QSize:
    """What a window needs at least, with the desktop's font; never more than the screen has."""
    return QSize(theme.px(LEAST_WIDTH), theme.px(LEAST_HEIGHT)).boundedTo(screen)


class WindowLayout:
    """Lays the parts of the window out, and fits them into it."""

    def __init__(self, window: MainWindow, theme: Theme) -> None:
        self._window, self._theme = window, theme
        self._filler = QWidget()  # takes the room below the strata where the panel is not shown
        self._was_narrow = False
        self._list_width = theme.px(LIST)
        self.page_turned = False  # one column: the container is in front of the list
        self.layer_open = False  # low window: the panel is in front of the strata
        self._lay_out(theme)

    def _lay_out(self, theme: Theme) -> None:
        window = self._window
        self._inner = inner = QVBoxLayout(window.middle)
        inner.setContentsMargins(theme.px(16), theme.px(10), theme.px(16), theme.px(10))
        inner.setSpacing(theme.px(8))
        inner.addWidget(window.header)
        inner.addWidget(window.strip)
        inner.addWidget(window.strata)
        inner.addWidget(window.panel, 1)
        inner.addWidget(self._filler, 0)
        self._filler.hide()
        window.middle_stack.addWidget(window.empty)
        window.middle_stack.addWidget(window.middle)
        window.splitter.setHandleWidth(1)
        window.splitter.addWidget(window.column)
        window.splitter.addWidget(window.middle_stack)
        window.splitter.setStretchFactor(0, 0)
        window.splitter.setStretchFactor(1, 1)
        window.splitter.setCollapsible(0, False)
        window.splitter.setCollapsible(1, False)
        window.splitter.setSizes([theme.px(LIST), theme.px(1140)])
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(window.toolbar)
        column.addWidget(window.banner)
        column.addWidget(window.notice)
        column.addWidget(window.told)
        column.addWidget(window.trouble)
        row = QHBoxLayout()
        row.addWidget(window.splitter)
        column.addLayout(row, 1)
        window.setCentralWidget(centre)

    def one_column(self) -> bool:
        """Too narrow for list and container side by side."""
        return self._window.width() < self._theme.px(ONE_COLUMN)

    def low(self) -> bool:
        """Too low for strata and panel, one above the other."""
        return self._window.height() < self._theme.px(LOW)

    def restore(self, settings: SettingsLike) -> None:
        """Size, place and widths of the last time."""
        window = self._window
        window.resize(1440, 900)
        geometry, splitter = settings.get("geometry"), settings.get("splitter")
        if geometry:
            window.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
        if splitter:
            window.splitter.restoreState(QByteArray.fromBase64(splitter.encode("ascii", "ignore")))

    def remember(self, settings: SettingsLike) -> None:
        """The same, for the next time."""
        window = self._window
        settings.set("geometry", bytes(window.saveGeometry().toBase64().data()).decode("ascii"))
        if window.width() >= self._theme.px(NARROW):  # else the list has not the width that was chosen for it
            settings.set("splitter", bytes(window.splitter.saveState().toBase64().data()).decode("ascii"))

    def adapt(self) -> None:
        """Fold parts away, or bring them back."""
        window, theme, filler = self._window, self._theme, self._filler
        width, one, low = window.width(), self.one_column(), self.low()
        narrow, empty = width < theme.px(NARROW), window.snapshot is None or not window.snapshot.containers
        window.toolbar.engines.set_folded(width < theme.px(FOLD_ENGINES))
        window.toolbar.root.set_folded(narrow)
        window.toolbar.views.set_folded(one)
        window.column.set_narrow(narrow and not one)
        had = window.column.width()
        if narrow and not self._was_narrow and theme.px(LIST_LEAST) <= had <= theme.px(LIST_MOST):
            self._list_width = had  # not where the window begins narrow: it is not laid out yet
        if not one:
            self._fit_list(narrow=narrow)
        self._was_narrow = narrow
        if one:
            window.column.setMinimumWidth(0)
            window.column.setMaximumWidth(UNBOUNDED)
            in_front = self.page_turned and window.current is not None
            shown = ((window.middle_stack, in_front or empty), (window.column, not in_front and not empty))
            for part, there in sorted(shown, key=lambda each: not each[1]):
                part.setVisible(there)  # what comes is there first, so that the keyboard can go on to it
        else:
            window.column.setVisible(True)
            window.middle_stack.setVisible(True)
        window.strata.set_compact(window.height() < theme.px(COMPACT))
        window.column.set_empty(empty)
        window.header.back.setVisible(one)
        window.strip.setVisible(low and self.layer_open)
        window.strata.setVisible(not low or not self.layer_open)
        window.panel.setVisible(not low or self.layer_open)
        filler.setVisible(low and not self.layer_open)
        self._inner.setStretchFactor(filler, 1 if low and not self.layer_open else 0)
        window.views.adapt()

    def _fit_list(self, *, narrow: bool) -> None:
        """Width of the list: 64, or what it had before."""
        window, theme = self._window, self._theme
        if narrow:
            window.column.setFixedWidth(theme.px(LIST_NARROW))
        else:
            window.column.setMinimumWidth(theme.px(LIST_LEAST))
            window.column.setMaximumWidth(theme.px(LIST_MOST))
        if narrow is not self._was_narrow:
            width = theme.px(LIST_NARROW) if narrow else self._list_width
            window.splitter.setSizes([width, max(1, window.splitter.width() - width)])
