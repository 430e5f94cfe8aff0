"""The rows of the list and their order: group headers, containers, replicas in one row. No Qt.

A row's texts are made once per reading of its container, not at each paint or each letter of the filter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import count
from operator import is_

from stratascope.core.container import Engine
from stratascope.core.message import Message, comma, msg, plural
from stratascope.core.reach.row import ReachRow
from stratascope.core.relaunch.transaction import Transaction, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, raised
from stratascope.core.text import Natural, natural
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.engine_signs import EngineSign, engine_title, sign_of, suffixes
from stratascope.presentation.exposure import exposure_sentence, status_word
from stratascope.presentation.history_report import layer_title
from stratascope.presentation.takeover import critical, runs, takes_account
from stratascope.presentation.terms import SANDBOX_GROUPS
from stratascope.presentation.threat_outcomes import not_known
from stratascope.ui.kit.marks import assessed_word
from stratascope.usecases.listing import filter as listing
from stratascope.usecases.listing.alike import PROJECT, common_name, drifts, label, likeness
from stratascope.usecases.listing.filter import Query
from stratascope.value import Value, replace

POD_ID = 12  # characters of a pod's id that are shown

Reach = Callable[[ContainerState], ReachRow | None]  # the worst that a sandbox is known to get at


def nothing_of(_: ContainerState) -> None:
    """Nothing is known of any container."""


Pin = tuple[str, str]  # engine and name: a container recreated under its name stays pinned
Worst = tuple[float, float]


class ViewBy(StrEnum):
    """How the list is grouped."""

    WORST = "worst"
    PROJECT = "project"
    ENGINE = "engine"
    NAME = "name"


class GroupKind(StrEnum):
    """What a group header stands for."""

    TAKE_OVER = "take-over"
    ACCOUNT = "account"
    PINNED = "pinned"
    COMPOSE = "compose"
    POD = "pod"
    ENGINE = "engine"
    OWN = "own"
    SANDBOXES = "sandboxes"
    FURTHER = "further"  # sandboxes that are rarely looked at: services, a browser's own processes
    ALL = "all"


FOLDS = frozenset(
    {GroupKind.COMPOSE, GroupKind.POD, GroupKind.ENGINE, GroupKind.OWN, GroupKind.SANDBOXES, GroupKind.FURTHER}
)
# groups in which replicas are not folded
_FLAT = frozenset({GroupKind.TAKE_OVER, GroupKind.ACCOUNT, GroupKind.PINNED, GroupKind.ALL})
_FIRST, _LAST = (GroupKind.TAKE_OVER, GroupKind.ACCOUNT, GroupKind.PINNED), GroupKind.OWN


class Group(Value):
    """A group of the list. `key` is unique among all groups of all groupings."""

    key: str
    kind: GroupKind
    name: str = ""


class Section(Value):
    """A group with its rows in order: each has one container, or several identical replicas."""

    group: Group
    rows: tuple[tuple[ContainerState, ...], ...]
    worst: ContainerState

    @property
    def states(self) -> tuple[ContainerState, ...]:
        """All containers of the group."""
        return tuple(state for row in self.rows for state in row)


class Sorted(Value):
    """A container with everything that its place depends on, computed once per reading."""

    state: ContainerState
    group: Group
    worst: tuple[float, float, Natural, tuple[str, str]]
    name: tuple[Natural, tuple[str, str]]
    takes: GroupKind | None
    alike: Hashable  # a number for each kind of identical replicas; None: never folded

    @property
    def pin(self) -> Pin:
        return self.state.container.engine, self.state.container.name


def worst_first(state: ContainerState) -> tuple[float, float, Natural, tuple[str, str]]:
    """Sort key: the exposure as shown in the row, then the best possible, then the name."""
    best, worst = (-1.0, -1.0) if state.matrix is None else (state.matrix.exposure.best, state.matrix.exposure.worst)
    if not runs(state):
        best, worst = -2.0, -2.0
    return (-worst, -best, natural(state.container.name), state.key)


def by_name(state: ContainerState) -> tuple[Natural, tuple[str, str]]:
    """Sort key: the name, ignoring case, with numbers by value."""
    return (natural(state.container.name), state.key)


def group_of(state: ContainerState) -> Group:
    """Return the Compose project or the pod that a container belongs to, or the group for neither; of a sandbox, what
    kind it is of.
    """
    container = state.container
    if container.sandbox is not None:
        if container.sandbox.folded:
            return Group(GroupKind.FURTHER, GroupKind.FURTHER)
        group = container.sandbox.group
        return Group(f"sandboxes:{group}", GroupKind.SANDBOXES, translate(SANDBOX_GROUPS[group]))
    project = label(container, PROJECT)
    if project:
        return Group(f"compose:{container.engine}:{project}", GroupKind.COMPOSE, project)
    if container.pod:
        return Group(
            f"pod:{container.engine}:{container.pod}", GroupKind.POD, container.pod_name or container.pod[:POD_ID]
        )
    return Group(GroupKind.OWN, GroupKind.OWN)


def _takes(state: ContainerState) -> GroupKind | None:
    """The group of those that can take over something; None: it can't."""
    if state.container.sandbox is not None or not runs(state) or not critical(state):
        return None
    return GroupKind.ACCOUNT if takes_account(state) else GroupKind.TAKE_OVER


