"""The switch of the tool bar (Strata, Matrix, System calls, Fleet), which folds into a menu."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.segments import Segments
from stratascope.ui.widgets.theme import MEDIUM, Theme


class View(StrEnum):
    """What the middle of the window shows."""

    STRATA = "strata"
    MATRIX = "matrix"
    CALLS = "calls"
    FLEET = "fleet"


def view_word(view: View) -> str:
    """A view in words."""
    words: dict[View, Message] = {
        View.STRATA: msg("Strata"),
        View.MATRIX: msg("Matrix"),
        View.CALLS: msg("System calls"),
        View.FLEET: msg("Fleet"),
    }
    return translate(words[view])


class ViewSwitch(QWidget):
    """The switch itself; folded it is one button with a menu."""

    turned = Signal(object)  # View

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.views: tuple[View, ...] = ()
        self.segments = Segments(theme, translate(msg("View")))
        self.button = QToolButton()
        self.button.setFont(theme.font(13, MEDIUM))
        self.button.hide()
        self.menu = QMenu(self)
        self.button.clicked.connect(self._open)
        self.segments.chosen.connect(lambda place: self.turned.emit(self.views[place]))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.segments)
        layout.addWidget(self.button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def offer_views(self, views: tuple[View, ...]) -> None:
        """Which are there, in order; Ctrl and their number turn to them."""
        self.views = views
        self.segments.offer(tuple(view_word(view) for view in views))
        self.menu.clear()
        for place, (view, button) in enumerate(zip(views, self.segments.buttons, strict=True), 1):
            word = translate(msg("{view} (Ctrl+{number})", view=view_word(view), number=place))
            give_tip(button, word)
            action = QAction(word, self.menu)
            action.triggered.connect(partial(self._turn, view))
            self.menu.addAction(action)
        self.show_view(views[0])

    def show_view(self, view: View) -> None:
        """Press that one in."""
        if view in self.views:
            self.segments.choose(self.views.index(view))
            self.button.setText(translate(msg("{view} ▾", view=view_word(view))))
            self.button.setAccessibleName(translate(msg("View: {view}", view=view_word(view))))
            give_tip(self.button, self.button.accessibleName())

    def set_folded(self, folded: bool) -> None:
        """One button instead of all segments."""
        self.segments.setVisible(not folded)
        self.button.setVisible(folded)

    def _turn(self, view: View, _: bool = False) -> None:
        self.turned.emit(view)

    def _open(self) -> None:
        self.menu.popup(self.button.mapToGlobal(QPoint(0, self.button.height() + 2)))
