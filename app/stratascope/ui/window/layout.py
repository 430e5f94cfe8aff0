"""The layout of the window: its parts side by side, folded, or one behind the other, as its size allows.

Widths and heights are those of the design at 100 %.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QSplitter, QVBoxLayout, QWidget

from stratascope.ui.containers.column import ContainerColumn
from stratascope.ui.findings.list import FindingsColumn
from stratascope.ui.harden.column import HardenColumn
from stratascope.ui.harden.docking import DRAWER, HardenDock
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.background import SettingsLike
from stratascope.ui.kit.page import MACHINE, View
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.notices import Notices
from stratascope.ui.window.page_stack import Pages
from stratascope.ui.window.toolbar import Toolbar

LIST, LIST_LEAST, LIST_MOST, LIST_NARROW, LIST_SLIM = 284, 264, 420, 64, 240
NARROW, ONE_COLUMN, FOLD_ENGINES, LOW, COMPACT, LOW_CARD = 960, 760, 1320, 760, 560, 860  # px, design lengths
WIDE = 1900  # px of the design, for a column of findings
LEAST_WIDTH, LEAST_HEIGHT = 560, 400
LIVE = 640  # px of the design: a lower window has no room for refusals above the strata
FLAT = 480  # px of the design: a lower window scrolls all but the number and the button
EDGE = 32  # px that a window of the first time leaves of the screen
_LIST_WIDTH = "list_width"  # key in the settings
UNBOUNDED = 16777215  # QWIDGETSIZE_MAX


def beside(one: QWidget, other: QWidget) -> QWidget:
    """Put the two side by side; the first takes the remaining room."""
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    row.addWidget(one, 1)
    row.addWidget(other)
    return both


def least_size(theme: Theme, screen: QSize) -> QSize:
    """Return the minimum size of a window with the desktop's font, at most that of the screen."""
    return QSize(theme.px(LEAST_WIDTH), theme.px(LEAST_HEIGHT)).boundedTo(screen)


