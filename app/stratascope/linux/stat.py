"""/proc/PID/stat: a process's kernel flags and start time, which tell it apart from another with the same PID.

See proc_pid_stat(5). The other fifty fields are not decoded; anything else needed is in /proc/PID/status.
"""

from __future__ import annotations

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

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
    return Stat(_number(fields[6]), _number(fields[19]))


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"stat: not a number: {word[:40]!r}")
    return int(word)
