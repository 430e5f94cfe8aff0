"""The smallest set of toggles that closes every critical threat that can be closed, then every serious one.

Exact, as a minimum hitting set: a *cut* is a set of pieces without all of which some threat stays open, so each
solution has one of each cut. The smallest set that has one of each cut known so far is tried; where it leaves a threat
open, that gives another cut. The first one that leaves nothing open is smallest, since cuts only ever add to it. That
holds because no toggle opens what is closed. Decided against trying sets by their size: of forty capabilities there
are 90,000 sets of four.

A piece is one toggle, or one of the values that are chosen for themselves (a capability of `drop`). It is predicted as
everything is, but only whether these threats are stopped, which takes a tenth of a whole preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import Asked
from stratascope.core.layer import Layer
from stratascope.core.relaunch.toggle import GRADES, Choice, Subject, Toggle, ToggleError
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Posture, ruled
from stratascope.core.threats.threat import Stance, Threat
from stratascope.layers.toggles import all_toggles, fold, toggle
from stratascope.usecases.plan.hitting_set import smallest_hitting
from stratascope.usecases.plan.offers import SERIOUS
from stratascope.usecases.plan.prediction import Prediction
from stratascope.value import Value

_ROUNDS = 60  # cuts; the fullest real container takes a dozen
_PAIR = 2  # no single piece does it, as each was asked for what it closes alone, so a pair that does it is smallest


class Closing(Value):
    """What to choose, and which open threats of `SERIOUS` no choice closes."""

    choices: tuple[Choice, ...] = ()
    left: tuple[Threat, ...] = ()


_Piece = Choice  # with one value of those that are chosen for themselves
_Pieces = frozenset[_Piece]


def closing(prediction: Prediction, subject: Subject) -> Closing:
    """For one container. Of sets that are as small, the one of whose pieces fewest things are said to break."""
    matrix = prediction.state.matrix
    opened = () if matrix is None else tuple(
        item.threat
        for severity in SERIOUS
        for item in matrix.open(severity)
    )  # fmt: skip
    if not opened:
        return Closing()
    search = _Search(_Closed(prediction, subject, opened), _pieces(subject))
    chosen = search.run()
    closed = search.prediction.closed(chosen)
    return Closing(joined(chosen), tuple(threat for threat in opened if threat.id not in closed))


def joined(pieces: Iterable[_Piece]) -> tuple[Choice, ...]:
    """Pieces as choices, one a toggle, in the order of the toggles."""
    values: dict[str, list[str]] = {}
    for piece in pieces:
        values.setdefault(piece.toggle, []).append(piece.value)
    return tuple(Choice(each.id, ",".join(sorted(values[each.id]))) for each in all_toggles() if each.id in values)


def _pieces(subject: Subject) -> tuple[_Piece, ...]:
    """All that could change something here, in the order of the toggles."""
    leaving = [Choice(each.id, each.offered) for each in all_toggles() if each.leaves_privileged]
    asked = subject.container.asked
    left = fold(asked, leaving, subject) if asked.privileged else asked
    found = []
    for each in all_toggles():
        for value in (_value(each, subject),) if each.pieces is None else each.pieces(subject):
            try:
                value = each.check(value, subject)  # noqa: PLW2901
            except ToggleError:
                continue
            if any(each.apply(before, value, subject) != before for before in (asked, left)):
                found.append(Choice(each.id, value))
    return tuple(found)


def _value(each: Toggle, subject: Subject) -> str:
    return next((value for grade in reversed(GRADES) if (value := each.preset(grade, subject))), each.offered)


class _Closed:
    """Which of the threats are stopped with a set of pieces. Remembers what it was asked."""

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
        """The ids of those that are stopped then."""
        known = self._known.get(pieces)
        if known is None:
            self.evaluations += 1
            known = self._known[pieces] = self._closed(self._options(pieces))
        return known

    def risks(self, piece: _Piece) -> int:
        """How many things it could break."""
        return len(toggle(piece.toggle).risks(piece.value, self._subject))

    def _options(self, pieces: _Pieces) -> Asked:
        asked = self._subject.container.asked
        which = {piece.toggle: toggle(piece.toggle) for piece in pieces}
        if asked.privileged and not any(each.leaves_privileged for each in which.values()):
            pieces = frozenset(piece for piece in pieces if not which[piece.toggle].overridden)
        return fold(asked, joined(pieces), self._subject)

    def _closed(self, after: Asked) -> frozenset[str]:
        predicted = self._prediction.of(after)

        def stopped(need: Need) -> bool:
            return need in self._ground or any(self._stopped(each.layer, each.posture, need) for each in predicted)

        return frozenset(
            threat.id
            for threat in self._threats
            if all(any(stopped(need) for step in route.steps for need in step.needs) for route in threat.routes)
        )

    def _stopped(self, layer: Layer, posture: Posture, need: Need) -> bool:
        key = layer.id, posture, need
        known = self._stops.get(key)
        if known is None:
            ruling = ruled(layer, need, posture)
            known = self._stops[key] = ruling is not None and ruling.stance is Stance.STOPS
        return known


def _needs(threats: Sequence[Threat]) -> set[Need]:
    return {need for threat in threats for route in threat.routes for step in route.steps for need in step.needs}


class _Search:
    def __init__(self, prediction: _Closed, pieces: tuple[_Piece, ...]) -> None:
        self.prediction, self._pieces = prediction, pieces

    def run(self) -> _Pieces:
        """The smallest set."""
        every = frozenset(self._pieces)
        goal = self.prediction.closed(every) - self.prediction.closed(frozenset())
        alone = self._alone(frozenset(), goal)
        quick = smallest_hitting(map(frozenset, alone.values()), self._cost)
        if all(alone.values()) and len(quick) <= _PAIR:
            return quick
        cuts: list[_Pieces] = []
        chosen: _Pieces = frozenset()
        for _ in range(_ROUNDS):
            open_ = goal - self.prediction.closed(chosen)
            if not open_:
                return chosen
            cuts += self._cuts(chosen, open_, every)
            chosen = smallest_hitting(cuts, self._cost)
        return self._without_needless(frozenset().union(*cuts), goal)

    def _cost(self, piece: _Piece) -> tuple[int, int]:
        """Fewest things to break, then the order of the toggles."""
        return self.prediction.risks(piece), self._pieces.index(piece)

    def _cuts(self, chosen: _Pieces, open_: frozenset[str], every: _Pieces) -> list[_Pieces]:
        """At least one, of which `chosen` has nothing."""
        alone = self._alone(chosen, open_)
        found = []
        for threat, pieces in alone.items():
            cut = frozenset(pieces)
            if threat in self.prediction.closed(every - cut):
                cut = self._cut(threat, chosen, every - cut - chosen) | cut
            found.append(cut)
        return list(dict.fromkeys(found))

    def _alone(self, chosen: _Pieces, open_: frozenset[str]) -> dict[str, set[_Piece]]:
        """For each of these threats the pieces that close it with what is chosen and nothing else."""
        alone: dict[str, set[_Piece]] = {threat: set() for threat in open_}
        for piece, threats in self._helping(chosen, open_, [each for each in self._pieces if each not in chosen]):
            for threat in threats:
                alone[threat].add(piece)
        return alone

    def _helping(
        self, chosen: _Pieces, open_: frozenset[str], pieces: Sequence[_Piece]
    ) -> Iterable[tuple[_Piece, frozenset[str]]]:
        """Those that close some of these with what is chosen and nothing else, found by halves."""
        if not pieces:
            return
        closed = self.prediction.closed(chosen | frozenset(pieces)) & open_
        if not closed:
            return
        if len(pieces) == 1:
            yield pieces[0], closed
            return
        middle = len(pieces) // 2
        yield from self._helping(chosen, closed, pieces[:middle])
        yield from self._helping(chosen, closed, pieces[middle:])

    def _cut(self, threat: str, chosen: _Pieces, pieces: _Pieces) -> _Pieces:
        """Of these pieces some without which it stays open, if none of those that help alone is taken."""
        left: set[_Piece] = set()
        taken = chosen

        def take(some: Sequence[_Piece]) -> None:
            nonlocal taken
            more = taken | frozenset(some)
            if threat not in self.prediction.closed(more):
                taken = more
            elif len(some) == 1:
                left.update(some)
            else:
                take(some[: len(some) // 2])
                take(some[len(some) // 2 :])

        take([piece for piece in self._pieces if piece in pieces])
        return frozenset(left)

    def _without_needless(self, pieces: _Pieces, goal: frozenset[str]) -> _Pieces:
        for piece in sorted(pieces, key=self._cost, reverse=True):
            if goal <= self.prediction.closed(pieces - {piece}):
                pieces -= {piece}
        return pieces
