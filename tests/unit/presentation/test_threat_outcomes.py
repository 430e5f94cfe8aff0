"""Words and order of threats, which matrix, strata, fleet and files share."""

from __future__ import annotations

from itertools import pairwise

from rig.window import fake_matrix
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Outcome
from stratascope.presentation.threat_outcomes import (
    Protection,
    by_depth,
    by_family,
    by_severity,
    depth_text,
    family_word,
    protection,
    protections,
    worst_first,
)


def test_each_threat_stands_somewhere() -> None:
    matrix = fake_matrix.matrix()
    found = protections(matrix)
    assert found == {
        Protection.OPEN: 25, Protection.UNKNOWN: 2, Protection.HOST: 1, Protection.ONCE: 11, Protection.DEEPER: 22
    }  # fmt: skip
    assert sum(found.values()) == len(matrix.threats)


def test_standing_follows_outcome_ground_and_depth() -> None:
    for state in fake_matrix.matrix().threats:
        where = protection(state)
        assert (where is Protection.OPEN) == (state.outcome is Outcome.OPEN)
        assert (where is Protection.UNKNOWN) == (state.outcome is Outcome.UNKNOWN)
        assert (where is Protection.HOST) == state.by_ground
        assert (where is Protection.DEEPER) == (state.depth[0] >= 2)


def test_worst_first_is_open_critical_then_open_high_then_not_known_then_by_depth() -> None:
    rows = sorted(fake_matrix.matrix().threats, key=worst_first)
    assert [state.threat.severity for state in rows[:3]] == [Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH]
    order = list(Protection)
    places = [order.index(protection(state)) for state in rows]
    assert places == sorted(places)
    for one, two in pairwise(rows):
        if protection(one) is protection(two) and one.threat.severity is two.threat.severity:
            assert one.depth <= two.depth


def test_other_orders() -> None:
    threats = fake_matrix.matrix().threats
    severities = [list(Severity).index(state.threat.severity) for state in sorted(threats, key=by_severity)]
    assert severities == sorted(severities)
    depths = [state.depth for state in sorted(threats, key=by_depth)]
    assert depths == sorted(depths)
    families = [family_word(state.threat.family) for state in sorted(threats, key=by_family)]
    assert list(dict.fromkeys(families)) == [
        "Host", "Mounts", "Kernel", "Namespaces", "Processes", "Network", "Resources"
    ]  # fmt: skip


def test_depth_is_a_number_or_a_range() -> None:
    matrix = fake_matrix.matrix()
    assert {depth_text(state) for state in matrix.threats} == {"0", "1", "2", "3", "4", "5", "0–1", "1–3"}
