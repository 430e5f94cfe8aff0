"""Threats as rays, and their places: pure functions on matrices made by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.window import fake_matrix
from stratascope.core.threats.depth import without
from stratascope.core.threats.threat import Family, Outcome
from stratascope.presentation.rays import (
    GROUND,
    LETTERS,
    FamilyBand,
    Lane,
    Name,
    Ray,
    Sort,
    bar_width,
    bundles,
    largest_bar,
    lay_out,
    nearest,
    order_of,
    place_names,
    ray_of,
    stops,
)
from stratascope.presentation.threat_outcomes import OPEN, SERIOUS, ThreatOutcome
from stratascope.value import replace

NUMBERS = {layer: number for number, layer in enumerate(fake_matrix.LAYERS, 1)}


def ray(kind: str, stances: str, threat: str = "set-clock") -> Ray:
    state = fake_matrix.matrix(kind, ((threat, stances),)).of(threat)
    assert state is not None
    return ray_of(state, NUMBERS)


@pytest.mark.parametrize(
    ("stances", "kind", "end", "also", "unknown"),
    [
        ("------", ThreatOutcome.MEDIUM, GROUND, (), ()),
        ("S.....", ThreatOutcome.ONCE, 1, (), ()),
        ("S.S..S", ThreatOutcome.DEEPER, 6, (3, 1), ()),
        ("...S.-", ThreatOutcome.ONCE, 4, (), ()),
        ("?....-", ThreatOutcome.UNKNOWN, GROUND, (), (1,)),
        ("S..?..", ThreatOutcome.ONCE, 1, (), (4,)),
        ("?..S..", ThreatOutcome.ONCE, 4, (), ()),  # what is not known lies below what stops it: no matter
        ("S..?.S", ThreatOutcome.DEEPER, 6, (1,), (4,)),
    ],
)
def test_a_ray_ends_at_the_topmost_band_that_stops_it(
    stances: str, kind: ThreatOutcome, end: int, also: tuple[int, ...], unknown: tuple[int, ...]
) -> None:
    found = ray("tight", stances)
    assert (found.kind, found.end, found.also, found.unknown) == (kind, end, also, unknown)


def test_what_only_the_host_stops_ends_at_the_ground() -> None:
    found = ray("open", "------", "read-firmware")
    assert (found.kind, found.end) == (ThreatOutcome.HOST, GROUND)


def test_the_kinds_of_all_rays_agree_with_the_outcomes() -> None:
    matrix = fake_matrix.matrix()
    rays = [ray for bundle in bundles(matrix, NUMBERS) for ray in bundle.rays]
    assert len(rays) == len(matrix.threats) == 61
    assert sum(ray.kind in OPEN for ray in rays) == sum(state.outcome is Outcome.OPEN for state in matrix.threats)


def test_in_a_family_the_worst_stands_first() -> None:
    kinds = list(ThreatOutcome)
    for bundle in bundles(fake_matrix.matrix(), NUMBERS):
        order = [kinds.index(ray.kind) for ray in bundle.rays]
        assert order == sorted(order)


def test_rays_keep_their_places_while_a_layer_is_away() -> None:
    matrix = fake_matrix.matrix("tight")
    before = order_of(bundles(matrix, NUMBERS))
    after = bundles(without(matrix, frozenset({"seccomp"})), NUMBERS, before)
    assert order_of(after) == before
    assert all(4 not in (ray.end, *ray.also) for bundle in after for ray in bundle.rays)


def places(kind: str = "weak", width: float = 520, name: float = 60.0) -> tuple[FamilyBand, ...]:
    return lay_out(bundles(fake_matrix.matrix(kind), NUMBERS), 270, 270 + width, 1.0, dict.fromkeys(Family, name))


def lanes(made: tuple[FamilyBand, ...]) -> list[Lane]:
    return [lane for place in made for lane in place.lanes]


@pytest.mark.parametrize("kind", ["weak", "tight", "open", "unknown"])
@pytest.mark.parametrize("width", [150, 300, 430, 520, 800, 1600])
def test_lanes_stay_in_their_families_and_cross_nothing(kind: str, width: float) -> None:
    made = places(kind, width)
    assert made[0].left == 270
    assert made[-1].right <= 270 + width + 0.01
    assert all(one.right < other.left for one, other in pairwise(made))
    for place in made:
        assert all(place.left - 0.5 <= lane.x <= place.right + 0.5 for lane in place.lanes)
    found = lanes(made)
    assert all(lane.x % 1 == 0.5 for lane in found)
    assert all(one.x <= other.x for one, other in pairwise(found))


@pytest.mark.parametrize("kind", ["weak", "tight", "open", "unknown"])
def test_every_threat_is_in_one_lane(kind: str) -> None:
    found = lanes(places(kind, 1200))
    assert sorted(ray.id for lane in found for ray in lane.rays) == sorted(
        state.threat.id for state in fake_matrix.matrix(kind).threats
    )
    for lane in found:
        kinds = {ray.kind for ray in lane.rays}
        alone = kinds <= {*SERIOUS, ThreatOutcome.MEDIUM}
        assert (lane.sort is Sort.RAY) is alone
        assert not alone or len(lane.rays) == 1


def test_what_is_serious_can_be_counted() -> None:
    """Ten to fourteen from one to the next, and a letter each, in the order in which they stand."""
    made = places("open", 1400)
    for place in made:
        serious = [lane for lane in place.lanes if lane.ray is not None and lane.ray.kind in SERIOUS]
        for one, other in pairwise(serious):
            assert 9.5 <= other.x - one.x <= 14.5
    lettered = [lane for lane in lanes(made) if lane.letter]
    assert "".join(lane.letter for lane in lettered) == LETTERS[: len(lettered)]
    assert all(lane.rays[0].kind in SERIOUS for lane in lettered)


def test_where_it_is_too_narrow_the_minor_leave_and_then_the_medium_share() -> None:
    """In that order, and nothing that is serious ever."""
    serious = sum(ray.kind in SERIOUS for bundle in bundles(fake_matrix.matrix("open"), NUMBERS) for ray in bundle.rays)
    seen = []
    for width in (1400, 700, 640, 600, 560, 520, 480, 440, 400, 360, 320):
        sorts = {lane.sort for lane in lanes(places("open", width, 10))}
        seen.append((Sort.MINOR in sorts, Sort.MEDIUM not in sorts))
        found = lanes(places("open", width, 10))
        assert sum(lane.ray is not None and lane.ray.kind in SERIOUS for lane in found) == serious
    assert seen[0] == (True, True)
    assert (False, True) in seen
    assert seen[-1] == (False, False)
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(("kind", "width"), [("weak", 200), ("weak", 260), ("open", 300), ("open", 340)])
def test_where_it_is_narrower_still_letters_do_not_lie_on_one_another(kind: str, width: float) -> None:
    """The others give way first: a letter's tag is 9.2 wide, and where it stands is a whole pixel."""
    for place in places(kind, width, 10):
        serious = [lane for lane in place.lanes if lane.letter]
        assert all(other.x - one.x >= 8.5 for one, other in pairwise(serious))
        assert all(lane.width >= 8 for lane in place.lanes if lane.sort is not Sort.RAY)


