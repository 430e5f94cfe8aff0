"""The smallest set of toggles that closes every critical threat that can be closed, then every serious one.

A hole is closed where it was made: whatever can be closed by taking back what the container was granted beyond its
engine's default is closed by that alone; of the rest, what can be closed by restoring what was switched off; only for
what is then left is a further barrier added (`Cure`). Another user does not close what the bounding set gives back
through a set-uid program (`core.threats.gain`), even if that program is known to check who asks.

Each of these sets is exact, as a minimum hitting set: a *cut* is a set of pieces without all of which some threat stays
open, so every solution contains one of each cut. The smallest set with one of each known cut is tried; if it leaves a
threat open, that yields another cut. The first set that leaves nothing open is smallest, since cuts only ever add to
it. This holds because no toggle opens anything that is closed. Decided against trying sets by size: of forty
capabilities there are 90,000 sets of four.

A piece is one toggle, or one of its values that are chosen individually (a capability of `drop`). It is predicted like
everything else, but only whether these threats are stopped, which takes a tenth of a whole preview.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from stratascope.core.container import Asked
from stratascope.core.relaunch.toggle import GRADES, Choice, Cure, Subject, Toggle, ToggleError
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Posture, Postures, RulingLayer, ruled
from stratascope.core.threats.threat import Stance, Threat
from stratascope.layers.toggles import all_toggles, brought_by, fold, leaving_privileged
from stratascope.usecases.judging import gains_of, postures_after
from stratascope.usecases.plan.prediction import Prediction
from stratascope.value import Value

_ROUNDS = 60  # cuts; the most permissive real container takes a dozen
_PAIR = 2  # each piece was tried alone and none suffices, so a pair that does is smallest


class Closing(Value):
    """What to choose, and which open threats of `SERIOUS` no choice closes."""

    choices: tuple[Choice, ...] = ()
    left: tuple[Threat, ...] = ()


_Piece = Choice  # with a single one of the values that are chosen individually
_Pieces = frozenset[_Piece]


def closing(
    prediction: Prediction,
    subject: Subject,
    severities: Sequence[Severity] = SERIOUS,
    only: Sequence[Choice] | None = None,
) -> Closing:
    """For one container: what closes its threats of these severities. Among equally small sets, the one with the fewest
    pieces seen in use, then the fewest things it may break. `only`: the pieces to choose from; None: all there are.
    """
    matrix = prediction.state.matrix
    if matrix is None:
        return Closing()
    there = tuple(item.threat for severity in severities for item in matrix.open(severity))
    # held by a program of the image alone: a flaw in it, and it is open
    held = tuple(item.threat for item in matrix.threats if item.held and item.threat.severity is Severity.CRITICAL)
    opened = (*there, *(held if Severity.CRITICAL in severities else ()))
    if not opened:
        return Closing()
    predicted = _Closed(prediction, subject, opened)
    pieces = pieces_of(subject) if only is None else tuple(only)
    chosen = frozenset[_Piece]()
    for cure in Cure:
        able = tuple(each for each in pieces if each.cure(subject) <= cure)
        chosen = _Search(predicted, able, chosen).run()
        chosen |= predicted.helping(able, chosen)
    closed = predicted.closed(chosen)
    left = tuple(threat for threat in opened if threat.id not in closed)
    return Closing(joined(predicted.whole(chosen)), left)


def joined(pieces: Iterable[_Piece]) -> tuple[Choice, ...]:
    """Pieces as choices, one per toggle, in the order of the toggles."""
    values: dict[Toggle, list[str]] = {}
    for piece in pieces:
        values.setdefault(piece.toggle, []).append(piece.value)
    return tuple(Choice(each, ",".join(sorted(values[each]))) for each in all_toggles() if each in values)


def pieces_of(subject: Subject) -> tuple[_Piece, ...]:
    """All pieces that could change something here, in the order of the toggles."""
    asked = subject.container.asked
    left = fold(asked, leaving_privileged(subject), subject)
    found = []
    for each in all_toggles():
        for value in (_value(each, subject),) if each.pieces is None else each.pieces(subject):
            try:
                choice = Choice(each, value).checked(subject)
            except ToggleError:
                continue
            if any(choice.changes(before, subject) for before in (asked, left)):
                found.append(choice)
    return tuple(found)


def _value(each: Toggle, subject: Subject) -> str:
    return next((value for grade in reversed(GRADES) if (value := each.preset(grade, subject))), each.offered)


class _Closed:
    """Which of the threats are stopped by a set of pieces. Caches results."""

    def __init__(self, prediction: Prediction, subject: Subject, threats: tuple[Threat, ...]) -> None:
        self._prediction, self._subject, self._threats = prediction, subject, threats
        self.evaluations = 0
        self._known: dict[_Pieces, frozenset[str]] = {}
        self._stops: dict[tuple[str, Posture, Need], bool] = {}
        self._ground = {
            need
            for need in _needs(threats)
            if (ruling := ground_ruling(need, prediction.around.ground)) is not None and ruling.stance is Stance.STOPS
        }

    def closed(self, pieces: _Pieces) -> frozenset[str]:
        """The ids of the threats stopped then."""
        known = self._known.get(pieces)
        if known is None:
            self.evaluations += 1
            known = self._known[pieces] = self._closed(self._options(pieces))
        return known

    def whole(self, pieces: _Pieces) -> _Pieces:
        """Including companions that some of them need to close anything."""
        asked = self._subject.container.asked
        brought = {choice for piece in pieces for choice in brought_by(piece.toggle)}
        return pieces | {each for each in brought if each.changes(asked, self._subject)}

    def cost(self, piece: _Piece) -> tuple[int, int]:
        """Whether it is seen in use, and how many things it could break."""
        return int(piece.evidence(self._subject).used), len(piece.risks(self._subject))

    def helping(self, pieces: Sequence[_Piece], chosen: _Pieces) -> _Pieces:
        """Capabilities that contribute to a critical hole, even if taking back another grant closes that already."""
        critical = {threat.id for threat in self._threats if threat.severity is Severity.CRITICAL}
        left = frozenset(piece for piece in chosen if piece.toggle.leaves_privileged)
        already, now = self.closed(left), self._options(chosen)
        return frozenset(
            piece
            for piece in pieces
            if piece.toggle.goes_along
            and piece.cure(self._subject) is Cure.GRANT
            and (self.closed(left | {piece}) - already) & critical
            and self._options(chosen | {piece}) != now
        )

    def _options(self, pieces: _Pieces) -> Asked:
        asked, pieces = self._subject.container.asked, self.whole(pieces)
        if asked.privileged and not any(piece.toggle.leaves_privileged for piece in pieces):
            pieces = frozenset(piece for piece in pieces if not piece.toggle.overridden)
        return fold(asked, joined(pieces), self._subject)

    def _closed(self, after: Asked) -> frozenset[str]:
        parts = self._prediction.parts(self._prediction.of(after))
        found = self._held_by(tuple([(part.layer, part.posture) for part in parts]))
        for gain in gains_of(parts):
            found &= self._held_by(postures_after(parts, gain, self._prediction.around))
        return found

    def _held_by(self, postures: Postures) -> frozenset[str]:
        """The ids of the threats that these stop."""

        def stopped(need: Need) -> bool:
            return need in self._ground or any(self._stopped(layer, posture, need) for layer, posture in postures)

        return frozenset(
            threat.id
            for threat in self._threats
            if all(any(stopped(need) for step in route.steps for need in step.needs) for route in threat.routes)
        )

    def _stopped(self, layer: RulingLayer, posture: Posture, need: Need) -> bool:
        key = layer.id, posture, need
        known = self._stops.get(key)
        if known is None:
            ruling = ruled(layer, need, posture)
            known = self._stops[key] = ruling is not None and ruling.stance is Stance.STOPS
        return known


def _needs(threats: Sequence[Threat]) -> set[Need]:
    return {need for threat in threats for route in threat.routes for step in route.steps for need in step.needs}


class _Search:
    """The smallest set of these pieces, on top of a base that is already chosen."""

    def __init__(self, prediction: _Closed, pieces: tuple[_Piece, ...], base: _Pieces) -> None:
        self._prediction, self._pieces, self._base = prediction, pieces, base
        self._costs = {piece: (*prediction.cost(piece), place) for place, piece in enumerate(pieces)}

    def run(self) -> _Pieces:
        """Includes the base."""
        every, base = self._base.union(self._pieces), self._base
        goal = self._prediction.closed(every) - self._prediction.closed(base)
        if not goal:
            return base
        alone = self._alone(base, goal)
        quick = smallest_hitting(map(frozenset, alone.values()), self._cost)
        if all(alone.values()) and len(quick) <= _PAIR:
            return base | quick
        cuts: list[_Pieces] = []
        chosen = base
        for _ in range(_ROUNDS):
            open_ = goal - self._prediction.closed(chosen)
            if not open_:
                return chosen
            cuts += self._cuts(chosen, open_, every)
            chosen = base | smallest_hitting(cuts, self._cost)
        return self._minimal(base.union(*cuts), goal)

    def _cost(self, piece: _Piece) -> tuple[int, ...]:
        """The final tie-breaker is the order of the toggles."""
        return self._costs[piece]

    def _cuts(self, chosen: _Pieces, open_: frozenset[str], every: _Pieces) -> list[_Pieces]:
        """At least one cut that is disjoint from `chosen`."""
        alone = self._alone(chosen, open_)
        found = []
        for threat, pieces in alone.items():
            cut = frozenset(pieces)
            if threat in self._prediction.closed(every - cut):
                cut = self._cut(threat, chosen, every - cut - chosen) | cut
            found.append(cut)
        return list(dict.fromkeys(found))

    def _alone(self, chosen: _Pieces, open_: frozenset[str]) -> dict[str, set[_Piece]]:
        """For each of these threats, the pieces that close it when added alone to `chosen`."""
        alone: dict[str, set[_Piece]] = {threat: set() for threat in open_}
        for piece, threats in self._helping(chosen, open_, [each for each in self._pieces if each not in chosen]):
            for threat in threats:
                alone[threat].add(piece)
        return alone

    def _helping(
        self, chosen: _Pieces, open_: frozenset[str], pieces: Sequence[_Piece]
    ) -> Iterable[tuple[_Piece, frozenset[str]]]:
        """The pieces that close some of these when added alone to `chosen`, found by bisection."""
        if not pieces:
            return
        closed = self._prediction.closed(chosen | frozenset(pieces)) & open_
        if not closed:
            return
        if len(pieces) == 1:
            yield pieces[0], closed
            return
        middle = len(pieces) // 2
        yield from self._helping(chosen, closed, pieces[:middle])
        yield from self._helping(chosen, closed, pieces[middle:])

    def _cut(self, threat: str, chosen: _Pieces, pieces: _Pieces) -> _Pieces:
        """Those of these pieces without which it stays open, if none that helps alone is taken."""
        left: set[_Piece] = set()
        taken = chosen

        def take(some: Sequence[_Piece]) -> None:
            nonlocal taken
            more = taken | frozenset(some)
            if threat not in self._prediction.closed(more):
                taken = more
            elif len(some) == 1:
                left.update(some)
            else:
                take(some[: len(some) // 2])
                take(some[len(some) // 2 :])

        take([piece for piece in self._pieces if piece in pieces])
        return frozenset(left)

    def _minimal(self, pieces: _Pieces, goal: frozenset[str]) -> _Pieces:
        for piece in sorted(pieces - self._base, key=self._cost, reverse=True):
            if goal <= self._prediction.closed(pieces - {piece}):
                pieces -= {piece}
        return pieces


_STEPS = 20000  # then the best one found so far; real cuts take a few dozen

T = TypeVar("T", bound=Hashable)


def smallest_hitting(sets: Iterable[frozenset[T]], cost: Callable[[T], tuple[int, ...]]) -> frozenset[T]:
    """Among equally small sets, one with the lowest total cost. Empty sets are ignored.

    Members that hit the same sets are interchangeable, so only the cheapest of them is considered.
    """
    wanted = [each for each in set(sets) if each]
    wanted = [each for each in wanted if not any(other < each for other in wanted)]
    hits = {
        member: frozenset(n for n, each in enumerate(wanted) if member in each) for each in wanted for member in each
    }
    costs = {member: cost(member) for member in hits}
    cheapest: dict[frozenset[int], T] = {}
    for member in sorted(hits, key=lambda member: costs[member]):
        cheapest.setdefault(hits[member], member)
    members = [
        member for member in cheapest.values()
        if not any(hits[member] < hits[other] and costs[other] <= costs[member] for other in cheapest.values())
    ]  # fmt: skip
    return _SmallestHitting(tuple(members), hits, costs).run(frozenset(range(len(wanted))))


class _SmallestHitting(Generic[T]):
    def __init__(self, members: Sequence[T], hits: dict[T, frozenset[int]], costs: dict[T, tuple[int, ...]]) -> None:
        self._members, self._hits, self._costs = members, hits, costs
        self._best: tuple[int, tuple[int, ...], tuple[T, ...]] | None = None
        self._steps = 0

    def run(self, wanted: frozenset[int]) -> frozenset[T]:
        """A set that hits all of these."""
        self._try((), wanted)
        return frozenset() if self._best is None else frozenset(self._best[2])

    def _try(self, taken: tuple[T, ...], wanted: frozenset[int]) -> None:
        self._steps += 1
        if not wanted:
            total = tuple(map(sum, zip(*[self._costs[each] for each in taken], strict=True)))
            found = len(taken), total, taken
            if self._best is None or found[:2] < self._best[:2]:
                self._best = found
            return
        most = max(len(self._hits[each] & wanted) for each in self._members)
        least = len(taken) + -(-len(wanted) // most)
        if self._best is not None and (least > self._best[0] or self._steps > _STEPS):
            return
        hardest = min(wanted, key=lambda n: sum(n in self._hits[each] for each in self._members))
        ways = [each for each in self._members if hardest in self._hits[each]]
        for each in sorted(ways, key=lambda each: (-len(self._hits[each] & wanted), self._costs[each])):
            self._try((*taken, each), wanted - self._hits[each])
