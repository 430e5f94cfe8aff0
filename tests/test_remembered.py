"""What is remembered is bounded in bytes, for all functions together; what is not asked for goes."""

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


def test_what_is_asked_for_again_stays_while_what_is_not_goes() -> None:
    @remembered.remembered(result=100_000)
    def filtered(text: str) -> Made:
        return Made()

    @remembered.remembered()
    def mounts(text: str) -> Made:
        return Made()

    one = filtered("of all")
    first = weakref.ref(mounts("x" * 1000))
    by_name = remembered.Kept[str, Made]()
    by_name.put("of all", one, 100)
    for number in range(5000):
        mounts(f"{number}" + "x" * 1000)
        assert filtered("of all") is one
        assert by_name.get("of all") is one
        assert remembered.kept() <= remembered.MOST
    gc.collect()
    assert first() is None
    assert by_name.get("never") is None


def test_words_by_name_are_told_from_those_by_place() -> None:
    @remembered.remembered()
    def made(*args: object, **kwargs: object) -> Made:
        return Made()

    assert made(1, k=2) is made(1, k=2)
    assert len({id(each) for each in (made(1), made(1, k=2), made((1,), (("k", 2),)), made(k=2))}) == 4


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
