"""The identity, capabilities and limits of each process, read when it is found or executes another program.

Most processes that are refused something end before they can be read. A child has what its parent has (fork(2)), and
what a program has after execve(2) follows from what its process had before, if the file gives no rights of its own. So
does what it has after most calls that change credentials (credentials(7), capabilities(7), security/commoncap.c), as
far as that follows from its previous state and the call's own arguments; its memory is never read. After any other call
it is unknown until it is read again, and nothing older is ever reported. Such calls are never filtered out (`calls`).
Readings may be later than the events still to be reported, so several are kept per process, by time.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.read import TooLongError, fields_of, read_file

Around = Dict[str, Any]
Ranges = Tuple[Tuple[int, int, int], ...]  # inside, outside, how many (user_namespaces(7))

_SET_UID, _SET_GID = 7, 6  # capabilities
_UNCHANGED = 0xFFFFFFFF  # (uid_t) -1
_KEEPCAPS, _CAPBSET_DROP, _SET_SECUREBITS, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 8, 24, 28, 38, 47
_AMBIENT_RAISE, _AMBIENT_IS_SET, _AMBIENT_LOWER, _AMBIENT_CLEAR_ALL = 2, 1, 3, 4
_LAST = 64
_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000  # CLONE_NEWUSER, CLONE_NEWNS
_RANGES_MOST = 32
_EVERY = (1 << 41) - 1  # as of Linux 5.9; newer capabilities are not tracked


class Held(NamedTuple):
    """What a process had. `around`: as reported, without unknown values. `users`, `groups`: real, effective, saved;
    empty if unknown. `maps`: of users and groups. `inheritable`, `ambient`: −1 if unknown. `view`: its mount namespace,
    and its root directory there.
    """

    around: Around
    users: Tuple[int, ...]
    groups: Tuple[int, ...]
    maps: Tuple[Ranges, Ranges]
    inheritable: int
    ambient: int
    view: Tuple[str, str]


def ranges(text: str) -> Ranges:
    """Parse /proc/PID/uid_map. Raises ValueError."""
    found: List[Tuple[int, int, int]] = []
    for line in text.split("\n"):
        if line:
            inside, outside, count = map(int, line.split())
            found.append((inside, outside, count))
    return tuple(found)


def after_exec(before: Held) -> Optional[Held]:
    """After execve(2) of a file that adds nothing (capabilities(7), Transformation …); None: unknown."""
    around = dict(before.around)
    root = _outside(before.maps[0], 0)
    if root is None or "no_new_privs" not in around or not before.users:
        return None
    user, group = around["ids"][:2]
    around["ids"] = [user, group, user, group]
    permitted = effective = before.ambient
    if root in (user, before.users[0]):
        permitted = before.inheritable
        if permitted >= 0:
            permitted |= int(around["bounding"], 16)
        if around["no_new_privs"]:
            permitted = permitted & int(around["permitted"], 16) if permitted >= 0 and "permitted" in around else -1
        if user == root:
            effective = permitted
    _hold(around, permitted, effective)
    users, groups = (before.users[0], user, user), (before.groups[0], group, group)
    return before._replace(around=around, users=users, groups=groups)


def keeps_capabilities(name: str, values: Tuple[int, ...], for_good: bool = False) -> bool:
    """Whether that call may let a process keep its capabilities when it leaves root; `for_good`: across exec too."""
    option = values[0] & _UNCHANGED if name == "prctl" else 0
    return option == _SET_SECUREBITS or (option == _KEEPCAPS and not for_good)


def after_call(name: str, values: Tuple[int, ...], before: Held, plain: bool) -> Optional[Held]:
    """After a successful call; None: unknown. `plain`: it loses its capabilities when it leaves root."""
    name = name[:-2] if name.endswith("32") else name
    if not before.users and name not in ("prctl", "unshare"):
        return None
    numbers = [value & _UNCHANGED for value in values]
    if name in ("setgid", "setregid", "setresgid"):
        groups = _set(name[3:-3], numbers, before, 1)
        return None if groups is None else _with_groups(before, groups)
    if name in ("setuid", "setreuid", "setresuid"):
        users = _set(name[3:-3], numbers, before, 0)
        return None if users is None else _with_users(before, users, plain)
    if name == "prctl":
        return _after_prctl(numbers, before)
    if name == "unshare":
        return after_unshare(before, numbers[0])
    around = dict(before.around)
    if name == "capset":  # the sets are in its memory; the ambient set can only shrink
        _hold(around, -1, -1)
        return before._replace(around=around, inheritable=-1, ambient=0 if before.ambient == 0 else -1)
    if name == "setgroups":
        around.pop("groups", None)
        if numbers[0] == 0:
            around["groups"] = []
        return before._replace(around=around)
    if name in ("setrlimit", "prlimit64"):
        around.pop("limits", None)
        return before._replace(around=around)
    return None


def after_unshare(before: Optional[Held], flags: int) -> Optional[Held]:
    """After unshare(2), or for a child of clone(2), with these flags. A new user namespace has no maps yet, and the
    process holds all capabilities in it, whoever it is.
    """
    if before is None:
        before = Held({}, (), (), ((), ()), 0, 0, ("", "")) if flags & _NEW_USER else None
    if before is None:
        return None
    view = ("", "") if flags & _NEW_MOUNTS else before.view
    if not flags & _NEW_USER:
        return before._replace(view=view)
    around = {**before.around, "effective": _bits(_EVERY), "permitted": _bits(_EVERY), "bounding": _bits(_EVERY)}
    around["maps"] = [[], []]
    return before._replace(around=around, maps=((), ()), inheritable=0, ambient=0, view=view)


def reported_maps(maps: Tuple[Ranges, Ranges]) -> Optional[List[List[List[int]]]]:
    """The maps as reported; None if they are too long."""
    return None if max(map(len, maps)) > _RANGES_MOST else [[list(each) for each in known] for known in maps]


def _outside(known: Ranges, number: int) -> Optional[int]:
    return next((outside + number - inside for inside, outside, count in known if 0 <= number - inside < count), None)


def _set(kind: str, numbers: List[int], before: Held, which: int) -> Optional[Tuple[int, ...]]:
    """Real, effective, saved after setuid (kind ""), setreuid ("re") or setresuid ("res"); `which`: 1 for groups."""
    real, effective, saved = before.groups if which else before.users
    wanted = []
    for number in numbers[: {"": 1, "re": 2, "res": 3}[kind]]:
        found = _outside(before.maps[which], number) if number != _UNCHANGED else -1
        if found is None:
            return None
        wanted.append(found)
    if not kind:
        right = 1 << (_SET_GID if which else _SET_UID)
        if "effective" not in before.around:
            return None
        new = wanted[0]
        return (new, new, new) if int(before.around["effective"], 16) & right else (real, new, saved)
    first = real if wanted[0] < 0 else wanted[0]
    second = effective if wanted[1] < 0 else wanted[1]
    if kind == "res":
        return first, second, saved if wanted[2] < 0 else wanted[2]
    return first, second, second if wanted[0] >= 0 or (wanted[1] >= 0 and second != real) else saved


def _with_groups(before: Held, groups: Tuple[int, ...]) -> Held:
    ids = before.around["ids"]
    around = {**before.around, "ids": [ids[0], groups[1], ids[2], groups[1]]}
    return before._replace(around=around, groups=groups)


def _with_users(before: Held, users: Tuple[int, ...], plain: bool) -> Optional[Held]:
    """cap_task_fix_setuid: losing all root uids clears all sets, losing the effective one only the effective set."""
    root = _outside(before.maps[0], 0)
    ids = before.around["ids"]
    permitted, effective = (int(before.around.get(name, "-1"), 16) for name in ("permitted", "effective"))
    ambient = before.ambient
    if root is not None and root in before.users and root not in users:
        ambient = 0
        permitted, effective = (0, 0) if plain else (-1, -1)
    elif root == before.users[1] != users[1]:
        effective = 0
    elif root == users[1] != before.users[1]:
        effective = permitted
    around = {**before.around, "ids": [users[1], ids[1], users[1], ids[3]]}
    _hold(around, permitted, effective)
    return before._replace(around=around, users=users, ambient=ambient)


def _after_prctl(numbers: List[int], before: Held) -> Optional[Held]:
    option, first, second, *rest = numbers[:5]
    around = dict(before.around)
    if option == _KEEPCAPS:
        return before
    if option == _SET_NO_NEW_PRIVS and [first, second, *rest] == [1, 0, 0, 0]:
        around["no_new_privs"] = 1
        return before._replace(around=around)
    if option == _CAPBSET_DROP and first < _LAST and "bounding" in around:
        around["bounding"] = _bits(int(around["bounding"], 16) & ~(1 << first))
        return before._replace(around=around)
    if option == _CAP_AMBIENT and first == _AMBIENT_IS_SET:
        return before
    if option == _CAP_AMBIENT and first == _AMBIENT_CLEAR_ALL and not any((second, *rest)):
        return before._replace(ambient=0)
    one = first in (_AMBIENT_RAISE, _AMBIENT_LOWER) and second < _LAST and not any(rest)
    if option == _CAP_AMBIENT and one and before.ambient >= 0:
        changed = 1 << second
        return before._replace(
            ambient=before.ambient | changed if first == _AMBIENT_RAISE else before.ambient & ~changed
        )
    return None


def _hold(around: Around, permitted: int, effective: int) -> None:
    """Store the sets; −1: unknown."""
    for name, found in (("permitted", permitted), ("effective", effective)):
        if found < 0:
            around.pop(name, None)
        else:
            around[name] = _bits(found)


def _bits(found: int) -> str:
    return "%016x" % found


PROCESSES_MAX = 1 << 14
LOOK = 0.02  # seconds between two passes
READS_MAX = 4  # in one pass
POINTS_MAX = 8  # kept per process
SLOW = 50000  # nanoseconds a call may take from its entry to its effect
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
    """What a process had from a point in time on; None if unknown. `since`, `until`: while it was read; equal if it
    follows from an event.
    """

    since: int
    until: int
    held: Optional[Held]
    refusable: bool  # it follows from a call that has not been refused so far


class Credentials:
    """The credentials of all processes, in the order of time. `numbers`: syscall numbers by entry point and name."""

    def __init__(self, numbers: Dict[str, Dict[str, int]]) -> None:
        self._known: Dict[int, List[_Point]] = {}
        self._fresh: Dict[Tuple[int, int], _Point] = {}  # of programs that have just begun, by process and time
        self._plain: Set[int] = set()  # processes that lose their capabilities when they leave root, as is usual
        self._odd: Set[int] = set()  # those whose programs may not lose them
        self._stale: Set[int] = set()
        self._next = 0.0
        self._last: Optional[Tuple[Held, Tuple[str, Tuple[int, ...], bool], Optional[Held]]] = None
        self.changing: Dict[str, Dict[int, str]] = {}
        for abi, table in numbers.items():
            names = (*_ALL, "prctl", "prlimit64", *(name + "32" for name in _WIDE))
            self.changing[abi] = {table[name]: name for name in names if name in table}

    def changes(self, abi: str, number: int, values: Tuple[int, ...]) -> bool:
        """Whether a call may change credentials."""
        name = self.changing.get(abi, {}).get(number)
        if name == "prctl":
            return values[0] & 0xFFFFFFFF in _PRCTL
        return name is not None and (name != "prlimit64" or values[2] != 0)

    def add_found(self, pid: int) -> None:
        """Read a process that was found."""
        since = time.monotonic_ns()
        held = read_held(pid)
        if held is not None:
            self._put(pid, _Point(since, time.monotonic_ns(), held, False))
            self._stale.discard(pid)

    def reread(self) -> None:
        """Re-read processes whose credentials changed; call it often."""
        now = time.monotonic()
        if not self._stale or now < self._next:
            return
        self._next = now + LOOK
        for pid in list(self._stale)[:READS_MAX]:
            self._stale.discard(pid)
            self.add_found(pid)

    def called(self, pid: int, at: int, abi: str, number: int, values: Tuple[int, ...], alone: bool) -> None:
        """Handle the entry of a call that may change credentials. `alone`: no other threads, which may differ."""
        name = self.changing.get(abi, {}).get(number, "")
        if keeps_capabilities(name, values):
            self._plain.discard(pid)
            if keeps_capabilities(name, values, for_good=True):
                self._odd.add(pid)
        before = self.of(pid, at) if alone else None
        if before is None:
            after = after_unshare(None, values[0]) if name == "unshare" and alone else None
        else:
            after = self._after(name, values, before, pid in self._plain)
        self._put(pid, _Point(at, at, after, True))
        if after is None or not _WHOLE.issubset(after.around):
            self._mark(pid)

    def refused(self, pid: int, at: int) -> None:
        """Undo that call's effect: it was refused."""
        found = self._known.get(pid, [])
        for number in range(len(found) - 1, -1, -1):
            if found[number].refusable and found[number].since <= at:
                del found[number]
                return

    def forked(self, pid: int, parent: int, at: int, flags: int) -> None:
        """Copy the parent's credentials to a child, except its PID inside. `flags`: of clone(2), 0 if none."""
        for kind in (self._plain, self._odd):
            if parent in kind:
                kind.add(pid)
        held = self.of(parent, at)
        if held is None:
            self._mark(parent)
        else:
            held = held._replace(around={name: value for name, value in held.around.items() if name != "inside"})
        held = after_unshare(held, flags)
        if held is not None:
            self._put(pid, _Point(at, at, held, False))

    def began(self, pid: int, at: int, since: int, held: Optional[Held]) -> None:
        """Store what a process had when read as the program that it had just become; `since`: when that was read."""
        if held is not None and len(self._fresh) < PROCESSES_MAX:
            self._fresh[pid, at] = _Point(since, time.monotonic_ns(), held, False)

    def doubted(self, pid: int, at: int) -> None:
        """Store it without moving it back to the exec: a call in between may have changed it."""
        found = self._fresh.pop((pid, at), None)
        if found is not None:
            self._put(pid, found)

    def executed(self, pid: int, at: int, gives: Callable[[Held], bool]) -> Optional[Held]:
        """Handle execve(2). `gives`: whether its file may give rights.

        Returns what the process has if the file gave none, in case it may have given some and the process could not be
        read; else None.
        """
        fresh = self._fresh.pop((pid, at), None)
        before = self.of(pid, at)
        if pid not in self._odd:
            self._plain.add(pid)
        if fresh is not None:
            self._put(pid, fresh._replace(since=at, until=at))
            return None
        after = None if before is None else after_exec(before)
        if before is not None and after is not None and not gives(before):
            self._put(pid, _Point(at, at, after, False))
            return None
        self._put(pid, _Point(at, at, None, False))
        self._mark(pid)
        return after

    def process_ended(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._known.pop(pid, None)
        for kind in (self._plain, self._odd, self._stale):
            kind.discard(pid)

    def of(self, pid: int, at: int) -> Optional[Held]:
        """Return what a process had at that time; None if unknown."""
        for point in reversed(self._known.get(pid, ())):
            if point.since <= at:
                return point.held
        return None

    # -- inside

    def _after(self, name: str, values: Tuple[int, ...], before: Held, plain: bool) -> Optional[Held]:
        """Call `after_call`, cached: in a loop over one refused call nothing changes."""
        asked = name, values, plain
        if self._last is None or self._last[0] is not before or self._last[1] != asked:
            self._last = before, asked, after_call(name, values, before, plain)
        return self._last[2]

    def _put(self, pid: int, point: _Point) -> None:
        """Insert by time. A reading taken during a change may be from before or after it, so it is dropped."""
        if len(self._known) >= PROCESSES_MAX:
            self._known.clear()
        mine = [each for each in self._known.get(pid, ()) if not _meet(each, point)]
        mine.append(point)
        mine.sort(key=lambda each: each.since)
        self._known[pid] = mine[-POINTS_MAX:]

    def _mark(self, pid: int) -> None:
        """Mark a process to be read again."""
        if len(self._stale) < PROCESSES_MAX:
            self._stale.add(pid)


def _meet(one: _Point, other: _Point) -> bool:
    """Whether the first was read while the second happened, or shortly after."""
    return one.since != one.until and other.since == other.until and one.since - SLOW <= other.since <= one.until


def read_held(pid: int) -> Optional[Held]:
    """Read the current credentials of a process or a thread; None if it is gone."""
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
        around["maps"] = reported_maps(maps)
        inheritable, ambient = int(found["CapInh"], 16), int(found.get("CapAmb", "0"), 16)
        return Held(around, users[:3], groups[:3], maps, inheritable, ambient, view)
    except (OSError, TooLongError, KeyError, IndexError, ValueError):
        return None


def described(tid: int) -> Around:
    """Return them as reported; only the thread id if it is gone."""
    held = read_held(tid)
    return {"tid": tid} if held is None else {"tid": tid, **held.around}


def limits(text: str) -> Dict[str, int]:
    """Parse /proc/PID/limits into soft limits, named as in `--ulimit`; unlimited ones are left out."""
    found: Dict[str, int] = {}
    for line in text.split("\n")[1:]:
        name = _LIMITS.get(line[:25].strip())
        word = line[26:].split(None, 1)[:1]
        if name is not None and word and word[0].isdigit():
            found[name] = int(word[0])
    return found


def _status(pid: int) -> Dict[str, str]:
    return fields_of(read_file("/proc/%d/status" % pid))
