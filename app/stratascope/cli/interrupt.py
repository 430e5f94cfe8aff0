"""Ctrl+C, or a terminal that goes away: a request to end in order, by rolling back or keeping what was seen."""

from __future__ import annotations

import signal
from collections.abc import Callable


def interrupted() -> Callable[[], bool]:
    """Whether it was requested since. Repeating it changes nothing: what has begun is first restored or kept."""
    pressed: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) means: go on
            signal.signal(number, lambda number, frame: pressed.append(number))
    return lambda: bool(pressed)
