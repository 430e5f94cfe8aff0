"""A container's other processes and threads: the thread whose files represent a process, and threads that differ."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from stratascope.collector.cgroups import Group
from stratascope.collector.members import text_of
from stratascope.collector.read import Entry, read_process
from stratascope.collector.threads import READ_MAX, living, open_thread

# pid, entries (one named "" if nothing could be read), and lists of cgroup entries, which answers may share
Process = Tuple[int, List[Entry], List[Group]]


class Further:
    """Reads these names of a container's other processes and threads."""

    def __init__(self, names: List[str], mount_namespace: Optional[str]) -> None:
        self.names = names
        self.threads: List[Tuple[int, Process]] = []  # with the PID of its process
        self.unread = 0
        self.room = READ_MAX
        self._mount_namespace = mount_namespace

    def mounts(self, directory: int, pid: int, entries: List[Entry], thread: int) -> None:
        """Read mountinfo if it is in another mount namespace; all others see what the first process does."""
        own = text_of(entries, "ns/mnt")
        if own is not None and self._mount_namespace is not None and own != self._mount_namespace:
            entries += read_process(directory, pid, ["mountinfo"], thread)


def names_of(wants: Sequence[str]) -> List[str]:
    return list(dict.fromkeys([*wants, "ns/pid", "stat"]))


def standing_for(directory: int, entries: List[Entry]) -> Tuple[int, int]:
    """(Descriptor of the directory that represents this process, 0 or the thread whose directory that is.)

    The first thread may end before the others. Its control group, namespaces and mounts are then gone (do_exit,
    kernel/exit.c), so those of a living thread are used.
    """
    if "\nState:\tZ" not in (text_of(entries, "status") or ""):
        return directory, 0
    number = living(directory)
    if number is None:
        return directory, 0
    try:
        return open_thread(directory, number), number
    except OSError:
        return directory, 0


def of_thread(here: int, pid: int, thread: int, names: List[str], entries: List[Entry]) -> List[Entry]:
    """The files of that thread, except `stat`: the process's own has its start time."""
    own = [item for item in entries if item[0] == "stat"]
    return read_process(here, pid, [name for name in names if name != "stat"], thread) + own
