"""What was worked out of texts, filters and options, kept for the next container that is alike; let go in one place.

Containers of one machine are alike in most, so what one reading came to serves the others. How much is kept is counted
in bytes, for all functions together, as limits of entries bound nothing where an entry is a text of any size; past the
limit everything is forgotten at once, and made again in milliseconds. So it goes with the containers that it came of.
What a container itself comes to is held by whoever holds the container (`core/threats/depth.py` for its matrix). Tables
of the program, which depend on nothing that was read, have `functools.cache` and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

MOST = 12 << 20  # bytes
_ENTRY = 300  # bytes of one entry with small arguments and a small result
_TIMES = 5  # what a text and what was decoded of it take together, by the text's length


class _Memory:
    """All that is remembered. Threads may lose each other's count, which makes no difference."""

    def __init__(self) -> None:
        self.kept = 0  # bytes
        self.forgetting: list[Callable[[], None]] = []

    def keep(self, size: int) -> None:
        self.kept += size
        if self.kept > MOST:
            self.forget()
            self.kept = size

    def forget(self) -> None:
        self.kept = 0
        for clear in self.forgetting:
            clear()


_memory = _Memory()


def remembered(result: int = 0) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a function of hashable arguments. `result`: the bytes that one result takes, where it is large."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @cache
        @wraps(function)
        def first(*args: P.args, **kwargs: P.kwargs) -> T:
            _memory.keep(_ENTRY + result + _TIMES * _length(args))
            return function(*args, **kwargs)

        _memory.forgetting.append(first.cache_clear)
        return cast("Callable[P, T]", first)  # its own type does not say what may be handed in

    return decorate


class Kept(Generic[K, V]):
    """The same by hand: for what others were asked, where not all that the question took is what the answer goes by."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        _memory.forgetting.append(self._values.clear)

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V, size: int) -> None:
        """`size`: bytes that the value takes."""
        _memory.keep(_ENTRY + size)
        self._values[key] = value


def forget() -> None:
    """Everything."""
    _memory.forget()


def kept() -> int:
    """Bytes, as they are counted."""
    return _memory.kept


def _length(value: object) -> int:
    """Of the texts in arguments; of tuples what is in them."""
    if isinstance(value, str | bytes):
        return len(value)
    return sum([_length(each) for each in value]) if isinstance(value, tuple) else 0
