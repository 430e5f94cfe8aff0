"""RLIMIT_NPROC of a process, where it binds: how many processes its user may have. No layer itself.

The hard limit counts, as a process may raise its soft one to that (setrlimit(2)). The host's root is exempt, and so is
who holds SYS_RESOURCE or SYS_ADMIN in the machine's first user namespace: copy_process, kernel/fork.c.
"""

from __future__ import annotations

import re

from stratascope.core.capture import Capture, Gap
from stratascope.layers.kernel_reading import process_status
from stratascope.linux.capability import CapabilitySet

_LINE = re.compile(r"^Max processes +(\S+) +(\S+)", re.M).search
_EXEMPT = CapabilitySet.of(("CAP_SYS_RESOURCE", "CAP_SYS_ADMIN")).bits
_INITIAL = "user:[4026531837]"  # PROC_USER_INIT_INO, include/linux/proc_ns.h


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