_TAKEN = {GroupKind.TAKE_OVER: 0, GroupKind.ACCOUNT: 1, None: 2}  # the worst first


class Sorter:
    """Caches what the place of each container depends on, per reading."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Sorted] = {}
        self._kinds: defaultdict[Hashable, int] = defaultdict(count().__next__)

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
            _takes(state),
            None if alike is None else self._kinds[alike],
        )
        self._kept[state.key] = made
        return made

    def forget_all_but(self, alive: Collection[tuple[str, str]]) -> None:
        """Drop containers that are gone, and kinds that none is of: each is told by all threats, which takes room."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in alive}
        used = {kept.alike for kept in self._kept.values()}
        for alike, number in tuple(self._kinds.items()):
            if number not in used:
                del self._kinds[alike]


class Divider:
    """Divides a list into ordered sections. A section whose containers have not changed stays the same object."""

    def __init__(self) -> None:
        self._made: dict[Group, tuple[list[Sorted], Section, Worst]] = {}
        self._as: tuple[ViewBy, bool] | None = None

    def sections(
        self, found: Iterable[Sorted], view_by: ViewBy, pinned: Collection[Pin] = (), *, fold: bool = True
    ) -> tuple[Section, ...]:
        """Return the sections that are not empty. `fold`: identical replicas share a row."""
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
    if view_by is ViewBy.WORST and each.takes is not None:
        return Group(each.takes, each.takes)
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
    last = len(_FIRST) + (group.kind is _LAST) + 2 * (group.kind is GroupKind.FURTHER)
    return last, worst if view_by is ViewBy.WORST else (0.0, 0.0), natural(group.name), group.key


def _folded(members: list[Sorted]) -> tuple[tuple[ContainerState, ...], ...]:
    """Fold identical replicas into one row, at the place of the worst, sorted by name."""
    rows: dict[Hashable, list[Sorted]] = {}
    for place, each in enumerate(members):
        rows.setdefault(("alone", place) if each.alike is None else each.alike, []).append(each)
    return tuple(tuple(each.state for each in sorted(row, key=lambda one: one.name)) for row in rows.values())


def group_title(group: Group) -> str:
    """Return a group's title."""
    words: dict[GroupKind, Message] = {
        GroupKind.TAKE_OVER: msg("Can take over this machine"),
        GroupKind.ACCOUNT: msg("Can take over a user's account"),
        GroupKind.PINNED: msg("Pinned"),
        GroupKind.OWN: msg("Standalone"),
        GroupKind.FURTHER: msg("Services and browsers"),
        GroupKind.ALL: msg("All"),
    }
    return translate(words[group.kind]) if group.kind in words else plain(group.name, 200)


