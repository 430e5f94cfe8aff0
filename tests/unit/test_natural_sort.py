"""Names in the order in which people count."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.text import common_start, natural


def test_numbers_by_their_value_and_letters_whatever_their_case() -> None:
    names = ["web-10", "Web-2", "web-1", "db", "10", "9", "web", "web-02"]
    assert sorted(names, key=natural) == ["9", "10", "db", "web", "web-1", "Web-2", "web-02", "web-10"]


@given(st.lists(st.text()))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    ordered = [natural(name) for name in sorted(names, key=natural)]
    assert all(one <= next_ for one, next_ in pairwise(ordered))


def test_a_number_without_end() -> None:
    assert natural("a" + "9" * 10_000) > natural("a1")


@given(st.lists(st.text(max_size=6), min_size=1))
def test_how_names_begin(names: list[str]) -> None:
    start = common_start(names)
    assert all(name.startswith(start) for name in names)
    longer = names[0][: len(start) + 1]
    assert longer == start or not all(name.startswith(longer) for name in names)


def test_no_names_begin_in_no_way() -> None:
    assert common_start(()) == ""
