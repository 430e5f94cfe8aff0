"""Critical words need a critical threat that is not stopped."""

from __future__ import annotations

import pytest

from stratascope.core.layer import Finding
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import cap_severity
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.states import Exposure, RouteState, ThreatState
from stratascope.core.threats.threat import Family, Outcome, Route, Threat

WORD = msg("word")
CRITICAL, HIGH, MEDIUM, LOW = Severity


def matrix(**outcomes: tuple[Severity, Outcome]) -> Matrix:
    states = []
    for name, (severity, outcome) in outcomes.items():
        threat = Threat(name, Family.HOST, severity, WORD, WORD, WORD, WORD, "one", ())
        route = RouteState(Route(WORD, ()), (), None)
        states.append(ThreatState(threat, outcome, (0, 0), False, route, (route,), ()))
    return Matrix(tuple(states), Exposure(0.0, 0.0, ()))


OPEN, UNKNOWN, STOPPED = Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED


@pytest.mark.parametrize(
    ("known", "behind", "severity", "words"),
    [
        (matrix(a=(CRITICAL, OPEN), b=(HIGH, STOPPED)), ("a", "b"), CRITICAL, "strong"),
        (matrix(a=(CRITICAL, STOPPED), b=(HIGH, OPEN)), ("a", "b"), HIGH, "strong"),
        (matrix(a=(CRITICAL, UNKNOWN), b=(HIGH, OPEN)), ("a", "b"), CRITICAL, "strong"),
        (matrix(a=(CRITICAL, STOPPED), b=(HIGH, STOPPED)), ("a", "b"), LOW, "mild"),
        (matrix(a=(CRITICAL, STOPPED)), (), CRITICAL, "strong"),
        (None, ("a",), CRITICAL, "strong"),
    ],
)
def test_no_more_severe_than_what_stands_behind_it(
    known: Matrix | None, behind: tuple[str, ...], severity: Severity, words: str
) -> None:
    finding = Finding("x", "one", CRITICAL, msg("strong"), WORD, "", (), behind, msg("mild"))
    found = cap_severity(finding, known)
    assert (found.severity, found.text.id) == (severity, words)


def test_nothing_becomes_more_severe() -> None:
    finding = Finding("x", "one", MEDIUM, msg("strong"), WORD, "", (), ("a",))
    assert cap_severity(finding, matrix(a=(CRITICAL, OPEN))) is finding
    assert cap_severity(finding, matrix(a=(CRITICAL, STOPPED))).severity is LOW
