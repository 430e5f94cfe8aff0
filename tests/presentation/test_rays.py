"""Threats as rays, and their places: pure functions on matrices made by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.threats.depth import without
from stratascope.core.threats.threat import Family, Outcome
from stratascope.presentation.rays import GROUND, Ray, bundles, order_of, ray_of
from stratascope.presentation.rays_layout import Label, Place, lay_out, nearest, place_labels
from stratascope.presentation.threat_outcomes import OPEN, Kind
from ui import fake_matrix

NUMBERS = {layer: number for number, layer in enumerate(fake_matrix.LAYERS, 1)}


def ray(kind: str, stances: str, threat: str = "set-clock") -> Ray:
    state = fake_matrix.matrix(kind, ((threat, stances),)).of(threat)
    assert state is not None
    return ray_of(state, NUMBERS)


@pytest.mark.parametrize(
    ("stances", "kind", "end", "also", "unknown"),
    [
        ("------", Kind.MEDIUM, GROUND, (), ()),
        ("S.....", Kind.ONCE, 1, (), ()),
        ("S.S..S", Kind.DEEPER, 6, (3, 1), ()),
        ("...S.-", Kind.ONCE, 4, (), ()),
        ("?....-", Kind.UNKNOWN, GROUND, (), (1,)),
        ("S..?..", Kind.ONCE, 1, (), (4,)),
        ("?..S..", Kind.ONCE, 4, (), ()),  # what is not known lies below what stops it: no matter
        ("S..?.S", Kind.DEEPER, 6, (1,), (4,)),
    ],
)
def test_a_ray_ends_at_the_topmost_band_that_stops_it(
    stances: str, kind: Kind, end: int, also: tuple[int, ...], unknown: tuple[int, ...]
) -> None:
    found = ray("tight", stances)
    assert (found.kind, found.end, found.also, found.unknown) == (kind, end, also, unknown)


def test_what_only_the_host_stops_ends_at_the_ground() -> None:
    found = ray("open", "------", "read-firmware")
    assert (found.kind, found.end) == (Kind.HOST, GROUND)


def test_the_kinds_of_all_rays_agree_with_the_outcomes() -> None:
    matrix = fake_matrix.matrix()
    rays = [ray for bundle in bundles(matrix, NUMBERS) for ray in bundle.rays]
    assert len(rays) == len(matrix.threats) == 61
    assert sum(ray.kind in OPEN for ray in rays) == sum(state.outcome is Outcome.OPEN for state in matrix.threats)


def test_in_a_family_the_worst_stands_first() -> None:
    kinds = list(Kind)
    for bundle in bundles(fake_matrix.matrix(), NUMBERS):
        order = [kinds.index(ray.kind) for ray in bundle.rays]
        assert order == sorted(order)


def test_rays_keep_their_places_while_a_layer_is_away() -> None:
    matrix = fake_matrix.matrix("tight")
    before = order_of(bundles(matrix, NUMBERS))
    after = bundles(without(matrix, frozenset({"seccomp"})), NUMBERS, before)
    assert order_of(after) == before
    assert all(4 not in (ray.end, *ray.also) for bundle in after for ray in bundle.rays)


def places(kind: str = "weak", width: float = 520, *, grouped: bool = False) -> tuple[Place, ...]:
    names = dict.fromkeys(Family, 60.0)
    return lay_out(bundles(fake_matrix.matrix(kind), NUMBERS), 270, 270 + width, 11, names, grouped=grouped)


@pytest.mark.parametrize("kind", ["weak", "tight", "open", "unknown"])
@pytest.mark.parametrize("width", [430, 520, 800, 1600])
def test_lanes_fill_the_field_without_crossing(kind: str, width: float) -> None:
    made = places(kind, width)
    assert made[0].left == 270
    assert made[-1].right == pytest.approx(270 + width)
    for one, other in pairwise(made):
        assert other.left - one.right == pytest.approx(11)
    lanes = [lane for place in made for lane in place.lanes]
    assert len(lanes) == 61
    assert all(lane.x % 1 == 0.5 for lane in lanes)
    assert all(one.x < other.x for one, other in pairwise(lanes))


def test_a_family_is_not_narrower_than_its_name() -> None:
    assert all(place.right - place.left >= 59.9 for place in places(width=900))


def test_an_open_critical_lane_is_wider() -> None:
    host = next(place for place in places(width=900) if place.family is Family.HOST)
    widths = {lane.ray.kind: lane.width for lane in host.lanes}
    assert widths[Kind.CRITICAL] == pytest.approx(2.3 * widths[Kind.ONCE])


def test_in_a_narrow_field_only_open_rays_have_lanes() -> None:
    made = places(width=250, grouped=True)
    assert made[-1].right <= 520.01
    for place, bundle in zip(made, bundles(fake_matrix.matrix(), NUMBERS), strict=True):
        rest = sum(ray.kind not in OPEN for ray in bundle.rays)
        assert [lane.count for lane in place.lanes if lane.count] == ([rest] if rest else [])
        assert all(lane.ray.kind in OPEN for lane in place.lanes if not lane.count)


def test_a_bar_for_many_says_where_the_last_is_stopped_and_how_many_are_not_known() -> None:
    matrix = fake_matrix.matrix("tight", (("userfaultfd", "...?.."), ("load-module", "S.SS.S")))
    made = lay_out(bundles(matrix, NUMBERS), 270, 520, 7, {}, grouped=True)
    bar = next(lane for place in made if place.family is Family.KERNEL for lane in place.lanes if lane.count)
    assert bar.unsure >= 1
    assert bar.unsure < bar.count
    assert bar.ray.kind is not Kind.UNKNOWN
    nothing = lay_out(bundles(fake_matrix.matrix("unknown"), NUMBERS), 270, 520, 7, {}, grouped=True)
    bar = nothing[0].lanes[-1]
    assert (bar.unsure, bar.ray.kind) == (bar.count, Kind.UNKNOWN)


def test_without_threats_there_is_nothing() -> None:
    assert lay_out((), 0, 100, 11, {}, grouped=False) == ()
    assert nearest((), 5, 5) is None


def test_the_nearest_lane_is_found_within_reach() -> None:
    made = places()
    lane = made[2].lanes[1]
    assert nearest(made, lane.x + 1, 3) == lane
    assert nearest(made, 100, 3) is None


def agree(labels: tuple[Label, ...], left: float, right: float) -> None:
    """No name covers another or leaves the field, and no leader line runs through a name."""
    for one in labels:
        assert left <= one.left
        assert one.right <= right + 0.01 or one.width > right - left
        for other in labels:
            if one is not other and one.row == other.row:
                assert one.right <= other.left or other.right <= one.left
            if other.row > one.row:
                assert not one.left < other.x < one.right


@given(
    st.lists(st.tuples(st.integers(0, 480), st.integers(20, 150), st.booleans()), max_size=18, unique_by=lambda t: t[0])
)
def test_names_never_cover_each_other(wanted: list[tuple[int, int, bool]]) -> None:
    labels = tuple(Label(f"t{at}", 270.5 + x, width, critical) for at, (x, width, critical) in enumerate(wanted))
    placed, hidden = place_labels(labels, 270, 760, 7, 3, 50)
    agree(placed, 270, 760)
    assert {label.id for label in placed} | set(hidden) == {label.id for label in labels}
    assert len(placed) + len(hidden) == len(labels)
    if labels and any(label.critical for label in labels):
        assert any(label.critical for label in placed)


def test_few_names_all_find_room_from_right_to_left() -> None:
    labels = (Label("a", 300.5, 110, True), Label("b", 320.5, 90, False), Label("c", 340.5, 80, False))
    placed, hidden = place_labels(labels, 270, 760, 7, 3, 50)
    assert hidden == ()
    assert {label.id: label.row for label in placed} == {"c": 0, "b": 1, "a": 2}
    assert all(label.left == label.x - 7 for label in placed)


def test_names_at_the_edge_end_right_of_their_rays() -> None:
    labels = (Label("a", 700.5, 90, False), Label("b", 730.5, 90, False))
    placed, hidden = place_labels(labels, 270, 760, 7, 3, 50)
    assert hidden == ()
    assert {label.id: (label.row, label.right) for label in placed} == {"a": (0, 707.5), "b": (1, 737.5)}


def test_where_there_is_no_room_the_critical_ones_are_named() -> None:
    many = [Label(f"h{x}", 300.5 + x * 12, 130, False) for x in range(20)]
    labels = (*many, Label("c", 294.5, 130, True))
    placed, hidden = place_labels(labels, 270, 560, 7, 3, 50)
    assert "c" in {label.id for label in placed}
    assert hidden
    assert all(label.right <= 510 + 3.5 for label in placed if label.row == 2)  # "+ 14 more" has its place
