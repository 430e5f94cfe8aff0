"""As whom each process works, what it may and what limits it: read when it is found or becomes another program.

Most that are refused something end before they can be read. A child has what its parent has (fork(2)), and what a
program has after execve(2) follows from what its process had before, where the file gives no rights of its own. So
does what it has after most calls that change something of it (`becoming`); after any other it is unknown until it is
read again, and nothing older is ever told. Such calls are never left out of the kernel's telling (`calls`). What was
read came later than what is still to be told, so that of each process several are kept, by time.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.becoming import Around, Held, apart, became, keeps_capabilities, ranges, told, transformed
from stratascope.collector.read import TooLongError, read_file

PROCESSES_MAX = 1 << 14
LOOK = 0.02  # seconds
READS_MAX = 4  # in one look
POINTS_MAX = 8  # of one process
SLOW = 50000  # nanoseconds that a call may take from its beginning to what it does
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

_WHOLE = frozenset(("groups", "ids", "limits", "permitted"))


class _Point(NamedTuple):
    """What a process had from that time on; None: not known. `since`, `until`: while it was read, the same where it
    follows from an event."""

    since: int
    until: int
    held: Optional[Held]
    refusable: bool  # it follows from a call that has not been refused so far


class Credentials:
    """Of all processes, in the order of time. `numbers`: calls by entry point and name."""

    def __init__(self, numbers: Dict[str, Dict[str, int]]) -> None:
        self._known: Dict[int, List[_Point]] = {}
        self._fresh: Dict[Tuple[int, int], _Point] = {}  # of programs that have begun just now, by process and time
        self._plain: Set[int] = set()  # processes that lose their capabilities with the root user, as is usual
        self._odd: Set[int] = set()  # those whose programs may not
        self._stale: Set[int] = set()
        self._next = 0.0
        self._last: Optional[Tuple[Held, Tuple[str, Tuple[int, ...], bool], Optional[Held]]] = None
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
            self._put(pid, _Point(since, time.monotonic_ns(), held, False))
            self._stale.discard(pid)

    def look(self) -> None:
        """Read those anew of which something has changed; to be asked often."""
        now = time.monotonic()
        if not self._stale or now < self._next:
            return
        self._next = now + LOOK
        for pid in list(self._stale)[:READS_MAX]:
            self._stale.discard(pid)
            self.there(pid)

    def called(self, pid: int, at: int, abi: str, number: int, values: Tuple[int, ...], alone: bool) -> None:
        """It began a call that may change something. `alone`: it has no other threads, which may differ."""
        name = self.changing.get(abi, {}).get(number, "")
        if keeps_capabilities(name, values):
            self._plain.discard(pid)
            if keeps_capabilities(name, values, for_good=True):
                self._odd.add(pid)
        before = self.of(pid, at) if alone else None
        if before is None:
            after = apart(None, values[0]) if name == "unshare" and alone else None
        else:
            after = self._after(name, values, before, pid in self._plain)
        self._put(pid, _Point(at, at, after, True))
        if after is None or not _WHOLE.issubset(after.around):
            self._mark(pid)

    def refused(self, pid: int, at: int) -> None:
        """That call was refused: nothing has changed."""
        found = self._known.get(pid, [])
        for number in range(len(found) - 1, -1, -1):
            if found[number].refusable and found[number].since <= at:
                del found[number]
                return

    def forked(self, pid: int, parent: int, at: int, flags: int) -> None:
        """It has what its parent has, but for its number inside. `flags`: of clone(2), 0 where there were none."""
        for kind in (self._plain, self._odd):
            if parent in kind:
                kind.add(pid)
        held = self.of(parent, at)
        if held is None:
            self._mark(parent)
        else:
            held = held._replace(around={name: value for name, value in held.around.items() if name != "inside"})
        held = apart(held, flags)
        if held is not None:
            self._put(pid, _Point(at, at, held, False))

    def began(self, pid: int, at: int, since: int, held: Optional[Held]) -> None:
        """What it was found to have as the program that it became then; `since`: when that was read."""
        if held is not None and len(self._fresh) < PROCESSES_MAX:
            self._fresh[pid, at] = _Point(since, time.monotonic_ns(), held, False)

    def doubted(self, pid: int, at: int) -> None:
        """Before that was read it called what may have changed it: it is what it had after that, not before."""
        found = self._fresh.pop((pid, at), None)
        if found is not None:
            self._put(pid, found)

    def executed(self, pid: int, at: int, gives: Callable[[Held], bool]) -> Optional[Held]:
        """It became another program. `gives`: whether its file may give rights.

        What it has if the file gave it none, where it may have and nobody could look at the process; None else.
        """
        fresh = self._fresh.pop((pid, at), None)
        before = self.of(pid, at)
        if pid not in self._odd:
            self._plain.add(pid)
        if fresh is not None:
            self._put(pid, fresh._replace(since=at, until=at))
            return None
        after = None if before is None else transformed(before)
        if before is not None and after is not None and not gives(before):
            self._put(pid, _Point(at, at, after, False))
            return None
        self._put(pid, _Point(at, at, None, False))
        self._mark(pid)
        return after

    def over(self, pid: int) -> None:
        """It has ended."""
        self._known.pop(pid, None)
        for kind in (self._plain, self._odd, self._stale):
            kind.discard(pid)

    def of(self, pid: int, at: int) -> Optional[Held]:
        """What it had at that time; None: not known."""
        for point in reversed(self._known.get(pid, ())):
            if point.since <= at:
                return point.held
        return None

    # -- inside

    def _after(self, name: str, values: Tuple[int, ...], before: Held, plain: bool) -> Optional[Held]:
        """`became`: a loop in which one call is refused asks the same each time, since nothing has changed."""
        asked = name, values, plain
        if self._last is None or self._last[0] is not before or self._last[1] != asked:
            self._last = before, asked, became(name, values, before, plain)
        return self._last[2]

    def _put(self, pid: int, point: _Point) -> None:
        """By time. What was read while it changed may be of before or after."""
        if len(self._known) >= PROCESSES_MAX:
            self._known.clear()
        mine = [each for each in self._known.get(pid, ()) if not _meet(each, point)]
        mine.append(point)
        mine.sort(key=lambda each: each.since)
        self._known[pid] = mine[-POINTS_MAX:]

    def _mark(self, pid: int) -> None:
        """To be read anew."""
        if len(self._stale) < PROCESSES_MAX:
            self._stale.add(pid)


def _meet(one: _Point, other: _Point) -> bool:
    """Whether the one was read while the other happened, or a moment after."""
    return one.since != one.until and other.since == other.until and one.since - SLOW <= other.since <= one.until


def hold(pid: int) -> Optional[Held]:
    """What a process, or a thread, has now; None where it is gone."""
    try:
        found = _status(pid)
        around: Around = {"ids": [], "groups": list(map(int, found["Groups"].split()[:GROUPS_MAX]))}
        users, groups = (tuple(map(int, found[name].split())) for name in ("Uid", "Gid"))
        around["ids"] = [users[1], groups[1], users[3], groups[3]]
        around["effective"], around["permitted"] = found["CapEff"], found["CapPrm"]
        around["bounding"] = found["CapBnd"]
        if "NStgid" in found:
            around["inside"] = int(found["NStgid"].split()[-1])
        if "NoNewPrivs" in found:
            around["no_new_privs"] = int(found["NoNewPrivs"])
        around["limits"] = limits(read_file("/proc/%d/limits" % pid))
        view = (os.readlink("/proc/%d/ns/mnt" % pid), os.readlink("/proc/%d/root" % pid))
        maps = ranges(read_file("/proc/%d/uid_map" % pid)), ranges(read_file("/proc/%d/gid_map" % pid))
        around["maps"] = told(maps)
        inheritable, ambient = int(found["CapInh"], 16), int(found.get("CapAmb", "0"), 16)
        return Held(around, users[:3], groups[:3], maps, inheritable, ambient, view)
    except (OSError, TooLongError, KeyError, IndexError, ValueError):
        return None


def who(tid: int) -> Around:
    """The same as it is told; nothing more than the number where it is gone."""
    held = hold(tid)
    return {"tid": tid} if held is None else {"tid": tid, **held.around}


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
