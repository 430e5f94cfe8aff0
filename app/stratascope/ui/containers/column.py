"""The left column: alert, headers, the list of containers, a status line. Choosing a row changes the selection."""

from __future__ import annotations

import json
import time

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.processes import short_age
from stratascope.presentation.takeover import may_run, unseen_engines
from stratascope.ui.containers.alert import LOOKING, AlertButton
from stratascope.ui.containers.list_view import ContainerView
from stratascope.ui.containers.model import ContainerModel
from stratascope.ui.containers.row_paint import EDGE, ListHead
from stratascope.ui.containers.rows import ViewBy, is_turn
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import SettingsLike
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.page import GroupSwitch
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.usecases.listing.filter import hint

UNCHANGED = 90  # seconds without news, after which minutes are shown


def age_line(snapshot: Snapshot, age_now: float) -> Message:
    """Return how many run, and how old the snapshot is. `age_now`: seconds since it came, on the monotonic clock."""
    count = len(snapshot.containers)
    if snapshot.nothing_read:
        return msg("Nothing could be read")
    if snapshot.captures:
        machines = len(snapshot.captures)
        if machines == 1:
            return plural("{count} container from a capture", "{count} containers from a capture", count)
        where = plural("{count} capture", "{count} captures", machines)
        return plural("{count} container from {where}", "{count} containers from {where}", count, where=where)
    if snapshot.reading:
        return msg("Reading what was captured…")
    if snapshot.asking and not count:
        return LOOKING
    if snapshot.demo:
        return plural("{count} demo container", "{count} demo containers", count)
    boxes = any(state.container.sandbox is not None for state in snapshot.containers)
    stopped = sum(state.container.sandbox is None and not may_run(state) for state in snapshot.containers)
    containers = plural("{count} container", "{count} containers", count)
    if stopped or boxes:  # sandboxes run, and their group has their number
        containers = msg("{running} running, {stopped} stopped", running=count - stopped, stopped=stopped)
    shown = {state.container.engine for state in snapshot.containers}
    silent = [each.id for each in snapshot.engines if each.state is EngineState.UNREACHABLE and each.id in shown]
    if silent:  # their last known containers are still shown
        names = listed(plain(each, 60) for each in silent)
        return msg("{containers}; no answer from {engines}", containers=containers, engines=names)
    seconds = max(0, round(age_now))
    if seconds < UNCHANGED:
        return msg("{containers}, {seconds} s ago", containers=containers, seconds=seconds)
    return msg("{containers}, unchanged for {age}", containers=containers, age=short_age(seconds))


def filter_line(shown: int, count: int, unknown: int) -> Message:
    """The status line while a filter is set. `unknown`: containers for which a match cannot be decided."""
    if unknown:
        return msg("{shown} of {count} shown, {unknown} not known. Esc shows all", shown=shown, count=count,
                   unknown=unknown)  # fmt: skip
    return msg("{shown} of {count} shown. Esc shows all", shown=shown, count=count)


# What the user folded and unfolded in the list, kept across starts. A group is identified by its key, however the list
# is grouped; identical replicas by the engine and the name of the first. Only manual folds are kept: a group that opens
# to reveal a container is folded again at the next start.
FOLDED, UNFOLDED = "folded", "unfolded"  # settings: groups are open unless folded, replicas share a row unless unfolded
MOST, LONGEST = 200, 200  # keys, and characters of one: strangers choose the names of projects


class Folds:
    """Keys kept in the settings, newest last; beyond the maximum the oldest are dropped."""

    def __init__(self, settings: SettingsLike, setting: str) -> None:
        self._settings, self._setting = settings, setting
        self.all: tuple[str, ...] = _read(settings.get(setting) or "")

    def turn(self, key: str, turned: bool) -> None:
        """Add or remove the key of what was folded, or unfolded, by hand."""
        others = tuple(each for each in self.all if each != key)
        self.all = (*others, key)[-MOST:] if turned and len(key) <= LONGEST else others
        self._settings.set(self._setting, json.dumps(self.all))


