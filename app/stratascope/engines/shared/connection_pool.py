"""Connections that are kept between calls: each is lent to one caller at a time, and made where none is free.

Decided against one for each thread: threads come and go with the questions that are asked side by side.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class ConnectionPool(Generic[T]):
    """`make` may raise; `end` is called once for each, by `drop` and `close`, also of one that is lent."""

    def __init__(self, make: Callable[[], T], end: Callable[[T], None]) -> None:
        self._make, self._end = make, end
        self._lock = threading.Lock()
        self._all: list[T] = []
        self._free: list[T] = []
        self._closed = False

    @contextmanager
    def lent(self) -> Iterator[T]:
        """One of them. Raises what `make` raises, and ConnectionAbortedError after `close`."""
        with self._lock:
            one = self._free.pop() if self._free else None
        if one is None:
            one = self._make()
            with self._lock:
                late = self._closed
                if not late:
                    self._all.append(one)
            if late:  # a thread that comes late must not open what nobody would close
                self._end(one)
                raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        try:
            yield one
        finally:
            with self._lock:
                if one in self._all:  # it was not dropped meanwhile
                    self._free.append(one)

    def drop(self) -> None:
        """End all of them; the next one is made anew."""
        with self._lock:
            dropped = tuple(self._all)
            self._all.clear()
            self._free.clear()
        for one in dropped:
            self._end(one)

    def close(self) -> None:
        """The same for good."""
        with self._lock:
            self._closed = True
        self.drop()
