"""Menu and keys of the window, in one table: everything reachable by mouse is reachable by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.containers.column import ContainerColumn
from stratascope.ui.containers.row_paint import view_by_word
from stratascope.ui.containers.rows import ViewBy
from stratascope.ui.kit.feedback import Clipboard
from stratascope.ui.kit.page import View, view_key
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.window.page_stack import Pages
from stratascope.ui.window.toolbar import KEYS, Toolbar

if TYPE_CHECKING:
    from stratascope.ui.window.palette import Palette, PaletteEntry


class Finder:
    """Opens the palette. `gather`: returns all that can be found; `palette`: None before it was first opened."""

    def __init__(self, theme: Theme, window: QWidget, gather: Callable[[], tuple[PaletteEntry, ...]]) -> None:
        self._theme, self._window, self._gather = theme, window, gather
        self.palette: Palette | None = None

    def open(self) -> None:
        """Open it with an empty field."""
        if self.palette is None:
            from stratascope.ui.window.palette import Palette

            self.palette = Palette(self._theme, self._gather, self._window)
        self.palette.show_all()


class Actions(QObject):
    """Creates the actions and the menu. Signals report what no other part of the window handles."""

    refresh_wanted = Signal()
    settings_wanted = Signal()
    theme_chosen = Signal(object)  # ThemeMode
    back_wanted = Signal()
    press_wanted = Signal()  # the button of what is in view

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        selection: Selection,
        toolbar: Toolbar,
        containers: ContainerColumn,
        pages: Pages,
        clipboard: Clipboard,
        guide: QAction,
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._selection, self._toolbar = window, theme, selection, toolbar
        self._pages = pages
        self.finder = Finder(theme, window, self._places)
        self.menu = QMenu(window)
        self._views = QActionGroup(window)
        self._modes = QActionGroup(window)
        view_menu = self.menu.addMenu(translate(msg("Order of the list")))
        for view_by in ViewBy:
            action = self._choice(view_menu, self._views, view_by_word(view_by), view_by)
            action.triggered.connect(lambda _=False, chosen=view_by: containers.set_view_by(chosen))
        theme_menu = self.menu.addMenu(translate(msg("Theme")))
        for mode in ThemeMode:
            action = self._choice(theme_menu, self._modes, mode_word(mode), mode)
            action.triggered.connect(lambda _=False, chosen=mode: self.theme_chosen.emit(chosen))
        self._first_separator = self.menu.addSeparator()
        self._add(msg("Search everything…"), "Ctrl+K", self.finder.open)
        self._add(msg("Copy this container as text"), "Ctrl+C", clipboard.copy_container)
        self._add(msg("Copy all containers as text"), "Ctrl+Shift+C", clipboard.copy_all)
        self._add(msg("Search this view"), "Ctrl+F", pages.search)
        self._add(msg("Explain this layer"), "Shift+F1", pages.explain)
        self._add(
            msg("Suppose this layer fails, or bring it back"), "", lambda: selection.suppose_fails(selection.layer)
        )
        self._add(msg("How the exposure is calculated"), "", pages.show_exposure)
        self._add(msg("Engines…"), "Ctrl+E", toolbar.show_engines)
        self._add(msg("Refresh"), "F5", self.refresh_wanted.emit)
        self._add(msg("Read as root"), KEYS, toolbar.elevate)
        self.menu.addSeparator()
        self._add(msg("Settings…"), "Ctrl+,", self.settings_wanted.emit)
        self.menu.addAction(guide)
        self._add(msg("About Stratascope"), "", self.about)
        self._add(msg("Quit"), "Ctrl+Q", window.close)
        self.add_key("Alt+Left", self.back_wanted.emit)
        self.add_key("F10", self.open_menu)
        self.add_key("/", self.to_filter)
        for number in pages.strata_page.strata.bands:
            self.add_key(str(number), partial(self._digit, number))
        for view in pages.switch.views:
            self.add_key(view_key(view), partial(self._open_view, view))
        press = self.add_key("Ctrl+Enter", self.press_wanted.emit)
        press.setShortcuts([press.shortcut(), QKeySequence("Ctrl+Return")])  # the keypad's Enter, and the other one
        toolbar.menu.clicked.connect(self.open_menu)
        containers.view_by_changed.connect(self._show_view_by)
        theme.changed.connect(self._show_mode)
        self._show_view_by(containers.model.view_by)
        self._show_mode()

    def add_above(self, text: Message, keys: str, call: Callable[[], object]) -> QAction:
        """Add an entry above the window's own."""
        action = self._action(text, keys, call)
        self.menu.insertAction(self._first_separator, action)
        return action

    def add_key(self, keys: str, call: Callable[[], object]) -> QAction:
        """Add a key that is in no menu."""
        return self._action(None, keys, call)

    def _open_view(self, view: View) -> None:
        """Open a view by key; focus its text field, if it has one."""
        self._pages.show_view(view)
        if view is View.BEFORE:
            self._pages.search()

    def _places(self) -> tuple[PaletteEntry, ...]:
        """Return what Ctrl+K finds."""
        from stratascope.ui.window.palette import Ways, places

        pages = self._pages
        return places(
            Ways(
                self.menu,
                pages.switch.views,
                pages.layers,
                self._selection,
                pages.strata_page.panel,
                self._open_view,
                pages.open_threat,
                pages.leave_fleet,
                pages.search_calls,
            )
        )

    def open_menu(self) -> None:
        """Open the menu below its button."""
        button = self._toolbar.menu
        corner = QPoint(button.width() - self.menu.sizeHint().width(), button.height() + 2)
        self.menu.popup(button.mapToGlobal(corner))

    def to_filter(self) -> None:
        """Focus the filter; in a text field the key is a letter."""
        field = self._toolbar.filter
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert("/")
            return
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    def about(self) -> None:
        """Open *About*."""
        from stratascope.ui.window.about import About  # not needed for the first frame

        About(self._theme, self._window).open()

    def _show_view_by(self, view_by: ViewBy) -> None:
        """Tick the current grouping."""
        for action in self._views.actions():
            action.setChecked(action.data() == view_by)

    def _show_mode(self) -> None:
        for action in self._modes.actions():
            action.setChecked(action.data() is self._theme.mode)

    def _digit(self, number: int) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert(str(number))
        else:
            self._selection.open_layer(number)

    def _choice(self, menu: QMenu, group: QActionGroup, text: str, data: object) -> QAction:
        action = QAction(text, self._window)
        action.setCheckable(True)
        action.setData(data)
        group.addAction(action)
        menu.addAction(action)
        return action

    def _add(self, text: Message, keys: str, call: Callable[[], object]) -> None:
        self.menu.addAction(self._action(text, keys, call))

    def _action(self, text: Message | None, keys: str, call: Callable[[], object]) -> QAction:
        action = QAction(self._window)
        if text is not None:
            action.setText(translate(text))
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: call())
        self._window.addAction(action)
        return action


def mode_word(mode: ThemeMode) -> str:
    """Return the name of a theme."""
    words: dict[ThemeMode, Message] = {
        ThemeMode.AUTO: msg("Same as the desktop"),
        ThemeMode.LIGHT: msg("Light"),
        ThemeMode.DARK: msg("Dark"),
    }
    return translate(words[mode])
