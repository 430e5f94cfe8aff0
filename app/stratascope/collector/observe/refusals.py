"""Which errno values count as refusals, for which calls, and what is filtered out when there are too many.

Some are rare in working programs, whatever the call. Others are common for most calls (EAGAIN of a socket, EINVAL) and
only matter for a few, which are named here; their numbers come with the request. So do the calls for which the
container's filter returns one of those: there only the filter's refusals count. Never counted: ENOENT, EEXIST, EINTR,
ENXIO, ESRCH, and EAGAIN of non-blocking calls.

A record that wakes us costs the container much more than the call itself (18 µs to 2), so a loop over one refused call
must not cost it one each time: once there are MOST of a class, the kernel's filter leaves it out for a while. A class
is what that filter can distinguish: a call and its errno, a capability and its result, and the thread. What is left out
is not counted, and that is reported.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

MOST = 100  # records of one class per period
GRANTED_MOST = 400  # of granted checks
TOLD_MOST = 2000  # of refusals that a BPF program tells: what comes again is not among them
THREADS_MOST = 4  # times as many, of all threads together
CLASSES_MAX = 16  # classes left out at one time, to bound the filter's length
KNOWN_MAX = 4096
PERIOD, LONGEST = 2.0, 32.0  # seconds

Class = Tuple[int, int, int]  # by two fields, and the thread; 0: all threads


class Floods:
    """Frequent classes of one event, by the names of the two fields that make a class, and by thread.

    What is left out comes again after a while; if it is still as frequent, it is left out for twice as long.
    """

    def __init__(self, first: str, second: str, most: Optional[int] = None) -> None:
        """`most`: records of one class per period, if not MOST or GRANTED_MOST."""
        self._first, self._second, self._most = first, second, most
        self._counts: Dict[Class, int] = {}
        self._counted = 0.0
        self._until: Dict[Class, float] = {}  # what is left out
        self._before: Dict[Class, Tuple[float, float]] = {}  # what was: until when, for how long

    def note(self, first: int, second: int, thread: int) -> None:
        """Count a record."""
        for each in ((first, second, thread), (first, second, 0)):
            self._counts[each] = self._counts.get(each, 0) + 1

    def out(self, thread: int) -> bool:
        """Whether something of that thread is left out."""
        return any(each[2] in (0, thread) for each in self._until)

    def change(self, now: float) -> Optional[str]:
        """The additional condition for the filter, if it has changed ("" for none); else None."""
        found = self.classes(now)
        return None if found is None else " && ".join(map(self._text, sorted(found)))

    def classes(self, now: float) -> Optional[List[Class]]:
        """What is to be left out, if it has changed; else None."""
        over = [each for each, until in self._until.items() if now >= until]
        for each in over:
            self._before[each] = (now, self._before[each][1])
            del self._until[each]
        if now > self._counted or len(self._counts) > KNOWN_MAX:
            self._counted = now + PERIOD
            self._counts.clear()
        many = [each for each in self._counts if self._counts[each] >= self._enough(each) and each not in self._until]
        many.sort(key=lambda each: -self._counts[each])
        for each in many[: max(0, CLASSES_MAX - len(self._until))]:
            ended, took = self._before.get(each, (0.0, 0.0))
            period = min(LONGEST, 2 * took) if took and now - ended < PERIOD else PERIOD
            if len(self._before) > KNOWN_MAX:
                self._before.clear()
            self._until[each], self._before[each] = now + period, (now + period, period)
            over.append(each)
        self._counts = {each: count for each, count in self._counts.items() if each not in self._until}
        return list(self._until) if over else None

    def _enough(self, known: Class) -> int:
        most = self._most or (MOST if known[1] < 0 else GRANTED_MOST)
        return most * (1 if known[2] else THREADS_MOST)

    def _text(self, known: Class) -> str:
        whose = " || common_pid != %d" % known[2] if known[2] else ""
        return "(%s != %d || %s != %d%s)" % (self._first, known[0], self._second, known[1], whose)


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

    def wanted(self) -> Tuple[Tuple[int, ...], Dict[int, Set[int]]]:
        """The same as errors of all calls, and as errors with numbers of calls."""
        some: Dict[int, Set[int]] = {}
        for errno, by_abi in (*self._some.items(), *self._filtered.items()):
            some.setdefault(errno, set()).update(each for abi in self._abis for each in by_abi.get(abi, ()))
        return ALWAYS, some

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
