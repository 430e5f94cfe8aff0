"""/proc/PID/limits: a process's resource limits, by their ulimit(1) names. See proc_pid_limits(5).

Only those that container options or a layer's stances refer to; the others are left out.
"""

from __future__ import annotations

import re

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

# The kernel's names, fs/proc/base.c (lnames)
_NAMES = {
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
_LINE = re.compile(rf"^({'|'.join(_NAMES)}) +(\S+) +(\S+)", re.M).findall


class ProcessLimit(Value):
    """A resource limit by its `ulimit` name; None: unlimited. Files, processes, bytes."""

    name: str
    soft: int | None
    hard: int | None


@remembered()
def parse_limits(text: str) -> tuple[ProcessLimit, ...]:
    """Parse those limits, ordered by name. Raises DecodeError."""
    found = [ProcessLimit(_NAMES[name], _number(name, soft), _number(name, hard)) for name, soft, hard in _LINE(text)]
    if not found:
        raise DecodeError("limits: none of its lines is there")
    return tuple(sorted(found, key=lambda limit: limit.name))


def _number(name: str, word: str) -> int | None:
    if word == "unlimited":
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"limits: {name} is not a number: {word[:40]!r}")
    return int(word)
