"""The main window: list at the left, header, strata and layer panel in the middle. It only shows what it is given.

Nothing here reads or decodes; a snapshot comes from the feed, and what did not change is not touched.
"""

from __future__ import annotations

import os
import time

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QWidget

from stratascope.core.container import Container
from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.unseen import unseen_engines
from stratascope.ui.containers.list_view import ContainerColumn
from stratascope.ui.containers.model import ContainerModel
from stratascope.ui.containers.order import ViewBy
from stratascope.ui.containers.status_line import age_line
from stratascope.ui.panel.panel import Panel
from stratascope.ui.strata.view import Strata
from stratascope.ui.threats.exposure import ExposureSheet
from stratascope.ui.widgets import accessibility, focus_order
from stratascope.ui.widgets.feed import Feed, SettingsLike
from stratascope.ui.widgets.gap_words import runs
from stratascope.ui.widgets.page_switch import View
from stratascope.ui.widgets.theme import Theme
from stratascope.ui.widgets.what_if import WhatIf, sentence
from stratascope.ui.window.actions import Actions
from stratascope.ui.window.copy_text import Report
from stratascope.ui.window.demo_notice import DemoNotice
from stratascope.ui.window.empty_page import EmptyPage
from stratascope.ui.window.engines_popup import EnginesPopup
from stratascope.ui.window.header import Header
from stratascope.ui.window.layer_strip import LayerStrip
from stratascope.ui.window.layout import WindowLayout, least_size
from stratascope.ui.window.notice import Notice
from stratascope.ui.window.pages import Pages
from stratascope.ui.window.toolbar import Toolbar
from stratascope.ui.window.trouble_notice import TroubleNotice

ARRIVING = 3.0  # seconds from the first picture on, in which engines answer one after the other


