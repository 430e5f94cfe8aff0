"""F1: which chapter of the guide fits what has the keyboard, and the one window that shows it.

The window is made when it is first asked for, so that the program starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget

from stratascope.core.message import msg
from stratascope.i18n import translate as i18n
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.page_switch import View
from stratascope.ui.widgets.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.guide.window import GuideWindow
    from stratascope.ui.window.main_window import MainWindow

VIEWS = {
    View.STRATA: ("window", "strata"),
    View.MATRIX: ("window", "matrix"),
    View.CALLS: ("window", "calls"),
    View.FLEET: ("window", "fleet"),
}
LIST = ("window", "list")
ENGINES = ("engines", "")
HARDENING, RELAUNCH, ASIDE = ("hardening", ""), ("hardening", "relaunch"), ("way-back", "set-aside")
ROOT = ("root", "")
EXPOSURE = ("depth", "exposure")
LAYERS = "layers"  # the chapter; a layer's id is its place in it
NOTHING = ("troubleshooting", "engines")


class Guide(QObject):
    """`open` shows the chapter that fits."""

    def __init__(self, window: MainWindow, theme: Theme) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._shown: GuideWindow | None = None
        self._language = ""
        self._further: list[tuple[QWidget, tuple[str, str]]] = []
        self.action = QAction(translate(msg("Guide")), self)
        self.action.setShortcut(QKeySequence("F1"))
        self.action.triggered.connect(lambda _=False: self.open())
        window.addAction(self.action)
        window.installEventFilter(self)

    @property
    def shown(self) -> GuideWindow | None:
        """Its window, once it was asked for."""
        return self._shown

    def serve(self, other: QWidget, place: tuple[str, str]) -> None:
        """F1 in that window of its own too, or in that part of the main window."""
        self._further.append((other, place))
        if other.isWindow():
            other.addAction(self.action)

    def open(self) -> None:
        """At the chapter for what has the keyboard."""
        place = self.place(QApplication.focusWidget())
        language = i18n.language()
        if self._shown is None or self._language != language:
            from stratascope.ui.guide.window import GuideWindow

            if self._shown is not None:
                self._shown.close()
                self._shown.deleteLater()
            self._shown, self._language = GuideWindow(self._theme, language), language
        self._shown.open_at(*place)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It has no parent, which it would always cover; so it is told when that goes."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous() and self._shown is not None:
            self._shown.close()
        return super().eventFilter(watched, event)

    def place(self, focus: QWidget | None) -> tuple[str, str]:
        """Chapter and anchor."""
        window = self._window
        if focus is not None:
            for other, place in self._further:
                if within(focus, other):
                    return place
            if within(focus, window.popup) or within(focus, window.toolbar.engines):
                return ENGINES
            if within(focus, window.toolbar.root):
                return ROOT
            if within(focus, window.panel):
                return (LAYERS, self._layer())
            if within(focus, window.header.exposure) or within(focus, window.views.header.exposure):
                return EXPOSURE
        if window.current is None:
            return NOTHING
        if focus is not None and within(focus, window.column) and window.views.current is View.STRATA:
            return LIST
        return VIEWS[window.views.current]

    def _layer(self) -> str:
        state = self._window.current
        layers = state.layers if state is not None else ()
        return next((each.id for each in layers if each.number == self._window.panel.number), "")


def within(widget: QWidget, other: QWidget) -> bool:
    """Whether it is that one, or lies in it."""
    return widget is other or other.isAncestorOf(widget)