def is_turn(section: str, *, folded: bool) -> bool:
    """Whether this is not how a group is at first: one is folded then."""
    return folded is not (section == GroupKind.FURTHER)


def kind_word(kind: GroupKind) -> str:
    """Return the kind of a group, if its name does not say it."""
    words: dict[GroupKind, Message] = {GroupKind.COMPOSE: msg("Compose"), GroupKind.POD: msg("Pod")}
    return translate(words[kind]) if kind in words else ""


Key = tuple[str, ...]  # ("head", group) or ("row", engine, id)


class ListRow(Value):
    """One row. A header has no `state`; `count` is the number of containers below it.

    A container's row stands for `count` replicas, itself the first; `members` are the keys of the others. `opened`: it
    is the first of that many replicas with a row each. `reason`: why it matches the filter, if not by its name.
    `engine` is its engine's title, `apart` a suffix where the name and `sign` are another container's, too.
    `kept`: a relaunch or an undo set it aside, as `second` says.
    """

    key: Key
    section: str
    title: str
    second: str = ""
    count: int = 0
    state: ContainerState | None = None
    kind: GroupKind | None = None
    worst: Matrix | None = None  # the worst matrix of a group
    folded: bool = False
    members: tuple[tuple[str, str], ...] = ()
    opened: int = 0
    reason: str = ""
    drift: bool = False
    sign: EngineSign | None = None
    engine: str = ""
    apart: str = ""
    kept: bool = False

    @property
    def folds(self) -> bool:
        """Whether its group can be folded."""
        return self.kind in FOLDS

    @property
    def settled(self) -> bool:
        """Whether its place follows from a reading; until then it is placed at once."""
        return self.state is None or self.state.matrix is not None or self.state.gap is not None


