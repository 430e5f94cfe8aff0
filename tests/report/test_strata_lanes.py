"""Where rays and labels stand: in order, inside the field, and no label on another."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from stratascope.core.depth import judge
from stratascope.core.ground import UNREAD
from stratascope.core.layer import Severity
from stratascope.core.threat import Outcome
from stratascope.report.strata_lanes import LETTER, labels, lanes
from ui import fake_matrix

LEFT, RIGHT = 276.0, 1066.0
KINDS = ("weak", "tight", "open", "unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_every_threat_has_a_lane_inside_its_family(kind: str) -> None:
    matrix = fake_matrix.matrix(kind)
    groups, found = lanes(matrix, LEFT, RIGHT)
    assert sorted(lane.state.threat.id for lane in found) == sorted(each.threat.id for each in matrix.threats)
    assert [group.title for group in groups] == [
        "Host", "Mounts", "Kernel", "Namespaces", "Processes", "Network", "Resources",
    ]  # fmt: skip
    assert all(one.right < other.left for one, other in pairwise(groups))
    assert groups[0].left == LEFT
    assert groups[-1].right == pytest.approx(RIGHT)
    for group in groups:
        assert group.right - group.left >= len(group.title) * LETTER - 0.01
    for lane in found:
        assert lane.x % 1 == 0.5
        assert any(group.left <= lane.x <= group.right for group in groups)
    assert [lane.x for lane in found] == sorted(lane.x for lane in found)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_cross_nothing(kind: str) -> None:
    _, found = lanes(fake_matrix.matrix(kind), LEFT, RIGHT)
    placed, left_out = labels(found, LEFT - 8, RIGHT + 8)
    serious = [
        lane
        for lane in found
        if lane.state.outcome is Outcome.OPEN and lane.state.threat.severity in (Severity.CRITICAL, Severity.HIGH)
    ]
    assert len(placed) + left_out == len(serious)
    for label in placed:
        assert label.left >= LEFT - 8
        assert label.left + label.width <= RIGHT + 8.01
    for one, other in combinations(placed, 2):
        if one.row == other.row:
            assert one.left + one.width < other.left or other.left + other.width < one.left
        for low, high in ((one, other), (other, one)):
            if low.row > high.row:  # the leader of the lower one passes the label above
                assert not high.left <= low.lane.x <= high.left + high.width


def test_critical_ones_get_room_first() -> None:
    _, found = lanes(fake_matrix.matrix("weak"), LEFT, RIGHT)
    placed, _ = labels(found, LEFT - 8, RIGHT + 8)
    assert {"Use the engine's socket", "Be root on the host"} <= {label.title for label in placed}


def test_no_threats_at_all() -> None:
    nothing = judge((), (), UNREAD)
    assert lanes(nothing, LEFT, RIGHT) == ((), ())
