"""The seccomp profile that a careful person writes for any of the programs: an allow-list, the same for all.

What every program may do with its own files, memory and connections, and what these do as root before they become
someone else; no call that looks into another process, mounts, makes namespaces, or is newer than the programs. The
answers other than EPERM are those of the engines' own profiles, which PAM and the C library expect.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stratascope.core.observation.observation import harmless

# Newer than what these programs were built for: where it is refused, they take the older one
_NEWEST = "cachestat futex_requeue futex_wait futex_waitv futex_wake pidfd_open"
_OWNERS = "chmod fchmod fchmodat chown fchown fchownat lchown"
_IDENTITY = "capset setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid chroot"
_SHARED = "shmat shmctl shmdt shmget semctl semget semop semtimedop"
_RUN = "io_setup io_submit io_getevents io_destroy io_cancel setpriority ioprio_set sched_setscheduler mlockall"
_NEW_NAMESPACES = 0x7E020000
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_NETLINK, _AUDIT = 16, 9


def _when(place: int, operator: str, value: int, other: int = 0) -> dict[str, Any]:
    return {"index": place, "value": value, "valueTwo": other, "op": f"SCMP_CMP_{operator}"}


def write_filter(folder: Path) -> Path:
    """The file of the profile, for x86-64."""
    names = {*harmless("x86_64"), *f"{_OWNERS} {_IDENTITY} {_SHARED} {_RUN}".split()} - set(_NEWEST.split())
    rules: list[dict[str, Any]] = [
        {"names": sorted(names), "action": "SCMP_ACT_ALLOW"},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [_when(0, "MASKED_EQ", _NEW_NAMESPACES)]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [_when(0, "EQ", 0xFFFFFFFF)]},
        *({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [_when(0, "EQ", family)]} for family in _FAMILIES),
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [_when(0, "EQ", _NETLINK), _when(2, "NE", _AUDIT)]},
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 22,
            "args": [_when(0, "EQ", _NETLINK), _when(2, "EQ", _AUDIT)],
        },
    ]
    path = folder / "by-hand.json"
    whole = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": rules,
    }
    path.write_text(json.dumps(whole))
    return path
