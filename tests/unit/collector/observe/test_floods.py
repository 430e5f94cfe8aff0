"""What is left out of the kernel's telling since so much of it comes, and for how long."""

from __future__ import annotations

from stratascope.collector.observe.refusals import (
    CLASSES_MAX,
    GRANTED_MOST,
    LONGEST,
    MOST,
    PERIOD,
    THREADS_MOST,
    Floods,
)

MINE, OTHER = 4211, 4212


def _came(floods: Floods, *kinds: tuple[int, int, int], times: int = MOST) -> None:
    for kind in kinds:
        for _ in range(times):
            floods.note(*kind)


def test_what_comes_without_end_is_left_out_and_comes_again() -> None:
    floods = Floods("id", "ret")
    assert floods.change(100.0) is None
    _came(floods, (257, -13, MINE))
    floods.note(257, -1, MINE)
    assert floods.change(100.1) == "(id != 257 || ret != -13 || common_pid != 4211)"
    assert floods.out(MINE)
    assert not floods.out(OTHER), "what another thread is refused is told"
    assert floods.change(100.2) is None
    assert floods.change(100.2 + PERIOD) == ""
    assert floods.change(100.3 + PERIOD) is None


def test_what_is_still_as_frequent_is_left_out_for_longer() -> None:
    floods = Floods("id", "ret")
    now, took = 100.0, []
    for _ in range(7):
        floods.change(now)
        _came(floods, (257, -13, MINE))
        assert floods.change(now)
        since = now
        while floods.change(now) is None:
            now += 0.5
        took.append(now - since)
    assert took == [2.0, 4.0, 8.0, 16.0, LONGEST, LONGEST, LONGEST]
    now += 2 * PERIOD
    floods.change(now)
    _came(floods, (257, -13, MINE))
    floods.change(now)
    assert floods.change(now + PERIOD) == "", "it had been quiet"


def test_many_threads_that_are_refused_the_same() -> None:
    floods = Floods("id", "ret")
    floods.change(100.0)
    _came(floods, *((92, -1, number) for number in range(1, MOST * THREADS_MOST + 1)), times=1)
    assert floods.change(100.1) == "(id != 92 || ret != -1)"
    assert floods.out(OTHER)


def test_granted_checks_are_left_out_later() -> None:
    floods = Floods("cap", "ret")
    floods.change(100.0)
    _came(floods, (1, 0, MINE), times=GRANTED_MOST - 1)
    assert floods.change(100.1) is None
    floods.note(1, 0, MINE)
    assert floods.change(100.1) == "(cap != 1 || ret != 0 || common_pid != 4211)"


def test_a_filter_has_a_length() -> None:
    floods = Floods("cap", "ret")
    floods.change(100.0)
    _came(floods, *((number, -1, MINE) for number in range(40)))
    text = floods.change(100.1)
    assert text is not None
    assert text.count("cap != ") == CLASSES_MAX


def test_what_is_left_out_stays_so_while_more_comes() -> None:
    """The counts of what is left out grow no more, and another class is left out beside it."""
    floods = Floods("id", "ret")
    floods.change(100.0)
    _came(floods, (1, -1, MINE))
    floods.change(100.1)
    _came(floods, (2, -1, OTHER))
    assert floods.change(100.2) == (
        "(id != 1 || ret != -1 || common_pid != 4211) && (id != 2 || ret != -1 || common_pid != 4212)"
    )


def test_another_number_counts_as_many() -> None:
    floods = Floods("id", "ret", 3 * MOST)
    floods.classes(100.0)
    _came(floods, (257, -13, MINE))
    assert floods.classes(100.1) is None
    _came(floods, (257, -13, MINE), times=2 * MOST)
    assert floods.classes(100.2) == [(257, -13, MINE)]
