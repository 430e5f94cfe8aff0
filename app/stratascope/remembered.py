"""What was worked out of texts, filters and options, kept for the next container that is alike; let go in one place.

Containers of one machine are alike in most, so what one reading came to serves the others. How much is kept is counted
in bytes, for all functions together, as limits of entries bound nothing where an entry is a text of any size. What was
not asked for since half of the room was filled the last time goes then: so the filter that nearly all containers have
stays, and the mount tables of a thousand machines, of which no two are alike, do not push it out. Decided against
forgetting everything at once, as each machine then began anew, and against the order of use, which costs at every call.
What a container itself comes to is held by whoever holds the container (`core/threats/depth.py` for its matrix). Tables
of the program, which depend on nothing that was read, have `functools.cache` and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

MOST = 12 << 20  # bytes
_ENTRY = 300  # bytes of one entry with small arguments and a small result
_TIMES = 5  # what a text and what was decoded of it take together, by the text's length


class _Store:
    """Of one function: what was asked for lately, and what was before that."""

    __slots__ = ("before", "now")

    def __init__(self) -> None:
        self.now: dict[Any, Any] = {}
        self.before: dict[Any, Any] = {}


class _Memory:
    """All that is remembered. Threads may lose each other's count, which makes no difference."""

    def __init__(self) -> None:
        self.now = self.before = 0  # bytes
        self.stores: list[_Store] = []

    def keep(self, size: int) -> None:
        self.now += size
        if self.now > MOST // 2:
            self.before = self.now - size
            self.now = size
            for store in self.stores:
                store.before, store.now = store.now, {}

    def forget(self) -> None:
        self.now = self.before = 0
        for store in self.stores:
            store.before, store.now = {}, {}

    def store(self) -> _Store:
        made = _Store()
        self.stores.append(made)
        return made


_memory = _Memory()


def remembered(result: int = 0) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a function of hashable arguments. `result`: the bytes that one result takes, where it is large."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        store = _memory.store()

        @wraps(function)
        def first(*args: P.args, **kwargs: P.kwargs) -> T:
            key: Any = (store, args, tuple(kwargs.items())) if kwargs else args
            found: T
            try:
                found = store.now[key]
            except KeyError:
                before = store.before
                found = before[key] if key in before else function(*args, **kwargs)
                _memory.keep(_ENTRY + result + _TIMES * _length(args))
                store.now[key] = found
            return found

        return first

    return decorate


class Kept(Generic[K, V]):
    """The same by hand: for what others were asked, where not all that the question took is what the answer goes by."""

    def __init__(self) -> None:
        self._store = _memory.store()

    def get(self, key: K) -> V | None:
        found: tuple[V, int] | None = self._store.now.get(key)
        if found is None:
            found = self._store.before.get(key)
            if found is None:
                return None
            self.put(key, *found)
        value, _ = found
        return value

    def put(self, key: K, value: V, size: int) -> None:
        """`size`: bytes that the value takes."""
        _memory.keep(_ENTRY + size)
        self._store.now[key] = value, size


@remembered()
def alike(value: T) -> T:
    """Of equal values the one that was there first, so that they take their room once. Not for what is equal to a value
    of another type (1, 1.0 and True are).
    """
    return value


def forget() -> None:
    """Everything."""
    _memory.forget()


def kept() -> int:
    """Bytes, as they are counted."""
    return _memory.now + _memory.before


def _length(value: object) -> int:
    """Of the texts in arguments; of tuples what is in them."""
    if isinstance(value, str | bytes):
        return len(value)
    if not isinstance(value, tuple):
        return 0
    length = 0
    for each in value:
        if isinstance(each, str | bytes):
            length += len(each)
        elif isinstance(each, tuple):
            length += _length(each)
    return length
