"""Resource limits of a process, and RLIMIT_NPROC where it binds: how many processes its user may have.

The hard limit counts, as a process may raise its soft one to that (setrlimit(2)). The host's root is exempt, and so is
who holds SYS_RESOURCE or SYS_ADMIN in the machine's first user namespace: copy_process, kernel/fork.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratascope.core.capture import Capture, Gap
from stratascope.layers.shared.process_status import process_status
from stratascope.linux.capability import CapabilitySet

_LINE = re.compile(r"^Max processes +(\S+) +(\S+)", re.M).search
_EXEMPT = CapabilitySet.of(("CAP_SYS_RESOURCE", "CAP_SYS_ADMIN")).bits
# The kernel's words for the limits that can be asked for, fs/proc/base.c (lnames)
_NAMES = {
    "Max processes": "nproc",
    "Max open files": "nofile",
    "Max core file size": "core",
    "Max locked memory": "memlock",
    "Max nice priority": "nice",
    "Max realtime priority": "rtprio",
}
_LIMIT = re.compile(rf"^({'|'.join(_NAMES)}) +(\d{{1,20}}|unlimited) +(\d{{1,20}}|unlimited)", re.M)
_INITIAL = "user:[4026531837]"  # PROC_USER_INIT_INO, include/linux/proc_ns.h


@dataclass(frozen=True, slots=True)
class ProcessLimit:
    """A resource limit by its name as in `ulimit`; None: unlimited. Files, processes, bytes."""

    name: str
    soft: int | None
    hard: int | None


def process_limits(capture: Capture) -> tuple[ProcessLimit, ...] | None:
    """Those that a container's options or its stances are about, by name; None where they could not be read."""
    text = capture.text("limits")
    if isinstance(text, Gap):
        return None
    found = [ProcessLimit(_NAMES[name], _number(soft), _number(hard)) for name, soft, hard in _LIMIT.findall(text)]
    return tuple(sorted(found, key=lambda limit: limit.name)) or None


def _number(word: str) -> int | None:
    return None if word == "unlimited" else int(word)


def user_limit(capture: Capture) -> tuple[int | None, bool]:
    """The number, None where nothing binds; and whether it is not known."""
    status = process_status(capture)
    if isinstance(status, Gap) or status.uids is None:
        return None, True
    if status.uids.real == 0:
        return None, False
    if ((status.effective or 0) | (status.permitted or 0)) & _EXEMPT:
        link = capture.text("ns/user")
        if isinstance(link, str) and link.strip() == _INITIAL:
            return None, False
    text = capture.text("limits")
    found = None if isinstance(text, Gap) else _LINE(text)
    if found is None:
        return None, True
    hard = found[2]
    return (int(hard), False) if hard.isascii() and hard.isdigit() and len(hard) <= 20 else (None, False)
