"""Which errno values count as refusals, for which calls, and what is filtered out when there are too many.

Some are rare in working programs, whatever the call. Others are common for most calls (EAGAIN of a socket, EINVAL) and
only matter for a few, which are named here; their numbers come with the request. So do the calls for which the
container's filter returns one of those: there only the filter's refusals count. Never counted: ENOENT, EEXIST, EINTR,
ENXIO, ESRCH, and EAGAIN of non-blocking calls.

A record that wakes us costs the container much more than the call itself (18 µs to 2), so a loop over one refused call
must not cost it one each time: once there are MOST of a class, the kernel's filter leaves it out for a while. A class
is what that filter can distinguish: a call and its errno, a capability and its result. What is left out is not counted,
and that is reported.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Optional, Set, Tuple

MOST = 100  # records of one class per period
CLASSES_MAX = 16  # classes left out at one time, to bound the filter's length
PERIOD = 2.0  # seconds

Class = Tuple[int, int]


class Floods:
    """Frequent classes of one event, by the names of the two fields that make a class."""

    def __init__(self, first: str, second: str) -> None:
        self._first, self._second = first, second
        self._counts: Dict[Class, int] = {}
        self._until = 0.0
        self.shut: FrozenSet[Class] = frozenset()

    def note(self, first: int, second: int) -> None:
        """Count a record."""
        self._counts[first, second] = self._counts.get((first, second), 0) + 1

    def change(self, now: float) -> Optional[str]:
        """The additional condition for the filter, if it has changed ("" for none); else None."""
        if now > self._until:
            self._until = now + PERIOD
            self._counts.clear()
            shut: FrozenSet[Class] = frozenset()
        else:
            many = sorted(
                (each for each in self._counts if self._counts[each] >= MOST), key=lambda each: -self._counts[each]
            )
            shut = frozenset(many[:CLASSES_MAX])
            if shut <= self.shut:
                return None
        if shut == self.shut:
            return None
        self.shut = shut
        return " && ".join(map(self._text, sorted(shut)))

    def _text(self, known: Class) -> str:
        return "(%s != %d || %s != %d)" % (self._first, known[0], self._second, known[1])


# EPERM, EACCES, ENFILE, EMFILE, EFBIG, ENOSPC, EROFS, ENOSYS, EOVERFLOW (ids that are not mapped), EUSERS,
# EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT, ENETDOWN, ENETUNREACH, EDQUOT
ALWAYS = (1, 13, 23, 24, 27, 28, 30, 38, 75, 87, 93, 94, 97, 100, 101, 122)
_FORKS = ("clone", "clone3", "fork", "vfork")
_RUNS = ("execve", "execveat")
_LOCKS = ("mlock", "mlock2", "mlockall")
_OPENS = ("open", "openat", "openat2")
_USERS = ("setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid")
_OWNERS = ("chown", "fchown", "fchownat", "lchown")
_SEND = ("connect", "sendto", "sendmsg", "sendmmsg")
_WIDE = ("chown", "fchown", "lchown", *_USERS)  # 32-bit calls also exist with the suffix 32
_SOME: Dict[int, Tuple[str, ...]] = {
    7: _RUNS,  # E2BIG: the arguments exceed a quarter of the stack limit
    # EAGAIN: limits of processes, locked memory, queued signals
    11: (*_FORKS, *_RUNS, *_LOCKS, "mmap", "mmap2", "mremap", "rt_sigqueueinfo", "setresuid", "setreuid", "setuid"),
    12: (*_FORKS, *_LOCKS, "io_uring_setup", "mmap", "mmap2", "mremap", "shmget"),  # ENOMEM: limits of memory
    # EBUSY: a mount point
    16: ("pivot_root", "rename", "renameat", "renameat2", "rmdir", "umount2", "unlink", "unlinkat"),
    19: (*_OPENS, "fsopen", "mount"),  # ENODEV: a device or a file system that this kernel does not have
    # EINVAL: an unmapped id; what an engine's filter returns for a socket; no allowed processor
    22: (*_OWNERS, *_USERS, "socket", "sched_setaffinity"),
    99: ("bind", *_SEND),  # EADDRNOTAVAIL
    113: _SEND,  # EHOSTUNREACH
}
EAGAIN = 11

_RUNS_MAX = 40  # comparisons for one errno of a filter, since the kernel limits the text to one page
Numbers = Dict[str, Dict[str, int]]
Answered = Dict[int, Dict[str, Set[int]]]  # by errno and entry point: calls for which a filter returns it


class Refusals:
    """Decides what is a refusal. `numbers`: by entry point and name; `answers`: of the container's filters."""

    def __init__(self, numbers: Numbers, answers: Answered, native: str, foreign: str) -> None:
        self._abis = [abi for abi in (native, foreign) if abi]
        self._some: Dict[int, Dict[str, Set[int]]] = {}  # by errno and entry point
        for errno, names in _SOME.items():
            wide = tuple(name + "32" for name in names if name in _WIDE)
            self._some[errno] = {
                abi: {table[name] for name in names + wide if name in table} for abi, table in numbers.items()
            }
        self._filtered = {errno: calls for errno, calls in answers.items() if errno and errno not in ALWAYS}
        self._forks = {abi: {table[name] for name in _FORKS if name in table} for abi, table in numbers.items()}

    def filter(self) -> str:
        """The kernel's filter for sys_exit: it drops successes, which are nearly all, after one comparison."""
        parts: List[str] = ["ret == -%d" % each for each in sorted(ALWAYS)]
        for errno in sorted(set(self._some).union(self._filtered)):
            listed = [self._some.get(errno, {}), self._filtered.get(errno, {})]
            ids = {each for by_abi in listed for abi in self._abis for each in by_abi.get(abi, ())}
            runs = _runs(ids)
            if len(runs) > _RUNS_MAX:
                parts.append("ret == -%d" % errno)
            elif runs:
                parts.append("(ret == -%d && (%s))" % (errno, " || ".join(runs)))
        return "ret < 0 && (%s)" % " || ".join(parts)

    def counts(self, abi: str, number: int, errno: int, entered: bool = False) -> bool:
        """Whether it is a refusal, which the kernel's filter can't decide: a number is another call at each entry
        point.

        `entered`: the container's filter is known to have let it through.
        """
        table = "x86_64" if abi == "x32" else abi
        if errno in ALWAYS or number in self._some.get(errno, {}).get(table, ()):
            return True
        return not entered and number in self._filtered.get(errno, {}).get(abi, ())

    def forks(self, abi: str, number: int) -> bool:
        """Whether that call creates a process."""
        return number in self._forks.get(abi, ())


def _runs(numbers: Set[int]) -> List[str]:
    """Comparisons that match exactly these numbers; consecutive numbers become one range."""
    found: List[List[int]] = []
    for each in sorted(numbers):
        if found and found[-1][1] == each - 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return ["id == %d" % low if low == high else "(id >= %d && id <= %d)" % (low, high) for low, high in found]
