"""Refusals by limits: device rules, processes, memory, open files, sizes, locked memory, CPUs.

When a limit is reached, the kernel may check a capability that exempts from it (RLIMIT_NPROC, RLIMIT_MEMLOCK): then it
is certain that the limit refused, and the capability is only one of the ways to allow it.
"""

from __future__ import annotations

import errno
import os
import re

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.observation.events import NodeKind
from stratascope.core.refusals import tried
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import DeviceNode, HeldCapability, MoreOf, Want
from stratascope.core.text import size_text
from stratascope.core.threats.needs import Device
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.shared.devices import passes

_ID = "cgroup"
_LOCKS_NAMES = "mlock mlock2 mlockall mmap mmap2 shmctl io_uring_setup io_uring_register bpf perf_event_open"
_LOCKS = frozenset(_LOCKS_NAMES.split())
_MAKES_DEVICES = {"mknod": 1, "mknodat": 2}  # index of the mode argument; the device follows it
_REAL_TIME = frozenset(("sched_setscheduler", "sched_setattr", "sched_setparam"))
_GROWS = frozenset(("mmap", "mmap2", "mremap", "brk", "mprotect"))
_OTHER_FILES = frozenset(("inotify_init", "inotify_init1", "fanotify_init"))  # EMFILE of these is their own limit
_NAMES_FILES = frozenset(("mkdir", "mkdirat", "mknod", "mknodat"))
_S_IFMT, _S_IFCHR, _S_IFBLK = 0o170000, 0o020000, 0o060000
_SIZE = re.compile(r"(?:^|,)size=([0-9]{1,15})([kmg]?)(?:,|$)").search
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}


