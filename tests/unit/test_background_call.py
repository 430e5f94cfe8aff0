"""Calls side by side."""

from __future__ import annotations

import threading

import pytest

from stratascope.background_call import BackgroundCall


def test_both_are_under_way_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)
    first, second = BackgroundCall(meeting.wait), BackgroundCall(meeting.wait)
    assert {first.result(), second.result()} == {0, 1}
    assert first.result() == first.result()


def test_an_error_is_raised_where_the_answer_is_awaited() -> None:
    failing = BackgroundCall(lambda: 1 // 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing.result()