class WindowLayout(QObject):
    """Lays the parts out, and fits them into the window. At the right is the hardening column for running containers,
    if there is one, or the own column of the page for what is not started yet.
    """

    def __init__(
        self,
        window: QMainWindow,
        theme: Theme,
        selection: Selection,
        toolbar: Toolbar,
        notices: Notices,
        containers: ContainerColumn,
        pages: Pages,
        findings: FindingsColumn,
        harden_column: HardenColumn | None,
    ) -> None:
        super().__init__(window)
        self._findings = findings
        self._window, self._theme, self._selection = window, theme, selection
        self._toolbar, self._containers, self._pages = toolbar, containers, pages
        self._was_narrow: bool | None = False  # whether the list was narrow; None: it was not next to the container
        self._list_width = theme.px(LIST)
        self.page_turned = True  # one-column layout: the container is in front of the list
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self._column = harden_column
        able = harden_column is not None or View.BEFORE in pages.switch.views
        self.dock = HardenDock(window, theme, self.splitter, pages.plan_place, harden_column) if able else None
        self._middle = beside(pages, findings)
        self._lay_out(notices)
        selection.container_changed.connect(self.adapt)
        selection.front_wanted.connect(self.bring_forward)
        pages.turned.connect(self.bring_forward)
        pages.turned.connect(self.adapt)
        pages.when_made(View.CHANGES, lambda page: page.row_turned.connect(self.adapt))
        toolbar.pulls.put_alert(containers.alert)
        toolbar.pulls.list_wanted.connect(self._turn_list)
        toolbar.search_wanted.connect(self.to_filter)
        selection.container_changed.connect(lambda: toolbar.pulls.show_state(selection.current, selection))
        pages.strata_page.layer_closed.connect(self.adapt)
        if self.dock is not None:
            pages.when_made(View.BEFORE, lambda page: page.column_wanted.connect(self.to_column))
            self.dock.show_column(harden_column)

    def _lay_out(self, notices: Notices) -> None:
        theme, splitter = self._theme, self.splitter
        splitter.setHandleWidth(1)
        splitter.addWidget(self._containers)
        splitter.addWidget(self._middle)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setCollapsible(0, False)
        splitter.setCollapsible(1, False)
        splitter.setSizes([theme.px(LIST), theme.px(1140)])
        splitter.splitterMoved.connect(self._choose_width)
        centre = QWidget()
        column = theme.lay(QVBoxLayout(centre), self._toolbar, notices, around=0, gap=0)
        if self.dock is None:
            column.addWidget(splitter, 1)
        else:
            column.addWidget(self.dock.splitter, 1)
            self._toolbar.add_button(self.dock.button)
        self._window.setCentralWidget(centre)

    def one_column(self) -> bool:
        """Whether the window is too narrow for list and container side by side."""
        return self._window.width() < self._theme.px(ONE_COLUMN)

    def low(self) -> bool:
        """Whether the window is too low for strata and panel, one above the other."""
        return self._window.height() < self._theme.px(LOW)

    def restore(self, settings: SettingsLike) -> None:
        """Restore size, position and widths."""
        window = self._window
        edge = QSize(EDGE, EDGE)
        window.resize(
            QSize(1440, 900).boundedTo(window.screen().availableSize() - edge).expandedTo(window.minimumSize())
        )
        geometry = settings.get("geometry")
        if geometry:
            window.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
        kept = settings.get(_LIST_WIDTH) or ""
        if kept.isdecimal() and len(kept) < 6:
            self._list_width = max(self._theme.px(LIST_LEAST), min(self._theme.px(LIST_MOST), int(kept)))
        if self.dock is not None:
            self.dock.restore(settings)

    def remember(self, settings: SettingsLike) -> None:
        """Store size, position and widths."""
        window = self._window
        settings.set("geometry", bytes(window.saveGeometry().toBase64().data()).decode("ascii"))
        settings.set(_LIST_WIDTH, str(self._list_width))
        if self.dock is not None:
            self.dock.remember(settings)

    def _choose_width(self) -> None:
        """Take over the list's width from the user: it shrinks only if there is no room, and is restored."""
        if self._was_narrow is False and self._window.width() >= self._theme.px(DRAWER):
            self._list_width = self.splitter.sizes()[0]

    @property
    def has_column(self) -> bool:
        """Whether there is a column on this page: without hardening of running containers there is on one page only."""
        return self.dock is not None and (self._own_column is not None or self._column is not None)

    @property
    def beside_plan(self) -> bool:
        """Whether the page in view is about the container whose plan is beside it."""
        page = self._pages.made.get(self._pages.view)
        about = None if page is None else page.about()
        return self._pages.view not in MACHINE or (about is not None and about == self._selection.key)

    @property
    def _own_column(self) -> Any:
        """The page's own column, if it has one."""
        page = self._pages.made.get(self._pages.view)
        return None if page is None else page.column

    def to_column(self) -> None:
        """Focus the hardening column, if there is one, on its page where that is where it is."""
        if self.dock is None:
            return
        if self._own_column is None and (View.PLAN in self._pages.switch.views or not self.beside_plan):
            self._pages.show_view(self._pages.home)
        self.dock.to_column()

    # -- one column

    def bring_forward(self) -> None:
        """In the one-column layout, go from the list to the container."""
        if self.one_column() and self._selection.current is not None:
            from_list = self._containers.isAncestorOf(self._window.focusWidget())
            self.page_turned = True
            self.adapt()
            if from_list:
                focus_order.enter(self._pages)

    def go_back(self) -> None:
        """Go back to the list (one column) or to the strata (low window)."""
        strata_page = self._pages.strata_page
        if strata_page.layer_open and self.low():
            strata_page.close_layer()
        elif self.one_column():
            self.page_turned = False
            self.adapt()
            self._containers.view.setFocus()

    def _turn_list(self) -> None:
        if self.page_turned:
            self.page_turned = False
            self.adapt()
            self._containers.view.setFocus()
        else:
            self.bring_forward()

    def to_filter(self) -> None:
        """Focus the filter; where there is one column, the list comes with it."""
        if not self._toolbar.filter.isVisible():
            self.page_turned = False
            self.adapt()
        self._toolbar.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._toolbar.filter.selectAll()

    # -- fitting

    def resized(self) -> None:
        """Handle another size of the window."""
        if self.dock is not None:
            self.dock.adapt()
        self.adapt()

    def adapt(self) -> None:
        """Fold parts away, or bring them back."""
        window, theme, containers, pages = self._window, self._theme, self._containers, self._pages
        width, one = window.width(), self.one_column()
        narrow = width < theme.px(NARROW)
        pages.offer_plan(there=self._column is not None and width < theme.px(DRAWER))
        self._toolbar.root.set_folded(width < theme.px(DRAWER))
        self._toolbar.fit(width, labelled=width >= theme.px(FOLD_ENGINES), tight=one)
        containers.set_narrow(narrow and not one)
        if not one:
            self._fit_list(narrow=narrow)
        self._was_narrow = None if one else narrow
        if one:
            containers.setMinimumWidth(0)
            containers.setMaximumWidth(UNBOUNDED)
            empty, in_front = self._selection.empty, self.page_turned and self._selection.current is not None
            shown = ((self._middle, in_front or empty), (containers, not in_front and not empty))
            for part, there in sorted(shown, key=lambda each: not each[1]):
                part.setVisible(there)  # show parts before hiding others, so that the focus has somewhere to go
        else:
            containers.setVisible(True)
            self._middle.setVisible(True)
        listed = one and not (self.page_turned and self._selection.current is not None) and not self._selection.empty
        self._toolbar.set_one_column(one=one, listed=listed)
        height = window.height()
        pages.strata_page.adapt(
            low=self.low(), compact=height < theme.px(COMPACT), low_card=height < theme.px(LOW_CARD),
            live=height >= theme.px(LIVE),
        )  # fmt: skip
        pages.adapt(one_column=one, low=height < theme.px(FLAT), live=height >= theme.px(COMPACT))
        wide = width >= theme.px(WIDE) and self._selection.current is not None and pages.view not in MACHINE
        self._findings.set_seen(seen=wide)
        pages.strata_page.panel.set_findings_elsewhere(elsewhere=wide)
        if self.dock is not None:
            own = self._own_column
            self.dock.show_column(own or (self._column if self.beside_plan else None))
            self.dock.button.setEnabled(own is not None or self._selection.current is not None)
        here, places = window.focusWidget(), (containers.view, pages)
        focus_order.keep(window, *(places[::-1] if here is not None and pages.isAncestorOf(here) else places))

    def _fit_list(self, *, narrow: bool) -> None:
        """Set the list's width: 64, or what the user chose, as far as there is room."""
        containers, theme = self._containers, self._theme
        slim = self._window.width() < theme.px(DRAWER)  # a plan of two columns needs the room
        if narrow:
            containers.setFixedWidth(theme.px(LIST_NARROW))
        else:
            containers.setMinimumWidth(theme.px(LIST_SLIM if slim else LIST_LEAST))
            containers.setMaximumWidth(theme.px(LIST_SLIM if slim else LIST_MOST))
        width = theme.px(LIST_NARROW if narrow else LIST_SLIM) if narrow or slim else self._list_width
        if narrow is not self._was_narrow or self.splitter.sizes()[0] != width:
            self.splitter.setSizes([width, max(1, self.splitter.width() - width)])
