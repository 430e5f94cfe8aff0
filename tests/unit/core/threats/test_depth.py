"""Depth and exposure: the design's arithmetic, and that more depth never raises the exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.core.ground import UNREAD
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import Matrix, ThreatState, exposure_of, judge, without
from stratascope.core.threats.needs import HostFiles, HostRoot, Need, RootWritable, SharedIds
from stratascope.core.threats.threat import Family, Outcome, Route, Ruling, Stance, Step, Threat

WORD = msg("word")
NEEDS: tuple[Need, ...] = (HostRoot(), HostFiles(), RootWritable(), SharedIds())
STOPS, PASSES, OPEN_QUESTION = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN


@dataclass(frozen=True)
class _Layer:
    """A layer that answers as its posture says: pairs of need and stance."""

    id: str
    number: int = 1

    def stance(self, need: Need, posture: Any) -> Ruling | None:
        for known, stance, *hinges in posture:
            if known == need:
                return Ruling(stance, WORD, "@status", frozenset(hinges))
        return None


def _threat(*routes: tuple[Need, ...], severity: Severity = Severity.HIGH, name: str = "t") -> Threat:
    made = tuple(
        Route(msg("route {number}", number=place), tuple(Step("step", (need,)) for need in needs))
        for place, needs in enumerate(routes)
    )
    return Threat(name, Family.HOST, severity, WORD, WORD, WORD, WORD, "one", made)


def _matrix(threats: tuple[Threat, ...], **postures: tuple[tuple[Any, ...], ...]) -> Matrix:
    layers: Any = tuple((_Layer(name), posture) for name, posture in postures.items())
    return judge(threats, layers, UNREAD)


def _one(*routes: tuple[Need, ...], **postures: tuple[tuple[Any, ...], ...]) -> ThreatState:
    return _matrix((_threat(*routes),), **postures).threats[0]


A, B, C, D = NEEDS


def test_each_layer_that_stops_counts_once() -> None:
    state = _one((A, B), one=((A, STOPS), (B, STOPS)), two=((B, STOPS),), three=((A, PASSES),))
    assert state.outcome is Outcome.STOPPED
    assert state.depth == (2, 2)
    assert [state.stance(name) for name in ("one", "two", "three", "four")] == [
        STOPS,
        STOPS,
        PASSES,
        Stance.NOT_ITS_JOB,
    ]


def test_the_attacker_takes_the_weakest_route() -> None:
    state = _one((A,), (B,), one=((A, STOPS), (B, STOPS)), two=((A, STOPS),))
    assert state.depth == (1, 1)
    assert state.weakest.route.steps[0].needs == (B,)


def test_one_open_route_is_enough() -> None:
    state = _one((A,), (B,), one=((A, STOPS), (B, PASSES)))
    assert state.outcome is Outcome.OPEN
    assert state.depth == (0, 0)


def test_unknown_makes_a_range() -> None:
    state = _one((A,), one=((A, STOPS),), two=((A, OPEN_QUESTION),))
    assert (state.outcome, state.depth) == (Outcome.STOPPED, (1, 2))
    state = _one((A,), two=((A, OPEN_QUESTION),))
    assert (state.outcome, state.depth) == (Outcome.UNKNOWN, (0, 1))


def test_an_unknown_need_does_not_hide_one_that_stops() -> None:
    state = _one((A, B), one=((A, OPEN_QUESTION), (B, STOPS)))
    assert (state.outcome, state.depth) == (Outcome.STOPPED, (1, 1))


def test_layers_with_a_hinge_in_common_are_linked() -> None:
    state = _one((A,), one=((A, STOPS, "capability:X"),), two=((A, STOPS, "capability:X"),), three=((A, STOPS),))
    assert state.linked == (("one", "two"),)
    # a second reason to stop that does not hang on the setting keeps the layer standing
    state = _one((A, B), one=((A, STOPS, "capability:X"), (B, STOPS)), two=((A, STOPS, "capability:X"),))
    assert state.linked == ()


def test_taking_a_layer_away_is_the_same_function() -> None:
    threats = (_threat((A,)), _threat((B,), name="u"))
    whole = _matrix(threats, one=((A, STOPS), (B, STOPS)), two=((A, STOPS),))
    taken = without(whole, frozenset({"one"}))
    assert taken == _matrix(threats, two=((A, STOPS),))
    assert [state.outcome for state in taken.threats] == [Outcome.STOPPED, Outcome.OPEN]
    assert without(whole, frozenset()) == whole


def _kept(*open_ones: Severity, depth: int = 1) -> Matrix:
    """Ten threats of each severity, five of them open where it is named; of the rest one layer more stops some."""
    threats = tuple(
        _threat((A if number < 5 and severity in open_ones else (B, C)[number % 2],), severity=severity, name=name)
        for severity in Severity
        for number in range(10)
        for name in (f"{severity}-{number}",)
    )
    layers = {f"layer{number}": ((B, STOPS), (C, STOPS)) for number in range(depth)}
    return _matrix(threats, more=((C, STOPS),), **layers)


@pytest.mark.parametrize(
    ("open_ones", "least", "most"),
    [
        ((), 0.0, 3.9),
        ((Severity.LOW, Severity.MEDIUM), 0.0, 3.9),
        ((Severity.HIGH,), 4.0, 8.9),
        ((Severity.HIGH, Severity.LOW), 4.0, 8.9),
        ((Severity.CRITICAL,), 9.0, 10.0),
        (tuple(Severity), 9.0, 10.0),
    ],
)
def test_the_worst_open_threat_gives_the_band(open_ones: tuple[Severity, ...], least: float, most: float) -> None:
    for depth in (1, 2, 3):
        exposure = _kept(*open_ones, depth=depth).exposure
        assert least <= exposure.best == exposure.worst <= most


def test_all_threats_give_the_place_in_the_band() -> None:
    for base in ((), (Severity.HIGH,)):
        shallow, deep = (_kept(*base, depth=depth).exposure.worst for depth in (1, 2))
        assert deep < shallow
        low, medium = (_kept(*base, severity).exposure.worst for severity in (Severity.LOW, Severity.MEDIUM))
        assert shallow < low < medium


def test_a_band_is_used_from_end_to_end() -> None:
    everything = tuple(_threat((A,), severity=severity, name=severity) for severity in Severity)
    assert [_matrix(everything[start:]).exposure.worst for start in range(4)] == [10.0, 8.9, 3.9, 3.9]
    assert _kept(depth=3).exposure.worst == 0.1  # something is there, if only behind three layers


def test_what_each_threat_lets_through() -> None:
    shares = {share.threat: share for share in _kept(Severity.HIGH, depth=2).exposure.shares}
    assert (shares["high-0"].worst, shares["high-0"].best) == (0.2, 0.2)
    assert shares["critical-2"].worst == pytest.approx(0.9 * 0.02)
    assert shares["critical-3"].worst == pytest.approx(0.9 * 0.005)
    unknown = _matrix((_threat((A,)),), one=((A, OPEN_QUESTION),)).exposure.shares[0]
    assert unknown.worst == 0.2
    assert unknown.best == pytest.approx(0.02)


STANCES = st.sampled_from([STOPS, PASSES, OPEN_QUESTION])
POSTURES = st.dictionaries(
    st.sampled_from(["one", "two", "three", "four"]), st.dictionaries(st.sampled_from(NEEDS), STANCES), max_size=4
)
ROUTES = st.lists(st.lists(st.sampled_from(NEEDS), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3)
SOME_THREATS = st.lists(st.tuples(ROUTES, st.sampled_from(list(Severity)), st.sampled_from(list(Family))), max_size=5)


def _built(drawn: list[Any], postures: dict[str, dict[Need, Stance]]) -> Matrix:
    threats = tuple(
        Threat(str(place), family, severity, WORD, WORD, WORD, WORD, "one", _threat(*routes).routes)
        for place, (routes, severity, family) in enumerate(drawn)
    )
    return _matrix(threats, **{name: tuple(answers.items()) for name, answers in sorted(postures.items())})


@settings(max_examples=150, deadline=None)
@given(SOME_THREATS, POSTURES, st.sampled_from(["one", "two", "three", "four"]), st.sampled_from(NEEDS))
def test_more_depth_never_raises_the_exposure(
    drawn: list[Any], postures: dict[str, dict[Need, Stance]], layer: str, need: Need
) -> None:
    before = _built(drawn, postures).exposure
    stronger = {**postures, layer: {**postures.get(layer, {}), need: STOPS}}
    after = _built(drawn, stronger).exposure
    assert after.worst <= before.worst
    assert after.best <= before.best
    assert 0.0 <= after.best <= after.worst <= 10.0


@settings(max_examples=150, deadline=None)
@given(SOME_THREATS, POSTURES, st.sampled_from(["one", "two", "three", "four"]), st.sampled_from(NEEDS))
def test_opening_never_lowers_the_exposure(
    drawn: list[Any], postures: dict[str, dict[Need, Stance]], layer: str, need: Need
) -> None:
    before = _built(drawn, postures).exposure
    weaker = {**postures, layer: {**postures.get(layer, {}), need: PASSES}}
    after = _built(drawn, weaker).exposure
    assert after.worst >= before.worst
    assert after.best >= before.best


@settings(max_examples=100, deadline=None)
@given(SOME_THREATS, POSTURES, st.sampled_from(["one", "two", "three", "four"]))
def test_taking_a_layer_away_never_lowers_the_exposure(
    drawn: list[Any], postures: dict[str, dict[Need, Stance]], layer: str
) -> None:
    whole = _built(drawn, postures)
    taken = without(whole, frozenset({layer}))
    assert taken.exposure.worst >= whole.exposure.worst
    assert taken.exposure.best >= whole.exposure.best
    for before, after in zip(whole.threats, taken.threats, strict=True):
        assert after.depth[0] <= before.depth[0]


def test_an_open_critical_threat_is_never_averaged_away() -> None:
    many = tuple(_threat((A,), severity=Severity.LOW, name=str(number)) for number in range(1000))
    critical = _threat((B,), severity=Severity.CRITICAL, name="worst")
    assert _matrix((*many, critical), one=((A, STOPS),)).exposure.worst >= 9.0


def test_no_threat_no_exposure() -> None:
    assert exposure_of(()).worst == 0.0