def _read(text: str) -> tuple[str, ...]:
    """Parse the setting, leaving out invalid keys."""
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    keys = found if isinstance(found, list) else []
    good = [each for each in keys if isinstance(each, str) and len(each) <= LONGEST]
    return tuple(dict.fromkeys(good))[-MOST:]


class ContainerColumn(QWidget):
    """The left column. `opened`: show one container, by Enter or a click. `view_by_changed`: the new grouping."""

    opened = Signal()
    view_by_changed = Signal(object)

    def __init__(
        self,
        theme: Theme,
        selection: Selection,
        machine: GroupSwitch,
        settings: SettingsLike,
        parent: QWidget | None = None,
    ) -> None:
        """`machine`: the switch between pages about all containers."""
        super().__init__(parent)
        self.machine = machine
        self.setObjectName("column")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._selection = theme, selection
        self._narrow = False
        self._came = time.monotonic()  # the snapshot
        self.head_menu: QMenu | None = None
        self.model = ContainerModel()
        self.folds, self.replicas = Folds(settings, FOLDED), Folds(settings, UNFOLDED)
        self.model.set_turned(self.folds.all)
        self.model.set_opened(self.replicas.all)
        self.alert = AlertButton(theme)
        self.head = ListHead(theme)
        self.view = ContainerView(theme, self.model)
        self.nothing = Label(theme, 12, ink="text2", wrap=True)
        self.nothing.hide()
        self.status = Line(theme, 11, ink="text2")
        self._lay_out()
        self.view.verticalScrollBar().rangeChanged.connect(self._align)
        theme.changed.connect(self._align)
        selection.listed, selection.worst = self.model.keys, self.model.worst
        selection.arrived.connect(self._show_snapshot)
        selection.container_changed.connect(self._follow)
        selection.filter_changed.connect(self._show_filtered)
        selection.chosen.connect(self.view.roll_to)  # groups unfold only for an explicit choice
        selection.front_wanted.connect(self._show_row)
        self.model.divided.connect(self._follow)
        self.model.divided.connect(self.view.keep_in_sight)
        self.view.chosen.connect(selection.choose)
        self.view.left.connect(lambda: selection.set_filter(""))
        self.view.opened.connect(self._open)
        self.view.folded.connect(self._keep_fold)
        self.view.unfolded.connect(self.replicas.turn)
        self.view.head_menu_wanted.connect(self.open_head_menu)
        self.alert.wanted.connect(self._open)
        self.head.chosen.connect(self.set_view_by)
        self._show_head()

    def _lay_out(self) -> None:
        theme = self._theme
        layout = theme.lay(QVBoxLayout(self), around=(0, 12, 0, 8), gap=6)
        inset = theme.lay(QVBoxLayout(), self.alert, self.machine, around=(12, 0, 12, 0), gap=8)
        theme.lay(layout, inset, self.head)
        beside = theme.lay(QHBoxLayout(), self.nothing, around=(EDGE, 0, EDGE, 0))
        theme.lay(layout, beside, (self.view, 1))
        foot = theme.lay(QVBoxLayout(), self.status, around=(EDGE, 0, 8, 0))
        layout.addLayout(foot)

    # -- contents

    def set_view_by(self, view_by: ViewBy) -> None:
        """Group the list another way."""
        self.model.set_view_by(view_by)
        self.head.show_view_by(view_by)
        self.view_by_changed.emit(view_by)

    def open_head_menu(self, at: QPoint) -> None:
        """Open the menu of group headers: fold or unfold all, and how the list is grouped."""
        if self.head_menu is not None:
            self.head_menu.deleteLater()
        menu = self.head_menu = QMenu(self)
        for word, folded in ((msg("Collapse all"), True), (msg("Expand all"), False)):
            action = menu.addAction(translate(word))
            action.triggered.connect(lambda _=False, folded=folded: self.view.fold_all(folded=folded))
        menu.addSeparator()
        menu.addActions(self.head.group.actions())
        menu.popup(at)

    def set_elsewhere(self, elsewhere: bool) -> None:
        """Say whether the page in view is about all containers."""
        self.view.set_elsewhere(elsewhere)

    def set_narrow(self, narrow: bool) -> None:
        """Reduce the column to 64 px: initials and the worst mark."""
        if narrow is self._narrow:
            return
        self._narrow = narrow
        self.view.set_narrow(narrow)
        self.alert.set_narrow(narrow)
        self.machine.set_tight(narrow)
        self._show_head()
        self.status.setVisible(not narrow)

    def tell_age(self) -> None:
        """Show the snapshot's age; while a filter is set, how many containers match."""
        snapshot, model = self._selection.snapshot, self.model
        if snapshot is None:
            return
        if model.query.empty:
            self.status.say(translate(age_line(snapshot, time.monotonic() - self._came)))
        else:
            self.status.say(translate(filter_line(model.shown(), len(snapshot.containers), model.unknown)))

    def first_found(self) -> None:
        """Move from the filter to the list: to the container of that name, else the one in view, or the first match."""
        selection, name = self._selection, self._selection.filter.strip().casefold()
        states = () if selection.snapshot is None else selection.snapshot.containers
        shown = {state.key for state in states if state.container.name.casefold() == name} & set(selection.listed())
        if shown and selection.key not in shown:
            selection.choose(min(shown))
        if self._row() < 0:
            self.view.select_key(None)

    def take_focus(self) -> None:
        """Focus the list, if visible: otherwise Qt would focus the first widget in the tab order."""
        if self.view.isVisible():
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _keep_fold(self, section: str, folded: bool) -> None:
        self.folds.turn(section, is_turn(section, folded=folded))

    def _open(self, key: Key) -> None:
        self._selection.go_to(key)
        self.opened.emit()

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        self._came = time.monotonic()
        self.model.show(snapshot.containers, snapshot.engines)
        self.view.keep_in_sight(still=self._selection.touched)  # until then it gives way to a worse one
        if snapshot.nothing_read:
            self.alert.show_unread()
        elif snapshot.containers or not snapshot.asking:
            self.alert.show_states(snapshot.containers, unseen_engines(snapshot), snapshot.asking)
        else:
            self.alert.show_looking()
        self._show_head()
        self.tell_age()
        self._tell_filter()

    def _show_filtered(self, words: str) -> None:
        """Filter the list; the container in view stays, even if it does not match."""
        self.model.set_filter(words)
        if self._selection.key is None:
            self.first_found()
        self.tell_age()
        self._tell_filter()

    def _follow(self) -> None:
        """Select the row of the container in view."""
        self.view.follow(self._selection.key)

    def _show_row(self) -> None:
        """Unfold the group of a container that was asked for."""
        if self._selection.key is not None:
            self.view.reveal(self._selection.key)

    def _row(self) -> int:
        key = self._selection.key
        return self.model.row_of(key) if key is not None else -1

    # -- painting

    def _align(self) -> None:
        bar = self.view.verticalScrollBar()
        self.head.set_inset(bar.sizeHint().width() if bar.maximum() > bar.minimum() else 0)

    def _show_head(self) -> None:
        """Hide the header if there are no containers."""
        self.head.setVisible(not self._selection.empty and not self._narrow)

    def _tell_filter(self) -> None:
        nothing = not self._selection.empty and self.model.shown() == 0
        said = not self.nothing.isHidden()
        self.nothing.setVisible(nothing)
        if nothing:
            query = self.model.query
            why = query.trouble or hint(query, self.model.states())
            self.nothing.setText(plain(translate(why or msg("No container matches the filter"))))
            if not said:
                accessibility.announce(self, self.nothing.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("panel"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
