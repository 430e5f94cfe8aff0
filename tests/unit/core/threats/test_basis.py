"""What only the engine states: it counts, it is told apart, and it can be left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from stratascope.core.ground import UNREAD
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import Matrix, as_asked, exposure_verified, is_verified, judge
from stratascope.core.threats.needs import HostFiles, HostRoot, Need
from stratascope.core.threats.states import AsRequested, OneOf, ruled
from stratascope.core.threats.threat import Basis, Family, Outcome, Route, Ruling, Stance, Step, Threat

WORD = msg("word")
A, B = HostRoot(), HostFiles()
STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
ASKED = Basis.ASKED


@dataclass(frozen=True)
class _Layer:
    """A layer that answers as its posture says: need, stance, basis."""

    id: str

    def stance(self, need: Need, posture: Any) -> Ruling | None:
        found = next((each for each in posture if each[0] == need), None)
        return None if found is None else Ruling(found[1], WORD, "@status", frozenset(), *found[2:])


def matrix(*postures: Any, needs: tuple[Need, ...] = (A,)) -> Matrix:
    route = Route(msg("route"), tuple(Step("step", (need,)) for need in needs))
    threat = Threat("t", Family.HOST, Severity.HIGH, WORD, WORD, WORD, WORD, "one", (route,))
    layers: Any = tuple((_Layer(f"layer {place}"), posture) for place, posture in enumerate(postures))
    return judge((threat,), layers, UNREAD)


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        (STOPS, STOPS, STOPS),
        (STOPS, OPEN, UNKNOWN),
        (STOPS, None, UNKNOWN),
        (UNKNOWN, OPEN, UNKNOWN),
        (OPEN, None, OPEN),
        (None, None, None),
    ],
)
def test_of_two_that_may_be_right_what_differs_is_unknown(
    one: Stance | None, two: Stance | None, wanted: Stance | None
) -> None:
    layer: Any = _Layer("one")
    why = msg("who it is")
    for pair in ((one, two), (two, one)):
        ruling = ruled(layer, A, OneOf(tuple(() if each is None else ((A, each),) for each in pair), why))
        assert (None if ruling is None else ruling.stance) == wanted
        if ruling is not None:
            assert ruling.reason == (WORD if one == two or wanted is OPEN else why)


def test_what_was_read_wins() -> None:
    layer: Any = _Layer("one")
    for stance in (STOPS, OPEN, UNKNOWN):
        ruling = ruled(layer, A, AsRequested(((A, stance),), ((A, stance),)))
        assert ruling == Ruling(stance, WORD, "@status")
    ruling = ruled(layer, A, AsRequested(((A, UNKNOWN),), ((A, STOPS),)))
    assert ruling is not None
    assert (ruling.stance, ruling.basis) == (STOPS, ASKED)
    assert not ruling.source.startswith("@"), "the file could not be read"


@pytest.mark.parametrize(
    ("postures", "needs", "outcome", "left", "same"),
    [
        ((((A, STOPS, ASKED),),), (A,), Outcome.STOPPED, Outcome.UNKNOWN, False),
        ((((A, OPEN, ASKED),),), (A,), Outcome.OPEN, Outcome.UNKNOWN, False),
        ((((A, STOPS),),), (A,), Outcome.STOPPED, Outcome.STOPPED, True),
        # the outcome is certain, how deep it is stopped is not
        ((((A, STOPS),), ((A, STOPS, ASKED),)), (A,), Outcome.STOPPED, Outcome.STOPPED, False),
        # one layer, two needs: what was read to stop it is enough, what is only stated to be open is not
        ((((A, STOPS, ASKED), (B, STOPS)),), (A, B), Outcome.STOPPED, Outcome.STOPPED, True),
        ((((A, OPEN), (B, OPEN, ASKED)),), (A, B), Outcome.OPEN, Outcome.UNKNOWN, False),
        ((((A, STOPS, ASKED), (B, UNKNOWN)),), (A, B), Outcome.STOPPED, Outcome.UNKNOWN, False),
    ],
)
def test_outcomes(
    postures: tuple[Any, ...], needs: tuple[Need, ...], outcome: Outcome, left: Outcome, same: bool
) -> None:
    """Held against the judgement of the same layers that say nothing but what was read."""
    found = matrix(*postures, needs=needs)
    read = matrix(*(AsRequested(posture, None) for posture in postures), needs=needs)
    assert (found.threats[0].outcome, read.threats[0].outcome) == (outcome, left)
    assert is_verified(found.threats[0]) is same
    assert as_asked(found.threats[0]) is (outcome is not left)
    assert exposure_verified(found) == read.exposure.worst >= found.exposure.worst
    assert all(item.ruling.basis is Basis.KERNEL for item in read.threats[0].weakest.rulings)
    assert is_verified(read.threats[0])


def test_only_what_is_verified_may_count() -> None:
    found = matrix(AsRequested(((A, STOPS, ASKED),), None))
    assert found.threats[0].outcome is Outcome.UNKNOWN
