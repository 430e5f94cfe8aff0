"""F1: finds the guide's chapter for the focused widget, and opens the guide's window.

The window is made when first needed, so that the program starts without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget

from stratascope.core.message import msg
from stratascope.i18n import translate as i18n
from stratascope.i18n.translate import translate
from stratascope.ui.kit.page import PAGES, View
from stratascope.ui.kit.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.guide.window import GuideWindow

Topic = tuple[str, str]  # chapter and anchor
VIEWS: dict[View, Topic] = {page.view: page.topic for page in PAGES}
LIST = ("list", "")
ENGINES = ("engines", "")
HARDENING, RELAUNCH, ASIDE = ("hardening", ""), ("relaunch", ""), ("way-back", "set-aside")
TRIALS = ("hardening", "trials")
MANY = ("relaunch", "many")
ROOT = ("root", "")
EXPOSURE = ("depth", "")
LAYERS = "layers"  # the chapter; each layer's id is an anchor in it
NOTHING = ("troubleshooting", "engines")


class Guide(QObject):
    """Opens the guide. `otherwise` returns the topic if the focused widget has none; `learn` opens a lesson."""

    def __init__(
        self, window: QWidget, theme: Theme, otherwise: Callable[[], Topic], learn: Callable[[str], object]
    ) -> None:
        super().__init__(window)
        self._theme, self._otherwise, self._learn = theme, otherwise, learn
        self._shown: GuideWindow | None = None
        self._language = ""
        self._served: list[tuple[QWidget, Topic | Callable[[], Topic]]] = []
        self.action = QAction(translate(msg("Guide")), self)
        self.action.setShortcut(QKeySequence("F1"))
        self.action.triggered.connect(lambda _=False: self.open())
        window.addAction(self.action)
        window.installEventFilter(self)

    @property
    def shown(self) -> GuideWindow | None:
        """The guide's window, once opened."""
        return self._shown

    def serve(self, other: QWidget, topic: Topic | Callable[[], Topic]) -> None:
        """Let F1 work in that window too, or give that part of the main window a topic of its own."""
        self._served.append((other, topic))
        if other.isWindow() and other.windowType() is not Qt.WindowType.Popup:  # a popup gets the key from its window
            other.addAction(self.action)

    def open(self) -> None:
        """Open the guide at the topic of the focused widget."""
        self.open_at(self.topic(QApplication.focusWidget()))

    def open_at(self, topic: Topic) -> None:
        """Open the guide there."""
        language = i18n.language()
        if self._shown is None or self._language != language:
            from stratascope.ui.guide.window import GuideWindow

            if self._shown is not None:
                self._shown.close()
                self._shown.deleteLater()
            self._shown, self._language = GuideWindow(self._theme, language), language
            self._shown.learn_wanted.connect(self._learn)
        self._shown.open_at(*topic)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close the guide when the main window is hidden: it has no parent, since it would always stay on top of it."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous() and self._shown is not None:
            self._shown.close()
        return super().eventFilter(watched, event)

    def topic(self, focus: QWidget | None) -> Topic:
        """Return the topic for the focused widget."""
        if focus is not None:
            for other, topic in self._served:
                if other is focus or other.isAncestorOf(focus):
                    return topic if isinstance(topic, tuple) else topic()
        return self._otherwise()
