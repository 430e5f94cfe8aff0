"""Rows into lines: bounded, held where nothing new was written, and broken where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.history.entry import (
    Exposed,
    HistoryEntry,
    Limits,
    PartKind,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
)
from stratascope.core.history.fold import PARTS, Change, Past, What, fold, joined, nearly_equal, thinned
from stratascope.value import replace

WEB = Subject("docker", "web")
DAY = 86400.0


def run(at: float, status: str = "running") -> HistoryEntry:
    return HistoryEntry(at, PartKind.RUN, Run(status, at))


def exposed(at: float, worst: float) -> HistoryEntry:
    return HistoryEntry(at, PartKind.EXPOSED, Exposed(worst, worst))


def test_a_row_holds_until_the_next() -> None:
    rows = [
        UsageRow(60.0, 60.0, memory=100.0, memory_peak=150.0),
        UsageRow(600.0, 60.0, memory=300.0, memory_peak=300.0),
    ]
    past = fold(WEB, [run(0.0)], rows, [WatchSpan(0.0, 1000.0)], 0.0, 1000.0, parts=10)
    means = [None if each is None else each.memory for each in past.used]
    # the second one tells of the time from 540 on
    assert means == [100.0] * 5 + [pytest.approx((40 * 100 + 60 * 300) / 100)] + [300.0] * 4
    assert past.peaks is not None
    assert (past.peaks.memory, past.peaks.memory_peak) == (300.0, 300.0)


def test_nothing_where_it_did_not_run_or_nobody_looked() -> None:
    entries = [run(0.0), exposed(0.0, 4.0), run(200.0, "exited"), run(500.0), exposed(800.0, 9.0)]
    watches = [WatchSpan(0.0, 600.0), WatchSpan(800.0, 1000.0)]
    past = fold(WEB, entries, [UsageRow(60.0, 60.0, pids=1.0)], watches, 0.0, 1000.0, parts=10)
    assert past.watched == (WatchSpan(0.0, 200.0), WatchSpan(500.0, 600.0), WatchSpan(800.0, 1000.0))
    known = [each is not None for each in past.used]
    assert known == [True, True, False, False, False, True, False, False, True, True]
    worst = [(step.began, step.until, step.exposed and step.exposed.worst) for step in past.steps]
    assert worst == [(0.0, 200.0, 4.0), (500.0, 600.0, 4.0), (800.0, 1000.0, 9.0)]


def test_steps_have_the_limits_of_their_time() -> None:
    entries = [run(0.0), exposed(0.0, 4.0), HistoryEntry(300.0, PartKind.LIMITS, Limits(memory=5))]
    past = fold(WEB, entries, [], [WatchSpan(0.0, 1000.0)], 100.0, 1000.0)
    assert [(step.began, step.limits) for step in past.steps] == [(100.0, None), (300.0, Limits(memory=5))]
    assert past.then.limits is None
    assert past.now.limits == Limits(memory=5)


def test_a_short_pause_in_looking_is_none() -> None:
    """A program that was started again at once."""
    assert joined([WatchSpan(200.0, 300.0), WatchSpan(0.0, 100.0), WatchSpan(1000.0, 1001.0)]) == (
        WatchSpan(0.0, 300.0),
        WatchSpan(1000.0, 1001.0),
    )


def test_a_year_is_bounded() -> None:
    """However much was written down, a line has so many points."""
    rows = [UsageRow(at * 3600.0, 3600.0, memory=float(at % 7), memory_peak=float(at % 7)) for at in range(1, 365 * 24)]
    entries = [run(0.0), *(exposed(day * 3600.0, float(day % 10)) for day in range(365 * 24))]
    past = fold(WEB, entries, rows, [WatchSpan(0.0, 365 * DAY)], 0.0, 365 * DAY)
    assert len(past.used) == PARTS
    assert len(past.steps) <= PARTS + 1
    assert max(step.exposed.worst for step in past.steps if step.exposed) == 9.0  # the worst is never left out
    assert past.peaks is not None
    assert past.peaks.memory_peak == 6.0


def test_thinned_rows_come_to_the_same() -> None:
    """What held for long still holds, with the value that it had at last."""
    rows = [
        UsageRow(60.0, 60.0, memory=100.0, memory_peak=900.0),
        UsageRow(120.0, 60.0, memory=300.0, memory_peak=300.0),
    ]
    merged = thinned(rows, 600.0, 6000.0)
    assert len(merged) == 2
    assert merged[0].memory == pytest.approx((60 * 100 + 540 * 300) / 600)
    assert merged[0].memory_peak == 900.0
    assert merged[1].memory == 300.0
    watch = [WatchSpan(0.0, 6000.0)]
    whole, thin = (fold(WEB, [run(0.0)], each, watch, 0.0, 6000.0, parts=10) for each in (rows, merged))
    assert [each and each.memory for each in whole.used] == pytest.approx([each and each.memory for each in thin.used])


def test_the_last_row_before_the_edge_goes_on() -> None:
    rows = [UsageRow(60.0, 60.0, pids=1.0, pids_peak=1.0), UsageRow(1200.0, 60.0, pids=50.0, pids_peak=50.0)]
    merged = thinned(rows, 600.0, 1200.0)
    assert (merged[-1].pids, merged[-1].at) == (50.0, 1201.0)


@given(
    st.lists(
        st.tuples(st.floats(1, 1e5), st.floats(0.1, 600), st.none() | st.floats(0, 1e12, allow_subnormal=False)),
        max_size=30,
    ),
    st.floats(0, 5e4),
    st.floats(1, 1e5),
)
def test_any_rows(raw: list[tuple[float, float, float | None]], since: float, long: float) -> None:
    rows = sorted(
        (UsageRow(at, span, memory=value, memory_peak=value) for at, span, value in raw), key=lambda row: row.at
    )
    past = fold(WEB, [run(0.0)], rows, [WatchSpan(0.0, 2e5)], since, since + long, parts=20)
    values = [row.memory for row in rows if row.memory is not None]
    for each in past.used:
        if each is not None and each.memory is not None:
            assert min(values) * 0.999 <= each.memory <= max(values) * 1.001


def test_alike() -> None:
    one = UsageRow(1.0, 60.0, memory=100e6, cpu=0.5, pids=9.0)
    assert nearly_equal(one, UsageRow(2.0, 60.0, memory=101e6, cpu=0.505, pids=9.0))
    assert not nearly_equal(one, UsageRow(2.0, 60.0, memory=110e6, cpu=0.5, pids=9.0))
    assert not nearly_equal(one, UsageRow(2.0, 60.0, memory=100e6, cpu=0.5, pids=10.0))
    assert not nearly_equal(one, UsageRow(2.0, 60.0, memory=100e6, cpu=None, pids=9.0))


def test_other_rights_than_the_first_are_shown_from_when_somebody_looked() -> None:
    other = (Unlike("sh", "exec", ("capabilities.effective",)),)
    with_it, came, went = Standing(drift=other), Change(40.0, What.DRIFT), Change(30.0, What.DRIFT_ENDED)
    assert Past(Subject("docker", "web"), 0.0, 60.0).drifting == ()
    whole = Past(Subject("docker", "web"), 0.0, 60.0, first=20.0, then=with_it, now=with_it)
    assert whole.drifting == ((20.0, 60.0),), "before, nobody knew of it"
    assert replace(whole, first=-5.0).drifting == ((0.0, 60.0),)
    assert replace(whole, changes=(went, came)).drifting == ((20.0, 30.0), (40.0, 60.0))
    assert replace(whole, changes=(went,), now=Standing()).drifting == ((20.0, 30.0),)