class MainWindow(QMainWindow):
    """`show_snapshot` gives it a new picture; the rest is the person's doing."""

    def __init__(
        self, theme: Theme, layers: tuple[Layer, ...], feed: Feed, settings: SettingsLike, report: Report | None = None
    ) -> None:
        super().__init__()
        self._theme, self._settings, self._feed = theme, settings, feed
        self.report = report
        self.hardening: QObject | None = None  # set by whoever builds the window, where it hardens
        self.snapshot: Snapshot | None = None
        self._states: dict[tuple[str, str], ContainerState] = {}
        self._key: tuple[str, str] | None = None
        self._placed: tuple[str, str] | None = None  # selected by the window itself
        self._placing = False  # whether rows come and go: what the list calls chosen then is nobody's choice
        self._lost: Container | None = None  # was in view when it went, and nobody has chosen another one since
        self._shown_at: float | None = None
        self._layer = 3
        self._stopped = False
        self.restarts = False  # whether the program is to start again once it has ended
        self._key_at: QWidget | None = None  # what had the keyboard when the key now handled was pressed
        self.setWindowTitle(translate(msg("Stratascope")))
        self.setMinimumSize(least_size(theme, self.screen().availableSize()))

        self.toolbar = Toolbar(theme)
        self.notice = Notice(theme)
        self.told = Notice(theme)  # what was found at the start, such as damaged settings
        self.trouble = TroubleNotice(theme)
        self.banner = DemoNotice(theme)
        self.banner.hide()
        self.containers = ContainerModel()
        self.column = ContainerColumn(theme, self.containers)
        self.header = Header(theme)
        self.strata = Strata(theme, layers)
        self.strip = LayerStrip(theme, layers)
        self.panel = Panel(theme, layers)
        self.empty = EmptyPage(theme)
        self.middle = QWidget()
        self.middle_stack = QStackedWidget()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.popup = EnginesPopup(theme, self)
        self.sheet = ExposureSheet(theme, self)
        self.supposing = WhatIf()
        self._titles = {layer.number: translate(layer.about.title) for layer in layers}
        self.fit = WindowLayout(self, theme)
        self.views = Pages(self, theme, layers, self.toolbar.views)
        self.actions_ = Actions(self, theme)
        self._connect()
        self.clock = QTimer(self)
        self.clock.setInterval(5000)
        self.clock.timeout.connect(self._tell_age)
        self.clock.start()
        self._restore()
        self.empty.show_snapshot(None)
        self.fit.adapt()

    def _connect(self) -> None:
        self._feed.snapshot.connect(self.show_snapshot)
        self.toolbar.filter.textChanged.connect(self.set_filter)
        self.toolbar.engines.clicked.connect(self.show_engines)
        self.toolbar.root.clicked.connect(self.elevate)
        self.toolbar.down = self.column.view
        self.toolbar.went_down.connect(self._first_found)
        self.banner.asked.connect(self.show_engines)
        self.column.view.chosen.connect(self._chosen)
        self.column.view.opened.connect(self._opened)
        self.column.alert.wanted.connect(self.go_to)
        self.column.head.chosen.connect(self.set_view_by)
        self.strata.chosen.connect(self.open_layer)
        self.strata.fail_asked.connect(self.suppose_fails)
        self.strata.back_asked.connect(self.bring_back)
        self.panel.fail_asked.connect(self.suppose_fails)
        self.header.suppose.back.clicked.connect(self.bring_back)
        self.header.exposure.clicked.connect(self.show_exposure)
        self.sheet.threat_chosen.connect(self.strata.threat_chosen)
        self.strip.chosen.connect(self.open_layer)
        self.strip.back.connect(self.close_layer)
        self.header.back.clicked.connect(self.go_back)

    def start(self) -> None:
        """Begin to follow the engines. The list has the keyboard: arrows choose, `/` goes to the filter."""
        self.column.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self._feed.start()

    def stop(self) -> None:
        """End it; may be called twice."""
        if not self._stopped:
            self._stopped = True
            self._feed.stop()

    def restart(self) -> None:
        """End, and start again; not where closing is refused (a relaunch is under way)."""
        self.restarts = True
        self.restarts = self.close()

    def come_forward(self, token: str = "") -> None:
        """In front of other windows; `token` lets a Wayland compositor agree (see xdg-activation)."""
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token  # Qt takes it from there, once
        if self.isMinimized():
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def look_at(self, key: tuple[str, str], token: str = "") -> None:
        """In front, with that container, where it is still there."""
        self.come_forward(token)
        if key in self._states:
            self.go_to(key)
            self.views.leave_fleet()

    @property
    def theme(self) -> Theme:
        """Colours, fonts and measures of this window."""
        return self._theme

    @property
    def feed(self) -> Feed:
        """Where its snapshots come from."""
        return self._feed

    @property
    def settings(self) -> SettingsLike:
        """What is remembered between runs."""
        return self._settings

    # -- what is shown

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """A new picture: list, alert, engines, and the selected container where it changed."""
        was = self.current
        self.snapshot = snapshot
        self._states = {state.key: state for state in snapshot.containers}
        many = len({state.container.engine for state in snapshot.containers}) > 1
        if was is not None and was.key not in self._states and self._lost is None:
            self._lost = was.container
        self._placing = True
        self.containers.show(snapshot.containers, many_engines=many)
        self.column.alert.show_states(snapshot.containers, unseen_engines(snapshot))
        self.toolbar.engines.show_engines(snapshot.engines)
        self.toolbar.root.show_privilege(snapshot.privilege)
        self.notice.show_privilege(snapshot.privilege)
        self.trouble.show_trouble(None if snapshot.demo else snapshot.trouble)
        self.banner.setVisible(snapshot.demo)
        if self._key not in self._states:
            self._key = None
        before, arriving, back = self._key, self._still_arriving(), self._back_again()
        if back is not None and self.column.view.select_key(back):
            self._lost = None
        elif arriving or before is None:
            self.column.view.select_key(None)  # a change emits chosen, which shows it
            self._placed = self._key
        self._placing = False
        if before is not None and before == self._key:
            self._show_current()
        if self._key is None:
            self.empty.show_snapshot(snapshot)
            self.views.refresh()
        self._tell_age()
        self._tell_filter()
        self.fit.adapt()

    @property
    def current(self) -> ContainerState | None:
        """The selected container."""
        return self._states.get(self._key) if self._key is not None else None

    def open_layer(self, number: int) -> None:
        """Show that layer in the panel."""
        self.views.show(View.STRATA)
        self._layer = number
        self.fit.layer_open = True
        self.strata.select(number)
        self.strip.select(number)
        if self.current is not None:
            self.panel.show_layer(self.current, number)
            self._show_fail(self.current)
        self.fit.adapt()

    def close_layer(self) -> None:
        """In a low window: back to the strata."""
        self.fit.layer_open = False
        self.fit.adapt()
        self.strata.bands[self._layer].setFocus()

    def set_filter(self, text: str) -> None:
        """Show only what holds these words."""
        self._lost = None  # whoever looks for something is not to be led away from what was found
        self.containers.set_filter(text)
        self._find_row()
        self._tell_filter()
        self.views.refresh()

    def set_view_by(self, view_by: ViewBy) -> None:
        """Divide the list another way, and remember it."""
        self.containers.set_view_by(view_by)
        self.column.head.show_view_by(view_by)
        self.actions_.show_view_by(view_by)
        self._settings.set("view_by", view_by.value)

    def show_engines(self) -> None:
        """The sheet of engines."""
        self.popup.open_below(self.toolbar.engines, self.snapshot.engines if self.snapshot else ())

    def turn_page(self) -> None:
        """In one column: from the list to the container."""
        if self.fit.one_column() and self.current is not None:
            from_list = self.column.isAncestorOf(self.focusWidget())
            self.fit.page_turned = True
            self.fit.adapt()
            if from_list:
                focus_order.enter(self.middle_stack)

    def go_back(self) -> None:
        """In one column: to the list; in a low window: to the strata."""
        if self.fit.layer_open and self.fit.low():
            self.close_layer()
        elif self.fit.one_column():
            self.fit.page_turned = False
            self.fit.adapt()
            self.column.view.setFocus()

    def refresh(self) -> None:
        """Ask for everything to be read again."""
        self._feed.refresh(None)

    def elevate(self) -> None:
        """Ask for what only root can read, where that can be asked."""
        if self.toolbar.root.can_ask:
            self._feed.elevate()

    def show_exposure(self) -> None:
        """The sheet that shows how the exposure comes about."""
        matrix = self.supposing.result()
        if matrix is not None:
            self.sheet.open_below(self.header.exposure, matrix)

    def suppose_fails(self, number: int) -> None:
        """Take that layer away in thought, or bring it back."""
        state = self.current
        layer = next((each.id for each in state.layers if each.number == number), "") if state is not None else ""
        if layer and self.supposing.matrix is not None:
            self.supposing.toggle(layer)
            self._show_matrix()

    def bring_back(self) -> None:
        """The layers as they really are."""
        self.supposing.clear()
        self._show_matrix()

    # -- how

    def _still_arriving(self) -> bool:
        """Whether engines are just answering, and nobody has chosen a container: the first of the list is shown then.

        Not later: what someone looks at does not jump away when another container becomes worse.
        """
        if self._shown_at is None:
            self._shown_at = time.monotonic() if self._states else None
            return True
        return self._key == self._placed and time.monotonic() - self._shown_at < ARRIVING

    def _back_again(self) -> tuple[str, str] | None:
        """What was lost from view (its engine was gone), or the one that was created anew under its name."""
        lost = self._lost
        if lost is None:
            return None
        if lost.key in self._states:
            return lost.key
        same = [
            key
            for key, state in self._states.items()
            if lost.name and (state.container.engine, state.container.name) == (lost.engine, lost.name)
        ]
        return same[0] if len(same) == 1 else None

    def _opened(self) -> None:
        self._lost = None  # a click on the one that is in its place is a choice too
        self.turn_page()

    def _chosen(self, key: tuple[str, str]) -> None:
        if not self._placing:
            self._lost = None
        if key != self._key:
            self.supposing.clear()
        self._key = key
        self._feed.focus(key)
        self._show_current()
        self.views.adapt()

    def _find_row(self) -> None:
        """The row of the container in view is the current one; where the filter left it out, the first of the rest."""
        row = self.containers.row_of(self._key) if self._key is not None else -1
        if row < 0 or row != self.column.view.currentIndex().row():
            self.column.view.select_key(self._key if row >= 0 else None)

    def _first_found(self) -> None:
        """From the filter into the list: to the current container, or to the first one found."""
        if self._key is None or self.containers.row_of(self._key) < 0:
            self.column.view.select_key(None)

    def go_to(self, key: tuple[str, str]) -> None:
        """Select that container, and show it."""
        self._lost = None
        if not self.column.view.select_key(key):
            self.toolbar.filter.clear()
            self.column.view.select_key(key)
        self.turn_page()

    def _show_current(self) -> None:
        state, snapshot = self.current, self.snapshot
        if state is None or snapshot is None:
            return
        engines = () if snapshot.demo else snapshot.engines  # a demo's containers are not of these engines
        engine = next((each for each in engines if each.id == state.container.engine), None)
        self.header.show_state(state, snapshot.taken_at if snapshot.demo else None)
        self.strata.show_state(state, snapshot.ground_of(state.container.engine), engine)
        self.strip.show_state(state)
        self.strata.select(self._layer)
        self.strip.select(self._layer)
        self.panel.show_layer(state, self._layer)
        self.supposing.show(state.matrix if runs(state) else None)
        self._show_matrix()

    def _show_matrix(self) -> None:
        """Rays, exposure and sentence, as things are or as supposed."""
        state = self.current
        if state is None:
            return
        supposing, base = self.supposing, self.supposing.matrix
        matrix = supposing.result()
        titles = {layer.id: self._titles.get(layer.number, layer.id) for layer in state.layers}
        self.strata.show_matrix(base, matrix, supposing.away)
        self.header.show_exposure(base, matrix, sentence(supposing, titles))
        self._show_fail(state)
        self.views.refresh()

    def _show_fail(self, state: ContainerState) -> None:
        layer = next((each.id for each in state.layers if each.number == self._layer), "")
        self.panel.set_fail(can=self.supposing.matrix is not None, away=layer in self.supposing.away)

    def _tell_age(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.column.status.say(translate(age_line(snapshot, time.time())))

    def _tell_filter(self) -> None:
        nothing = bool(self._states) and self.containers.shown() == 0
        said = not self.column.nothing.isHidden()
        self.column.nothing.setVisible(nothing)
        if nothing:
            self.column.nothing.say(translate(msg("No container holds these words")))
            if not said:
                accessibility.announce(self, self.column.nothing.text())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:  # comes before the key itself
            self._key_at = self.focusWidget()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # a list hands Enter on after it has acted on it, and the keyboard may be at a button by then
        if self._key_at is not self.focusWidget() or not focus_order.press(event.key()):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit.adapt()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.fit.remember(self._settings)
        self._settings.set("filter", self.toolbar.filter.text())
        self._settings.set("view", self.views.current.value)
        self.stop()
        super().closeEvent(event)

    def _restore(self) -> None:
        self.fit.restore(self._settings)
        view_by = self._settings.get("view_by")
        if view_by in [each.value for each in ViewBy]:
            self.set_view_by(ViewBy(view_by))
        self.toolbar.filter.setText(self._settings.get("filter") or "")
        view = self._settings.get("view")
        if view in [each.value for each in self.views.switch.views]:
            self.views.show(View(view))
