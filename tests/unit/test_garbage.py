"""Garbage is looked for where it is asked for, and no sooner."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from stratascope import garbage


class Knot:
    """Refers to itself, so that only a look finds it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _none_by_itself() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.collect()


def test_what_is_due_is_collected_here_and_not_before() -> None:
    held = weakref.ref(Knot())
    assert gc.get_count()[0] <= gc.get_threshold()[0]
    garbage.collect()
    assert held() is not None, "it is not worth a look yet"
    kept = [Knot() for _ in range(gc.get_threshold()[0] + 1)]
    assert held() is not None
    garbage.collect()
    assert held() is None
    assert len(kept) > 0


def test_older_ones_are_looked_at_in_time() -> None:
    old = Knot()
    seen = weakref.ref(old)
    gc.collect(0)
    gc.collect(1)  # it is of the oldest generation now
    del old
    for _ in range(2000):
        kept = [Knot() for _ in range(gc.get_threshold()[0] + 1)]
        garbage.collect()
        if seen() is None:
            break
    assert kept
    assert seen() is None
