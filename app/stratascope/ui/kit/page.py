"""The registry of pages: what a page of the window is, which pages there are, and the switches between them.

A page is a line of `PAGES` with the module whose `make` builds it: the window builds it when it is first opened, its
switch offers it and F1 explains it. The widget that holds the built pages is `ui/window/page_stack.py`. A page gets no
updates while it is hidden, and knows no other page. Only one page of the whole window is pressed in.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, bracketed, msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit.buttons import Segments
from stratascope.ui.kit.labels import Line, give_tip
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.value import Value

T = TypeVar("T")


class Parts(Value):
    """What pages are made from. `services`: the window's background services, found by type. `able`: whether
    relaunching is available at all. `before`: judges texts of containers not started yet.
    """

    theme: Theme
    layers: tuple[Layer, ...]
    selection: Selection
    services: tuple[object, ...] = ()
    able: bool = False
    before: Any = None

    def get(self, kind: type[T]) -> T:
        """Return the service of that type."""
        return next(each for each in self.services if isinstance(each, kind))


def _nothing() -> None:
    return


class MadePage(Value):
    """A page that was made. `refresh`: show what is in view now. `choose`: select the item of that name. `search`: its
    search field. `head`: its card, if it has its own; `column`: its column at the right of the window, likewise.
    `about`: of a page of the machine, the key of the container that it is about at the moment, or None.
    """

    widget: QWidget
    refresh: Callable[[], object] = _nothing
    choose: Callable[[str], object] = lambda _: None
    search: Callable[[], QWidget] | None = None
    stop: Callable[[], object] = _nothing
    head: Any = None
    column: Any = None
    about: Callable[[], object] = _nothing


class View(StrEnum):
    """The views of the window's middle."""

    PLAN = "plan"
    STRATA = "strata"
    MATRIX = "matrix"
    REACH = "reach"
    PROCESSES = "processes"
    USE = "use"
    DENIED = "denied"
    HISTORY = "history"
    CHANGES = "changes"
    FLEET = "fleet"
    BEFORE = "before"


class Group(StrEnum):
    """The switch that a page belongs to."""

    COULD = "could"  # what the selected container could do
    DOES = "does"  # what it does
    MACHINE = "machine"  # all containers: this switch is in the left column


class Page(Value):
    """An entry of the registry. `module`: below `stratascope.ui`, with the `make`; `topic`: chapter and anchor of the
    guide.
    """

    view: View
    group: Group
    word: Message
    module: str
    topic: tuple[str, str]
    graphs: bool = False  # it needs pyqtgraph


PAGES = (
    Page(View.PLAN, Group.COULD, msg("Plan"), "", ("hardening", "")),  # in a narrow window, which has no column
    Page(View.STRATA, Group.COULD, msg("Strata"), "", ("container", "strata")),  # exists from the start
    Page(View.MATRIX, Group.COULD, msg("Threats"), "threats.page", ("container", "matrix")),
    Page(View.REACH, Group.COULD, msg("Reach"), "reach.page", ("container", "reach")),
    Page(View.PROCESSES, Group.DOES, msg("Processes"), "processes.page", ("container", "processes")),
    Page(View.USE, Group.DOES, msg("Use"), "use.page", ("container", "use")),
    Page(View.DENIED, Group.DOES, msg("Denied"), "denied.page", ("container", "denied")),
    Page(View.HISTORY, Group.DOES, msg("History"), "history.page", ("container", "history"), graphs=True),
    Page(View.CHANGES, Group.MACHINE, msg("Changes"), "changes.page", ("machine", "changes")),
    Page(View.FLEET, Group.MACHINE, msg("Fleet"), "fleet.several", ("machine", "fleet"), graphs=True),
    Page(View.BEFORE, Group.MACHINE, msg("Before it starts"), "window.strata_page", ("before", "")),
)
_WORDS = {Group.COULD: msg("It could"), Group.DOES: msg("It does"), Group.MACHINE: msg("This machine")}
MACHINE = frozenset(page.view for page in PAGES if page.group is Group.MACHINE)
# Pages about a container have Alt+1 to Alt+7, the plan has Alt+0.
_OF_MACHINE = {View.CHANGES: "9", View.FLEET: "8", View.BEFORE: "B"}


def has_graphs() -> bool:
    """Whether pyqtgraph is installed; distributions may leave it out, and then the pages that need it."""
    return importlib.util.find_spec("pyqtgraph") is not None


def page_of(view: View) -> Page:
    """Return a view's entry in the registry."""
    return next(page for page in PAGES if page.view is view)


def of_group(group: Group) -> tuple[Page, ...]:
    """Return the pages of that switch, in order."""
    return tuple(page for page in PAGES if page.group is group)


def view_word(view: View) -> str:
    """Return a view's name."""
    return translate(page_of(view).word)


def view_key(view: View) -> str:
    """Return the key of a view."""
    if view is View.PLAN:
        return "Alt+0"
    containers = [page.view for page in PAGES if page.group is not Group.MACHINE and page.view is not View.PLAN]
    if view in containers:
        return f"Alt+{containers.index(view) + 1}"
    return f"Alt+{_OF_MACHINE[view]}"