def refused(attempt: Attempt, facts: CgroupFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    match attempt.kind:
        case AttemptKind.OUT_OF_MEMORY:
            return _out_of_memory(facts)
        case AttemptKind.TOO_LARGE:
            return _too_large(attempt, Strength.SAID)
        case AttemptKind.CALL if attempt.entered:
            return _call(attempt, facts)
    return None


def _call(attempt: Attempt, facts: CgroupFacts | None) -> Claim | None:
    match attempt.errno:
        case errno.EPERM if attempt.name in _MAKES_DEVICES or tried.opens(attempt):
            return _device(attempt, facts)
        case errno.EAGAIN if attempt.name in tried.CLONES:
            return _processes(attempt, facts)
        case errno.EMFILE if attempt.name == "mq_open":
            return _queues(attempt)
        case errno.EMFILE if attempt.name not in _OTHER_FILES:
            return _open_files(attempt)
        case errno.EFBIG if tried.limit(attempt, "fsize") is not None or not attempt.around.limits:
            return _too_large(attempt, Strength.FITS if attempt.around.limits else Strength.LEFT)
        case errno.EPERM | errno.ENOMEM | errno.EAGAIN if attempt.name in _LOCKS and _is_locking(attempt):
            return _locked(attempt)
        case errno.ENOMEM if attempt.name in _GROWS:
            return _address_space(attempt)
        case errno.ENOSPC:
            return _full(attempt)
        case errno.EPERM if attempt.name in _REAL_TIME and tried.unasked(attempt):
            what = msg("Its cgroup has no budget for real-time processes (cpu.rt_runtime_us).")
            return Claim(_ID, what, Strength.FITS)
        case errno.EINVAL if attempt.name == "sched_setaffinity" and facts is not None and facts.cpuset:
            what = msg("It can run on the CPUs {cpus} only (cpuset.cpus).", cpus=facts.cpuset)
            return Claim(_ID, what, Strength.FITS)
    return None


def _device(attempt: Attempt, facts: CgroupFacts | None) -> Claim | None:
    """The claim of the device rules (devcgroup_inode_permission, devcgroup_inode_mknod): after owner and mode, and
    without a capability check.
    """
    if attempt.lacked:
        return None
    found = _made(attempt) if attempt.name in _MAKES_DEVICES else _opened(attempt)
    if found is None:
        return _device_perhaps(attempt)
    kind, number, access, name = found
    if facts is not None and facts.devices is not None and _allowed(facts.devices, kind, number, access):
        return None
    path = tried.place_of(attempt)
    if access == "m":
        what = msg("The device rules of its cgroup do not allow creating the node {path} ({kind} {number}).",
                   path=path, kind=kind, number=number)  # fmt: skip
    else:
        what = msg("The device rules of its cgroup do not allow opening {path} ({kind} {number}, {access}).",
                   path=path, kind=kind, number=number, access=access)  # fmt: skip
    return Claim(_ID, what, Strength.FITS, (DeviceNode(path, kind, number, access, name),))


def _device_perhaps(attempt: Attempt) -> Claim | None:
    """The same if the opened file could not be read: little else fails there with EPERM and no capability check."""
    if attempt.around.place is not None or attempt.name in _MAKES_DEVICES or not tried.unasked(attempt):
        return None
    return Claim(
        _ID,
        msg("Probably the device rules of its cgroup: what it opened could not be determined."),
        Strength.LEFT,
    )


def _made(attempt: Attempt) -> tuple[str, str, str, str] | None:
    place = _MAKES_DEVICES[attempt.name]
    mode, device = tried.value(attempt, place), tried.value(attempt, place + 1)
    if mode is None or device is None or mode & _S_IFMT not in (_S_IFCHR, _S_IFBLK):
        return None
    # new_decode_dev, include/linux/kdev_t.h
    major, minor = device >> 8 & 0xFFF, (device & 0xFF) | (device >> 12 & 0xFFF00)
    return "c" if mode & _S_IFMT == _S_IFCHR else "b", f"{major}:{minor}", "m", ""


def _opened(attempt: Attempt) -> tuple[str, str, str, str] | None:
    place = attempt.around.place
    if place is None or place.node is None or not place.node.is_device:
        return None
    flags = tried.flags(attempt)
    how = os.O_RDWR if flags is None else flags & os.O_ACCMODE
    access = {os.O_RDONLY: "r", os.O_WRONLY: "w"}.get(how, "rw")
    return "b" if place.node.kind is NodeKind.BLOCK else "c", place.node.device, access, place.node.name


def _allowed(rules: tuple[str, ...], kind: str, number: str, access: str) -> bool:
    major, _, minor = number.partition(":")
    if not (major.isdecimal() and minor.isdecimal()):
        return False
    return passes(rules, Device(kind, int(major), int(minor), access))


def _processes(attempt: Attempt, facts: CgroupFacts | None) -> Claim | None:
    """The claim of process limits (copy_process, kernel/fork.c): RLIMIT_NPROC first, which checks for an exemption; the
    control group last.
    """
    if "CAP_SYS_RESOURCE" in attempt.lacked or "CAP_SYS_ADMIN" in attempt.lacked:
        now = tried.limit(attempt, "nproc")
        what = msg("Its user has reached the limit of processes, counted over all containers (ulimit nproc).")
        if now is not None:
            what = msg(
                "Its user has reached the limit of processes, counted over all containers (ulimit nproc): {limit}.",
                limit=now,
            )
        return Claim(_ID, what, Strength.SAID, (MoreOf("nproc", now),))
    most = None if facts is None else facts.pids_max
    vain = attempt.around.forked_in_vain
    # the facts are older: room at that time only excludes the limit if the kernel counted no failure
    if not vain and (facts is None or most is None or (vain == 0 and facts.pids_room)):
        return None
    if most is None:
        what = msg("Its cgroup has reached its limit of processes and threads (pids.max).")
    else:
        what = msg("Its cgroup has reached its limit of processes and threads (pids.max): {limit}.", limit=most)
    return Claim(_ID, what, Strength.FITS, (MoreOf("pids", most),))


def _out_of_memory(facts: CgroupFacts | None) -> Claim | None:
    if facts is not None and facts.memory_max is not None:
        what = msg(
            "Its cgroup had used up its memory limit ({limit}, memory.max), so the kernel killed it.",
            limit=size_text(facts.memory_max),
        )
        return Claim(_ID, what, Strength.SAID, (MoreOf("memory", facts.memory_max),))
    if facts is None or "memory_max" in facts.unknown:
        what = msg("Its cgroup had used up its memory limit (memory.max), so the kernel killed it.")
        return Claim(_ID, what, Strength.FITS, (MoreOf("memory"),))
    return None  # no limit here: the machine's limit refused


def _open_files(attempt: Attempt) -> Claim:
    now = tried.limit(attempt, "nofile")
    what = msg("It has reached the open file limit of a process (ulimit nofile).")
    if now is not None:
        what = msg("It has reached the open file limit of a process (ulimit nofile): {limit}.", limit=now)
    return Claim(_ID, what, Strength.FITS, (MoreOf("nofile", now),))


def _queues(attempt: Attempt) -> Claim:
    now = tried.limit(attempt, "msgqueue")
    what = msg("Its user's message queues have reached their memory limit (ulimit msgqueue).")
    return Claim(_ID, what, _strength(attempt, "CAP_SYS_RESOURCE"), (MoreOf("msgqueue", now),))


def _strength(attempt: Attempt, exempt: str) -> Strength:
    """Certain (SAID) if the kernel checked the capability that exempts from the limit."""
    return Strength.SAID if exempt in attempt.lacked else Strength.FITS


def _too_large(attempt: Attempt, strength: Strength) -> Claim:
    now = tried.limit(attempt, "fsize")
    what = msg("A file would have exceeded the file size limit of its processes (ulimit fsize).")
    if now is not None:
        what = msg("A file would have exceeded the file size limit of {limit} (ulimit fsize).", limit=size_text(now))
    return Claim(_ID, what, strength, (MoreOf("fsize", now),))


def _is_locking(attempt: Attempt) -> bool:
    """Whether locked memory may be the reason: for calls that do nothing else, or that checked IPC_LOCK."""
    return attempt.name in ("mlock", "mlock2", "mlockall") or "CAP_IPC_LOCK" in attempt.lacked


def _locked(attempt: Attempt) -> Claim:
    now = tried.limit(attempt, "memlock")
    what = msg("It can't lock more memory (ulimit memlock).")
    if now is not None:
        what = msg("It can lock at most {limit} of memory (ulimit memlock).", limit=size_text(now))
    wants: tuple[Want, ...] = (MoreOf("memlock", now), HeldCapability(("CAP_IPC_LOCK",), tried.user(attempt)))
    return Claim(_ID, what, _strength(attempt, "CAP_IPC_LOCK"), wants)


def _address_space(attempt: Attempt) -> Claim | None:
    for name in ("as", "data"):
        now = tried.limit(attempt, name)
        if now is not None:
            what = msg("A process can map at most {limit} of memory (ulimit {name}).", limit=size_text(now), name=name)
            return Claim(_ID, what, Strength.FITS, (MoreOf(name, now),))
    return None


def _full(attempt: Attempt) -> Claim | None:
    mount = tried.mount_of(attempt)
    if mount is None and _asked_by_tmpfs(attempt):
        return Claim(
            _ID, msg("The tmpfs that it writes to is full, /dev/shm or another one."), Strength.FITS, (MoreOf("shm"),)
        )
    if mount is None or mount.fs_type != "tmpfs":
        return None
    if attempt.name in _NAMES_FILES or (tried.flags(attempt) or 0) & os.O_CREAT:
        # shmem_reserve_inode: an empty file needs an inode, but no space
        full = msg("The tmpfs at {mount} can't hold more files, however small (nr_inodes).", mount=mount.target)
        return Claim(_ID, full, Strength.FITS)
    size = _SIZE(mount.super_options)
    now = None if size is None else int(size[1]) << _UNITS[size[2]]
    what: Message = msg("The tmpfs at {mount} is full.", mount=mount.target)
    if now is not None:
        what = msg("The tmpfs at {mount} is full: its size is {limit}.", mount=mount.target, limit=size_text(now))
    shared = mount.target == "/dev/shm"
    want = MoreOf("shm", now, mount.target) if shared else MoreOf("tmpfs", now, mount.target)
    return Claim(_ID, what, Strength.FITS, (want,))


def _asked_by_tmpfs(attempt: Attempt) -> bool:
    """Whether the call tried to allocate memory: mm/shmem.c does, within the tmpfs's size, before it fails."""
    frames = (name for each in attempt.around.checks or () for name in each.frames)
    return any(name.startswith("shmem_") for name in frames)