class Rows:
    """Builds the rows. Fields say what is folded, pinned and filtered; `shown` counts the matches."""

    def __init__(self) -> None:
        self.view_by = ViewBy.WORST
        self.query = Query()
        self.pinned: Collection[Pin] = ()
        self.turned: set[str] = set()  # keys of groups that were folded or unfolded by hand
        self.opened: set[str] = set()  # unfolded replicas, by `replicas_key`
        self.shown: tuple[ContainerState, ...] = ()
        self.unknown = 0  # containers for which the filter cannot decide
        self.engines: tuple[Engine, ...] = ()
        self._told: dict[str, tuple[EngineSign, str]] = {}  # sign and title of each engine
        self._told_of: tuple[Engine, ...] = ()
        self.kept: Mapping[tuple[str, str], Message] = {}  # what is kept of others, in a word; `set_kept` changes it
        self._apart: Mapping[tuple[str, str], str] = {}
        self._sorter = Sorter()
        self._divider = Divider()
        self._divided: tuple[Section, ...] = ()
        self._made: dict[str, tuple[Section, list[ListRow], tuple[ContainerState, ...]]] = {}
        self._shape: Hashable = None  # all that the rows depend on besides the containers
        self._texts: dict[tuple[str, str], tuple[ContainerState, str, str, bool]] = {}
        self._answers: dict[tuple[str, str], tuple[ContainerState, Query, listing.Match]] = {}

    def set_kept(self, kept: Mapping[tuple[str, str], Message]) -> None:
        """Say which containers are kept of others: their rows say so in place of the image."""
        self.kept = kept
        self._texts.clear()
        self._made.clear()

    def forget_all_but(self, alive: Collection[tuple[str, str]]) -> None:
        """Drop containers that are gone."""
        if len(self._texts) == len(alive) and all(key in self._texts for key in alive):
            return
        self._texts = {key: kept for key, kept in self._texts.items() if key in alive}
        self._answers = {key: kept for key, kept in self._answers.items() if key in alive}
        self._sorter.forget_all_but(alive)

    def of(self, states: tuple[ContainerState, ...]) -> list[ListRow]:
        """Return headers and rows in order. Sets `shown` and `unknown`."""
        found, self.unknown = [], 0
        for state in states:
            passed = self._answer(state).found
            if passed:
                found.append(self._sorter.of(state))
            self.unknown += passed is None
        if self._told_of != self.engines:
            self._told, self._told_of = {}, self.engines
        self._apart = suffixes(states, self.engines)
        shape = (
            self.view_by, self.query, frozenset(self.turned), frozenset(self.opened), self.engines,
            frozenset(self._apart),
        )  # fmt: skip
        before = self._made if self._shape == shape else {}
        self._divided, self._made, self._shape = (
            self._divider.sections(found, self.view_by, self.pinned), {}, shape
        )  # fmt: skip
        made: list[ListRow] = []
        shown: list[ContainerState] = []
        for section in self._divided:
            kept = before.get(section.group.key)
            if kept is None or kept[0] is not section:
                kept = section, self._section(section), section.states
            self._made[section.group.key] = kept
            made += kept[1]
            shown += kept[2]
        self.shown = tuple(shown)
        return made

    def worst(self) -> ContainerState | None:
        """The worst of the containers shown; of equal ones the first."""
        sorter = self._sorter
        found = min(map(sorter.of, self.shown), key=lambda each: (_TAKEN[each.takes], each.worst[:2]), default=None)
        return None if found is None else found.state

    def section_of(self, key: tuple[str, str]) -> str:
        """Return the group of a container; empty if it is not shown."""
        return next((each.group.key for each in self._divided if any(state.key == key for state in each.states)), "")

    def _section(self, section: Section) -> list[ListRow]:
        group = section.group
        by_hand = group.key in self.turned
        folded = group.kind in FOLDS and by_hand is is_turn(group.key, folded=True) and self.query.empty
        made = [self._head(section, folded=folded)]
        if folded:
            return made
        for row in section.rows:
            first, *others = row
            if others and replicas_key(first) in self.opened:
                made += [replace(self._row(state, group.key), opened=len(row) if state is first else -1)
                         for state in row]  # fmt: skip
            elif others:
                title = plain(common_name(row), 300) or self._text(first)[0]
                made.append(
                    replace(self._row(first, group.key), title=title, count=len(row),
                            members=tuple(state.key for state in others))
                )  # fmt: skip
            else:
                made.append(self._row(first, group.key))
        return made

    def _head(self, section: Section, *, folded: bool) -> ListRow:
        group, states = section.group, section.states
        worst = section.worst if group.kind in FOLDS and group.kind is not GroupKind.ENGINE else None
        return ListRow(
            ("head", group.key),
            group.key,
            group_title(group),
            second=kind_word(group.kind),
            count=len(states),
            kind=group.kind,
            worst=worst.matrix if worst is not None and runs(worst) else None,
            folded=folded,
        )

    def _row(self, state: ContainerState, section: str) -> ListRow:
        title, second, drift = self._text(state)
        reason = self._answer(state).reason
        said = "" if reason is None else plain(translate(reason), 700)
        sign, engine = self._engine(state.container.engine)
        return ListRow(("row", *state.key), section, title, second, 1, state, reason=said, drift=drift,
                       sign=sign, engine=engine, apart=self._apart.get(state.key, ""),
                       kept=state.key in self.kept)  # fmt: skip

    def _engine(self, name: str) -> tuple[EngineSign, str]:
        if name not in self._told:
            self._told[name] = sign_of(name, self.engines), engine_title(name, self.engines)
        return self._told[name]

    def _text(self, state: ContainerState) -> tuple[str, str, bool]:
        kept = self._texts.get(state.key)
        if kept is None or kept[0] is not state:
            container = state.container
            name = plain(container.name or container.id[:12], 300)
            what = short_image(plain(container.image, 300))
            if (kept_word := self.kept.get(state.key)) is not None:
                what = translate(kept_word)
            elif container.sandbox is not None:
                what = plain(container.sandbox.maker_title or container.command, 300)
            kept = self._texts[state.key] = state, name, what, drifts(state)
        return kept[1:]

    def _answer(self, state: ContainerState) -> listing.Match:
        if self.query.empty:
            return listing.YES
        kept = self._answers.get(state.key)
        if kept is None or kept[0] is not state or kept[1] is not self.query:
            kept = self._answers[state.key] = state, self.query, listing.answer(self.query, state)
        return kept[2]


