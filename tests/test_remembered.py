"""What is remembered is bounded in bytes, for all functions together, and goes at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from stratascope import remembered


class Made:
    """A result that can be watched."""


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    remembered.forget()
    yield
    remembered.forget()


def test_the_same_again_until_it_is_forgotten() -> None:
    calls: list[str] = []

    @remembered.remembered()
    def made(text: str) -> Made:
        calls.append(text)
        return Made()

    first = made("a")
    assert made("a") is first
    assert made("b") is not first
    assert calls == ["a", "b"]
    remembered.forget()
    assert made("a") is not first
    assert remembered.kept() > 0


def test_long_texts_are_let_go_sooner_than_short_ones() -> None:
    @remembered.remembered()
    def made(text: str) -> int:
        return len(text)

    most = 0
    for number in range(2000):
        made(f"{number:05}" + "x" * 100_000)
        most = max(most, remembered.kept())
    assert remembered.MOST // 2 < most <= remembered.MOST + 1_000_000


def test_texts_in_tuples_and_large_results_count() -> None:
    @remembered.remembered(result=50_000)
    def made(texts: tuple[str, ...], number: int) -> int:
        return number

    made(("x" * 10_000, "y" * 10_000), 1)
    assert remembered.kept() > 150_000
    made(("x" * 10_000, "y" * 10_000), 1)
    assert remembered.kept() < 200_000


def test_results_are_really_gone() -> None:
    @remembered.remembered(result=1 << 20)
    def made(number: int) -> Made:
        return Made()

    first = weakref.ref(made(-1))
    assert first() is not None
    for number in range(2 * remembered.MOST >> 20):
        made(number)
    gc.collect()
    assert first() is None
