"""The list of containers with section heads as one flat model, updated row by row.

Decided against a tree and against resets: selection, scroll position and a screen reader's place must outlive
every update. While the pointer is over the list existing rows keep their places (`hold`); only their content
changes, new ones are added and gone ones leave.
"""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QAbstractListModel, Qt

from stratascope.core.message import msg, plural
from stratascope.core.raised import raised
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.containers.order import ViewBy, haystack, matches, section_title, sections
from stratascope.ui.widgets.exposure_words import exposure_sentence
from stratascope.ui.widgets.gap_words import runs, status_word
from stratascope.ui.widgets.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.widgets.labels import tip
from stratascope.ui.widgets.marks import assessed_word
from stratascope.value import Value, replace

Key = tuple[str, ...]  # ("head", section) or ("row", engine, id)


class Entry(Value):
    """One row: a head (`state` None) or a container; texts are made once, not at each painting."""

    key: Key
    section: str
    title: str
    second: str = ""
    count: int = 0
    state: ContainerState | None = None


class ContainerModel(QAbstractListModel):
    """Rows of `Entry`. `show` gives it a new picture; `set_filter`, `set_view_by` and `hold` change the view."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self._states: tuple[ContainerState, ...] = ()
        self._many_engines = False
        self._filter = ""
        self._view_by = ViewBy.WORST
        self._held = False
        self._hay: dict[tuple[str, str], tuple[ContainerState, str]] = {}
        self._made: dict[tuple[str, str], tuple[ContainerState, bool, str, Entry]] = {}

    # -- what the view asks

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
            return tip(spoken(entry)) if entry.state else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(entry)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self._entries[index.row()].state is None:
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    # -- what the window asks

    @property
    def view_by(self) -> ViewBy:
        return self._view_by

    def entry(self, row: int) -> Entry | None:
        """The entry in that row, if there is one."""
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def row_of(self, key: tuple[str, str]) -> int:
        """The row of a container; -1 where it is not shown."""
        wanted = ("row", *key)
        return next((row for row, entry in enumerate(self._entries) if entry.key == wanted), -1)

    def keys(self) -> tuple[tuple[str, str], ...]:
        """The containers that are shown, in order."""
        return tuple(entry.state.key for entry in self._entries if entry.state is not None)

    def first_row(self) -> int:
        """The first container's row; -1 without any."""
        return next((row for row, entry in enumerate(self._entries) if entry.state is not None), -1)

    def shown(self) -> int:
        """How many containers pass the filter."""
        return sum(entry.state is not None for entry in self._entries)

    # -- what changes

    def show(self, states: tuple[ContainerState, ...], *, many_engines: bool) -> None:
        """A new picture of all containers."""
        self._states, self._many_engines = states, many_engines
        alive = {state.key for state in states}
        self._hay = {key: kept for key, kept in self._hay.items() if key in alive}
        self._made = {key: kept for key, kept in self._made.items() if key in alive}
        self._update()

    def set_filter(self, text: str) -> None:
        """Only containers whose name, image, engine, id or findings hold all words of `text`."""
        if text != self._filter:
            self._filter = text
            self._update(moving=True)

    def set_view_by(self, view_by: ViewBy) -> None:
        """Divide the list another way."""
        if view_by is not self._view_by:
            self._view_by = view_by
            self._update(moving=True)

    def hold(self, held: bool) -> None:
        """While held, rows do not move."""
        if held is not self._held:
            self._held = held
            if not held:
                self._update()

    # -- how

    def _passes(self, state: ContainerState) -> bool:
        if not self._filter.strip():
            return True
        kept = self._hay.get(state.key)
        if kept is None or kept[0] is not state:
            kept = self._hay[state.key] = (state, haystack(state))
        return matches(kept[1], self._filter)

    def _target(self) -> list[Entry]:
        target: list[Entry] = []
        found = tuple(state for state in self._states if self._passes(state))
        for section in sections(found, self._view_by):
            title = section_title(section.key, self._view_by)
            target.append(Entry(("head", section.key), section.key, title, count=len(section.states)))
            target += [self._entry(state, section.key) for state in section.states]
        return target

    def _entry(self, state: ContainerState, section: str) -> Entry:
        kept = self._made.get(state.key)
        if kept is not None and kept[0] is state and kept[1:3] == (self._many_engines, section):
            return kept[3]
        container = state.container
        name = plain(container.name or container.id[:12], 300)
        image = short_image(plain(container.image, 300))
        two = (
            translate(msg("{engine} · {image}", engine=container.engine, image=image))
            if self._many_engines and self._view_by is not ViewBy.ENGINE
            else image
        )
        entry = Entry(("row", *state.key), section, name, two, state=state)
        self._made[state.key] = (state, self._many_engines, section, entry)
        return entry

    def _update(self, *, moving: bool = False) -> None:
        target = self._target()
        if self._held and not moving:
            target = _in_place(self._entries, target)
        self._become(target)

    def _become(self, target: list[Entry]) -> None:
        """Turn the rows into `target` with the least signals: leave, arrive or move, then change."""
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
        for place, entry in enumerate(target):
            if self._entries[place] is not entry and self._entries[place] != entry:
                self._entries[place] = entry
                index = self.index(place)
                self.dataChanged.emit(index, index)


def _in_place(now: list[Entry], target: list[Entry]) -> list[Entry]:
    """`target` without moves: rows stay where they are, gone ones leave, new ones go to their section's end."""
    fresh = {entry.key: entry for entry in target}
    kept: list[Entry] = []
    for entry in now:
        if entry.state is None:
            kept.append(fresh.get(entry.key, entry))
        elif entry.key in fresh:
            kept.append(replace(fresh[entry.key], section=entry.section))
    known = {entry.key for entry in kept}
    for entry in target:
        if entry.key not in known:
            same = [place for place, other in enumerate(kept) if other.section == entry.section]
            kept.insert(same[-1] + 1 if same else len(kept), entry)
    counts = Counter(entry.section for entry in kept if entry.state is not None)
    return [
        entry if entry.state is not None else replace(entry, count=counts[entry.section])
        for entry in kept
        if entry.state is not None or counts[entry.section]
    ]


def short_image(image: str) -> str:
    """The image without registry and digest: `docker.io/library/nginx:1.27@sha256:…` is `nginx:1.27`."""
    return image.partition("@")[0].rsplit("/", 1)[-1] or image


def spoken(entry: Entry) -> str:
    """A row for the ear, and for its tooltip."""
    state = entry.state
    if state is None:
        return translate(
            plural("{title}, {count} container", "{title}, {count} containers", entry.count, title=entry.title)
        )
    lines = [translate(msg("{name}, {status}", name=entry.title, status=status_word(state.container))), entry.second]
    if runs(state):
        lines.append(exposure_sentence(state.matrix))
        if (who := raised(state)) is not None:
            lines.append(translate(who))
        layers = {layer.number: layer for layer in state.layers}
        lines += [
            translate(
                msg(
                    "Layer {number}: {verdict}, {fact}",
                    number=number,
                    verdict=assessed_word(layers[number].assessment),
                    fact=layers[number].assessment.fact,
                )
            )
            for number in sorted(layers)
        ]
    return "\n".join(lines)
