"""The list of containers with its group headers as one flat model, updated row by row.

Decided against a tree and against resets: selection, scroll position and a screen reader's position must outlive every
update.

Rows do not jump: they keep their places until the new order has been stable for PATIENCE and nobody has used the list
for as long (`touch`), and never move while the pointer is over them (`hold`). Where the order never stands still, they
move after LONGEST. So a container that restarts comes back to its row. New containers, those read for the first time
and those that start go to their places at once; removed ones leave at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from PySide6.QtCore import QAbstractListModel, QElapsedTimer, Qt, Signal

from stratascope.core.container import Engine
from stratascope.core.relaunch.launch_spec import is_mark
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.rows import (
    Key,
    ListRow,
    Pin,
    Reach,
    Rows,
    ViewBy,
    is_turn,
    kept_as,
    nothing_of,
    spoken,
)
from stratascope.ui.kit.background import later
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.table import ROOT, AnyIndex, ItemRole
from stratascope.usecases.listing.filter import Query, parse
from stratascope.value import replace

PATIENCE, LONGEST = 3000, 9000  # ms


def without_passing(
    states: tuple[ContainerState, ...], before: tuple[ContainerState, ...]
) -> tuple[ContainerState, ...]:
    """The containers without those that have a name for a moment, in a relaunch: one that had another name stays as it
    was until its replacement has it. What runs is never left out, whatever it is called.
    """
    passing = {state.key for state in states if is_mark(state.container.name) and not runs(state)}
    if not passing:
        return states
    was = {state.key: state for state in before if not is_mark(state.container.name)}
    taken = {(state.container.engine, state.container.name) for state in states}
    found = []
    for state in states:
        shown = was.get(state.key) if state.key in passing else state
        if shown is state or (shown is not None and (shown.container.engine, shown.container.name) not in taken):
            found.append(shown)
    return tuple(found)


class ContainerModel(QAbstractListModel):
    """Rows of `ListRow`. `show` takes a new snapshot of the containers; the setters and `hold` change the view and emit
    `divided`.
    """

    divided = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[ListRow] = []
        self._places: dict[tuple[str, str], int] = {}  # rows of containers, built on demand
        self._states: tuple[ContainerState, ...] = ()
        self._rows = Rows()
        self._filter = ""
        self.held = False  # the pointer is over the rows
        self.dividing = False  # rows come and go while the containers stay the same
        self.reach: Reach = nothing_of
        self._order: tuple[Key, ...] = ()  # the order without holding rows back
        self.patience = later(self, PATIENCE, self._settle)
        self._waiting = QElapsedTimer()  # since the rows are out of order; invalid: they are not

    # -- for the view

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self._entries):
            return None
        entry = self._entries[index.row()]
        if role == ItemRole:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._spoken(entry)) if entry.state else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(entry)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self._entries[index.row()].state is None:
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def _spoken(self, entry: ListRow) -> str:
        row = None if entry.state is None else self.reach(entry.state)
        return spoken(entry) if row is None else f"{spoken(entry)}\n{translate(row.thing.can)}"

    # -- for the window

    @property
    def view_by(self) -> ViewBy:
        return self._rows.view_by

    @property
    def query(self) -> Query:
        """The current filter."""
        return self._rows.query

    @property
    def unknown(self) -> int:
        """The number of containers for which the filter cannot decide."""
        return self._rows.unknown

    @property
    def pinned(self) -> Collection[Pin]:
        return self._rows.pinned

    def entry(self, row: int) -> ListRow | None:
        """Return the entry of that row, or None."""
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def row_of(self, key: tuple[str, str]) -> int:
        """Return the row of a container, or the row of its replicas; -1 without one."""
        if not self._places:
            for row, entry in enumerate(self._entries):
                if entry.state is not None:
                    self._places[entry.state.key] = row
                    self._places.update(dict.fromkeys(entry.members, row))
        return self._places.get(key, -1)

    def states(self) -> tuple[ContainerState, ...]:
        """All containers, whatever the filter."""
        return self._states

    def passed(self) -> tuple[ContainerState, ...]:
        """The containers that match the filter, in order, folded ones included."""
        return self._rows.shown

    def worst(self) -> tuple[str, str] | None:
        """The key of the worst container that matches the filter; None without any."""
        found = self._rows.worst()
        return None if found is None else found.key

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The keys of `passed`."""
        return tuple(state.key for state in self._rows.shown)

    def first_row(self) -> int:
        """Return the first container's row; -1 without any."""
        return next((row for row, entry in enumerate(self._entries) if entry.state is not None), -1)

    def head_of(self, row: int) -> int:
        """Return the row of the group header of a row; -1 without one."""
        section = self._entries[row].section if 0 <= row < len(self._entries) else ""
        wanted = ("head", section)
        return next((place for place, entry in enumerate(self._entries) if entry.key == wanted), -1)

    def shown(self) -> int:
        """Return how many containers match the filter."""
        return len(self._rows.shown)

    # -- updates

    def show(self, states: tuple[ContainerState, ...], engines: tuple[Engine, ...] = ()) -> None:
        """Replace all containers. `engines`: theirs, as far as they are known."""
        states = without_passing(states, self._states)
        self._states, self._rows.engines = states, engines
        self._rows.forget_all_but({state.key for state in states})
        self._update()

    def set_kept(self, kept: Sequence[Transaction]) -> None:
        """Say what is kept of other containers, oldest first."""
        told = kept_as(kept)
        if told != self._rows.kept:
            self._rows.set_kept(told)
            self._update()

    def set_filter(self, text: str) -> None:
        """Show only containers that match (`usecases.listing.query`)."""
        if text != self._filter:
            self._filter = text
            self._rows.query = parse(text)
            self._divide()

    def set_view_by(self, view_by: ViewBy) -> None:
        """Group the list another way."""
        if view_by is not self.view_by:
            self._rows.view_by = view_by
            self._divide()

    def set_pinned(self, pinned: Collection[Pin]) -> None:
        """Show these above the groups."""
        self._rows.pinned = pinned
        self._divide()

    def set_turned(self, sections: Collection[str]) -> None:
        """These groups were folded, or unfolded, by hand."""
        self._rows.turned = set(sections)
        self._divide()

    def fold(self, section: str, *, folded: bool) -> None:
        """Fold or unfold a group."""
        turned = self._rows.turned
        (turned.add if is_turn(section, folded=folded) else turned.discard)(section)
        self._divide()

    def reveal(self, key: tuple[str, str]) -> None:
        """Unfold the group that hides a container."""
        if self.row_of(key) < 0:
            section = self._rows.section_of(key)
            if section:
                self.fold(section, folded=False)

    def set_opened(self, replicas: Collection[str]) -> None:
        """Give each of these replicas a row (`rows.replicas_key`); all other identical replicas share one."""
        self._rows.opened = set(replicas)
        self._divide()

    def open_replicas(self, key: str, *, opened: bool) -> None:
        """Unfold or fold identical replicas. `key`: that of the first (`rows.replicas_key`)."""
        (self._rows.opened.add if opened else self._rows.opened.discard)(key)
        self._divide()

    def first_of(self, row: int) -> ContainerState | None:
        """Return the first of the unfolded replicas that this row belongs to."""
        while 0 <= row < len(self._entries) and self._entries[row].opened:
            entry = self._entries[row]
            if entry.opened > 0:
                return entry.state
            row -= 1
        return None

    def hold(self, held: bool) -> None:
        """Keep rows from moving while held."""
        if held is not self.held:
            self.held = held
            if not held:
                self.touch()

    def touch(self) -> None:
        """Note that the list is in use: rows wait again before they move."""
        if self.patience.isActive():
            self.patience.start()

    # -- internals

    def _settle(self) -> None:
        if self.held:
            self.patience.start()
        else:
            self._divide()

    def _divide(self) -> None:
        self.dividing = True
        self._update(moving=True)
        self.dividing = False
        self.divided.emit()

    def _update(self, *, moving: bool = False) -> None:
        target = self._rows.of(self._states)
        order = tuple(entry.key for entry in target)
        if not moving:
            target = in_place(self._entries, target)
        if moving or tuple(entry.key for entry in target) == order:
            self.patience.stop()
            self._waiting.invalidate()
        elif not self.patience.isActive():
            self._waiting.start()
            self.patience.start()
        elif order != self._order and not self._waiting.hasExpired(LONGEST - PATIENCE):
            self.patience.start()
        self._order = order
        self._become(target)

    def _become(self, target: list[ListRow]) -> None:
        """Turn the rows into `target` with the fewest signals: remove, insert or move, then change."""
        before = [entry.key for entry in self._entries]
        if before != [entry.key for entry in target]:
            self._places = {}
            self._move(target)
        for place, entry in enumerate(target):
            shown, self._entries[place] = self._entries[place], entry  # also an equal one, which is of this reading
            if shown is not entry and shown != entry:
                if shown.members != entry.members:
                    self._places = {}
                index = self.index(place)
                self.dataChanged.emit(index, index)

    def _move(self, target: list[ListRow]) -> None:
        wanted = {entry.key for entry in target}
        row = len(self._entries) - 1
        while row >= 0:
            if self._entries[row].key in wanted:
                row -= 1
                continue
            first = row
            while first > 0 and self._entries[first - 1].key not in wanted:
                first -= 1
            self.beginRemoveRows(ROOT, first, row)
            del self._entries[first : row + 1]
            self.endRemoveRows()
            row = first - 1
        present = {entry.key for entry in self._entries}
        place = 0
        while place < len(target):
            entry = target[place]
            if entry.key not in present:
                last = place
                while last + 1 < len(target) and target[last + 1].key not in present:
                    last += 1
                self.beginInsertRows(ROOT, place, last)
                self._entries[place:place] = target[place : last + 1]
                self.endInsertRows()
                place = last + 1
                continue
            if self._entries[place].key != entry.key:
                source = next(at for at in range(place, len(self._entries)) if self._entries[at].key == entry.key)
                self.beginMoveRows(ROOT, source, source, ROOT, place)
                self._entries.insert(place, self._entries.pop(source))
                self.endMoveRows()
            place += 1


