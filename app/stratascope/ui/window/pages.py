"""The views beside the strata: matrix, system calls, fleet. Each page is made when it is first opened.

Matrix and calls are of the chosen container and stand below a header of their own; the fleet takes the whole middle.
pyqtgraph is imported with the fleet's page, so that the window starts without it. A page that is not in view is told
nothing.
"""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.i18n.translate import translate
from stratascope.ui.panel.panel import ABOUT
from stratascope.ui.syscalls.page import CallMapPage
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.widgets import focus_order
from stratascope.ui.widgets.page_switch import View, ViewSwitch
from stratascope.ui.widgets.theme import Theme
from stratascope.ui.widgets.what_if import sentence
from stratascope.ui.window.header import Header

if TYPE_CHECKING:
    from stratascope.ui.fleet.page import FleetPage
    from stratascope.ui.window.main_window import MainWindow

VIEWS = (View.STRATA, View.MATRIX, View.CALLS, View.FLEET)


class Pages(QObject):
    """Which view the middle shows, and the pages of those that are not the strata."""

    def __init__(self, window: MainWindow, theme: Theme, layers: tuple[Layer, ...], switch: ViewSwitch) -> None:
        super().__init__(window)
        self._window, self._theme, self._layers = window, theme, layers
        self._titles = {layer.id: translate(layer.about.title) for layer in layers}
        self.switch = switch
        self.current = View.STRATA
        self.header = Header(theme)
        self.matrix: MatrixPage | None = None
        self.calls: CallMapPage | None = None
        self.fleet: FleetPage | None = None
        self.page = QWidget()
        self._stack = QStackedWidget()
        column = QVBoxLayout(self.page)
        column.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 12)))
        column.setSpacing(theme.px(12))
        column.addWidget(self.header)
        column.addWidget(self._stack, 1)
        window.middle_stack.addWidget(self.page)
        switch.offer_views(tuple(view for view in VIEWS if view is not View.FLEET or _has_graphs()))
        switch.turned.connect(self.show)
        window.strata.threat_chosen.connect(self.open_threat)
        window.column.view.opened.connect(self.leave_fleet)
        window.column.alert.wanted.connect(lambda _: self.leave_fleet())
        self.header.back.clicked.connect(window.go_back)
        self.header.exposure.clicked.connect(self._show_exposure)
        self.header.suppose.back.clicked.connect(window.bring_back)
        for number, view in enumerate(switch.views, 1):
            action = QAction(window)
            action.setShortcut(QKeySequence(f"Ctrl+{number}"))
            action.triggered.connect(partial(self._by_key, view))
            window.addAction(action)

    def show(self, view: View) -> None:
        """Turn to that view; in one column also from the list to it, if it is the one already."""
        if view is not self.current:
            self.current = view
            self.switch.show_view(view)
            self.refresh()
        self._window.turn_page()
        self.adapt()

    def open_threat(self, threat: str) -> None:
        """To the matrix, and to that threat in it; an empty id only opens the matrix."""
        self.show(View.MATRIX)
        if self.matrix is not None:
            if threat:
                self.matrix.choose(threat)
            self.matrix.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave_fleet(self) -> None:
        """One container was asked for: show it."""
        if self.current is View.FLEET:
            self.show(View.STRATA)

    def refresh(self) -> None:
        """The container or the snapshot has changed: tell the page in view."""
        window, snapshot = self._window, self._window.snapshot
        state = window.current
        if snapshot is None or self.current is View.STRATA:
            return
        if self.current is View.FLEET:
            self._fleet_page().show_states(snapshot.containers, window.toolbar.filter.text())
            return
        supposing = window.supposing
        if state is not None:
            self.header.show_state(state, snapshot.taken_at if snapshot.demo else None)
            self.header.show_exposure(supposing.matrix, supposing.result(), sentence(supposing, self._titles))
        if self.current is View.MATRIX:
            self._matrix_page().show_state(state, supposing.result())
        else:
            self._calls_page().show_state(state, snapshot.containers)

    def adapt(self) -> None:
        """Put the page of the view in force in front; without a container that is the empty page."""
        window = self._window
        stack = window.middle_stack
        self.header.back.setVisible(window.header.back.isVisibleTo(window.header))
        if window.snapshot is None or not window.snapshot.containers or window.current is None:
            stack.setCurrentWidget(window.empty)
        elif self.current is View.STRATA:
            stack.setCurrentWidget(window.middle)
        elif self.current is View.FLEET:
            stack.setCurrentWidget(self._fleet_page())
        else:
            wanted = self._matrix_page() if self.current is View.MATRIX else self._calls_page()
            self._stack.setCurrentWidget(wanted)
            stack.setCurrentWidget(self.page)
        here, places = window.focusWidget(), (window.column.view, stack)
        focus_order.keep(window, *(places[::-1] if here is not None and stack.isAncestorOf(here) else places))

    def find(self) -> None:
        """To the field that searches what is in view."""
        if self.current in (View.MATRIX, View.CALLS):
            self._window.turn_page()
        if self.current is View.MATRIX and self.matrix is not None:
            self.matrix.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif self.current is View.CALLS and self.calls is not None:
            self.calls.view.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif self.current is View.STRATA:
            self._open_panel()
            self._window.panel.find_in_raw()
        elif self.current is View.FLEET:
            self._window.toolbar.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def explain(self) -> None:
        """What the layer in the panel is."""
        self.show(View.STRATA)
        self._open_panel()
        self._window.panel.open_tab(ABOUT)

    def _open_panel(self) -> None:
        """In a low window the panel is behind the strata until its layer is opened."""
        if self._window.current is not None:
            self._window.open_layer(self._window.panel.number)

    def _by_key(self, view: View, _: bool = False) -> None:
        self.show(view)

    def _show_exposure(self) -> None:
        matrix = self._window.supposing.result()
        if matrix is not None:
            self._window.sheet.open_below(self.header.exposure, matrix)

    def _open_container(self, key: tuple[str, str]) -> None:
        self._window.go_to(key)
        self.show(View.STRATA)
        if self._window.column.view.isVisible():  # else the focus falls to whatever comes first
            self._window.column.view.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- pages, made when they are first wanted

    def _matrix_page(self) -> MatrixPage:
        if self.matrix is None:
            self.matrix = MatrixPage(self._theme, self._layers)
            self._stack.addWidget(self.matrix)
        return self.matrix

    def _calls_page(self) -> CallMapPage:
        if self.calls is None:
            self.calls = CallMapPage(self._theme)
            self._stack.addWidget(self.calls)
        return self.calls

    def _fleet_page(self) -> FleetPage:
        if self.fleet is None:
            from stratascope.ui.fleet.page import FleetPage

            self.fleet = FleetPage(self._theme, self._layers)
            self.fleet.chosen.connect(self._open_container)
            self._window.middle_stack.addWidget(self.fleet)
        return self.fleet


def _has_graphs() -> bool:
    """Distributions may leave pyqtgraph out; then there is no fleet view."""
    return importlib.util.find_spec("pyqtgraph") is not None
