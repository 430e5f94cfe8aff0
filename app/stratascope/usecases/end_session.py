"""End an exec session: the processes that were started from outside with it, and nothing else.

Engines have no call for this, so the processes are sent signals. Since a PID may be reused, each is held by a pidfd
(pidfd_open(2)), its start time is then compared with the one read earlier, and the signal goes to that descriptor.
SIGHUP is what a session gets when its terminal closes, and shells exit on it; SIGTERM is for other programs; SIGKILL
for what is left after that. Decided against a kill inside the container: its PIDs can't be held from outside, and an
image may have no such program.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from stratascope import sandbox
from stratascope.core.container import Engine
from stratascope.core.message import Message, msg
from stratascope.core.overview.processes import Process
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import parse_stat
from stratascope.value import Value

PATIENCE = 3.0  # seconds until the remaining ones are killed


class SessionEnd(Value):
    """`ended`: number of processes that exited; `left`: those still running, by PID, with the reason if there
    is one.
    """

    ended: int
    left: tuple[int, ...] = ()
    trouble: Message | None = None


def of_session(processes: Sequence[Process], session: int) -> tuple[Process, ...]:
    """All processes of that session, its first one first; without threads, which end with their process."""
    return tuple(each for each in processes if session and each.session == session and each.thread_of is None)


def why_not(engine: Engine | None, processes: Sequence[Process], *, demo: bool) -> Message | None:
    """Why it can't be ended from here, as far as that is known without trying; None: it can be tried."""
    if demo or engine is None:
        return msg("This was recorded elsewhere: no session in it can be ended.")
    if not engine.local:
        return msg("It runs on another machine. End the session there.")
    if sandbox.access() is not sandbox.Access.OUTSIDE:
        return msg("A Flatpak can't end processes of this machine.")
    if not processes or any(each.start is None for each in processes):
        return msg(
            "The start times of its processes are not known, so they can't be told apart from others with the same "
            "PIDs."
        )
    return None


def end_session(processes: Sequence[Process]) -> SessionEnd:
    """Blocks for a few seconds at most. Only processes with a known start time are touched."""
    held: dict[int, int] = {}  # PID to pidfd
    gone = denied = 0
    try:
        for each in processes:
            descriptor = _hold(each)
            if descriptor is None:
                gone += 1
            else:
                held[each.pid] = descriptor
        for number in (signal.SIGHUP, signal.SIGTERM):
            denied = sum(not _send(descriptor, number) for descriptor in held.values())
        if held and denied == len(held):
            return SessionEnd(gone, tuple(held), _denied(tuple(held)))
        left = _wait(held, PATIENCE)
        for pid in left:
            _send(held[pid], signal.SIGKILL)
        left = _wait({pid: held[pid] for pid in left}, PATIENCE)
        return SessionEnd(len(processes) - len(left), left, _denied(left) if left and denied else None)
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def _denied(pids: tuple[int, ...]) -> Message:
    return msg("This user is not allowed to end it. Root can, with: {command}",
               command="sudo kill " + " ".join(map(str, pids[:20])))  # fmt: skip


def _hold(process: Process) -> int | None:
    """A pidfd of this very process; None if it is gone."""
    if process.start is None:
        return None
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return None
    try:
        text = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        # If it has not exited yet, it is the process that the pidfd refers to: until then its PID can't be reused.
        if parse_stat(text).start == process.start and not _over(descriptor):
            return descriptor
    except (OSError, DecodeError):
        pass
    os.close(descriptor)
    return None


def _over(descriptor: int) -> bool:
    return bool(_ended((descriptor,), 0.0))


def _send(descriptor: int, number: signal.Signals) -> bool:
    """Whether it was permitted; True for a process that has exited."""
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True


def _wait(held: dict[int, int], seconds: float) -> tuple[int, ...]:
    """PIDs that are still running after that time."""
    limit = time.monotonic() + seconds
    left = dict(held)
    while left and (room := limit - time.monotonic()) > 0:
        ended = _ended(tuple(left.values()), room)
        left = {pid: descriptor for pid, descriptor in left.items() if descriptor not in ended}
    return tuple(left)


def _ended(descriptors: Sequence[int], seconds: float) -> frozenset[int]:
    """Returns as soon as any has exited; uses poll(2), since a window may have descriptors above 1023."""
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return frozenset(descriptor for descriptor, _ in waiting.poll(round(seconds * 1000)))
