"""seccomp modes, as in /proc/PID/status, and a filter's answers. See seccomp(2), proc_pid_status(5).

The mode only says that there is a filter; `bpf` or `seccomp_profile` say what it lets through.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value


class SeccompMode(StrEnum):
    """The `Seccomp:` line, by name."""

    DISABLED = "disabled"
    STRICT = "strict"  # only read, write, _exit and sigreturn
    FILTER = "filter"


# SECCOMP_MODE_* in include/uapi/linux/seccomp.h
_MODES = (SeccompMode.DISABLED, SeccompMode.STRICT, SeccompMode.FILTER)


def seccomp_mode(number: int) -> SeccompMode:
    """The mode's name. Raises DecodeError for a number that is not in seccomp(2).

    A thread being killed by a filter has mode 3 (SECCOMP_MODE_DEAD, since Linux 5.16: kernel/seccomp.c). It makes no
    more calls, so it counts as FILTER.
    """
    if number == 3:
        return SeccompMode.FILTER
    if not 0 <= number < len(_MODES):
        raise DecodeError(f"no such seccomp mode: {number}")
    return _MODES[number]


class ActionKind(StrEnum):
    """A filter's answers, strictest first: the kernel's precedence among several filters; seccomp(2)."""

    KILL_PROCESS = "KILL_PROCESS"
    KILL_THREAD = "KILL_THREAD"
    TRAP = "TRAP"
    ERRNO = "ERRNO"
    USER_NOTIF = "USER_NOTIF"
    # Not a kernel action: the answer depends on computed arguments, or takes too long to follow. It may be one of those
    # above, which let nothing pass that another filter stops; combined with one of those below, nothing is certain.
    UNDECIDED = "UNDECIDED"
    TRACE = "TRACE"
    LOG = "LOG"
    ALLOW = "ALLOW"


# SECCOMP_RET_* in include/uapi/linux/seccomp.h
_RETURNS = {
    0x80000000: ActionKind.KILL_PROCESS,
    0x00000000: ActionKind.KILL_THREAD,
    0x00030000: ActionKind.TRAP,
    0x00050000: ActionKind.ERRNO,
    0x7FC00000: ActionKind.USER_NOTIF,
    0x7FF00000: ActionKind.TRACE,
    0x7FFC0000: ActionKind.LOG,
    0x7FFF0000: ActionKind.ALLOW,
}
_STRICTNESS = {kind: place for place, kind in enumerate(ActionKind)}
_MAX_ERRNO = 4095  # include/linux/err.h; the kernel caps errno there


class Action(Value):
    """One answer of a filter. `number`: the errno for ERRNO, 0 for all others."""

    kind: ActionKind
    number: int = 0

    def __str__(self) -> str:
        return f"ERRNO({self.number})" if self.kind is ActionKind.ERRNO else self.kind.value

    @property
    def lets_through(self) -> bool | None:
        """Whether the kernel carries out the call; None if another process decides, or if it is unknown.

        TRACE without a tracer fails with ENOSYS: kernel/seccomp.c.
        """
        if self.kind in (ActionKind.USER_NOTIF, ActionKind.UNDECIDED):
            return None
        return self.kind in (ActionKind.ALLOW, ActionKind.LOG)


ALLOW = Action(ActionKind.ALLOW)
UNDECIDED = Action(ActionKind.UNDECIDED)


@remembered()
def action_of(value: int) -> Action:
    """Decode the 32 bits that a filter returns. An action unknown to the kernel kills (kernel/seccomp.c)."""
    kind = _RETURNS.get(value & 0xFFFF0000, ActionKind.KILL_PROCESS)
    return Action(kind, min(value & 0xFFFF, _MAX_ERRNO) if kind is ActionKind.ERRNO else 0)


def strictest(newer: Action, older: Action) -> Action:
    """Of two filters' answers the one that counts; if equally strict, the newer filter's."""
    return older if _STRICTNESS[older.kind] < _STRICTNESS[newer.kind] else newer
