"""Control groups of observers, by their names: which one is a killed observer's, and its processes moved back.

A watched container can read the path of its group (/proc/self/cgroup), so the name says nothing of us, only who made
it: `session-NUMBER.PID.START`, with the observer's process and its start time. Where that has ended, whoever reads the
container next as root moves its processes to the group above, where they were, and removes the empty group. Who is not
root is told of it (the reading LEFT).
"""

from __future__ import annotations

import os
import re
from typing import List, Optional

from stratascope.collector.cgroups import OBSERVED, Mounts, lines
from stratascope.collector.observe.trace import start_of_process
from stratascope.collector.read import TooLongError, read_file

NAME = r"session-[0-9a-f]{16}\.([0-9]{1,7})\.([0-9]{1,20})"
_NAME = re.compile(NAME).fullmatch
_ROUNDS = 100  # bounds the loop, however fast a container creates processes


def new_name() -> str:
    """A name for a group of this process's."""
    return "session-%s.%d.%s" % (os.urandom(8).hex(), os.getpid(), start_of_process(os.getpid()))


def is_left(path: str) -> bool:
    """Whether a path ends in the group of an observer that has ended."""
    found = _NAME(path.rpartition("/")[2])
    return found is not None and start_of_process(int(found.group(1))) != found.group(2)


def left_by_observer(text: str) -> bool:
    """Whether that /proc/PID/cgroup shows the group of an observer that has ended."""
    return any(is_left(path) for _, path in lines(text) if OBSERVED in path)


def put_back(text: str, mounts: Mounts) -> bool:
    """Move what a killed observer left; `text`: a container's /proc/PID/cgroup. Whether anything was moved. Only root
    can. Raises nothing.
    """
    moved = False
    for names, path in lines(text):
        if OBSERVED not in path or not is_left(path):
            continue
        place: Optional[str] = None
        for name in names:
            found = mounts.place(name, path)
            place = "".join(found) if found is not None and found[1] else place
        if place is not None and os.path.realpath(place) == place:
            moved = _emptied(place) or moved
    return moved


def _emptied(folder: str) -> bool:
    moved = False
    for _ in range(_ROUNDS):
        pids = _processes(folder)
        if not pids:
            break
        for pid in pids:
            try:
                with open(os.path.dirname(folder) + "/cgroup.procs", "wb", buffering=0) as file:
                    file.write(b"%s" % pid)
                moved = True
            except ProcessLookupError:
                continue
            except OSError:
                return moved
    try:
        os.rmdir(folder)
    except OSError:
        return moved
    return moved


def _processes(folder: str) -> List[bytes]:
    try:
        return read_file(folder + "/cgroup.procs").encode("ascii").split()
    except (OSError, TooLongError, UnicodeEncodeError):
        return []
