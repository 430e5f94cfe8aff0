"""The page "System calls": the map of the container in view, compared with another container or the engine's default.

It takes the first map that any of the container's layers provides, and knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QMenu, QStackedLayout, QVBoxLayout

from stratascope.core.layer import CallMap
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, first_view
from stratascope.core.text import natural
from stratascope.i18n.translate import translate
from stratascope.presentation.engine_signs import sign_of, suffixes, told_apart
from stratascope.presentation.takeover import runs
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.engine_icons import engine_icon
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.syscalls.view import DEFAULT_TITLE, CallsView

MOST = 60  # containers offered for comparison; more would not fit on the screen


class CallMapPage(QFrame):
    """Title, the other side, and the map; or why there is none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self._theme = theme
        self._state: ContainerState | None = None
        self._others: dict[tuple[str, str], ContainerState] = {}
        self._against: tuple[str, str] | None = None  # None: the engine's default
        self.title = Line(theme, 15, BOLD)
        self.button = text_button(theme, "")
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self._offer)
        self.button.setMenu(self.menu)
        self.view = CallsView(theme)
        self.view.setObjectName("page")
        self.view.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        # in a low window, or with a large font, all of it scrolls, so that parts do not overlap
        self._area = Scrolled(self.view)
        self.empty = Label(theme, 13, ink="text2", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        head = theme.lay(QHBoxLayout(), (self.title, 1), self.button)
        self._pile = QStackedLayout()
        theme.lay(QVBoxLayout(self), head, (self._pile, 1), around=(15, 9, 15, 10), gap=6)
        # not earlier: a stack shows its first page, which would flash as a window of its own
        self._pile.addWidget(self.empty)
        self._pile.addWidget(self._area)
        self.setAccessibleName(translate(msg("System calls")))
        self.show_state(None, ())

    def search_field(self) -> QLineEdit:
        """The page's search field."""
        return self.view.field

    def show_state(self, state: ContainerState | None, others: Sequence[ContainerState]) -> None:
        """Show that container's map; `others` are offered for comparison (itself is left out)."""
        before = self._state
        self._others = {each.key: each for each in others if state is None or each.key != state.key}
        if self._against is not None and self._against not in self._others:
            self._against = None
        self._state = state
        name = "" if state is None else plain(state.container.name)
        self.title.say(translate(msg("System calls of {name}", name=name) if name else msg("System calls")))
        found = None if state is None else first_view(state, CallMap)
        if found is None or not found.tables:
            self.button.hide()
            self.empty.setText(translate(_why_none(state)))
            self._pile.setCurrentWidget(self.empty)
            return
        if before is not state:
            self.view.show_map(found)
        self.button.show()
        self._compare()
        self._pile.setCurrentWidget(self._area)

    def compare_with(self, key: tuple[str, str] | None) -> None:
        """Compare with the container of that key; None: the engine's default."""
        self._against = key if key in self._others else None
        self._compare()

    def _compare(self) -> None:
        other = self._others.get(self._against) if self._against is not None else None
        beside = None if other is None else first_view(other, CallMap)
        if other is None or beside is None:
            self._against = None
            title = translate(DEFAULT_TITLE)
            self.view.compare_with(None)
        else:
            title = plain(other.container.name, 60)
            self.view.compare_with(beside.tables, title)
        text = translate(msg("Beside {other} ▾", other=title)).replace("&", "&&")
        self.button.setText(text)
        self.button.setAccessibleName(translate(msg("Compared with {other}", other=title)))

    def _offer(self) -> None:
        """Fill the menu when it is opened: getting the maps of forty containers takes time."""
        self.menu.clear()
        group = QActionGroup(self.menu)
        self._action(group, translate(DEFAULT_TITLE), None)
        self.menu.addSeparator()
        offered = [each for each in self._others.values() if _has_map(each)]
        apart = suffixes(offered)
        for each in sorted(offered, key=lambda state: natural(state.container.name))[:MOST]:
            icon = engine_icon(sign_of(each.container.engine), self._theme, self.menu)
            self._action(group, told_apart(plain(each.container.name, 60), apart.get(each.key, "")), each.key, icon)

    def _action(self, group: QActionGroup, text: str, key: tuple[str, str] | None, icon: QIcon | None = None) -> None:
        action = QAction(text.replace("&", "&&"), self.menu)
        if icon is not None:
            action.setIcon(icon)
        action.setCheckable(True)
        action.setChecked(key == self._against)
        action.triggered.connect(lambda _=False, chosen=key: self.compare_with(chosen))
        group.addAction(action)
        self.menu.addAction(action)


def _has_map(state: ContainerState) -> bool:
    found: CallMap | None = first_view(state, CallMap)
    return found is not None and bool(found.tables)


def _why_none(state: ContainerState | None) -> Message:
    if state is None:
        return msg("Choose a container to see which system calls reach the kernel.")
    if not runs(state):
        return msg("No process runs in this container, so there is no filter to show. Start it first.")
    return msg("How this container's filter answers each call is not known.")


def make(parts: Parts) -> MadePage:
    """Make the page."""
    page, selection = CallMapPage(parts.theme), parts.selection

    def refresh() -> None:
        if selection.snapshot is not None:
            page.show_state(selection.judged, selection.snapshot.containers)

    return MadePage(page, refresh, page.search_field().setText, page.search_field)