def kept_as(kept: Sequence[Transaction]) -> dict[tuple[str, str], Message]:
    """What each container is that a relaunch or an undo set aside, by its key. `kept`: oldest first."""
    found: dict[tuple[str, str], Message] = {}
    for done in kept:
        word = msg("Kept original") if done.kind is TransactionKind.HARDEN else msg("Kept hardened one")
        for member in done.members:
            found.pop((done.engine, member.new), None)
            if done.owner is None:
                found[done.engine, member.old] = word
    return found


def replicas_key(first: ContainerState) -> str:
    """Return the key of identical replicas: that of the first, stable when it is recreated under its name."""
    return f"{first.container.engine}:{first.container.name}"


def short_image(image: str) -> str:
    """The image without registry, digest and a tag that says nothing: `docker.io/library/nginx:1.27@sha256:…` is
    `nginx:1.27`, `docker.io/library/busybox:latest` is `busybox`.
    """
    return image.partition("@")[0].rsplit("/", 1)[-1].removesuffix(":latest") or image


def spoken(entry: ListRow) -> str:
    """Return a row's text for screen readers and for its tooltip."""
    state = entry.state
    if state is None:
        return _spoken_head(entry)
    lines = [
        translate(comma(entry.title, status_word(state.container))),
        translate(msg("{engine} · {image}", engine=entry.engine or state.container.engine, image=entry.second)),
    ]
    if entry.count > 1:
        lines.insert(1, translate(msg("{count} replicas, all alike; Right shows each", count=entry.count)))
    elif entry.opened > 1:
        lines.insert(1, translate(msg("First of {count} replicas, all alike; Left collapses them", count=entry.opened)))
    if entry.reason:
        lines.append(translate(msg("Found: {what}", what=entry.reason)))
    if (would := state.as_started) is not None:
        lines.append(translate(msg("As it would start: {exposure}", exposure=exposure_sentence(would.matrix))))
    if runs(state):
        lines.append(exposure_sentence(state.matrix))
        if state.matrix is not None and (count := not_known(state.matrix)) is not None:
            lines.append(translate(count))
        if (who := raised(state)) is not None:
            lines.append(translate(who))
        layers = {layer.number: layer for layer in state.layers}
        lines += [
            translate(
                msg(
                    "Layer {number}, {title}: {verdict}, {fact}",
                    number=number,
                    title=layer_title(layers[number].id),
                    verdict=assessed_word(layers[number].assessment),
                    fact=layers[number].assessment.fact,
                )
            )
            for number in sorted(layers)
        ]
    return "\n".join(lines)


def _spoken_head(entry: ListRow) -> str:
    count = plural("{title}, {count} container", "{title}, {count} containers", entry.count, title=_titled(entry))
    lines = [translate(count)]
    if entry.worst is not None:
        lines.append(translate(msg("Worst exposure: {exposure}", exposure=exposure_sentence(entry.worst))))
    if entry.folds:
        lines.append(translate(msg("Collapsed; Right expands it") if entry.folded else msg("Left collapses it")))
    return "\n".join(lines)


def _titled(entry: ListRow) -> str | Message:
    return msg("{kind} {name}", kind=entry.second, name=entry.title) if entry.second else entry.title
