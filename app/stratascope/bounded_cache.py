"""A cache of what was derived from texts, filters and options, shared by alike containers, evicted in one place.

Containers of one machine have most things in common, so results for one serve the others. The limit is in bytes, over
all functions together, since a limit on entries bounds nothing if an entry is a text of any size. There are two
generations: when the newer one has filled half of the limit it replaces the older one, and what was not used since is
dropped. So the filter that nearly all containers share stays, and the mount tables of a thousand machines, no two
alike, don't push it out. Decided against dropping everything at once, which starts from nothing for each machine, and
against LRU order, which costs time at every call. Results for a particular container are held by whoever holds the
container (`core/threats/depth.py` for its matrix). The program's own tables, which depend on no input, use
`functools.cache` and are never dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

MOST = 12 << 20  # bytes
_ENTRY = 300  # bytes per entry with small arguments and a small result
_TIMES = 5  # size of a text and its decoded form together, relative to the text's length


class _Store:
    """One function's entries in the newer and the older generation."""

    __slots__ = ("before", "now")

    def __init__(self) -> None:
        self.now: dict[Any, Any] = {}
        self.before: dict[Any, Any] = {}


class _Memory:
    """Everything cached. Threads may lose each other's counts, which does not matter."""

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
    """Cache a function with hashable arguments. `result`: the bytes per result, if it is large."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        store = _memory.store()

        call: Callable[..., T] = function

        def added(key: Any, *args: Any, **kwargs: Any) -> T:
            before = store.before
            found: T = before[key] if key in before else call(*args, **kwargs)
            _memory.keep(_ENTRY + result + _TIMES * _length(args))
            store.now[key] = found
            return found

        @wraps(function)
        def first(*args: P.args, **kwargs: P.kwargs) -> T:
            key: Any = (store, args, tuple(kwargs.items())) if kwargs else args
            try:
                found: T = store.now[key]
            except KeyError:
                return added(key, *args, **kwargs)
            return found

        @wraps(function)
        def first_of_one(only: Any) -> T:  # most have one argument, and this takes half the time
            try:
                found: T = store.now[only]
            except KeyError:
                return added(only, only)
            return found

        code = function.__code__
        one = code.co_argcount == 1 and not code.co_kwonlyargcount
        return cast("Callable[P, T]", first_of_one) if one else first

    return decorate


class Kept(Generic[K, V]):
    """The same cache with explicit keys, for a function whose result depends only on some of what it was given."""

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
    """Return the first of equal values, so that they are stored once. Not for values equal to one of another type (1,
    1.0 and True).
    """
    return value


def forget() -> None:
    """Drop everything."""
    _memory.forget()


def kept() -> int:
    """Size in bytes, as counted."""
    return _memory.now + _memory.before


def _length(value: object) -> int:
    """Total length of the texts in arguments, including those in tuples."""
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
