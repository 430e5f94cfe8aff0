"""What is remembered is bounded in bytes, for all functions together; what is not asked for goes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from stratascope import bounded_cache


class Made:
    """A result that can be watched."""


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    bounded_cache.forget()
    yield
    bounded_cache.forget()


def test_the_same_again_until_it_is_forgotten() -> None:
    calls: list[str] = []

    @bounded_cache.remembered()
    def made(text: str) -> Made:
        calls.append(text)
        return Made()

    first = made("a")
    assert made("a") is first
    assert made("b") is not first
    assert calls == ["a", "b"]
    bounded_cache.forget()
    assert made("a") is not first
    assert bounded_cache.kept() > 0


def test_long_texts_are_let_go_sooner_than_short_ones() -> None:
    @bounded_cache.remembered()
    def made(text: str) -> int:
        return len(text)

    most = 0
    for number in range(2000):
        made(f"{number:05}" + "x" * 100_000)
        most = max(most, bounded_cache.kept())
    assert bounded_cache.MOST // 2 < most <= bounded_cache.MOST + 1_000_000


def test_what_is_asked_for_again_stays_while_what_is_not_goes() -> None:
    @bounded_cache.remembered(result=100_000)
    def filtered(text: str) -> Made:
        return Made()

    @bounded_cache.remembered()
    def mounts(text: str) -> Made:
        return Made()

    one = filtered("of all")
    first = weakref.ref(mounts("x" * 1000))
    by_name = bounded_cache.Kept[str, Made]()
    by_name.put("of all", one, 100)
    for number in range(5000):
        mounts(f"{number}" + "x" * 1000)
        assert filtered("of all") is one
        assert by_name.get("of all") is one
        assert bounded_cache.kept() <= bounded_cache.MOST
    gc.collect()
    assert first() is None
    assert by_name.get("never") is None


def test_words_by_name_are_told_from_those_by_place() -> None:
    @bounded_cache.remembered()
    def made(*args: object, **kwargs: object) -> Made:
        return Made()

    assert made(1, k=2) is made(1, k=2)
    assert len({id(each) for each in (made(1), made(1, k=2), made((1,), (("k", 2),)), made(k=2))}) == 4


def test_texts_in_tuples_and_large_results_count() -> None:
    @bounded_cache.remembered(result=50_000)
    def made(texts: tuple[str, ...], number: int) -> int:
        return number

    made(("x" * 10_000, "y" * 10_000), 1)
    assert bounded_cache.kept() > 150_000
    made(("x" * 10_000, "y" * 10_000), 1)
    assert bounded_cache.kept() < 200_000


def test_results_are_really_gone() -> None:
    @bounded_cache.remembered(result=1 << 20)
    def made(number: int) -> Made:
        return Made()

    first = weakref.ref(made(-1))
    assert first() is not None
    for number in range(2 * bounded_cache.MOST >> 20):
        made(number)
    gc.collect()
    assert first() is None
