"""Children that read what may make them wait: each has a pipe to its parent, ends with it, and can be killed.

A child is a copy of the collector. It must never return into its parent's code: what it runs ends by os._exit, and
`start` sees to it.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from contextlib import suppress
from typing import Callable, Tuple

_PR_SET_PDEATHSIG = 1


def start(work: Callable[[int, int], None]) -> Tuple[int, int]:
    """Start one that runs `work`, which does not return: it is given its end of the pipe, and its parent's id.

    The child and the other end. Raises OSError.
    """
    ours, theirs = os.pipe()
    parent = os.getpid()
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn about threads at fork: the child touches nothing that a thread might hold
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    if child == 0:
        try:
            work(theirs, parent)
        finally:
            os._exit(1)
    os.close(theirs)
    return child, ours


def stopped(child: int, seconds: float) -> bool:
    """Kill it, and whether it was gone in that time: one that waits for somebody's FUSE may not be."""
    with suppress(OSError):
        os.kill(child, signal.SIGKILL)
    pause, until = 0.00005, time.monotonic() + seconds
    while not reaped(child):
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    return True


def reaped(child: int) -> bool:
    """Whether it has ended, now or before."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def as_child(parent: int) -> None:
    """In a child: signals do what they do to any program, and it ends with its parent."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    die_with(parent)


def die_with(parent: int) -> None:
    """In a child: exit when the collector does, even if that is killed."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def close_all_but(pipe: int) -> None:
    """In a child that may outlive its parent, and must not keep its pipes, sockets and windows open."""
    for held in map(int, os.listdir("/proc/self/fd")):
        if held != pipe:
            with suppress(OSError):
                os.close(held)
