"""Readings of counters into means and peaks."""

from __future__ import annotations

from stratascope.core.history.entry import Counted, Meter


def test_means_and_peaks() -> None:
    meter = Meter()
    for at, memory, cpu, io in ((0.0, 100, 1.0, 0), (10.0, 300, 6.0, 1000), (20.0, 200, 7.0, 1000)):
        meter.add(at, Counted(memory, 4, cpu, io))
    row = meter.take()
    assert row is not None
    assert (row.at, row.span) == (20.0, 20.0)
    assert (row.memory, row.memory_peak, row.pids) == (200.0, 300.0, 4.0)
    assert (row.cpu, row.cpu_peak) == (0.3, 0.5)
    assert (row.io, row.io_peak) == (50.0, 100.0)
    assert meter.take() is None  # nothing came since
    meter.add(30.0, Counted(200, 4, 17.0, 1000))
    later = meter.take()
    assert later is not None
    assert (later.span, later.cpu) == (10.0, 1.0)  # the counters go on from the last reading


def test_what_can_not_be_read_is_not_told() -> None:
    meter = Meter()
    meter.add(0.0, Counted())
    meter.add(10.0, Counted())
    assert meter.take() is None
    meter.add(20.0, Counted(memory=5))
    row = meter.take()
    assert row is not None
    assert (row.memory, row.cpu, row.pids, row.io) == (5.0, None, None, None)


def test_counters_that_begin_anew_are_no_use() -> None:
    meter = Meter()
    meter.add(0.0, Counted(1, 1, 100.0, 100))
    meter.add(10.0, Counted(1, 1, 2.0, 5))
    row = meter.take()
    assert row is not None
    assert (row.cpu, row.io) == (None, None)
