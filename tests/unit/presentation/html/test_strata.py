"""Where rays and names stand in the page's drawing: in order, inside the field, and no name on another."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from rig.window import fake_matrix
from stratascope.core.ground import UNREAD
from stratascope.core.threats.depth import judge
from stratascope.presentation.html.strata import LETTER, lanes, names
from stratascope.presentation.rays import Lane
from stratascope.presentation.threat_outcomes import SERIOUS, family_word

LEFT, RIGHT = 276.0, 1066.0
KINDS = ("weak", "tight", "open", "unknown")
NUMBERS = {layer: number for number, layer in enumerate(fake_matrix.LAYERS, 1)}


def lanes_of(kind: str) -> tuple[Lane, ...]:
    return tuple(lane for place in lanes(fake_matrix.matrix(kind), NUMBERS, LEFT, RIGHT) for lane in place.lanes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_threat_is_in_a_lane_of_its_family(kind: str) -> None:
    matrix = fake_matrix.matrix(kind)
    places = lanes(matrix, NUMBERS, LEFT, RIGHT)
    found = lanes_of(kind)
    assert sorted(ray.id for lane in found for ray in lane.rays) == sorted(each.threat.id for each in matrix.threats)
    assert [family_word(place.family) for place in places] == [
        "Host", "Mounts", "Kernel", "Namespaces", "Processes", "Network", "Resources",
    ]  # fmt: skip
    assert all(one.right < other.left for one, other in pairwise(places))
    assert places[0].left == LEFT
    assert places[-1].right == pytest.approx(RIGHT)
    for place in places:
        assert place.right - place.left >= len(family_word(place.family)) * LETTER - 0.01
        assert all(place.left <= lane.x <= place.right for lane in place.lanes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_serious_one_is_named_and_no_name_covers_another(kind: str) -> None:
    found = lanes_of(kind)
    placed, left_out = names(found, 250, RIGHT)
    serious = [lane for lane in found if lane.ray is not None and lane.ray.kind in SERIOUS]
    assert len(placed) + left_out == len(serious)
    assert not left_out or len(serious) > 15
    for one, other in combinations(placed, 2):
        if one.row == other.row:
            assert one.left + one.width < other.left or other.left + other.width < one.left


def test_no_threats_at_all() -> None:
    nothing = judge((), (), UNREAD)
    assert lanes(nothing, NUMBERS, LEFT, RIGHT) == ()
