"""A container's further processes and threads: one that stands for its process, and those that differ."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from stratascope.collector.cgroups import Group
from stratascope.collector.members import text_of
from stratascope.collector.read import Entry, read_process
from stratascope.collector.threads import READ_MAX, living, open_thread

# pid, entries (one with the name "" where nothing could be read), and lists of cgroup entries that answers may share
Process = Tuple[int, List[Entry], List[Group]]


class Further:
    """What is read of the further processes and threads of one container: of each these names."""

    def __init__(self, names: List[str], mount_namespace: Optional[str]) -> None:
        self.names = names
        self.threads: List[Tuple[int, Process]] = []  # with the process of each
        self.unread = 0
        self.room = READ_MAX
        self._mount_namespace = mount_namespace

    def mounts(self, directory: int, pid: int, entries: List[Entry], thread: int) -> None:
        """What one in another mount namespace sees; all others see what the container's first process does."""
        own = text_of(entries, "ns/mnt")
        if own is not None and self._mount_namespace is not None and own != self._mount_namespace:
            entries += read_process(directory, pid, ["mountinfo"], thread)


def names_of(wants: Sequence[str]) -> List[str]:
    return list(dict.fromkeys([*wants, "ns/pid", "stat"]))


def standing_for(directory: int, entries: List[Entry]) -> Tuple[int, int]:
    """(The descriptor of whose files tell of this process, 0 or the thread that it is).

    The first thread may end before the others. Then its control group, its namespaces and its mounts are gone
    (do_exit, kernel/exit.c), and those of a living one are the process's.
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
    """The files of that thread, but for `stat`: when the process began stands in its own."""
    own = [item for item in entries if item[0] == "stat"]
    return read_process(here, pid, [name for name in names if name != "stat"], thread) + own
