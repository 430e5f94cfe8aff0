"""The stack of pages in the middle of the window: a widget for each view, and one for no container.

Which pages there are is in the registry, `ui/kit/page.py`. All but the strata are made when they are first opened, so
that the window starts without them, and are not updated while hidden. Pages about one container share a header above
them; the fleet's page covers all containers and loads pyqtgraph.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.history.machine import Moved
from stratascope.core.message import Message
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.history_report import Line, Target
from stratascope.ui.changes.feed import ChangesFeed
from stratascope.ui.denied.refusal_feed import RefusalFeed
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.page import MACHINE, PAGES, MadePage, Parts, View, ViewSwitch, has_graphs, page_of
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.panel.panel import BITS
from stratascope.ui.reach.feed import ReachFeed
from stratascope.ui.window.engines import EmptyPage
from stratascope.ui.window.header import Header
from stratascope.ui.window.strata_page import StrataPage

P = TypeVar("P", bound=QWidget)
CALLS = "seccomp"  # id of the layer that answers system calls
_VIEWS = {Target.DENIED: View.DENIED, Target.PROCESSES: View.PROCESSES}


class Pages(QStackedWidget):
    """The stack. `turned`: a view was requested, maybe the current one. `filter_wanted`:
    the window's filter searches the current view. `fleet_left`: a container of the fleet was chosen. `logs_wanted`:
    open its log.
    """

    turned = Signal()
    filter_wanted = Signal()
    fleet_left = Signal()
    logs_wanted = Signal()

    def __init__(self, parts: Parts, strata_page: StrataPage, switch: ViewSwitch) -> None:
        super().__init__()
        theme, selection = parts.theme, parts.selection
        self._parts, self.layers, self._selection = parts, parts.layers, selection
        self.strata_page, self.switch = strata_page, switch
        self.view = self._marked = View.STRATA
        self._refreshed: Snapshot | None = None  # what the page in view shows
        self.plan_place = QWidget()  # of the column, where the window is narrow
        self.made: dict[View, MadePage] = {View.PLAN: MadePage(self.plan_place)}
        self._wanted_of: dict[View, list[Callable[[Any], object]]] = {}  # callbacks that wait for a page to be made
        self.empty = EmptyPage(theme, selection)
        self.header = Header(theme, parts.layers, selection)
        self.header.set_low(True)
        self._below_header, self._stack = QWidget(), QStackedWidget()
        self._stack.addWidget(self.plan_place)
        theme.lay(QVBoxLayout(self._below_header), self.header, (self._stack, 1), around=(16, 12, 16, 12), gap=12)
        for page in (self.empty, strata_page, self._below_header):
            self.addWidget(page)
        missing = set() if parts.before is not None else {View.BEFORE}
        missing |= set() if parts.get(ReachFeed).able else {View.REACH}
        missing |= set() if has_graphs() else {page.view for page in PAGES if page.graphs}
        self._views = tuple(view for view in View if view not in missing and view is not View.PLAN)
        switch.offer_views(self._views)
        switch.show_view(self.view)
        switch.turned.connect(self.show_view)
        for header in (strata_page.header, self.header):
            header.threat_chosen.connect(self.open_threat)
            header.processes_wanted.connect(lambda: self.show_view(View.PROCESSES))
            header.reach_wanted.connect(lambda: self.show_view(View.REACH))
            header.reach_of = parts.get(ReachFeed).worst
        strata_page.strata.threat_chosen.connect(self.open_threat)
        selection.layer_opened.connect(lambda: self.show_view(View.STRATA))
        selection.container_changed.connect(self._refresh)
        selection.snapshot_changed.connect(self._see)  # pages may compare the container with others
        selection.supposed.connect(self._refresh)
        selection.filter_changed.connect(lambda: self._refresh() if self.view in MACHINE else None)
        parts.get(RefusalFeed).told.connect(lambda _: self._count_refused())
        parts.get(ReachFeed).told.connect(self._reach_told)
        self.when_made(View.HISTORY, lambda page: page.show_wanted.connect(self._show_line))
        self.when_made(View.FLEET, lambda page: page.chosen.connect(self._open_container))
        self.when_made(View.CHANGES, lambda page: page.chosen.connect(self._open_changed))
        changes = parts.get(ChangesFeed)
        changes.told.connect(lambda: self.switch.show_count(View.CHANGES, changes.count))

    @property
    def home(self) -> View:
        """The first page of a container."""
        return View.PLAN if View.PLAN in self.switch.views else View.STRATA

    def offer_plan(self, *, there: bool) -> None:
        """Whether the plan is a page of its own, the first one: it then stands in for the strata, beside which it is
        else.
        """
        if there is (View.PLAN in self.switch.views):
            return
        self.switch.offer_views((*self._views, View.PLAN) if there else self._views)
        if self.view in (View.PLAN, View.STRATA):
            self.show_view(self.home)
        else:
            self.switch.show_view(self.view)

    def when_made(self, view: View, call: Callable[[Any], object]) -> None:
        """Pass the page to `call` as soon as it is made."""
        self._wanted_of.setdefault(view, []).append(call)

    def of(self, kind: type[P]) -> P:
        """Return the page of that type. Raises LookupError if it was not opened yet."""
        for page in self.made.values():
            if isinstance(page.widget, kind):
                return page.widget
        raise LookupError(kind)

    def _page(self, view: View) -> MadePage:
        """Return a view's page, made when first needed."""
        page = self.made.get(view)
        if page is None:
            module = import_module(f"stratascope.ui.{page_of(view).module}")
            page = self.made[view] = module.make(self._parts)
            (self if view in MACHINE else self._stack).addWidget(page.widget)
            for call in self._wanted_of.get(view, ()):
                call(page.widget)
        return page

    def stop(self) -> None:
        """Drop the pending requests of all pages."""
        for page in self.made.values():
            page.stop()

    def show_view(self, view: View) -> None:
        """Turn to that view, if available; in the one-column layout, bring it to the front even if it is the current
        one.
        """
        if view is not self.view and view in self.switch.views:
            self.view = view
            self.switch.show_view(view)
            self._refresh()
        self.turned.emit()

    def open_threat(self, threat: str) -> None:
        """Open the matrix at that threat; an empty id only opens the matrix."""
        self.show_view(View.MATRIX)
        if (page := self.made.get(View.MATRIX)) is not None:
            if threat:
                page.choose(threat)
            page.widget.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def changes(self) -> tuple[Moved, ...]:
        """What changed on the machine: what its page lists, else what is new since the last visit."""
        made = self.made.get(View.CHANGES)
        page: Any = None if made is None else made.widget
        known: tuple[Moved, ...] = self._parts.get(ChangesFeed).rows if page is None or not page.ready else page.rows
        return known

    def open_change(self, row: Moved) -> None:
        """Open the page of changes at that row."""
        self.show_view(View.CHANGES)
        page: Any = self.made[View.CHANGES].widget
        page.choose(row)
        page.setFocus(Qt.FocusReason.OtherFocusReason)

    def search_calls(self, name: str) -> None:
        """Open the system calls at that one: what the layer keeps that answers them."""
        number = next((layer.number for layer in self.layers if layer.id == CALLS), 0)
        self._selection.open_layer(number)
        panel = self.strata_page.panel
        panel.open_tab(BITS)
        if panel.calls is not None:
            panel.calls.field.setText(name)
            panel.calls.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave_fleet(self) -> None:
        """Leave the fleet's page: a container was chosen."""
        if self.view in MACHINE:
            self.show_view(self.home)

    def mark(self) -> None:
        """Note which page is open as a relaunch begins."""
        self._marked = self.view

    def leave_marked(self) -> None:
        """As it has ended: leave the fleet's page for the container, unless the user has turned to it meanwhile."""
        if self.view is self._marked:
            self.leave_fleet()

    def adapt(self, *, one_column: bool, low: bool, live: bool) -> None:
        """Bring the current view's page to the front; without a container, the empty page. `one_column`: the toolbar
        has the container's name; `low`: there is room for a line of the card; `live`: above the plan for refusals, too.
        """
        for header in (self.strata_page.header, self.header):
            header.set_named(named=not one_column)
        if self._selection.current is None and self.view is not View.BEFORE:
            self.setCurrentWidget(self.empty)
        elif self.view is View.STRATA:
            self.setCurrentWidget(self.strata_page)
        elif self.view in MACHINE:
            self.setCurrentWidget(self._page(self.view).widget)
        else:
            self.header.set_low(True, bare=low, live=live and self.view is View.PLAN)
            self.header.set_planned(self.view is View.PLAN, low=low)
            self._stack.setCurrentWidget(self._page(self.view).widget)
            self.setCurrentWidget(self._below_header)

    def search(self) -> None:
        """Focus the current view's search field."""
        field = self._search_field()
        if self.view is View.STRATA:
            self._open_panel()
            self.strata_page.panel.search()
        elif field is not None:
            self.turned.emit()
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif self.view in MACHINE:
            self.filter_wanted.emit()

    def _search_field(self) -> QWidget | None:
        page = None if self.view is View.STRATA else self._page(self.view)
        return None if page is None or page.search is None else page.search()

    def explain(self) -> None:
        """Explain the panel's layer."""
        self.show_view(View.STRATA)
        self._open_panel()
        self.strata_page.panel.explain()

    def show_exposure(self) -> None:
        """Open the sheet that explains the exposure."""
        self._head_in_view().show_sheet()

    def press_card(self) -> bool:
        """Press the button of the visible card; False if it has none."""
        return self._head_in_view().card.press()

    def _head_in_view(self) -> Header:
        page = self.made.get(self.view)
        if page is not None and page.head is not None:
            return page.head  # type: ignore[no-any-return]
        return self.strata_page.header if self.view in (View.STRATA, *MACHINE) else self.header

    def _open_panel(self) -> None:
        """Show the panel; in a low window it is behind the strata until its layer is opened."""
        if self._selection.current is not None:
            self._selection.open_layer(self._selection.layer)

    def _open_container(self, key: Key, threat: str = "") -> None:
        self._selection.go_to(key)
        if threat:
            self.open_threat(threat)
        else:
            self.show_view(self.home)
            self.fleet_left.emit()

    def _open_changed(self, key: Key, threat: str, view: View) -> None:
        self._selection.go_to(key)
        if threat:
            self.open_threat(threat)
        else:
            self.show_view(view)
            self.fleet_left.emit()

    def _see(self, snapshot: Snapshot) -> None:
        if snapshot is not self._refreshed:
            self._refresh()

    def _refresh(self) -> None:
        """Refresh the current page."""
        selection = self._selection
        self._refreshed = selection.snapshot
        snapshot, state = selection.snapshot, selection.judged
        matrix = None if state is None else state.matrix
        serious = 0 if matrix is None else sum(len(matrix.open(severity)) for severity in SERIOUS)
        self.switch.show_count(View.MATRIX, serious)
        self._count_refused()
        self._count_reach()
        if snapshot is not None and self.view not in (View.STRATA, View.BEFORE):
            self._page(self.view).refresh()

    def _count_refused(self) -> None:
        state = self._selection.current
        self.switch.show_count(View.DENIED, 0 if state is None else self._parts.get(RefusalFeed).of(state).count)

    def _reach_told(self, key: Key) -> None:
        if key == self._selection.key:
            self._count_reach()
            for header in (self.strata_page.header, self.header):
                header.refresh()

    def _count_reach(self) -> None:
        known = self._parts.get(ReachFeed).of(self._selection.key)
        found = None if known is None else known.found
        self.switch.show_count(View.REACH, 0 if found is None else len(found.open))

    def _show_line(self, line: Line) -> None:
        """Open the page that has more on a line of the history."""
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


class AsText(QObject):
    """Opens the command that creates the container in view on the page *Before it starts*. `command`: returns it as the
    engine was asked; raises the engine's errors. `tell`: shows why that failed.
    """

    def __init__(
        self,
        command: Callable[[ContainerState], str],
        pages: Pages,
        selection: Selection,
        tell: Callable[[Message], object],
    ) -> None:
        super().__init__(pages)
        self._command, self._pages, self._selection, self._tell = command, pages, selection, tell
        self._queries = QueryRunner(self)
        for header in (pages.strata_page.header, pages.header):
            header.as_text = True
            header.card.before_wanted.connect(self.ask)

    def stop(self) -> None:
        """Drop pending answers."""
        self._queries.end()

    def ask(self) -> None:
        """Ask for it."""
        state = self._selection.current
        if state is not None:
            lane = state.container.engine
            self._queries.ask("command", partial(self._command, state), partial(self._take, state.key), lane)

    def _take(self, key: Key, answer: str | Failure) -> None:
        if isinstance(answer, Failure):
            self._tell(answer.message)
        elif self._selection.key == key:
            self._pages.show_view(View.BEFORE)
            self._pages.made[View.BEFORE].choose(answer)
