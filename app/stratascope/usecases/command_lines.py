"""The command lines of processes, read apart from everything else: they are in a process's own memory, and a process
can make such a read hang for good.

So they are read on separate threads that nothing waits for. A process that does not answer costs one thread, and after
a few of these nothing more is read. A result is kept while the process lives under the same name.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

from stratascope.collector.read import TooLongError, open_process, read_file
from stratascope.core.overview.processes import Process
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import parse_stat

PATIENCE = 0.5  # seconds per process; a read normally takes microseconds
STUCK_MAX = 3  # threads waiting for such a process
LONGEST = 300  # characters that are kept
KEPT = 4000  # command lines in the cache, before all of it is dropped

_Key = tuple[int, int | None, str]


class CommandLines:
    """Command lines of this machine's processes. One thread at a time."""

    def __init__(self, read: Callable[[Process], str] | None = None) -> None:
        self._read_one = read or command_line
        self._known: dict[_Key, str] = {}
        self._stuck = 0

    def of(self, processes: Sequence[Process]) -> dict[tuple[int, int | None], str]:
        """By the key of a process; unreadable ones are missing. Takes at most PATIENCE per process."""
        wanted = [each for each in processes if each.thread_of is None and each.start is not None]
        waiting = [each for each in wanted if _key(each) not in self._known]
        if len(self._known) + len(waiting) > KEPT:
            self._known.clear()
            waiting = wanted
        while waiting and self._stuck < STUCK_MAX:
            waiting = self._read(waiting)
        return {each.key: text for each in wanted if (text := self._known.get(_key(each)))}

    def _read(self, processes: list[Process]) -> list[Process]:
        """Returns the processes that follow one that did not answer."""
        found: list[str] = []
        over = threading.Event()

        def run() -> None:
            for each in processes:
                found.append(self._read_one(each))
            over.set()

        threading.Thread(target=run, name="command lines", daemon=True).start()
        seen, since = 0, time.monotonic()
        while not over.wait(0.02 if seen else 0.005):
            if len(found) > seen:
                seen, since = len(found), time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                self._stuck += 1
                break
        done = found[:]
        self._known.update(zip(map(_key, processes), done, strict=False))
        if len(done) < len(processes):
            self._known[_key(processes[len(done)])] = ""
        return processes[len(done) + 1 :]


def _key(process: Process) -> _Key:
    return *process.key, process.command  # after an exec the name differs


def command_line(process: Process) -> str:
    """Empty if the process is gone, has no command line, or denies access."""
    try:
        directory = open_process(process.pid)
    except OSError:
        return ""
    try:
        if parse_stat(read_file("stat", directory)).start != process.start:
            return ""
        return " ".join(read_file("cmdline", directory).rstrip("\0").split("\0"))[:LONGEST]
    except (OSError, TooLongError, DecodeError):
        return ""
    finally:
        os.close(directory)