def test_a_family_is_not_narrower_than_its_name() -> None:
    assert all(place.right - place.left >= 59.9 for place in places(width=900))


def test_a_bar_says_how_many_end_where_and_how_deep() -> None:
    matrix = fake_matrix.matrix(
        "tight", (("userfaultfd", "..SS.."), ("load-module", "S.SS.S"), ("reboot", "S....."), ("bpf", "...S.."))
    )
    made = lay_out(bundles(matrix, NUMBERS), 270, 1400, 1.0, {})
    bar = next(lane for place in made if place.family is Family.KERNEL for lane in place.lanes
               if lane.sort is Sort.STOPPED)  # fmt: skip
    ends = stops(bar)
    assert [end.band for end in ends] == sorted((end.band for end in ends), reverse=True)
    assert sum(end.count for end in ends) == len(bar.rays)
    assert ends[-1].left == 0
    for end in ends:
        here = [ray for ray in bar.rays if ray.end == end.band]
        assert (end.count, end.least) == (len(here), min(ray.state.depth[0] for ray in here))
    assert next(end.least for end in ends if end.band == 1) == 1  # reboot, by it alone
    wide = [bar_width(count, largest_bar(made), 1.0) for count in (len(bar.rays), *(end.left for end in ends))]
    assert wide == sorted(wide, reverse=True)
    assert wide[-1] == 0.0


