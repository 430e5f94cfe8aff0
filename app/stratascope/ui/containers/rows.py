"""The rows that a list has for these containers: heads, containers, replicas in one row, in words. No Qt.

What a row says is made once for each reading of its container, not at each painting or at each letter of the filter.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable

from stratascope.core.message import Message, msg, plural
from stratascope.core.raised import raised
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import exposure_sentence, status_word
from stratascope.presentation.history_report import layer_title
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.order import (
    FOLDS,
    Divider,
    GroupKind,
    Pin,
    Section,
    Sorter,
    ViewBy,
    group_title,
    kind_word,
)
from stratascope.ui.kit.marks import assessed_word
from stratascope.usecases.listing import filter as listing
from stratascope.usecases.listing.alike import common_name, drifts
from stratascope.usecases.listing.query import Query
from stratascope.value import Value, replace

Key = tuple[str, ...]  # ("head", group) or ("row", engine, id)


class ListRow(Value):
    """One row. A head has no `state`; `count` is how many containers it is over.

    A container's row stands for `count` of them, itself the first; `members` are the keys of the others. `opened`: it
    is the first of so many that have a row each. `reason`: why the filter found it, where that is not its name.
    """

    key: Key
    section: str
    title: str
    second: str = ""
    count: int = 0
    state: ContainerState | None = None
    kind: GroupKind | None = None
    worst: Matrix | None = None  # of a group
    folded: bool = False
    members: tuple[tuple[str, str], ...] = ()
    opened: int = 0
    reason: str = ""
    drift: bool = False

    @property
    def folds(self) -> bool:
        """Whether its group can be folded."""
        return self.kind in FOLDS

    @property
    def settled(self) -> bool:
        """Whether it has a place by what was read of it; before, it goes to one at once."""
        return self.state is None or self.state.matrix is not None or self.state.gap is not None


class Rows:
    """Makes the entries. What is folded, pinned and filtered is told by fields; `shown` counts what passed."""

    def __init__(self) -> None:
        self.view_by = ViewBy.WORST
        self.query = Query()
        self.pinned: Collection[Pin] = ()
        self.folded: set[str] = set()  # groups
        self.opened: set[str] = set()  # replicas that have a row each, by `replicas_key`
        self.shown: tuple[ContainerState, ...] = ()
        self.unknown = 0  # of how many the filter can't say
        self._sorter = Sorter()
        self._divider = Divider()
        self._divided: tuple[Section, ...] = ()
        self._made: dict[str, tuple[Section, list[ListRow], tuple[ContainerState, ...]]] = {}
        self._shape: Hashable = None  # all beside the containers that the entries depend on
        self._texts: dict[tuple[str, str], tuple[ContainerState, str, str, bool]] = {}
        self._answers: dict[tuple[str, str], tuple[ContainerState, Query, listing.Match]] = {}

    def forget_all_but(self, alive: Collection[tuple[str, str]]) -> None:
        """What is gone."""
        if len(self._texts) == len(alive) and all(key in self._texts for key in alive):
            return
        self._texts = {key: kept for key, kept in self._texts.items() if key in alive}
        self._answers = {key: kept for key, kept in self._answers.items() if key in alive}
        self._sorter.forget_all_but(alive)

    def of(self, states: tuple[ContainerState, ...]) -> list[ListRow]:
        """Heads and rows in order. Sets `shown` and `unknown`."""
        found, self.unknown = [], 0
        for state in states:
            passed = self._answer(state).found
            if passed:
                found.append(self._sorter.of(state))
            self.unknown += passed is None
        shape = (self.view_by, self.query, frozenset(self.folded), frozenset(self.opened))
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

    def section_of(self, key: tuple[str, str]) -> str:
        """The group that a container stands in; empty where it is not shown."""
        return next((each.group.key for each in self._divided if any(state.key == key for state in each.states)), "")

    def _section(self, section: Section) -> list[ListRow]:
        group = section.group
        folded = group.kind in FOLDS and group.key in self.folded and self.query.empty
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
        worst = section.worst if group.kind in (GroupKind.COMPOSE, GroupKind.POD, GroupKind.OWN) else None
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
        said = "" if reason is None else plain(translate(reason), 300)
        return ListRow(("row", *state.key), section, title, second, 1, state, reason=said, drift=drift)

    def _text(self, state: ContainerState) -> tuple[str, str, bool]:
        kept = self._texts.get(state.key)
        if kept is None or kept[0] is not state:
            container = state.container
            name = plain(container.name or container.id[:12], 300)
            kept = self._texts[state.key] = state, name, short_image(plain(container.image, 300)), drifts(state)
        return kept[1:]

    def _answer(self, state: ContainerState) -> listing.Match:
        if self.query.empty:
            return listing.YES
        kept = self._answers.get(state.key)
        if kept is None or kept[0] is not state or kept[1] is not self.query:
            kept = self._answers[state.key] = state, self.query, listing.answer(self.query, state)
        return kept[2]


def replicas_key(first: ContainerState) -> str:
    """The first of replicas that are alike, also when it has been created anew under its name."""
    return f"{first.container.engine}:{first.container.name}"


def short_image(image: str) -> str:
    """The image without registry and digest: `docker.io/library/nginx:1.27@sha256:…` is `nginx:1.27`."""
    return image.partition("@")[0].rsplit("/", 1)[-1] or image


def spoken(entry: ListRow) -> str:
    """A row for the ear, and for its tooltip."""
    state = entry.state
    if state is None:
        return _spoken_head(entry)
    lines = [
        translate(msg("{name}, {status}", name=entry.title, status=status_word(state.container))),
        translate(msg("{engine} · {image}", engine=state.container.engine, image=entry.second)),
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
