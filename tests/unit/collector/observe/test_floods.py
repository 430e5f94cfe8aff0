"""What is left out of the kernel's telling since so much of it comes, and for how long."""

from __future__ import annotations

from stratascope.collector.observe.refusals import CLASSES_MAX, MOST, PERIOD, Floods


def test_what_comes_without_end_is_left_out_and_comes_again() -> None:
    floods = Floods("id", "ret")
    assert floods.change(100.0) is None
    for _ in range(MOST):
        floods.note(257, -13)
    floods.note(257, -1)
    assert floods.change(100.1) == "(id != 257 || ret != -13)"
    assert floods.change(100.2) is None
    assert floods.change(100.1 + PERIOD) == ""
    assert floods.change(100.2 + PERIOD) is None


def test_a_filter_has_a_length() -> None:
    floods = Floods("cap", "ret")
    floods.change(100.0)
    for number in range(40):
        for _ in range(MOST):
            floods.note(number, -1)
    text = floods.change(100.1)
    assert text is not None
    assert text.count("cap != ") == CLASSES_MAX


def test_what_is_left_out_stays_so_while_more_comes() -> None:
    """The counts of what is left out grow no more, and another class is left out beside it."""
    floods = Floods("id", "ret")
    floods.change(100.0)
    for _ in range(MOST):
        floods.note(1, -1)
    floods.change(100.1)
    for _ in range(MOST):
        floods.note(2, -1)
    assert floods.change(100.2) == "(id != 1 || ret != -1) && (id != 2 || ret != -1)"
