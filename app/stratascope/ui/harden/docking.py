"""Where a column of hardening is: at the right of the window; where that is narrow, on a page, or in a drawer."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QPushButton, QSplitter, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.harden.plan_column import PlanColumn
from stratascope.ui.kit.background import SettingsLike
from stratascope.ui.kit.theme import MEDIUM, Theme


def restore_splitter(splitter: QSplitter, settings: SettingsLike, key: str) -> None:
    """As it was left; nothing where it was not kept."""
    kept = settings.get(key)
    if kept:
        splitter.restoreState(QByteArray.fromBase64(kept.encode("ascii", "ignore")))


def remember_splitter(splitter: QSplitter, settings: SettingsLike, key: str) -> None:
    """For the next time."""
    settings.set(key, bytes(splitter.saveState().toBase64().data()).decode("ascii"))


COLUMN, LEAST, MOST = 380, 348, 440
WIDE_DRAWER = 772  # where there is room for it, the plan has two columns there
_UNBOUNDED = 16777215  # QWIDGETSIZE_MAX
DRAWER = 1240  # px of the design: narrower windows have a page or a drawer instead of the column
LOW = 480  # and lower ones room for its rows alone
_SETTING = "harden_splitter"


class HardenDock(QObject):
    """`splitter` has the window's middle and the place of the column; `button` opens the drawer. Of several columns one
    is in view, or none: then there is no trace of it.
    """

    def __init__(self, window: QWidget, theme: Theme, middle: QWidget, page: QWidget, paged: PlanColumn | None) -> None:
        """`paged`: the column that is on `page` where the window is narrow; others have the drawer."""
        super().__init__(window)
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(0, 0, 0, 0)
        self.paged = paged
        self._window, self._theme = window, theme
        self.column: PlanColumn | None = None
        self._place = QWidget()
        self._columns = QVBoxLayout(self._place)  # what is hidden asks for no room, which a stack would give it
        self._columns.setContentsMargins(0, 0, 0, 0)
        self._place.setMinimumWidth(theme.px(LEAST))
        self._place.setMaximumWidth(theme.px(MOST))
        self._place.hide()
        self.drawer = QFrame(window)
        self.button = QPushButton(translate(msg("Plan")))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(middle)
        self.splitter.addWidget(self._place)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        for place in (0, 1):
            self.splitter.setCollapsible(place, False)
        self.splitter.setSizes([theme.px(1440 - COLUMN), theme.px(COLUMN)])
        self._inside = QVBoxLayout(self.drawer)
        self._inside.setContentsMargins(1, 1, 1, 1)
        self.drawer.setObjectName("popup")
        self.drawer.hide()
        self.button.setFont(theme.font(12, MEDIUM))
        self.button.setFixedHeight(theme.px(30))
        self.button.clicked.connect(self.turn_drawer)
        window.installEventFilter(self)

    @property
    def narrow(self) -> bool:
        """Whether it is a drawer."""
        return self._window.width() < self._theme.px(DRAWER)

    def show_column(self, column: PlanColumn | None) -> None:
        """That one instead of the one before."""
        if column is self.column:
            return
        if self.column is not None and self.column.parent() is self._place:
            self.column.hide()
        self.column = column
        if column is not None and not (column is self.paged and self.narrow):
            self._columns.addWidget(column)
            column.show()
        self.adapt()

    def adapt(self) -> None:
        """Column or drawer, as the window's width allows."""
        there, paged = self.column is not None, self.narrow and self.paged is not None
        if self.paged is not None:
            inside, page = self.paged.parent(), self._page.parentWidget()
            if paged and inside is not page:
                self._page.addWidget(self.paged)
                self.paged.show()
            elif not paged and inside is not self._place:
                self._columns.addWidget(self.paged)
                self.paged.setVisible(self.column is self.paged)
            self.paged.set_paged(paged, low=paged and self._window.height() < self._theme.px(LOW))
        there = there and not (paged and self.column is self.paged)
        if self.narrow and self._place.parent() is not self.drawer:
            self._inside.addWidget(self._place)
            self._place.setMaximumWidth(_UNBOUNDED)
            self.drawer.hide()
        elif not self.narrow and self._place.parent() is not self.splitter:
            self.drawer.hide()
            self._place.setMaximumWidth(self._theme.px(MOST))
            self.splitter.addWidget(self._place)
            self.splitter.setSizes([self._window.width() - self._theme.px(COLUMN), self._theme.px(COLUMN)])
        self._place.setVisible(there)
        if not there:
            self.drawer.hide()
        self.button.setVisible(self.narrow and there)
        self._place_drawer()

    def turn_drawer(self) -> None:
        """Open or close it."""
        if not self.narrow or self.column is None or self.column is self.paged:
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
        if self.narrow and not self.drawer.isVisible() and self.column is not self.paged:
            self.turn_drawer()
        else:
            self._focus()

    def restore(self, settings: SettingsLike) -> None:
        """The column's width of the last time."""
        restore_splitter(self.splitter, settings, _SETTING)

    def remember(self, settings: SettingsLike) -> None:
        """The same, for the next time; a drawer has a width of its own."""
        if not self.narrow and self.column is not None:
            remember_splitter(self.splitter, settings, _SETTING)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Escape closes the drawer."""
        pressed = event.type() == QEvent.Type.KeyPress  # so it is no shortcut
        if pressed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.drawer.isVisible():
            self.turn_drawer()
            return True
        return super().eventFilter(watched, event)

    def _focus(self) -> None:
        if self.column is not None:
            self.column.enter()

    def _place_drawer(self) -> None:
        window, theme = self._window, self._theme
        top = self.splitter.mapTo(window, QPoint(0, 0)).y()
        width = min(theme.px(WIDE_DRAWER), window.width())
        self.drawer.setGeometry(window.width() - width, top, width, window.height() - top)
