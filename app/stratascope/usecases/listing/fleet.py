"""A filter on several machines: matching machines, containers, and threats open there. Pure.

A word without a key can match the machine's name, the container's name or image, or the title of a threat open in it;
all words have to match together. `Fleet` indexes a snapshot once, so that each keystroke costs a few milliseconds for
thousands of containers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from stratascope.core.message import Message
from stratascope.core.overview.fleet import Machine, OpenThreat, machines, open_threats
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.core.text import natural
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome, Threat
from stratascope.i18n.translate import translate
from stratascope.usecases.listing.alike import common_name, listing_key
from stratascope.usecases.listing.filter import Query, Term, answer, parse
from stratascope.value import Value

Opened = tuple[Threat, ...]


class Member(Value):
    """A container of a fleet, and the threats open in it that the filter asks for."""

    state: ContainerState
    machine: Machine
    opened: Opened


class FoundMachine(Value):
    """A machine and its matching containers, most exposed first. `critical`, `high`: how many distinct threats of that
    severity are open in any of them.
    """

    machine: Machine
    members: tuple[Member, ...]
    critical: int
    high: int


class Alike(Value):
    """Containers listed as one, and the distinct machines that they are on. `name`: their common name."""

    name: str
    members: tuple[Member, ...]
    machines: tuple[str, ...]

    @property
    def state(self) -> ContainerState:
        """The state that represents all of them."""
        return self.members[0].state


class Found(Value):
    """`machines`: worst first, then unknown ones. `trouble`: set if a word can't be searched for."""

    machines: tuple[FoundMachine, ...] = ()
    trouble: Message | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """All matching containers."""
        return tuple(member for each in self.machines for member in each.members)

    def threats(self) -> tuple[OpenThreat, ...]:
        """Threats open in any of them that the filter asks for, most severe and most frequent first."""
        parts: dict[int, tuple[Opened, list[str]]] = {}  # containers with the same open threats are counted together
        for member in self.members:
            parts.setdefault(id(member.opened), (member.opened, []))[1].append(member.machine.name)
        return open_threats((opened, len(names), set(names)) for opened, names in parts.values())

    def having(self, threat: str) -> tuple[Member, ...]:
        """The containers in which that threat is open: most exposed first, then by the machine's name."""
        known: dict[int, bool] = {}
        found = []
        for member in self.members:
            has = known.get(id(member.opened))
            if has is None:
                has = known[id(member.opened)] = any(each.id == threat for each in member.opened)
            if has:
                found.append(member)
        return tuple(sorted(found, key=lambda member: (rank(member.state), natural(member.machine.name))))


class Fleet:
    """The machines of one snapshot; `find` narrows them."""

    def __init__(self, snapshot: Snapshot, here: str = "") -> None:
        """`here`: the name of this machine, if there are others."""
        self.machines = machines(snapshot, here)
        self._same: dict[tuple[str, ...], Opened] = {}
        self._opened: dict[int, Opened] = {}
        self._titles: dict[str, str] = {}
        self._members = tuple(tuple(self._member(state, each) for state in each.states) for each in self.machines)
        self._texts = {
            state.key: f"{state.container.name}\n{state.container.image}".casefold()
            for state in snapshot.containers
        }  # fmt: skip

    @property
    def several(self) -> bool:
        """Whether there is more than one machine."""
        return len(self.machines) > 1

    def _member(self, state: ContainerState, machine: Machine) -> Member:
        return Member(state, machine, () if state.matrix is None else self._open(state.matrix))

    def _open(self, matrix: Matrix) -> Opened:
        """The same tuple object wherever the same threats are open."""
        found = self._opened.get(id(matrix))
        if found is None:
            opened = tuple([each.threat for each in matrix.threats if each.outcome is Outcome.OPEN])
            found = self._same.setdefault(tuple([each.id for each in opened]), opened)
            self._opened[id(matrix)] = found
        return found

    # -- matching

    def find(self, text: str) -> Found:
        """Machines and containers that match a filter as typed; empty text matches everything."""
        query = parse(text)
        if query.trouble is not None:
            return Found(trouble=query.trouble)
        free = tuple(term for term in query.terms if term.key is None)
        keyed = Query(tuple(term for term in query.terms if term.key is not None))
        narrowed: dict[Hashable, Opened] = {}
        counts: dict[frozenset[int], tuple[int, int]] = {}
        found = []
        for machine, members in zip(self.machines, self._members, strict=True):
            left = _without(free, machine.name.casefold())
            kept = tuple(self._kept(members, left, keyed, narrowed)) if left or keyed.terms else members
            if kept or not (members or left or keyed.terms):
                found.append(FoundMachine(machine, kept, *_counts(kept, counts)))
        return Found(tuple(sorted(found, key=_worst_first)))

    def _kept(
        self, members: Sequence[Member], words: tuple[Term, ...], keyed: Query, narrowed: dict[Hashable, Opened]
    ) -> Iterable[Member]:
        for member in members:
            if keyed.terms and not answer(keyed, member.state).found:
                continue
            left = _without(words, self._texts[member.state.key])
            left = tuple(term for term in left if not answer(Query((term,)), member.state).found)  # matched by its id
            if not left:
                yield member
                continue
            key = (id(member.opened), left)
            opened = narrowed.get(key)
            if opened is None:
                opened = tuple(each for each in member.opened if not _without(left, self._title(each)))
                narrowed[key] = opened
            if opened:
                yield Member(member.state, member.machine, opened)

    def _title(self, threat: Threat) -> str:
        found = self._titles.get(threat.id)
        if found is None:
            found = self._titles[threat.id] = translate(threat.title).casefold()
        return found


def _without(terms: tuple[Term, ...], text: str) -> tuple[Term, ...]:
    return tuple([term for term in terms if term.text not in text]) if terms else terms


def _counts(members: tuple[Member, ...], known: dict[frozenset[int], tuple[int, int]]) -> tuple[int, int]:
    """How many distinct critical and high threats are open in any of these; cached for machines with the same ones."""
    opened = {id(member.opened): member.opened for member in members}
    key = frozenset(opened)
    found = known.get(key)
    if found is None:
        severities = [*{threat.id: threat.severity for threats in opened.values() for threat in threats}.values()]
        found = known[key] = severities.count(Severity.CRITICAL), severities.count(Severity.HIGH)
    return found


def _worst_first(found: FoundMachine) -> tuple[object, ...]:
    worst = rank(found.members[0].state) if found.members else (True, 0.0, 0.0)
    name = found.machine.name
    return worst, -found.critical, -found.high, found.machine.trouble is None, natural(name), name


def alike(members: Sequence[Member]) -> tuple[Alike, ...]:
    """Group like containers, in the order of the first of each."""
    kinds: dict[Hashable, list[Member]] = {}
    for member in members:
        kinds.setdefault(listing_key(member.state), []).append(member)
    return tuple(
        Alike(_name(found), tuple(found), tuple(dict.fromkeys(member.machine.name for member in found)))
        for found in kinds.values()
    )


def _name(members: Sequence[Member]) -> str:
    first = members[0].state.container.name
    if all(member.state.container.name == first for member in members):
        return first
    return common_name([member.state for member in members]) or first