def test_without_threats_there_is_nothing() -> None:
    assert lay_out((), 0, 100, 1.0, {}) == ()
    assert nearest((), 5, 5) is None
    assert place_names((), {}, 0, 100, 1.0) == ((), 0)


def test_the_nearest_lane_is_found_within_reach() -> None:
    made = places()
    lane = next(lane for lane in lanes(made) if lane.sort is Sort.RAY)
    assert nearest(made, lane.x + 1, 3) == lane
    bar = next(lane for lane in lanes(made) if lane.sort is Sort.STOPPED)
    assert nearest(made, bar.x + bar.width / 2 - 1, 3) == bar, "a bar is as wide as it is"
    assert nearest(made, 100, 3) is None


def named(count: int, critical: int = 0) -> list[Lane]:
    """So many serious ones."""
    one = ray("open", "------", "set-clock")
    kinds = [ThreatOutcome.CRITICAL] * critical + [ThreatOutcome.HIGH] * (count - critical)
    state = one.state
    return [
        Lane(Sort.RAY, (replace(one, kind=kind, state=replace(state, threat=replace(state.threat, id=f"t{at}"))),),
             300.5 + at, 10, LETTERS[at] if at < len(LETTERS) else "")
        for at, kind in enumerate(kinds)
    ]  # fmt: skip


def agree(found: tuple[Name, ...], left: float, right: float) -> None:
    """No name leaves the field, or covers another."""
    for one in found:
        assert left <= one.left
        assert one.left + one.width <= right + 0.01
        assert 0 <= one.row < one.rows
        for other in found:
            if one is not other and one.row == other.row:
                assert one.left + one.width <= other.left or other.left + other.width <= one.left


@given(st.lists(st.integers(20, 220), max_size=22), st.integers(60, 900))
def test_names_never_cover_each_other(wide: list[int], room: int) -> None:
    wanted = named(len(wide))
    widths = {lane.id: float(width) for lane, width in zip(wanted, wide, strict=True)}
    found, hidden = place_names(wanted, widths, 270, 270 + room, 1.0)
    agree(found, 270, 270 + room)
    assert len(found) + hidden == len(wanted)
    assert [name.id for name in found] == [lane.id for lane in wanted[: len(found)]]


@pytest.mark.parametrize(("count", "rows"), [(1, 3), (9, 3), (10, 4), (12, 4), (13, 5), (15, 5)])
def test_up_to_fifteen_are_all_named(count: int, rows: int) -> None:
    wanted = named(count, critical=2 if count > 2 else 0)
    found, hidden = place_names(wanted, {lane.id: 150.0 for lane in wanted}, 0, 600, 1.0)
    assert hidden == 0
    assert {name.rows for name in found} == {rows}
    assert [name.letter for name in found] == list(LETTERS[:count])


def test_of_more_the_last_place_is_for_their_number() -> None:
    wanted = named(19)
    found, hidden = place_names(wanted, {lane.id: 150.0 for lane in wanted}, 0, 600, 1.0)
    assert (len(found), hidden) == (14, 5)


def test_where_no_name_fits_all_are_counted() -> None:
    wanted = named(4)
    assert place_names(wanted, {lane.id: 150.0 for lane in wanted}, 0, 100, 1.0) == ((), 4)
