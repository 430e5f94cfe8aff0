"""What a person chooses, put into effect at once: by the menu, or in the dialog of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from stratascope.state import preferences
from stratascope.ui.kit.background import Feed, SettingsLike
from stratascope.ui.kit.theme import Theme, ThemeMode

if TYPE_CHECKING:
    from stratascope.ui.window.settings_dialog import SettingsDialog


class Preferences(QObject):
    """`restart_wanted`: language and engines are taken up at a start only."""

    restart_wanted = Signal()

    def __init__(self, window: QWidget, theme: Theme, feed: Feed, settings: SettingsLike) -> None:
        super().__init__(window)
        self._window, self._theme, self._feed, self._settings = window, theme, feed, settings
        self._dialog: SettingsDialog | None = None

    def choose_theme(self, mode: ThemeMode) -> None:
        """And remember it."""
        self._theme.set_mode(mode)
        preferences.THEME.choose(self._settings, mode.value)

    def show_dialog(self) -> None:
        """All that can be chosen; what is chosen counts at once, but for language and engines."""
        from stratascope.ui.window.settings_dialog import SettingsDialog  # not needed for the first picture

        if self._dialog is None:
            self._dialog = SettingsDialog(self._theme, self._settings, self._window)
            self._dialog.changed.connect(self._take_up)
            self._dialog.restart_wanted.connect(self.restart_wanted)
            self._dialog.finished.connect(self._closed)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _take_up(self, which: object) -> None:
        if which is preferences.THEME:
            self._theme.set_mode(ThemeMode(preferences.THEME.of(self._settings)))
        elif which is preferences.REFRESH:
            self._feed.pace(preferences.REFRESH.of(self._settings))
