"""Which grants hold open a critical threat: those of a set that closes all that can be closed, and of which none can be
left out.

A hole is closed where it was made: what was granted beyond the engine's default is taken back before what was switched
off is restored (`Cure`), and of two that close the same, the one that is not used or breaks less. Another user does not
close what the bounding set gives back through a set-uid program (`core.threats.gain`), even if that program is known to
check who asks.

A piece is one toggle, or one of its values that are chosen individually (a capability of `drop`). It is predicted like
everything else, but only whether these threats are stopped, which takes a tenth of a whole prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.relaunch.toggle import Choice, Cure, Subject
from stratascope.core.severity import Severity
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Posture, Postures, RulingLayer, ruled
from stratascope.core.threats.threat import Outcome, Stance, Threat
from stratascope.layers.toggles import brought_by, fold
from stratascope.usecases.judging import gains_of, postures_after
from stratascope.usecases.plan.pieces import merged
from stratascope.usecases.plan.prediction import Prediction

_Pieces = frozenset[Choice]


def critical_grants(prediction: Prediction, subject: Subject, pieces: Sequence[Choice]) -> _Pieces:
    """Those of these pieces that hold open a critical threat."""
    matrix = prediction.state.matrix
    if matrix is None:
        return frozenset()
    # held by a program of the image alone: a flaw in it, and it is open
    opened = tuple(
        item.threat
        for item in matrix.threats
        if item.threat.severity is Severity.CRITICAL and (item.held or item.outcome is not Outcome.STOPPED)
    )
    if not opened:
        return frozenset()
    closed = _Closed(prediction, subject, opened)
    chosen = frozenset(pieces)
    goal = closed.closed(chosen) - closed.closed(frozenset())
    place = {piece: number for number, piece in enumerate(pieces)}

    def cost(piece: Choice) -> tuple[int, bool, int, int]:
        used, risks = piece.evidence(subject).used, len(piece.risks(subject))
        return piece.cure(subject), used, risks, place[piece]

    for piece in sorted(pieces, key=cost, reverse=True):
        if goal <= closed.closed(chosen - {piece}):
            chosen -= {piece}
    return closed.whole(chosen | closed.helping(pieces, chosen))


class _Closed:
    """Which of the threats are stopped by a set of pieces. Caches results."""

    def __init__(self, prediction: Prediction, subject: Subject, threats: tuple[Threat, ...]) -> None:
        self._prediction, self._subject, self._threats = prediction, subject, threats
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
            known = self._known[pieces] = self._closed(self._options(pieces))
        return known

    def whole(self, pieces: _Pieces) -> _Pieces:
        """Including companions that some of them need to close anything."""
        asked = self._subject.container.asked
        brought = {choice for piece in pieces for choice in brought_by(piece.toggle)}
        return pieces | {each for each in brought if each.changes(asked, self._subject)}

    def helping(self, pieces: Sequence[Choice], chosen: _Pieces) -> _Pieces:
        """Capabilities that contribute to a critical hole, even if taking back another grant closes that already."""
        left = frozenset(piece for piece in chosen if piece.toggle.leaves_privileged)
        already, now = self.closed(left), self._options(chosen)
        return frozenset(
            piece
            for piece in pieces
            if piece.toggle.goes_along
            and piece.cure(self._subject) is Cure.GRANT
            and self.closed(left | {piece}) - already
            and self._options(chosen | {piece}) != now
        )

    def _options(self, pieces: _Pieces) -> Asked:
        asked, pieces = self._subject.container.asked, self.whole(pieces)
        if asked.privileged and not any(piece.toggle.leaves_privileged for piece in pieces):
            pieces = frozenset(piece for piece in pieces if not piece.toggle.overridden)
        return fold(asked, merged(sorted(pieces, key=str)), self._subject)

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
