"""Menu and keys of the window, in one table: nothing can be reached by the mouse alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.state import preferences
from stratascope.ui.containers.head import view_by_word
from stratascope.ui.containers.order import ViewBy
from stratascope.ui.guide.topics import Guide
from stratascope.ui.widgets.labels import Label
from stratascope.ui.widgets.theme import Theme, ThemeMode
from stratascope.ui.widgets.theme_words import mode_word
from stratascope.ui.window.copy_text import container_text, snapshot_text
from stratascope.ui.window.root_button import KEYS

if TYPE_CHECKING:
    from stratascope.ui.window.main_window import MainWindow
    from stratascope.ui.window.settings_dialog import SettingsDialog


class Actions:
    """Makes the actions and the menu."""

    def __init__(self, window: MainWindow, theme: Theme) -> None:
        self._window, self._theme = window, theme
        self._settings_dialog: SettingsDialog | None = None
        self.menu = QMenu(window)
        self._views = QActionGroup(window)
        self._modes = QActionGroup(window)
        view_menu = self.menu.addMenu(translate(msg("List by")))
        for view_by in ViewBy:
            action = self._choice(view_menu, self._views, view_by_word(view_by), view_by)
            action.triggered.connect(lambda _=False, chosen=view_by: window.set_view_by(chosen))
        theme_menu = self.menu.addMenu(translate(msg("Theme")))
        for mode in ThemeMode:
            action = self._choice(theme_menu, self._modes, mode_word(mode), mode)
            action.setChecked(mode is theme.mode)
            action.triggered.connect(lambda _=False, chosen=mode: self.set_mode(chosen))
        self.menu.addSeparator()
        self._add(msg("Copy this container as text"), "Ctrl+C", self.copy_container)
        self._add(msg("Copy all containers as text"), "Ctrl+Shift+C", self.copy_all)
        self._add(msg("Search what is shown"), "Ctrl+F", window.views.find)
        self._add(msg("Explain this layer"), "Shift+F1", window.views.explain)
        self._add(
            msg("Suppose this layer fails, or bring it back"), "", lambda: window.suppose_fails(window.panel.number)
        )
        self._add(msg("How the exposure comes about"), "", window.show_exposure)
        self._add(msg("Engines…"), "Ctrl+E", window.show_engines)
        self._add(msg("Read all again"), "F5", window.refresh)
        self._add(msg("Show what only root can read"), KEYS, window.elevate)
        self.menu.addSeparator()
        self._add(msg("Settings…"), "Ctrl+,", self.show_settings)
        self.guide = Guide(window, theme)
        self.menu.addAction(self.guide.action)
        self._add(msg("About Stratascope"), "", self.about)
        self._add(msg("Quit"), "Ctrl+Q", window.close)
        self._key("Alt+Left", window.go_back)
        self._key("F10", self.open_menu)
        self._key("/", self.to_filter)
        for number in window.strata.bands:
            self._key(str(number), partial(self._digit, number))
        window.toolbar.menu.clicked.connect(self.open_menu)
        self.show_view_by(window.containers.view_by)

    def show_view_by(self, view_by: ViewBy) -> None:
        """Tick the division in force."""
        for action in self._views.actions():
            action.setChecked(action.data() == view_by)

    def open_menu(self) -> None:
        """Below its button."""
        button = self._window.toolbar.menu
        corner = QPoint(button.width() - self.menu.sizeHint().width(), button.height() + 2)
        self.menu.popup(button.mapToGlobal(corner))

    def to_filter(self) -> None:
        """The cursor into the filter; in a text field the key is a letter."""
        field = self._window.toolbar.filter
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert("/")
            return
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    def copy_container(self) -> None:
        """What is selected goes first; without a selection the container is copied as text."""
        focus = QApplication.focusWidget()
        if (isinstance(focus, QLineEdit) and focus.hasSelectedText()) or (
            isinstance(focus, QPlainTextEdit) and focus.textCursor().hasSelection()
        ):
            focus.copy()
        elif isinstance(focus, Label) and focus.hasSelectedText():
            QGuiApplication.clipboard().setText(focus.selectedText())
        else:
            state, snapshot = self._window.current, self._window.snapshot
            if state is not None and snapshot is not None:
                QGuiApplication.clipboard().setText(container_text(snapshot, state, self._window.report))

    def copy_all(self) -> None:
        """The report of all containers."""
        if self._window.snapshot is not None:
            QGuiApplication.clipboard().setText(snapshot_text(self._window.snapshot, self._window.report))

    def about(self) -> None:
        """What this program is, and what it is made of."""
        from stratascope.ui.window.about import About  # not needed for the first picture

        About(self._theme, self._window).open()

    def show_settings(self) -> None:
        """What can be chosen; what is chosen counts at once, but for language and engines."""
        from stratascope.ui.window.settings_dialog import SettingsDialog  # the same

        if self._settings_dialog is None:
            dialog = SettingsDialog(self._theme, self._window.settings, self._window)
            dialog.changed.connect(self._taken_up)
            dialog.restart_wanted.connect(self._window.restart)
            dialog.finished.connect(self._settings_closed)
            self._settings_dialog = dialog
        self._settings_dialog.show()
        self._settings_dialog.raise_()

    def _settings_closed(self) -> None:
        if self._settings_dialog is not None:
            self._settings_dialog.deleteLater()
            self._settings_dialog = None

    def _taken_up(self, which: object) -> None:
        kept = self._window.settings
        if which is preferences.THEME:
            self._theme.set_mode(ThemeMode(preferences.THEME.of(kept)))
            for action in self._modes.actions():
                action.setChecked(action.data() is self._theme.mode)
        elif which is preferences.REFRESH:
            self._window.feed.pace(preferences.REFRESH.of(kept))

    def _digit(self, number: int) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert(str(number))
        else:
            self._window.open_layer(number)

    def set_mode(self, mode: ThemeMode) -> None:
        """Light, dark or as the desktop, from now on."""
        self._theme.set_mode(mode)
        preferences.THEME.choose(self._window.settings, mode.value)

    def _choice(self, menu: QMenu, group: QActionGroup, text: str, data: object) -> QAction:
        action = QAction(text, self._window)
        action.setCheckable(True)
        action.setData(data)
        group.addAction(action)
        menu.addAction(action)
        return action

    def _add(self, text: Message, keys: str, call: Callable[[], object]) -> None:
        action = QAction(translate(text), self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: call())
        self._window.addAction(action)
        self.menu.addAction(action)

    def _key(self, keys: str, call: Callable[[], object]) -> None:
        action = QAction(self._window)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: call())
        self._window.addAction(action)
