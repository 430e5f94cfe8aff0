"""/proc/PID/status, stat and limits: identity, ids, capabilities, seccomp, start time, resource limits. See proc(5).

Several layers decode the same text, so results are cached by text. A field of `Status` is None (empty for tuples) if
this kernel has no such line: CapAmb came with Linux 4.3, NoNewPrivs 4.10, Seccomp_filters 5.9. Only what something
needs is decoded: this runs for every process of every container.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError, rows
from stratascope.value import Value

_LINE = re.compile(
    r"^(Name|State|Tgid|PPid|NStgid|NSpid|[UG]id|Groups|SigCgt|Cap[A-Z][a-z][a-z]|NoNewPrivs|Seccomp(?:_filters)?):\t(.*)$",
    re.M,
).findall
_HEX = re.compile(r"[0-9a-f]{1,16}").fullmatch
_IDS = re.compile(r"([0-9]{1,10})\s([0-9]{1,10})\s([0-9]{1,10})\s([0-9]{1,10})", re.ASCII).fullmatch
_KNOWN = frozenset(("Name", "State", "Tgid", "PPid", "NSpid", "Uid", "CapEff", "CapBnd", "Seccomp"))


class Ids(NamedTuple):
    """A `Uid:` or `Gid:` line, in ids of the reader's user namespace."""

    real: int
    effective: int
    saved: int
    file_system: int

    @property
    def within_reach(self) -> tuple[int, int, int]:
        """The ids that setresuid(2) can make effective without a capability; the effective one first."""
        return self.effective, self.real, self.saved


class ProcessStatus(Value):
    """One process. Capability sets are bit masks: bit n is capability n, relative to the process's user namespace."""

    name: str | None  # comm, at most 15 bytes; the kernel writes \n and \\ in it as two characters
    state: str | None  # one letter: R, S, D, T, Z …
    tgid: int | None
    ppid: int | None
    nspid: tuple[int, ...]  # the PID in each namespace, from the reader's to the process's own
    uids: Ids | None
    gids: Ids | None
    groups: tuple[int, ...]
    inheritable: int | None
    permitted: int | None
    effective: int | None
    bounding: int | None
    ambient: int | None
    no_new_privs: bool | None
    seccomp: int | None  # 0 disabled, 1 strict, 2 filter; None without CONFIG_SECCOMP
    seccomp_filters: int | None
    caught: int | None = None  # bit n - 1: has a handler for signal n
    nstgid: tuple[int, ...] = ()  # the same for the process that a thread belongs to


@remembered()
def parse_status(text: str) -> ProcessStatus:
    """Decode /proc/PID/status. Raises DecodeError if a line is not as in proc_pid_status(5)."""
    # a name can't contain a newline: fs/proc/array.c (proc_task_name) escapes it
    fields: dict[str, str] = dict(_LINE(text))
    if _KNOWN.isdisjoint(fields):
        raise DecodeError("status: none of its lines is there")
    get = fields.get
    return ProcessStatus(
        get("Name"),
        _state(get("State")),
        _number("Tgid", get("Tgid")),
        _number("PPid", get("PPid")),
        _numbers("NSpid", get("NSpid")),
        _ids("Uid", get("Uid")),
        _ids("Gid", get("Gid")),
        _numbers("Groups", get("Groups")),
        _mask("CapInh", get("CapInh")),
        _mask("CapPrm", get("CapPrm")),
        _mask("CapEff", get("CapEff")),
        _mask("CapBnd", get("CapBnd")),
        _mask("CapAmb", get("CapAmb")),
        _flag("NoNewPrivs", get("NoNewPrivs")),
        _number("Seccomp", get("Seccomp")),
        _number("Seccomp_filters", get("Seccomp_filters")),
        _mask("SigCgt", get("SigCgt")),
        _numbers("NStgid", get("NStgid")),
    )


def _state(value: str | None) -> str | None:
    if value is None:
        return None
    if not value[:1].isalpha():
        raise DecodeError(f"status: State is {value!r}")
    return value[0]


