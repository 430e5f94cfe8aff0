"""The main window: list at the left, header, strata and layer panel in the middle. It only shows what it is given.

Nothing here reads or decodes; a snapshot comes from the feed, and what did not change is not touched.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.container import EngineState
from stratascope.core.layer import Layer
from stratascope.core.message import msg, plural
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n import translate
from stratascope.ui.actions import Actions
from stratascope.ui.banner import Banner
from stratascope.ui.container_list import ContainerColumn
from stratascope.ui.container_model import ContainerModel
from stratascope.ui.container_order import ViewBy
from stratascope.ui.copying import Report
from stratascope.ui.empty import EmptyPage
from stratascope.ui.engines_popup import EnginesPopup
from stratascope.ui.exposure_sheet import ExposureSheet
from stratascope.ui.feed import Feed, SettingsLike
from stratascope.ui.gap_words import runs
from stratascope.ui.header import Header
from stratascope.ui.layer_strip import LayerStrip
from stratascope.ui.notice import Notice
from stratascope.ui.panel import Panel
from stratascope.ui.strata import Strata
from stratascope.ui.suppose import Supposing, sentence
from stratascope.ui.theme import Look
from stratascope.ui.toolbar import Toolbar
from stratascope.ui.view_switch import View
from stratascope.ui.views import Views

LIST, LIST_LEAST, LIST_MOST, LIST_NARROW = 300, 240, 420, 64
NARROW, ONE_COLUMN, FOLD_ENGINES, LOW, COMPACT = 960, 720, 1320, 700, 560  # px, design lengths


class MainWindow(QMainWindow):
    """`show_snapshot` gives it a new picture; the rest is the person's doing."""

    def __init__(
        self, look: Look, layers: tuple[Layer, ...], feed: Feed, settings: SettingsLike, report: Report | None = None
    ) -> None:
        super().__init__()
        self._look, self._settings, self._feed = look, settings, feed
        self.report = report
        self.snapshot: Snapshot | None = None
        self._states: dict[tuple[str, str], ContainerState] = {}
        self._key: tuple[str, str] | None = None
        self._layer = 3
        self._stopped = False
        self._was_narrow = False
        self._list_width = look.px(LIST)
        self._page_turned = False  # one column: the container is in front of the list
        self._layer_open = False  # low window: the panel is in front of the strata
        self.setWindowTitle(translate(msg("Stratascope")))
        self.setMinimumSize(560, 480)

        self.toolbar = Toolbar(look)
        self.notice = Notice(look)
        self.banner = Banner(look)
        self.banner.hide()
        self.containers = ContainerModel()
        self.column = ContainerColumn(look, self.containers)
        self.header = Header(look)
        self.strata = Strata(look, layers)
        self.strip = LayerStrip(look, layers)
        self.panel = Panel(look, layers)
        self.empty = EmptyPage(look)
        self.middle = QWidget()
        self.middle_stack = QStackedWidget()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.popup = EnginesPopup(look, self)
        self.sheet = ExposureSheet(look, self)
        self.supposing = Supposing()
        self._titles = {layer.number: translate(layer.about.title) for layer in layers}
        self._lay_out()
        self.views = Views(self, look, layers, self.toolbar.views)
        self.actions_ = Actions(self, look)
        self._connect()
        self.clock = QTimer(self)
        self.clock.setInterval(5000)
        self.clock.timeout.connect(self._tell_age)
        self.clock.start()
        self._restore()
        self.empty.show_snapshot(None)
        self._adapt()

    def _lay_out(self) -> None:
        look = self._look
        inner = QVBoxLayout(self.middle)
        inner.setContentsMargins(look.px(16), look.px(10), look.px(16), look.px(10))
        inner.setSpacing(look.px(8))
        inner.addWidget(self.header)
        inner.addWidget(self.strip)
        inner.addWidget(self.strata)
        inner.addWidget(self.panel, 1)
        self._filler = QWidget()
        inner.addWidget(self._filler, 0)
        self._filler.hide()
        self.middle_stack.addWidget(self.empty)
        self.middle_stack.addWidget(self.middle)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(self.column)
        self.splitter.addWidget(self.middle_stack)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(0, False)
        self.splitter.setCollapsible(1, False)
        self.splitter.setSizes([look.px(LIST), look.px(1140)])
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addWidget(self.banner)
        column.addWidget(self.notice)
        row = QHBoxLayout()
        row.addWidget(self.splitter)
        column.addLayout(row, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        self._feed.snapshot.connect(self.show_snapshot)
        self.toolbar.filter.textChanged.connect(self.set_filter)
        self.toolbar.engines.clicked.connect(self.show_engines)
        self.toolbar.root.clicked.connect(self.elevate)
        self.toolbar.down = self.column.view
        self.toolbar.went_down.connect(self._first_found)
        self.banner.asked.connect(self.show_engines)
        self.column.view.chosen.connect(self._chosen)
        self.column.view.opened.connect(self.turn_page)
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

    @property
    def settings(self) -> SettingsLike:
        """What is remembered between runs."""
        return self._settings

    # -- what is shown

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """A new picture: list, alert, engines, and the selected container where it changed."""
        self.snapshot = snapshot
        self._states = {state.key: state for state in snapshot.containers}
        many = len({state.container.engine for state in snapshot.containers}) > 1
        self.containers.show(snapshot.containers, many_engines=many)
        self.column.alert.show_states(snapshot.containers)
        self.toolbar.engines.show_engines(snapshot.engines)
        self.toolbar.root.show_privilege(snapshot.privilege)
        self.notice.show_privilege(snapshot.privilege)
        self.banner.setVisible(snapshot.demo)
        if self._key not in self._states:
            self._key = None
        if self._key is None:
            self.column.view.select_key(None)  # emits chosen, which shows it
        else:
            self._show_current()
        if not snapshot.containers:
            self.empty.show_snapshot(snapshot)
        if self._key is None:
            self.views.refresh()
        self._tell_age()
        self._tell_filter()
        self._adapt()

    @property
    def current(self) -> ContainerState | None:
        """The selected container."""
        return self._states.get(self._key) if self._key is not None else None

    def open_layer(self, number: int) -> None:
        """Show that layer in the panel."""
        self.views.show(View.STRATA)
        self._layer = number
        self._layer_open = True
        self.strata.select(number)
        self.strip.select(number)
        if self.current is not None:
            self.panel.show_layer(self.current, number)
            self._show_fail(self.current)
        self._adapt()

    def close_layer(self) -> None:
        """In a low window: back to the strata."""
        self._layer_open = False
        self._adapt()
        self.strata.bands[self._layer].setFocus()

    def set_filter(self, text: str) -> None:
        """Show only what holds these words."""
        self.containers.set_filter(text)
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
        if self._one_column() and self.current is not None:
            self._page_turned = True
            self._adapt()

    def go_back(self) -> None:
        """In one column: to the list; in a low window: to the strata."""
        if self._layer_open and self._low():
            self.close_layer()
        elif self._one_column():
            self._page_turned = False
            self._adapt()
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

    def _chosen(self, key: tuple[str, str]) -> None:
        if key != self._key:
            self.supposing.clear()
        self._key = key
        self._feed.focus(key)
        self._show_current()
        self.views.adapt()

    def _first_found(self) -> None:
        """From the filter into the list: to the current container, or to the first one found."""
        if self._key is None or self.containers.row_of(self._key) < 0:
            self.column.view.select_key(None)

    def go_to(self, key: tuple[str, str]) -> None:
        """Select that container, and show it."""
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
        self.strata.show_state(state, snapshot.ground, engine)
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
        count = len(snapshot.containers)
        engines = sum(engine.state is EngineState.CONNECTED for engine in snapshot.engines)
        where = plural("{count} engine", "{count} engines", engines)
        seconds = max(0, round(time.time() - snapshot.taken_at))
        if snapshot.demo:
            text = plural("{count} container of the demo", "{count} containers of the demo", count)
        elif seconds < 90:
            text = plural(
                "{count} container on {where}, read {seconds} s ago",
                "{count} containers on {where}, read {seconds} s ago",
                count,
                where=where,
                seconds=seconds,
            )
        else:
            text = plural(
                "{count} container on {where}, unchanged for {minutes} min",
                "{count} containers on {where}, unchanged for {minutes} min",
                count,
                where=where,
                minutes=seconds // 60,
            )
        self.column.status.say(translate(text))

    def _tell_filter(self) -> None:
        nothing = bool(self._states) and self.containers.shown() == 0
        self.column.nothing.setVisible(nothing)
        if nothing:
            self.column.nothing.say(translate(msg("No container holds these words")))

    def _one_column(self) -> bool:
        return self.width() < self._look.px(ONE_COLUMN)

    def _low(self) -> bool:
        return self.height() < self._look.px(LOW)

    def _adapt(self) -> None:
        """Fold parts away as the window gets narrower or lower."""
        look, width = self._look, self.width()
        one, narrow = self._one_column(), width < look.px(NARROW)
        self.toolbar.engines.set_folded(width < look.px(FOLD_ENGINES))
        self.toolbar.root.set_folded(narrow)
        self.toolbar.views.set_folded(one)
        self.column.set_narrow(narrow and not one)
        has = self._key is not None
        if narrow and not self._was_narrow:
            self._list_width = self.column.width()
        if not one:
            self._fit_list(narrow=narrow)
        self._was_narrow = narrow
        if one:
            self.column.setMinimumWidth(0)
            self.column.setMaximumWidth(16777215)
            in_front = self._page_turned and has
            self.column.setVisible(not in_front and bool(self._states))
            self.middle_stack.setVisible(in_front or not self._states)
        else:
            self.column.setVisible(True)
            self.middle_stack.setVisible(True)
        low = self._low()
        self.strata.set_compact(self.height() < look.px(COMPACT))
        self.column.set_empty(not self._states)
        self.header.back.setVisible(one)
        self.strip.setVisible(low and self._layer_open)
        self.strata.setVisible(not low or not self._layer_open)
        self.panel.setVisible(not low or self._layer_open)
        self._filler.setVisible(low and not self._layer_open)
        layout = self.middle.layout()
        if isinstance(layout, QVBoxLayout):
            layout.setStretchFactor(self._filler, 1 if low and not self._layer_open else 0)
        self.views.adapt()

    def _fit_list(self, *, narrow: bool) -> None:
        """Width of the list: 64, or what it had before."""
        look = self._look
        if narrow:
            self.column.setFixedWidth(look.px(LIST_NARROW))
        else:
            self.column.setMinimumWidth(look.px(LIST_LEAST))
            self.column.setMaximumWidth(look.px(LIST_MOST))
        if narrow is not self._was_narrow:
            width = look.px(LIST_NARROW) if narrow else self._list_width
            self.splitter.setSizes([width, max(1, self.splitter.width() - width)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._adapt()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.set("geometry", bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        self._settings.set("splitter", bytes(self.splitter.saveState().toBase64().data()).decode("ascii"))
        self.stop()
        super().closeEvent(event)

    def _restore(self) -> None:
        self.resize(1440, 900)
        geometry, splitter = self._settings.get("geometry"), self._settings.get("splitter")
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
        if splitter:
            self.splitter.restoreState(QByteArray.fromBase64(splitter.encode("ascii", "ignore")))
        view_by = self._settings.get("view_by")
        if view_by in [each.value for each in ViewBy]:
            self.set_view_by(ViewBy(view_by))
