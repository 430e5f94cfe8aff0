"""The map of the container in view beside another side: the engine's default, or another container's."""

from __future__ import annotations

from PySide6.QtGui import QAction, QActionGroup, QIcon
from PySide6.QtWidgets import QMenu

from stratascope.core.layer import CallMap
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, first_view
from stratascope.core.text import natural
from stratascope.i18n.translate import translate
from stratascope.presentation.engine_signs import sign_of, suffixes, told_apart
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.engine_icons import engine_icon
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.syscalls.view import DEFAULT_TITLE, CallsView

MOST = 60  # containers offered for comparison; more would not fit on the screen


class ComparedCalls(CallsView):
    """The map, with a button that chooses the other side."""

    def __init__(self, theme: Theme, selection: Selection, view: CallMap) -> None:
        super().__init__(theme)
        self._selection = selection
        self._against: Key | None = None  # None: the engine's default
        self.button = text_button(theme, "")
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self._offer)
        self.button.setMenu(self.menu)
        self.top.addWidget(self.button)
        self.show_map(view)

    def show_map(self, view: CallMap) -> None:
        """Show another map, beside the same other side if that is still there."""
        super().show_map(view)
        self.follow()

    def follow(self) -> None:
        """Show the other side as it was read last."""
        other = next((each for each in self._others() if each.key == self._against), None)
        beside = None if other is None else first_view(other, CallMap)
        if other is None or beside is None:
            self._against, title = None, translate(DEFAULT_TITLE)
            self.compare_with(None)
        else:
            title = plain(other.container.name, 60)
            self.compare_with(beside.tables, title)
        text = translate(msg("Beside {other} ▾", other=title)).replace("&", "&&")
        self.button.setText(text)
        self.button.setAccessibleName(translate(msg("Compared with {other}", other=title)))

    def compare_beside(self, key: Key | None) -> None:
        """Compare with the container of that key; None: the engine's default."""
        self._against = key
        self.follow()

    def _others(self) -> list[ContainerState]:
        snapshot, key = self._selection.snapshot, self._selection.key
        return [] if snapshot is None else [each for each in snapshot.containers if each.key != key]

    def _offer(self) -> None:
        """Fill the menu when it is opened: getting the maps of forty containers takes time."""
        self.menu.clear()
        group = QActionGroup(self.menu)
        self._action(group, translate(DEFAULT_TITLE), None)
        self.menu.addSeparator()
        offered = [each for each in self._others() if _has_map(each)]
        apart = suffixes(offered)
        for each in sorted(offered, key=lambda state: natural(state.container.name))[:MOST]:
            icon = engine_icon(sign_of(each.container.engine), self._theme, self.menu)
            self._action(group, told_apart(plain(each.container.name, 60), apart.get(each.key, "")), each.key, icon)

    def _action(self, group: QActionGroup, text: str, key: Key | None, icon: QIcon | None = None) -> None:
        action = QAction(text.replace("&", "&&"), self.menu)
        if icon is not None:
            action.setIcon(icon)
        action.setCheckable(True)
        action.setChecked(key == self._against)
        action.triggered.connect(lambda _=False, chosen=key: self.compare_beside(chosen))
        group.addAction(action)
        self.menu.addAction(action)


def _has_map(state: ContainerState) -> bool:
    found: CallMap | None = first_view(state, CallMap)
    return found is not None and bool(found.tables)