class GroupSwitch(QWidget):
    """The switch of one group; folded, one button with a menu."""

    turned = Signal(object)  # View

    def __init__(self, theme: Theme, group: Group, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.views: tuple[View, ...] = ()
        word = translate(_WORDS[group])
        self.label = Line(theme, 11, ink="text3", text=word)
        self.label.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)  # never elided
        self.label.setParent(self)
        self.label.setVisible(group is not Group.MACHINE)
        self.segments = Segments(theme, word, fills=group is Group.MACHINE)
        if group is not Group.MACHINE:
            self.segments.lead(self.label)
        self.button = QToolButton()
        self.button.setObjectName("tight")
        self.button.setFont(theme.font(13, MEDIUM))
        self.button.hide()
        self.menu = QMenu(self)
        self._word, self.counts, self._counted = word, dict[View, int](), True
        self._tight, self._shown = False, View.STRATA
        self.button.clicked.connect(self._open)
        self.segments.chosen.connect(lambda place: self.turned.emit(self.views[place]))
        theme.lay(QHBoxLayout(self), self.segments, self.button, around=0)
        across = QSizePolicy.Policy.Expanding if group is Group.MACHINE else QSizePolicy.Policy.Fixed
        self.setSizePolicy(across, QSizePolicy.Policy.Fixed)
        self.segments.setSizePolicy(across, QSizePolicy.Policy.Fixed)

    def offer_views(self, views: tuple[View, ...]) -> None:
        """Set the available views, in order."""
        self.views = views
        self.segments.offer(tuple(view_word(view) for view in views))
        self.menu.clear()
        for view, button in zip(views, self.segments.buttons, strict=True):
            word = translate(bracketed(view_word(view), view_key(view)))
            give_tip(button, word)
            action = QAction(word, self.menu)
            action.triggered.connect(partial(self._turn, view))
            self.menu.addAction(action)
        self.setVisible(bool(views))

    def show_view(self, view: View) -> None:
        """Press that view in; none if it belongs to another switch."""
        self._shown = view
        here = view in self.views
        self.segments.choose(self.views.index(view) if here else -1)
        word = view_word(view) if here else self._word
        self.button.setText("▾" if self._tight else f"{word} ▾")
        self.button.setAccessibleName(translate(msg("View: {view}", view=word)))
        give_tip(self.button, self.button.accessibleName())

    def show_count(self, view: View, count: int) -> None:
        """Show a number after a word; 0: none."""
        self.counts[view] = count
        if view in self.views:
            self.segments.count(self.views.index(view), count if self._counted else 0)

    def set_room(self, *, labelled: bool, counted: bool, folded: bool) -> None:
        """Set what fits: the label in front, the numbers, the segments themselves."""
        self.label.setVisible(labelled)
        self._counted = counted
        for view, count in self.counts.items():
            self.show_count(view, count)
        self.set_folded(folded)

    def set_tight(self, tight: bool) -> None:
        """Use one button with a menu and no label."""
        self._tight = tight
        self.set_folded(tight)
        self.show_view(self._shown)

    def set_folded(self, folded: bool) -> None:
        """Use one button instead of the segments."""
        self.segments.setVisible(not folded)
        self.button.setVisible(folded)

    def _turn(self, view: View, _: bool = False) -> None:
        self.turned.emit(view)

    def _open(self) -> None:
        self.menu.popup(self.button.mapToGlobal(QPoint(0, self.button.height() + 2)))


class ViewSwitch(QWidget):
    """The switches of the toolbar; `machine` is the one in the left column. `showed`: another view or number."""

    turned = Signal(object)  # View
    showed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.groups = {group: GroupSwitch(theme, group) for group in Group}
        self.machine = self.groups[Group.MACHINE]
        self.views: tuple[View, ...] = ()
        self.shown_view = View.STRATA
        self._layout = theme.lay(QHBoxLayout(self), around=0, gap=8)
        for group, switch in self.groups.items():
            switch.turned.connect(self.turned)
            if group is not Group.MACHINE:
                self._layout.addWidget(switch)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def offer_views(self, views: tuple[View, ...]) -> None:
        """Set the available views: those of a container first, then the machine's. None of them is pressed in."""
        self.views = tuple(page.view for page in PAGES if page.view in views)
        for group, switch in self.groups.items():
            switch.offer_views(tuple(page.view for page in of_group(group) if page.view in views))

    def needed(self, *, labelled: bool) -> int:
        """The width of all segments, in px."""
        groups = [switch for group, switch in self.groups.items() if group is not Group.MACHINE]
        gaps = self._layout.spacing() * (len(groups) - 1)
        return gaps + sum(each.segments.needed(each.label.sizeHint().width() if labelled else 0) for each in groups)

    @property
    def shown(self) -> tuple[object, ...]:
        """What its width depends on."""
        counts = [(view, count) for switch in self.groups.values() for view, count in switch.counts.items()]
        return self.views, tuple(counts)

    def show_view(self, view: View) -> None:
        """Press that view in, and release all others."""
        self.shown_view = view
        for switch in self.groups.values():
            switch.show_view(view)
        self.showed.emit()

    def count_of(self, view: View) -> int:
        """The number after a page's word; 0: none."""
        return max(switch.counts.get(view, 0) for switch in self.groups.values())

    def show_count(self, view: View, count: int) -> None:
        """Show a number after a page's word; 0: none."""
        for switch in self.groups.values():
            switch.show_count(view, count)
        self.showed.emit()

    def set_room(self, *, labelled: bool, counted: bool, folded: bool) -> None:
        """Set what fits into the window."""
        for group, switch in self.groups.items():
            if group is not Group.MACHINE:
                switch.set_room(labelled=labelled, counted=counted, folded=folded)
