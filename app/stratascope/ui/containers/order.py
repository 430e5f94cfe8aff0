"""How the list is divided: what stands first, which group a container is in, in what order, what is folded. No Qt.

What can take over the machine comes first, by itself, whatever it belongs to. Then what was pinned, then projects and
pods, and last what belongs to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from enum import StrEnum
from operator import is_

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.natural_sort import Natural, natural
from stratascope.presentation.takeover import critical as critical
from stratascope.presentation.takeover import runs
from stratascope.presentation.takeover import undecided as undecided
from stratascope.usecases.listing.alike import likeness
from stratascope.usecases.many.kinds import PROJECT, label
from stratascope.value import Value

POD_ID = 12  # characters of it that are shown

Pin = tuple[str, str]  # engine and name: what is created anew under its name stays where it was
Worst = tuple[float, float]


class ViewBy(StrEnum):
    """How the list is divided."""

    WORST = "worst"
    PROJECT = "project"
    ENGINE = "engine"
    NAME = "name"


class GroupKind(StrEnum):
    """What a head stands for."""

    TAKE_OVER = "take-over"
    PINNED = "pinned"
    COMPOSE = "compose"
    POD = "pod"
    ENGINE = "engine"
    OWN = "own"
    ALL = "all"


FOLDS = frozenset({GroupKind.COMPOSE, GroupKind.POD, GroupKind.ENGINE, GroupKind.OWN})
_FLAT = frozenset({GroupKind.TAKE_OVER, GroupKind.PINNED, GroupKind.ALL})  # no replicas are folded in these
_FIRST, _LAST = (GroupKind.TAKE_OVER, GroupKind.PINNED), GroupKind.OWN


class Group(Value):
    """A head of the list. `key` is its own among all that there ever are."""

    key: str
    kind: GroupKind
    name: str = ""


class Section(Value):
    """A head, and its rows in order: each has one container, or several that are alike."""

    group: Group
    rows: tuple[tuple[ContainerState, ...], ...]
    worst: ContainerState

    @property
    def states(self) -> tuple[ContainerState, ...]:
        """All its containers."""
        return tuple(state for row in self.rows for state in row)


class Sorted(Value):
    """One container with all that its place depends on: made once for each reading of it."""

    state: ContainerState
    group: Group
    worst: tuple[float, float, Natural, tuple[str, str]]
    name: tuple[Natural, tuple[str, str]]
    critical: bool
    alike: Hashable  # a number of its own for each kind; None: always by itself

    @property
    def pin(self) -> Pin:
        return self.state.container.engine, self.state.container.name


def worst_first(state: ContainerState) -> tuple[float, float, Natural, tuple[str, str]]:
    """Sort key: the exposure as it is written in the row, then what it is at best, then the name."""
    best, worst = (-1.0, -1.0) if state.matrix is None else (state.matrix.exposure.best, state.matrix.exposure.worst)
    if not runs(state):
        best, worst = -2.0, -2.0
    return (-worst, -best, natural(state.container.name), state.key)


def by_name(state: ContainerState) -> tuple[Natural, tuple[str, str]]:
    """Sort key: the name, whatever its case, and numbers in it by their value."""
    return (natural(state.container.name), state.key)


def group_of(state: ContainerState) -> Group:
    """The Compose project or the pod that it belongs to, or neither."""
    container = state.container
    project = label(container, PROJECT)
    if project:
        return Group(f"compose:{container.engine}:{project}", GroupKind.COMPOSE, project)
    if container.pod:
        return Group(
            f"pod:{container.engine}:{container.pod}", GroupKind.POD, container.pod_name or container.pod[:POD_ID]
        )
    return Group(GroupKind.OWN, GroupKind.OWN)


class Sorter:
    """Remembers what the place of each container depends on; asked again for the same reading it answers at once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Sorted] = {}
        self._kinds: dict[Hashable, int] = {}

    def of(self, state: ContainerState) -> Sorted:
        kept = self._kept.get(state.key)
        if kept is not None and kept.state is state:
            return kept
        alike = likeness(state)
        made = Sorted(
            state,
            group_of(state),
            worst_first(state),
            by_name(state),
            runs(state) and critical(state),
            None if alike is None else self._kinds.setdefault(alike, len(self._kinds)),
        )
        self._kept[state.key] = made
        return made

    def forget_all_but(self, alive: Collection[tuple[str, str]]) -> None:
        """What is gone needs no place."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in alive}
        if len(self._kinds) > 4 * len(self._kept) + 64:  # kinds of readings that are long past
            self._kinds.clear()
            self._kept.clear()


class Divider:
    """Divides a list into sections, in order. A section whose containers are as before is the same object as before."""

    def __init__(self) -> None:
        self._made: dict[Group, tuple[list[Sorted], Section, Worst]] = {}
        self._as: tuple[ViewBy, bool] | None = None

    def sections(
        self, found: Iterable[Sorted], view_by: ViewBy, pinned: Collection[Pin] = (), *, fold: bool = True
    ) -> tuple[Section, ...]:
        """Empty ones are left out. `fold`: replicas that are alike share a row."""
        groups: dict[Group, list[Sorted]] = {}
        for each in found:
            groups.setdefault(_group(each, view_by, pinned), []).append(each)
        before = self._made if self._as == (view_by, fold) else {}
        self._made, self._as = {}, (view_by, fold)
        for group, members in groups.items():
            kept = before.get(group)
            if kept is None or len(kept[0]) != len(members) or not all(map(is_, kept[0], members)):
                kept = (members, *_section(group, members, by_name=view_by is ViewBy.NAME, fold=fold))
            self._made[group] = kept
        every = sorted(self._made.values(), key=lambda each: _place(each[1].group, each[2], view_by))
        return tuple(section for _, section, _ in every)


def _section(group: Group, members: list[Sorted], *, by_name: bool, fold: bool) -> tuple[Section, Worst]:
    worst = min(members, key=lambda each: each.worst)
    ordered = sorted(members, key=lambda each: each.name if by_name else each.worst)
    flat = not fold or group.kind in _FLAT
    rows = tuple((each.state,) for each in ordered) if flat else _folded(ordered)
    return Section(group, rows, worst.state), worst.worst[:2]


def _group(each: Sorted, view_by: ViewBy, pinned: Collection[Pin]) -> Group:
    if view_by is ViewBy.WORST and each.critical:
        return Group(GroupKind.TAKE_OVER, GroupKind.TAKE_OVER)
    if pinned and each.pin in pinned:
        return Group(GroupKind.PINNED, GroupKind.PINNED)
    if view_by is ViewBy.ENGINE:
        engine = each.state.container.engine
        return Group(f"engine:{engine}", GroupKind.ENGINE, engine)
    if view_by is ViewBy.NAME:
        return Group(GroupKind.ALL, GroupKind.ALL)
    return each.group


def _place(group: Group, worst: Worst, view_by: ViewBy) -> tuple[int, Worst, Natural, str]:
    """Sort key of a section."""
    if group.kind in _FIRST:
        return _FIRST.index(group.kind), (0.0, 0.0), (), group.key
    last = len(_FIRST) + (group.kind is _LAST)
    return last, worst if view_by is ViewBy.WORST else (0.0, 0.0), natural(group.name), group.key


def _folded(members: list[Sorted]) -> tuple[tuple[ContainerState, ...], ...]:
    """Where the worst of the replicas stands, as their names go."""
    rows: dict[Hashable, list[Sorted]] = {}
    for place, each in enumerate(members):
        rows.setdefault(("alone", place) if each.alike is None else each.alike, []).append(each)
    return tuple(tuple(each.state for each in sorted(row, key=lambda one: one.name)) for row in rows.values())


def group_title(group: Group) -> str:
    """A head in words."""
    words: dict[GroupKind, Message] = {
        GroupKind.TAKE_OVER: msg("Can take over this machine"),
        GroupKind.PINNED: msg("Pinned"),
        GroupKind.OWN: msg("Standalone"),
        GroupKind.ALL: msg("All"),
    }
    return translate(words[group.kind]) if group.kind in words else plain(group.name, 200)


def kind_word(kind: GroupKind) -> str:
    """What a group is, where its name does not say it."""
    words: dict[GroupKind, Message] = {GroupKind.COMPOSE: msg("Compose"), GroupKind.POD: msg("Pod")}
    return translate(words[kind]) if kind in words else ""
