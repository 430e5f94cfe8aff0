"""What matters first, what counts as what, and whose exposure is above a limit."""

from __future__ import annotations

import pytest

from rig.presentation import page_sample
from rig.window import fake_matrix
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import depth_words, exposure_level, exposure_word
from stratascope.presentation.threat_outcomes import (
    OPEN,
    ThreatOutcome,
    by_outcome,
    counted_as,
    counts_line,
    exceeds,
    exposure_line,
    kinds,
)

KINDS = ("weak", "tight", "open", "unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_every_threat_counts_once(kind: str) -> None:
    matrix = fake_matrix.matrix(kind)
    found = kinds(matrix)
    assert sum(found.values()) == len(matrix.threats)
    severe = (Severity.CRITICAL, Severity.HIGH)
    serious = [each for each in matrix.threats if each.outcome is Outcome.OPEN and each.threat.severity in severe]
    assert found[ThreatOutcome.CRITICAL] + found[ThreatOutcome.HIGH] == len(serious)
    opened = sum(found[each] for each in OPEN)
    assert opened == sum(each.outcome is Outcome.OPEN for each in matrix.threats)
    assert str(len(matrix.threats)) in translate(counts_line(found))


@pytest.mark.parametrize("kind", KINDS)
def test_open_and_severe_ones_come_first(kind: str) -> None:
    found = by_outcome(fake_matrix.matrix(kind))
    outcomes = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
    ranks = [(outcomes.index(each.outcome), list(Severity).index(each.threat.severity), each.depth) for each in found]
    assert ranks == sorted(ranks)
    assert len(found) == len(fake_matrix.THREATS)


def test_fates() -> None:
    matrix = fake_matrix.matrix("open")
    by_id = {each.threat.id: counted_as(each) for each in matrix.threats}
    assert by_id["use-engine-socket"] == "serious"
    assert by_id["pivot-root"] == "medium"
    assert by_id["change-root"] == "minor"
    assert by_id["read-firmware"] == "ground"
    tight = {each.threat.id: counted_as(each) for each in fake_matrix.matrix("tight").threats}
    assert tight["use-engine-socket"] == "once"
    assert tight["load-module"] == "more"
    assert {counted_as(each) for each in fake_matrix.matrix("unknown").threats} <= {"unknown", "ground"}


def test_counts_of_nothing_open_leave_out_what_is_not() -> None:
    assert translate(
        counts_line(dict.fromkeys(ThreatOutcome, 0) | {ThreatOutcome.ONCE: 2, ThreatOutcome.DEEPER: 1})
    ) == ("Of 3 things it could try: 2 stopped by one layer, 1 by two or more")


@pytest.mark.parametrize(
    ("number", "level", "word"),
    [
        (0.0, "none", "None"),
        (0.1, "low", "Low"),
        (3.9, "low", "Low"),
        (4.0, "medium", "Medium"),
        (6.9, "medium", "Medium"),
        (7.0, "high", "High"),
        (8.9, "high", "High"),
        (9.0, "critical", "Critical"),
        (10.0, "critical", "Critical"),
    ],
)
def test_words_of_the_exposure(number: float, level: str, word: str) -> None:
    assert (exposure_level(number), translate(exposure_word(number))) == (level, word)


def test_the_exposure_in_a_line() -> None:
    certain = translate(exposure_line(fake_matrix.matrix("open")))
    assert certain == "Exposure 10.0, Critical"
    unsure = translate(exposure_line(fake_matrix.matrix("unknown")))
    assert unsure.startswith("Exposure 10.0, Critical (at best ")
    assert translate(depth_words((2, 2))) == "2"
    assert translate(depth_words((0, 3))) == "0 to 3"


def test_above_a_limit() -> None:
    containers = page_sample.fleet(7).containers
    above = {state.container.name for state in exceeds(containers, 9.9)}
    assert above == {"service-4", "service-6"}  # open, and unknown which counts as let through
    assert exceeds(containers, 10.0) == ()
    assert all(state.matrix is not None for state in exceeds(containers, 0.0))
