"""The port to whoever observes: what is to be observed, and the events that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from stratascope.core.observation import SECONDS_MOST
from stratascope.core.observation.events import Event
from stratascope.value import Value


class FilterAnswer(Value):
    """An errno that a filter gives to a call. `abi`: the entry point."""

    abi: str
    name: str
    errno: int


class ObserverRequest(Value):
    """One container by its first process, or by the control group in which it is going to be.

    `start`: field 22 of its /proc/PID/stat, so that a reused PID is not observed; `group`: a control group's path from
    the top of its hierarchy, which may still be empty. With a group the PID may be 0. `answers`: what its filter gives
    to calls beside what always counts as a refusal.
    """

    pid: int = 0
    start: str = ""
    container: str = ""  # full id
    group: str = ""
    seconds: float = SECONDS_MOST
    answers: tuple[FilterAnswer, ...] = ()


class Stream(Protocol):
    """Events of one target, from the moment at which the observer is attached: a `Begin` is the first of them."""

    def __iter__(self) -> Iterator[Event]:
        """Blocks until the next event; ends after `End`. Raises ProbeError where the observer died or lies."""

    def close(self) -> None:
        """End it, from any thread: the iterator gets what is left, and an `End`. May be called twice."""


class Observer(Protocol):
    """Observes as root. One that needs a password asks for it at `begin`."""

    def begin(self, target: ObserverRequest) -> Stream:
        """Attach. Raises ProbeError, with what would allow it."""
