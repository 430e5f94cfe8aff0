"""Check that the process read is the container's: its PID comes from an engine that may number processes differently.

With an engine in a VM or in its own PID namespace, a reused PID, a container that just ended, or an engine that lies,
somebody else's process may have that number. The proof is the container's id in the process's cgroup path. If the path
does not show it (rootless engines with cgroup `/`, a hidden cgroup, a process that moved into a differently named group
below its own), the process must match in every other respect: its own mount namespace, PID 1 of a PID namespace if one
was asked for, and started between the container's creation and its start. In addition something made by the engine for
this container alone must tie the two: one of the files that engines mount into each container, or the container's
folder, in which its parent, the runtime's monitor, works or has files open. Decided against trusting any of these
alone, and against the parent's command line: reads of a process's own memory may hang.

Engines report times of the wall clock, the kernel those since boot: once the wall clock has been set, the two don't
compare for containers from before. So a start that does not fit is forgiven where the process is tied to the container
and at most one PID namespace below the reader's: what an engine in a container starts is deeper.
"""

from __future__ import annotations

import re

from stratascope.collector.names import PARENT, WHOLE
from stratascope.core.capture import Capture, Gap, GapKind, or_none, whole_gap
from stratascope.core.container import Container, other_kernel
from stratascope.core.ground import Ground, inode_of
from stratascope.linux.cgroup import parse_memberships
from stratascope.linux.mounts import cached_mountinfo
from stratascope.linux.process import Stat, parse_stat, parse_status

WANTS = ("cgroup", "stat", "status", "ns/mnt", "ns/pid", "mountinfo", PARENT)

# NTP sets boot clock and wall clock together, so only rounding is left: a tick of 1/100 s, and engines that report
# whole seconds (up to 1 s at each end). 2 s is twice that, and far below the time in which PIDs are reused.
SLACK = 2.0
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])").search
# mounted by engines into each container, from a folder with its id: Docker's containers/ID, Podman's …-containers/ID
_MADE = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv")
_MONITOR = "conmon-"  # podman's monitor has the container's id in its own cgroup: libpod-conmon-ID.scope


def belongs(container: Container, capture: Capture, ground: Ground) -> Gap | None:
    """None if the process is the container's; else why not, or why that could not be checked."""
    gap = whole_gap(capture)
    if gap is not None:
        return gap
    if capture.via != "proc":
        return None  # reported by the engine itself, about its own container
    if container.sandbox is not None:
        stat = capture.decoded("stat", parse_stat)
        if isinstance(stat, Gap):
            return stat
        return None if stat.start == container.sandbox.started else _foreign("it started at another time")
    memberships = or_none(capture.decoded("cgroup", parse_memberships)) or ()
    owners = []
    for line in memberships:
        ids = owners_of(line.path)
        if ids == [container.id]:
            return None
        if ids:
            owners.append(ids)
    if owners and not any(container.id in ids for ids in owners):
        return _foreign("its cgroup is another container's")
    stat = capture.decoded("stat", parse_stat)
    if isinstance(stat, Gap):
        return stat
    if stat.kernel_thread:
        return _foreign("a thread of the kernel")
    unlike = _by_namespaces(container, capture, ground)
    if unlike is not None:
        return unlike
    untimely, untied = _by_time(container, stat, ground), _by_ties(container.id, capture)
    if untimely is not None:
        clock_set = untimely.kind is GapKind.FOREIGN and untied is None and len(_numbers(capture)) in (1, 2)
        return None if clock_set else untimely
    # nested: the path has the outer container's id too; below its own group a container may use any names
    return None if any(ids[-1] == container.id for ids in owners) else untied


def thread_of(capture: Capture) -> int | None:
    """The process that this thread belongs to; None for a process's first thread."""
    status = or_none(capture.decoded("status", parse_status))
    return None if status is None or status.tgid in (None, capture.pid) else status.tgid


def owners_of(path: str) -> list[str]:
    """The container ids in a control group's path, outermost first."""
    found = []
    for part in path.split("/"):
        match = _ID(part)
        if match is not None:
            found.append(_MONITOR + match[0] if _MONITOR in part else match[0])
    return found


def _by_namespaces(container: Container, capture: Capture, ground: Ground) -> Gap | None:
    mount = inode_of(capture.text("ns/mnt"))
    if mount is not None and mount == ground.namespace("mnt"):
        return _foreign("it is in the host's mount namespace")
    if container.asked.pid_mode != "private" or other_kernel(container):
        return None  # shared, or its PID namespace is inside another kernel
    pid_namespace = inode_of(capture.text("ns/pid"))
    if pid_namespace is not None and pid_namespace == ground.namespace("pid"):
        return _foreign("it is in the host's PID namespace")
    numbers = _numbers(capture)
    if not numbers:
        return None  # before Linux 4.1, or not readable
    # NSpid begins with the namespace of the reader's /proc: a single number means the reader's own namespace
    if len(numbers) < 2:
        return _foreign("it is in the reader's PID namespace")
    return None if numbers[-1] == 1 else _foreign("it is not the first process of its PID namespace")


def _numbers(capture: Capture) -> tuple[int, ...]:
    """Its PID in each PID namespace from the reader's on; empty if unknown."""
    status = or_none(capture.decoded("status", parse_status))
    return () if status is None else tuple(status.nstgid or status.nspid)  # NStgid: another thread's if the first ended


def _by_time(container: Container, stat: Stat, ground: Ground) -> Gap | None:
    if ground.boot_time is None or not ground.clock_ticks:
        return Gap(GapKind.UNSUPPORTED, detail="the time of boot is not known, so its start can't be compared")
    if container.created <= 0 and container.started <= 0:
        return Gap(GapKind.UNSUPPORTED, detail="the engine does not say when the container was started")
    start = ground.boot_time + stat.start / ground.clock_ticks
    if start < container.created - SLACK:
        return _foreign("it is older than the container")
    # podman init creates the process long before start; there is no start time yet
    if container.started > 0 and start > container.started + SLACK:
        return _foreign("it started after the container did")
    return None


def _by_ties(number: str, capture: Capture) -> Gap | None:
    """Whether something ties the process to the container of that id."""
    whole = WHOLE if WHOLE in capture.names() else "mountinfo"  # it may be in a chroot
    mounts = capture.decoded(whole, cached_mountinfo)
    folder = capture.text(PARENT)
    if not isinstance(folder, Gap) and number in folder.split("/"):
        return None
    if isinstance(mounts, Gap):
        return mounts
    if any(number in mount.root.split("/") for mount in mounts if mount.target in _MADE):
        return None
    return _foreign("nothing ties it to the container: neither its cgroup nor its mounts have the container's id")


def _foreign(detail: str) -> Gap:
    return Gap(GapKind.FOREIGN, detail=detail)
