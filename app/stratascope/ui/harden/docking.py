"""Where the right column of hardening stands: in a splitter beside the window's own, or in a drawer in a narrow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QPoint, Qt
from PySide6.QtWidgets import QFrame, QPushButton, QSplitter, QVBoxLayout

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.harden.column import COLUMN, LEAST, MOST, HardenColumn
from stratascope.ui.widgets.theme import MEDIUM, Theme

if TYPE_CHECKING:
    from stratascope.ui.window.main_window import MainWindow

DRAWER = 1240  # px of the design: narrower windows have a drawer instead of the column
_SETTING = "harden_splitter"


class HardenDock(QObject):
    """Puts the column in at once; `adapt` whenever the window has another size."""

    def __init__(self, window: MainWindow, theme: Theme, column: HardenColumn) -> None:
        super().__init__(window)
        self._window, self._theme, self.column = window, theme, column
        self.drawer = QFrame(window)
        self.button = QPushButton(translate(msg("Harden…")))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self._put_in()
        self.adapt()

    def _put_in(self) -> None:
        """The window's splitter into one of our own, with the column at its right; a button into the tool bar."""
        window, theme = self._window, self._theme
        centre = window.centralWidget()
        layout = None if centre is None else centre.layout()
        if layout is not None:
            layout.replaceWidget(window.splitter, self.splitter, Qt.FindChildOption.FindChildrenRecursively)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(window.splitter)
        self.splitter.addWidget(self.column)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        for place in (0, 1):
            self.splitter.setCollapsible(place, False)
        self.splitter.setSizes([theme.px(1440 - COLUMN), theme.px(COLUMN)])
        kept = window.settings.get(_SETTING)
        if kept:
            self.splitter.restoreState(QByteArray.fromBase64(kept.encode("ascii", "ignore")))
        self.column.setMinimumWidth(theme.px(LEAST))
        self.column.setMaximumWidth(theme.px(MOST))
        self.splitter.show()
        inside = QVBoxLayout(self.drawer)
        inside.setContentsMargins(1, 1, 1, 1)
        self.drawer.setObjectName("popup")
        self.drawer.hide()
        self.button.setFont(theme.font(12, MEDIUM))
        self.button.setFixedHeight(theme.px(30))
        self.button.clicked.connect(self.turn_drawer)
        bar = window.toolbar.layout()
        if bar is not None:
            bar.removeWidget(window.toolbar.menu)
            bar.addWidget(self.button)
            bar.addWidget(window.toolbar.menu)

    @property
    def narrow(self) -> bool:
        """Whether it is a drawer."""
        return self._window.width() < self._theme.px(DRAWER)

    def adapt(self) -> None:
        """Column or drawer, as the window's width allows."""
        inside = self.drawer.layout()
        if self.narrow and self.column.parent() is not self.drawer:
            if inside is not None:
                inside.addWidget(self.column)
            self.column.show()
            self.drawer.hide()
        elif not self.narrow and self.column.parent() is not self.splitter:
            self.drawer.hide()
            self.splitter.addWidget(self.column)
            self.column.show()
            self.splitter.setSizes([self._window.width() - self._theme.px(COLUMN), self._theme.px(COLUMN)])
        self.button.setVisible(self.narrow)
        self.column.set_height(self._window.height())
        self._place_drawer()

    def turn_drawer(self) -> None:
        """Open or close it."""
        if not self.narrow:
            return
        if self.drawer.isVisible():
            self.drawer.hide()
            self.button.setFocus()
        else:
            self._place_drawer()
            self.drawer.show()
            self.drawer.raise_()
            self._focus()

    def to_column(self) -> None:
        """The keyboard into the column; opens the drawer."""
        if self.narrow and not self.drawer.isVisible():
            self.turn_drawer()
        else:
            self._focus()

    def remember(self) -> None:
        """The column's width, for the next time; a drawer has one of its own."""
        if not self.narrow:
            kept = bytes(self.splitter.saveState().toBase64().data()).decode("ascii")
            self._window.settings.set(_SETTING, kept)

    def _focus(self) -> None:
        preset = self.column.presets.parts[self.column.presets.current]
        (preset if preset.isVisible() else self.column).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _place_drawer(self) -> None:
        window, theme = self._window, self._theme
        top = self.splitter.mapTo(window, QPoint(0, 0)).y()
        width = min(theme.px(COLUMN), window.width())
        self.drawer.setGeometry(window.width() - width, top, width, window.height() - top)
