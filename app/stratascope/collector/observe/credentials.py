"""As whom each process works, what it may and what limits it: read when it is found or becomes another program.

Most that are refused something end before they can be read. A child has what its parent has (fork(2)), and what a
program has after execve(2) follows from what its process had before, where the file gives no rights of its own
(capabilities(7), Transformation of capabilities during execve()). Any call that may have changed something of it, of
that process, makes it unknown until it is read again; nothing older is ever told. Such calls are never left out of the
kernel's telling (`calls`).
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.read import TooLongError, read_file

PROCESSES_MAX = 1 << 14
LOOK = 0.02  # seconds
READS_MAX = 4  # in one look
GROUPS_MAX = 64
_ALL = (
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups"),
    *("capset", "setns", "unshare", "setrlimit", "chroot", "pivot_root"),
)
_WIDE = ("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups")
# PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT
_PRCTL = (8, 24, 28, 38, 47)
_LIMITS = {
    "Max cpu time": "cpu",
    "Max file size": "fsize",
    "Max data size": "data",
    "Max stack size": "stack",
    "Max core file size": "core",
    "Max resident set": "rss",
    "Max processes": "nproc",
    "Max open files": "nofile",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max file locks": "locks",
    "Max pending signals": "sigpending",
    "Max msgqueue size": "msgqueue",
    "Max nice priority": "nice",
    "Max realtime priority": "rtprio",
    "Max realtime timeout": "rttime",
}

Around = Dict[str, Any]


class Held(NamedTuple):
    """What a process had. `around`: as it is told. `view`: its mount namespace, and its root directory there."""

    around: Around
    real: int  # user
    root: int  # the user that is 0 in its user namespace; -1: not known
    inheritable: int
    ambient: int
    view: Tuple[str, str]


class Credentials:
    """Of all processes, in the order of time. `numbers`: calls by entry point and name."""

    def __init__(self, numbers: Dict[str, Dict[str, int]]) -> None:
        self._known: Dict[int, Tuple[int, Held]] = {}  # since when
        self._fresh: Dict[Tuple[int, int], Held] = {}  # of programs that have begun just now, by process and time
        self._stale: Set[int] = set()
        self._next = 0.0
        self.changing: Dict[str, Dict[int, str]] = {}
        for abi, table in numbers.items():
            names = (*_ALL, "prctl", "prlimit64", *(name + "32" for name in _WIDE))
            self.changing[abi] = {table[name]: name for name in names if name in table}

    def changes(self, abi: str, number: int, values: Tuple[int, ...]) -> bool:
        """Whether that call may change something."""
        name = self.changing.get(abi, {}).get(number)
        if name == "prctl":
            return values[0] & 0xFFFFFFFF in _PRCTL
        return name is not None and (name != "prlimit64" or values[2] != 0)

    def there(self, pid: int) -> None:
        """Read it."""
        since = time.monotonic_ns()
        held = hold(pid)
        if held is not None:
            self._put(pid, since, held)

    def look(self) -> None:
        """Read those anew of which something has changed; to be asked often."""
        now = time.monotonic()
        if not self._stale or now < self._next:
            return
        self._next = now + LOOK
        for pid in list(self._stale)[:READS_MAX]:
            self._stale.discard(pid)
            self.there(pid)

    def changed(self, pid: int) -> None:
        """It began a call that may change something."""
        self._known.pop(pid, None)
        if len(self._stale) < PROCESSES_MAX:
            self._stale.add(pid)

    def forked(self, pid: int, parent: int) -> None:
        """It has what its parent has, but for its number inside."""
        found = self._known.get(parent)
        if found is not None:
            since, held = found
            around = {name: value for name, value in held.around.items() if name != "inside"}
            self._put(pid, since, held._replace(around=around))
        elif len(self._stale) < PROCESSES_MAX:
            self._stale.add(parent)

    def began(self, pid: int, at: int, held: Optional[Held]) -> None:
        """What it was found to have as the program that it became then; None: that is not known after all."""
        if held is None:
            self._fresh.pop((pid, at), None)
        elif len(self._fresh) < PROCESSES_MAX:
            self._fresh[pid, at] = held

    def executed(self, pid: int, at: int, gives: Callable[[Held], bool]) -> Optional[Held]:
        """It became another program. `gives`: whether its file may give rights.

        What it has if the file gave it none, where it may have and nobody could look at the process; None else.
        """
        fresh = self._fresh.pop((pid, at), None)
        before = self.of(pid, at)
        self._known.pop(pid, None)
        if fresh is not None:
            self._put(pid, at, fresh)
            return None
        after = None if before is None else transformed(before)
        if before is not None and after is not None and not gives(before):
            self._put(pid, at, after)
            return None
        if len(self._stale) < PROCESSES_MAX:
            self._stale.add(pid)
        return after

    def over(self, pid: int) -> None:
        """It has ended."""
        self._known.pop(pid, None)
        self._stale.discard(pid)

    def of(self, pid: int, at: int) -> Optional[Held]:
        """What it had at that time; None: not known."""
        since, held = self._known.get(pid, (0, None))
        return held if since <= at else None

    def _put(self, pid: int, since: int, held: Held) -> None:
        if len(self._known) >= PROCESSES_MAX:
            self._known.clear()
        self._known[pid] = since, held
        self._stale.discard(pid)


def hold(pid: int) -> Optional[Held]:
    """What a process, or a thread, has now; None where it is gone."""
    try:
        found = _status(pid)
        around: Around = {"ids": [], "groups": list(map(int, found["Groups"].split()[:GROUPS_MAX]))}
        users, groups = found["Uid"].split(), found["Gid"].split()  # real, effective, saved, of files
        around["ids"] = [int(users[1]), int(groups[1]), int(users[3]), int(groups[3])]
        around["effective"], around["permitted"] = found["CapEff"], found["CapPrm"]
        around["bounding"] = found["CapBnd"]
        if "NStgid" in found:
            around["inside"] = int(found["NStgid"].split()[-1])
        if "NoNewPrivs" in found:
            around["no_new_privs"] = int(found["NoNewPrivs"])
        around["limits"] = limits(read_file("/proc/%d/limits" % pid))
        view = (os.readlink("/proc/%d/ns/mnt" % pid), os.readlink("/proc/%d/root" % pid))
        ambient = int(found.get("CapAmb", "0"), 16)
        return Held(around, int(users[0]), _root(pid), int(found["CapInh"], 16), ambient, view)
    except (OSError, TooLongError, KeyError, IndexError, ValueError):
        return None


def who(tid: int) -> Around:
    """The same as it is told; nothing more than the number where it is gone."""
    held = hold(tid)
    return {"tid": tid} if held is None else {"tid": tid, **held.around}


def transformed(before: Held) -> Optional[Held]:
    """After execve(2) of a file that gives nothing; None: not known."""
    around = dict(before.around)
    user, group = around["ids"][:2]
    around["ids"] = [user, group, user, group]
    permitted = effective = before.ambient
    if before.root < 0 or "no_new_privs" not in around:
        return None
    if before.root in (user, before.real):
        permitted = before.inheritable | int(around["bounding"], 16)
        if around["no_new_privs"]:
            permitted &= int(around["permitted"], 16)
        if user == before.root:
            effective = permitted
    around["permitted"], around["effective"] = "%016x" % permitted, "%016x" % effective
    return before._replace(around=around)


def limits(text: str) -> Dict[str, int]:
    """Soft limits by their names in `--ulimit`, of /proc/PID/limits; those without one are left out."""
    found: Dict[str, int] = {}
    for line in text.split("\n")[1:]:
        name = _LIMITS.get(line[:25].strip())
        word = line[26:].split(None, 1)[:1]
        if name is not None and word and word[0].isdigit():
            found[name] = int(word[0])
    return found


def _status(pid: int) -> Dict[str, str]:
    lines: List[str] = read_file("/proc/%d/status" % pid).split("\n")
    return {name: text.strip() for name, _, text in (each.partition(":") for each in lines)}


def _root(pid: int) -> int:
    for line in read_file("/proc/%d/uid_map" % pid).split("\n"):
        words = line.split()
        if len(words) == 3 and words[0] == "0":
            return int(words[1])
    return -1