def in_place(now: list[ListRow], target: list[ListRow]) -> list[ListRow]:
    """Return `target` without moves: rows keep their places, gone ones leave, new ones follow their predecessors.

    Containers that are read for the first time, and those that have started, count as new.
    """
    if not now or [entry.key for entry in now] == [entry.key for entry in target]:
        return target
    fresh = {entry.key: entry for entry in target}
    kept: list[ListRow] = []
    for entry in now:
        new = fresh.get(entry.key)
        if entry.state is None:
            kept.append(new or entry)
        elif new is not None and not _arrives(entry, new):
            kept.append(replace(new, section=entry.section))
    places = {entry.key: at for at, entry in enumerate(kept)}
    behind: dict[int, list[ListRow]] = {}
    anchor = -1  # the last row that is in its place
    for entry in target:
        at = places.get(entry.key)
        if at is not None:
            anchor = at if kept[at].section == entry.section else anchor
            continue
        while entry.state is None and anchor + 1 < len(kept) and kept[anchor + 1].state is not None:
            anchor += 1  # a new group follows the last row of the group before it
        behind.setdefault(anchor, []).append(entry)
    every = behind.get(-1, []) + [each for at, entry in enumerate(kept) for each in (entry, *behind.get(at, ()))]
    sizes: Counter[str] = Counter()
    for entry in every:
        sizes[entry.section] += 0 if entry.state is None else entry.count
    return [
        entry if entry.state is not None or entry.folded else replace(entry, count=sizes[entry.section])
        for entry in every
        if entry.state is not None or sizes[entry.section] or (entry.folded and entry.key in fresh)
    ]


def _arrives(before: ListRow, now: ListRow) -> bool:
    """Whether a row goes to its place at once: its container is read for the first time, or has started."""
    if before.state is None or now.state is None or not now.settled:
        return False
    return not before.settled or (runs(now.state) and not runs(before.state))
