"""Concurrent calls, one thread each: for the few that wait for engines.

Decided against concurrent.futures: it does more, and loads `logging`, which takes longer than an engine's reply.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundCall(Generic[T]):
    """A call running in a thread of its own."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._answer: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,), name="call")
        self._thread.start()

    def _run(self, call: Callable[[], T]) -> None:
        try:
            self._answer.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the answer
            self._error = error

    @property
    def done(self) -> bool:
        """Whether it has finished."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """Wait for its result. Raises what the call raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer[0]