def _number(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if len(value) > 10 or not (value.isascii() and value.isdigit()):
        raise DecodeError(f"status: {name} is not a number: {value[:40]!r}")
    return int(value)


def _numbers(name: str, value: str | None) -> tuple[int, ...]:
    if not value:
        return ()
    words = value.split()
    joined = "".join(words)
    if (words and not (joined.isascii() and joined.isdigit())) or any(len(word) > 10 for word in words):
        raise DecodeError(f"status: {name} are not numbers: {value[:40]!r}")
    return tuple(map(int, words))


def _ids(name: str, value: str | None) -> Ids | None:
    if value is None:
        return None
    found = _IDS(value)
    if found is None:
        raise DecodeError(f"status: {name} are not four ids: {value[:40]!r}")
    return Ids(*map(int, found.groups()))


def _mask(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if _HEX(value) is None:
        raise DecodeError(f"status: {name} is not a hexadecimal mask: {value[:40]!r}")
    return int(value, 16)


def _flag(name: str, value: str | None) -> bool | None:
    if value is None:
        return None
    if value not in ("0", "1"):
        raise DecodeError(f"status: {name} is neither 0 nor 1: {value[:40]!r}")
    return value == "1"


_EXITING = 0x00000004  # PF_EXITING, include/linux/sched.h
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, the same file


class Stat(Value):
    """`start` is in clock ticks since boot."""

    flags: int
    start: int

    @property
    def exiting(self) -> bool:
        """Whether it is exiting."""
        return bool(self.flags & _EXITING)

    @property
    def kernel_thread(self) -> bool:
        """Whether it is a kernel thread."""
        return bool(self.flags & _KERNEL_THREAD)


def parse_stat(text: str) -> Stat:
    """Decode one line; its command may contain spaces and parentheses. Raises DecodeError."""
    fields = text[text.rfind(")") + 1 :].split()  # fields[0] is field 3, the state
    if ")" not in text or len(fields) < 20:
        raise DecodeError(f"stat: fields are missing: {text[:80]!r}")
    return Stat(_stat_number(fields[6]), _stat_number(fields[19]))


def _stat_number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"stat: not a number: {word[:40]!r}")
    return int(word)


# The kernel's names, fs/proc/base.c (lnames)
_LIMITS = {
    "Max processes": "nproc",
    "Max open files": "nofile",
    "Max core file size": "core",
    "Max locked memory": "memlock",
    "Max file size": "fsize",
    "Max stack size": "stack",
    "Max msgqueue size": "msgqueue",
    "Max pending signals": "sigpending",
    "Max nice priority": "nice",
    "Max realtime priority": "rtprio",
}
_LIMIT_LINE = re.compile(rf"^({'|'.join(_LIMITS)}) +(\S+) +(\S+)", re.M).findall


class ProcessLimit(Value):
    """A resource limit by its `ulimit` name; None: unlimited. Files, processes, bytes."""

    name: str
    soft: int | None
    hard: int | None


@remembered()
def parse_limits(text: str) -> tuple[ProcessLimit, ...]:
    """Parse those limits, ordered by name. Raises DecodeError."""
    found = [
        ProcessLimit(_LIMITS[name], _limit(name, soft), _limit(name, hard)) for name, soft, hard in _LIMIT_LINE(text)
    ]
    if not found:
        raise DecodeError("limits: none of its lines is there")
    return tuple(sorted(found, key=lambda limit: limit.name))


def _limit(name: str, word: str) -> int | None:
    if word == "unlimited":
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"limits: {name} is not a number: {word[:40]!r}")
    return int(word)


class HostProgram(NamedTuple):
    """What processes have in common that may look into each other; ptrace(2).

    Their ids, in the reader's user namespace; a set of permitted capabilities than which none of these processes holds
    a smaller one; the inode of their user namespace (None: not read); and the container that they are in, by its id or
    its mount namespace's inode (empty: the host itself).
    """

    uid: int
    gid: int
    permitted: int
    namespace: int | None
    container: str = ""


class HostPrograms(NamedTuple):
    """The processes of the machine. `whole`: all of them were read."""

    kinds: tuple[HostProgram, ...]
    whole: bool


_PROGRAM = re.compile(
    r"([0-9]{1,10}) ([0-9]{1,10}) ([0-9a-f]{1,16}) ([0-9]{1,10}|-) ([0-9a-f]{1,64}|-)", re.ASCII
).fullmatch


@remembered()
def parse_host_programs(text: str) -> HostPrograms:
    """Decode one kind per line; a final line `...` means there may be more. Raises DecodeError."""
    found = []
    for uid, gid, permitted, namespace, container in rows(text, _PROGRAM, "programs of the host"):
        inode = None if namespace == "-" else int(namespace)
        found.append(HostProgram(int(uid), int(gid), int(permitted, 16), inode, "" if container == "-" else container))
    return HostPrograms(tuple(found), not text.endswith("...\n"))
