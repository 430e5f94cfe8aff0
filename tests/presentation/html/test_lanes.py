"""Where rays and names stand in the page's drawing: in order, inside the field, and no name on another."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from stratascope.core.ground import UNREAD
from stratascope.core.threats.depth import judge
from stratascope.presentation.html.lanes import LETTER, labels, lanes
from stratascope.presentation.rays_layout import Lane
from stratascope.presentation.threat_outcomes import SERIOUS, family_word
from ui import fake_matrix

LEFT, RIGHT = 276.0, 1066.0
KINDS = ("weak", "tight", "open", "unknown")
NUMBERS = {layer: number for number, layer in enumerate(fake_matrix.LAYERS, 1)}


def lanes_of(kind: str) -> tuple[Lane, ...]:
    return tuple(lane for place in lanes(fake_matrix.matrix(kind), NUMBERS, LEFT, RIGHT) for lane in place.lanes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_threat_has_a_lane_inside_its_family(kind: str) -> None:
    matrix = fake_matrix.matrix(kind)
    places = lanes(matrix, NUMBERS, LEFT, RIGHT)
    found = lanes_of(kind)
    assert sorted(lane.ray.id for lane in found) == sorted(each.threat.id for each in matrix.threats)
    assert [family_word(place.family) for place in places] == [
        "Host", "Mounts", "Kernel", "Namespaces", "Processes", "Network", "Resources",
    ]  # fmt: skip
    assert all(one.right < other.left for one, other in pairwise(places))
    assert places[0].left == LEFT
    assert places[-1].right == pytest.approx(RIGHT)
    for place in places:
        assert place.right - place.left >= len(family_word(place.family)) * LETTER - 0.01
        assert all(place.left <= lane.x <= place.right for lane in place.lanes)
    assert all(lane.x % 1 == 0.5 for lane in found)
    assert [lane.x for lane in found] == sorted(lane.x for lane in found)


@pytest.mark.parametrize("kind", KINDS)
def test_names_cross_nothing(kind: str) -> None:
    found = lanes_of(kind)
    placed, left_out = labels(found, LEFT - 8, RIGHT + 8)
    assert len(placed) + left_out == sum(lane.ray.kind in SERIOUS for lane in found)
    for label in placed:
        assert label.left >= LEFT - 8
        assert label.right <= RIGHT + 8.01
    for one, other in combinations(placed, 2):
        if one.row == other.row:
            assert one.right < other.left or other.right < one.left
        for low, high in ((one, other), (other, one)):
            if low.row > high.row:  # the leader of the lower one passes the name above
                assert not high.left <= low.x <= high.right


def test_critical_ones_get_room_first() -> None:
    placed, _ = labels(lanes_of("weak"), LEFT - 8, RIGHT + 8)
    assert {"use-engine-socket", "be-host-root"} <= {label.id for label in placed}


def test_no_threats_at_all() -> None:
    nothing = judge((), (), UNREAD)
    assert lanes(nothing, NUMBERS, LEFT, RIGHT) == ()
