"""Whether the process that was read is the container's: the PID comes from an engine that may count elsewhere.

An engine in a VM or in a PID namespace of its own, a PID that was reused, a container that ended a moment ago: each
time there may be a process of that number, and it is somebody else's. The proof is the container's id in the
process's cgroup path. Where no path tells (rootless engines with cgroup `/`, a hidden cgroup), the process must look
in every way like the container's first: a mount namespace of its own, PID 1 of a PID namespace where one was asked
for, and started between the container's creation and its start. Decided against trusting any of these alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratascope.core.capture import Capture, Gap, GapKind, whole_gap
from stratascope.core.container import Container, other_kernel
from stratascope.core.ground import Ground, inode_of

WANTS = ("cgroup", "stat", "status", "ns/mnt", "ns/pid")

# The boot clock is read beside the wall clock and both are set back together by NTP, so only rounding is left: a tick
# of 1/100 s, and engines that give whole seconds (up to 1 s at each end). 2 s is twice that, and far below the time in
# which PIDs come round again.
SLACK = 2.0
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MONITOR = "conmon-"  # podman's monitor has the container's id in its own cgroup: libpod-conmon-ID.scope
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, include/linux/sched.h
_NSPID = re.compile(r"^NSpid:\t([0-9\t ]+)$", re.M)


@dataclass(frozen=True, slots=True)
class Stat:
    """Of /proc/PID/stat: the kernel's flags of the process, and its start in clock ticks since boot."""

    flags: int
    start: int


def parse_stat(text: str) -> Stat | None:
    """None where the text is not of the form in proc_pid_stat(5). The command may hold spaces and parentheses."""
    fields = text[text.rfind(")") + 1 :].split()  # fields[0] is field 3, the state
    if ")" not in text or len(fields) < 20:
        return None
    flags, start = fields[6], fields[19]
    if not all(word.isascii() and word.isdigit() and len(word) <= 20 for word in (flags, start)):
        return None
    return Stat(int(flags), int(start))


def belongs(container: Container, capture: Capture, ground: Ground) -> Gap | None:
    """None if the process is the container's; else why not, or why that could not be found out."""
    gap = whole_gap(capture)
    if gap is not None:
        return gap
    if capture.via != "proc":
        return None  # the engine itself spoke of its own container
    cgroup = capture.text("cgroup")
    if isinstance(cgroup, str):
        owners = _owners(cgroup)
        if container.id in owners:
            return None
        if owners:
            return _foreign("its cgroup is another container's")
    stat_text = capture.text("stat")
    if isinstance(stat_text, Gap):
        return stat_text
    stat = parse_stat(stat_text)
    if stat is None:
        return Gap(GapKind.UNPARSED, detail="stat is not of the known form")
    if stat.flags & _KERNEL_THREAD:
        return _foreign("a thread of the kernel")
    return _by_namespaces(container, capture, ground) or _by_time(container, stat, ground)


def _owners(cgroup: str) -> set[str]:
    """The innermost container id of each line: a container inside a container has the outer one's id too."""
    owners = set()
    for line in cgroup.split("\n"):
        for part in reversed(line.split("/")):
            found = _ID.search(part)
            if found is not None:
                owners.add(_MONITOR + found[0] if _MONITOR in part else found[0])
                break
    return owners


def _by_namespaces(container: Container, capture: Capture, ground: Ground) -> Gap | None:
    mount = inode_of(capture.text("ns/mnt"))
    if mount is not None and mount == ground.namespace("mnt"):
        return _foreign("it is in the host's mount namespace")
    if container.asked.pid_mode != "private" or other_kernel(container):
        return None  # shared, or its PID namespace is inside a kernel of its own
    pid_namespace = inode_of(capture.text("ns/pid"))
    if pid_namespace is not None and pid_namespace == ground.namespace("pid"):
        return _foreign("it is in the host's PID namespace")
    status = capture.text("status")
    found = _NSPID.search(status) if isinstance(status, str) else None
    if found is None:
        return None  # before Linux 4.1, or not readable
    numbers = found[1].split()
    # NSpid begins with the namespace of the reader's /proc: one number alone is the reader's own namespace
    if len(numbers) < 2:
        return _foreign("it is in the reader's PID namespace")
    return None if numbers[-1] == "1" else _foreign("it is not the first process of its PID namespace")


def _by_time(container: Container, stat: Stat, ground: Ground) -> Gap | None:
    if ground.boot_time is None or not ground.clock_ticks:
        return Gap(GapKind.UNSUPPORTED, detail="the time of boot is not known, so its start can't be compared")
    if container.created <= 0 and container.started <= 0:
        return Gap(GapKind.UNSUPPORTED, detail="the engine does not say when the container was started")
    start = ground.boot_time + stat.start / ground.clock_ticks
    if start < container.created - SLACK:
        return _foreign("it is older than the container")
    # podman init makes the process long before start; then there is no time of start yet
    if container.started > 0 and start > container.started + SLACK:
        return _foreign("it started after the container did")
    return None


def _foreign(detail: str) -> Gap:
    return Gap(GapKind.FOREIGN, detail=detail)
