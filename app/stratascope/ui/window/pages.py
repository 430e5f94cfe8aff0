"""The middle of the window: the page of each view, and one for no container.

All but the strata are made when they are first opened, so that the window starts without them, and told nothing while
they are not in view. Those of the container stand below a head of their own; the fleet takes all, and brings pyqtgraph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.severity import SERIOUS
from stratascope.presentation.history_report import Line, Target
from stratascope.ui.denied.refused import Refused
from stratascope.ui.history.chronicle import Chronicle
from stratascope.ui.kit.page_switch import MACHINE, View, ViewSwitch, has_graphs
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.panel import ABOUT
from stratascope.ui.shared.page import SharedPage
from stratascope.ui.syscalls.page import CallMapPage
from stratascope.ui.use.watching import Watching
from stratascope.ui.window.empty_page import EmptyPage
from stratascope.ui.window.header import Header
from stratascope.ui.window.strata_page import StrataPage, not_started

if TYPE_CHECKING:
    from stratascope.ui.before.draft import Before
    from stratascope.ui.before.page import BeforePage
    from stratascope.ui.denied.page import DeniedPage
    from stratascope.ui.fleet.several import FleetPages
    from stratascope.ui.history.page import HistoryPage
    from stratascope.ui.processes.page import ProcessesPage
    from stratascope.ui.threats.page import MatrixPage
    from stratascope.ui.use.page import UsePage


_VIEWS = {Target.DENIED: View.DENIED, Target.PROCESSES: View.PROCESSES}


class Pages(QStackedWidget):
    """`turned`: a view was asked for, maybe the one that is shown already. `back_wanted`: to the list. `filter_wanted`:
    what is in view is searched by the window's filter. `fleet_left`: one of its containers was chosen. `logs_wanted`:
    to its log. `use_made`, `denied_made`, `history_made`, `processes_made`, `before_made`: that page is there now.
    """

    turned = Signal()
    back_wanted = Signal()
    filter_wanted = Signal()
    fleet_left = Signal()
    use_made = Signal(object)
    denied_made = Signal(object)
    history_made = Signal(object)
    logs_wanted = Signal()
    processes_made = Signal(object)
    before_made = Signal(object)

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        selection: Selection,
        strata_page: StrataPage,
        switch: ViewSwitch,
        watching: Watching,
        refused: Refused,
        chronicle: Chronicle,
        *,
        able: bool,
        before: Before | None = None,
    ) -> None:
        """`able`: whether a relaunch can be asked for at all. `before`: judges what is not started yet."""
        super().__init__()
        self._before = before
        self._theme, self.layers, self._selection = theme, layers, selection
        self._watching, self._refused, self._chronicle, self._able = watching, refused, chronicle, able
        self.strata_page, self.switch = strata_page, switch
        self.view = View.STRATA
        self.empty = EmptyPage(theme, selection)
        self.header = Header(theme, layers, selection)
        self.header.card.set_low(True)
        self.matrix: MatrixPage | None = None
        self.calls: CallMapPage | None = None
        self.fleet: FleetPages | None = None
        self.shared: SharedPage | None = None
        self.use: UsePage | None = None
        self.denied: DeniedPage | None = None
        self.history: HistoryPage | None = None
        self.processes: ProcessesPage | None = None
        self.before: BeforePage | None = None
        self._before_strata: StrataPage | None = None
        self._below_header, self._stack = QWidget(), QStackedWidget()
        column = QVBoxLayout(self._below_header)
        column.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 12)))
        column.setSpacing(theme.px(12))
        column.addWidget(self.header)
        column.addWidget(self._stack, 1)
        for page in (self.empty, strata_page, self._below_header):
            self.addWidget(page)
        missing = {View.FLEET, View.HISTORY} if not has_graphs() else set[View]()
        missing |= {View.BEFORE} if before is None else set()
        switch.offer_views(tuple(view for view in View if view not in missing))
        switch.turned.connect(self.show_view)
        for header in (strata_page.header, self.header):
            header.back_wanted.connect(self.back_wanted)
            header.threat_chosen.connect(self.open_threat)
            header.processes_wanted.connect(lambda: self.show_view(View.PROCESSES))
        strata_page.strata.threat_chosen.connect(self.open_threat)
        selection.layer_opened.connect(lambda: self.show_view(View.STRATA))
        selection.container_changed.connect(self._refresh)
        selection.supposed.connect(self._refresh)
        selection.filter_changed.connect(lambda: self._refresh() if self.view in MACHINE else None)
        refused.told.connect(lambda _: self._count_refused())

    def stop(self) -> None:
        """No page asks anything any more."""
        for page in (self.processes, self.before):
            if page is not None:
                page.stop()

    def show_view(self, view: View) -> None:
        """Turn to that view, where it is offered; in one column also from the list to it, if it is the one already."""
        if view is not self.view and view in self.switch.views:
            self.view = view
            self.switch.show_view(view)
            self._refresh()
        self.turned.emit()

    def open_threat(self, threat: str) -> None:
        """To the matrix, and to that threat in it; an empty id only opens the matrix."""
        self.show_view(View.MATRIX)
        if self.matrix is not None:
            if threat:
                self.matrix.choose(threat)
            self.matrix.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def search_calls(self, name: str) -> None:
        """To the system calls, and to that one among them."""
        self.show_view(View.CALLS)
        if self.calls is not None:
            self.calls.search_field().setText(name)

    def leave_fleet(self) -> None:
        """One container was asked for: show it."""
        if self.view in MACHINE:
            self.show_view(View.STRATA)

    def adapt(self, *, one_column: bool) -> None:
        """Put the page of the view in force in front; without a container that is the empty page."""
        for header in (self.strata_page.header, self.header):
            header.back.setVisible(one_column)
        if self.view is View.BEFORE:
            self.setCurrentWidget(self._before_page())
        elif self._selection.current is None:
            self.setCurrentWidget(self.empty)
        elif self.view is View.STRATA:
            self.setCurrentWidget(self.strata_page)
        elif self.view is View.FLEET:
            self.setCurrentWidget(self._fleet_page())
        elif self.view is View.SHARED:
            self.setCurrentWidget(self._shared_page())
        else:
            self._stack.setCurrentWidget(self._page_of_container())
            self.setCurrentWidget(self._below_header)

    def search(self) -> None:
        """To the field that searches what is in view."""
        if self.before is not None and self.view is View.BEFORE:
            self.before.search_field().setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif self.view in MACHINE:
            self.filter_wanted.emit()
        elif self.view is View.STRATA:
            self._open_panel()
            self.strata_page.panel.find_in_raw()
        elif self.view in (View.MATRIX, View.CALLS):
            self.turned.emit()
            page = self._matrix_page() if self.view is View.MATRIX else self._calls_page()
            page.search_field().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def explain(self) -> None:
        """What the layer in the panel is."""
        self.show_view(View.STRATA)
        self._open_panel()
        self.strata_page.panel.open_tab(ABOUT)

    def show_exposure(self) -> None:
        """The sheet that shows how the exposure comes about."""
        self._head_in_view().show_sheet()

    def press_card(self) -> None:
        """The button of the card in view."""
        self._head_in_view().card.press()

    def _head_in_view(self) -> Header:
        if self.view is View.BEFORE and self._before_strata is not None:
            return self._before_strata.header
        return self.strata_page.header if self.view in (View.STRATA, *MACHINE) else self.header

    def _open_panel(self) -> None:
        """In a low window the panel is behind the strata until its layer is opened."""
        if self._selection.current is not None:
            self._selection.open_layer(self._selection.layer)

    def _open_container(self, key: Key, threat: str = "") -> None:
        self._selection.go_to(key)
        if threat:
            self.open_threat(threat)
        else:
            self.show_view(View.STRATA)
            self.fleet_left.emit()

    def _refresh(self) -> None:
        """Tell the page in view what it shows."""
        selection = self._selection
        snapshot, state = selection.snapshot, selection.judged
        matrix = None if state is None else state.matrix
        serious = 0 if matrix is None else sum(len(matrix.open(severity)) for severity in SERIOUS)
        self.switch.show_count(View.MATRIX, serious)
        self._count_refused()
        if snapshot is None or self.view in (View.STRATA, View.BEFORE):
            return
        if self.view is View.FLEET:
            self._fleet_page().show_snapshot(snapshot, selection.filter)
        elif self.view is View.SHARED:
            self._shared_page().show_snapshot(snapshot, selection.filter)
        elif self.view is View.MATRIX:
            self._matrix_page().show_state(state, selection.what_if.result())
        elif self.view is View.CALLS:
            self._calls_page().show_state(state, snapshot.containers)
        elif self.view is View.USE:
            self._use_page().refresh()
        elif self.view is View.DENIED:
            self._denied_page().refresh()
        elif self.view is View.HISTORY:
            self._history_page().refresh()
        elif self.view is View.PROCESSES:
            self._processes_page().refresh()
        else:
            assert_never(self.view)

    def _count_refused(self) -> None:
        state = self._selection.current
        self.switch.show_count(View.DENIED, 0 if state is None else self._refused.of(state).count)

    # -- pages, made when they are first wanted

    def _page_of_container(self) -> QWidget:
        pages: dict[View, Callable[[], QWidget]] = {
            View.MATRIX: self._matrix_page,
            View.CALLS: self._calls_page,
            View.PROCESSES: self._processes_page,
            View.USE: self._use_page,
            View.DENIED: self._denied_page,
            View.HISTORY: self._history_page,
        }
        return pages[self.view]()

    def _matrix_page(self) -> MatrixPage:
        if self.matrix is None:
            from stratascope.ui.threats.page import MatrixPage

            self.matrix = MatrixPage(self._theme, self.layers)
            self._stack.addWidget(self.matrix)
        return self.matrix

    def _calls_page(self) -> CallMapPage:
        if self.calls is None:
            self.calls = CallMapPage(self._theme)
            self._stack.addWidget(self.calls)
        return self.calls

    def _use_page(self) -> UsePage:
        if self.use is None:
            from stratascope.ui.use.page import UsePage

            self.use = UsePage(self._theme, self.layers, self._selection, self._watching)
            self._stack.addWidget(self.use)
            self.use_made.emit(self.use)
        return self.use

    def _denied_page(self) -> DeniedPage:
        if self.denied is None:
            from stratascope.ui.denied.page import DeniedPage

            self.denied = DeniedPage(
                self._theme, self.layers, self._selection, self._watching, self._refused, able=self._able
            )
            self._stack.addWidget(self.denied)
            self.denied_made.emit(self.denied)
        return self.denied

    def _history_page(self) -> HistoryPage:
        if self.history is None:
            from stratascope.ui.history.page import HistoryPage

            self.history = HistoryPage(self._theme, self.layers, self._selection, self._chronicle, self._refused)
            self._stack.addWidget(self.history)
            self.history.show_wanted.connect(self._show_line)
            self.history_made.emit(self.history)
        return self.history

    def _show_line(self, line: Line) -> None:
        """Where more of it stands."""
        if line.place is Target.THREAT:
            self.open_threat(line.where)
        elif line.place in _VIEWS:
            self.show_view(_VIEWS[line.place])
        elif line.place is Target.LOGS:
            self.logs_wanted.emit()
        elif line.place is Target.LAYER:
            number = next((layer.number for layer in self.layers if layer.id == line.where), 0)
            if number:
                self._selection.open_layer(number)

    def _processes_page(self) -> ProcessesPage:
        if self.processes is None:
            from stratascope.ui.processes.page import ProcessesPage

            self.processes = ProcessesPage(self._theme, self.layers, self._selection)
            self._stack.addWidget(self.processes)
            self.processes_made.emit(self.processes)
        return self.processes

    def _before_page(self) -> BeforePage:
        if self.before is None:
            assert self._before is not None
            self.before, self._before_strata = not_started(self._theme, self.layers, self._before, self)
            self.addWidget(self.before)
            self.before_made.emit(self.before)
        return self.before

    def _shared_page(self) -> SharedPage:
        if self.shared is None:
            self.shared = SharedPage(self._theme)
            self.shared.chosen.connect(self._open_container)
            self.addWidget(self.shared)
        return self.shared

    def _fleet_page(self) -> FleetPages:
        if self.fleet is None:
            from stratascope.ui.fleet.several import FleetPages

            self.fleet = FleetPages(self._theme, self.layers)
            self.fleet.chosen.connect(self._open_container)
            self.addWidget(self.fleet)
        return self.fleet
