"""/proc/PID/status: identity, ids, capabilities, seccomp, signals. See proc_pid_status(5).

Several layers decode the same text, so results are cached by text. A field is None (empty for tuples) if this kernel
has no such line: CapAmb came with Linux 4.3, NoNewPrivs 4.10, Seccomp_filters 5.9. Not all sixty lines are decoded:
this runs for every process of every container, and nothing needs the memory figures.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
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
