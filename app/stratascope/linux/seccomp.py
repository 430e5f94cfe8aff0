"""seccomp as /proc/PID/status tells it: the mode. See seccomp(2) and proc_pid_status(5).

The mode says that a filter exists, not what it lets through.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.linux.decode import DecodeError


class SeccompMode(StrEnum):
    """The `Seccomp:` line, by name."""

    DISABLED = "disabled"
    STRICT = "strict"  # only read, write, _exit and sigreturn
    FILTER = "filter"


# SECCOMP_MODE_* in include/uapi/linux/seccomp.h
_MODES = (SeccompMode.DISABLED, SeccompMode.STRICT, SeccompMode.FILTER)


def seccomp_mode(number: int) -> SeccompMode:
    """The mode's name. Raises DecodeError for a number that is not in seccomp(2).

    3 (SECCOMP_MODE_DEAD, since Linux 5.16: kernel/seccomp.c) is of a thread that a filter is just killing; to
    every call it is as closed as a filter can be, so it counts as one.
    """
    if number == 3:
        return SeccompMode.FILTER
    if not 0 <= number < len(_MODES):
        raise DecodeError(f"no such seccomp mode: {number}")
    return _MODES[number]
