"""Refusals by the kernel itself: missing features, settings that forbid it to everyone, a full disk, Landlock.

A setting is only named if it was read and made the kernel check a capability. For root, the layer of capabilities
explains such a refusal, since root outside a container holds them; an ordinary user would be refused on the host as
well.
"""

from __future__ import annotations

import errno
import re

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.refusals import tried
from stratascope.core.refusals.refusal import KERNEL, Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import HeldCapability, Setting, Want

# security/landlock/audit.c; types 1423 and 1424
_LANDLOCK = re.compile(r"\bdomain=[0-9a-f]{1,16} blockers=([a-z0-9_.,]{1,80})").search
_LANDLOCK_PATH = re.compile(r' path="([^"]{1,4096})"').search  # or in hexadecimal digits, without quotes
_LOADS = frozenset(("init_module", "finit_module", "delete_module"))
_KEXEC = frozenset(("kexec_load", "kexec_file_load"))
# Calls that lockdown forbids at its first level, "integrity" (security/lockdown, LOCKDOWN_INTEGRITY_MAX)
_LOCKED = _KEXEC | frozenset(("init_module", "finit_module", "iopl", "ioperm"))
_LOCKED_NODES = ("/dev/mem", "/dev/kmem", "/dev/port")
_KEYS = frozenset(("add_key", "request_key", "keyctl"))
_READS_LOG = (3, 10)  # SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER
_MAP_CREATE = 0
# Calls whose ENOSPC or EMFILE is not about disk space or open files, and the setting that limits them
_COUNTED = {
    ("inotify_init", errno.EMFILE): "fs.inotify.max_user_instances",
    ("inotify_init1", errno.EMFILE): "fs.inotify.max_user_instances",
    ("inotify_add_watch", errno.ENOSPC): "fs.inotify.max_user_watches",
    ("fanotify_init", errno.EMFILE): "fs.fanotify.max_user_groups",
    ("fanotify_mark", errno.ENOSPC): "fs.fanotify.max_user_marks",
    ("epoll_ctl", errno.ENOSPC): "fs.epoll.max_user_watches",
    ("io_setup", errno.EAGAIN): "fs.aio-max-nr",
}
# The same for settings of an IPC namespace, with a larger value that engines accept
_COUNTED_IPC = {
    "shmget": Setting("kernel.shmmni", "32768"),
    "semget": Setting("kernel.sem", "32000 1024000000 500 64000"),
    "msgget": Setting("kernel.msgmni", "32768"),
    "mq_open": Setting("fs.mqueue.queues_max", "1024"),
}
# Rules of the call itself, for every caller: no capability would help
_RULES: dict[tuple[str, int], Message] = {
    ("epoll_ctl", errno.EPERM): msg("Ordinary files and directories can't be waited for with epoll."),
    ("setsid", errno.EPERM): msg("It already leads a process group, and such a process can't begin a session."),
    ("setpgid", errno.EPERM): msg("A process can only join a process group of its own session."),
    ("setpgid", errno.EACCES): msg("A process can't be moved to another process group after it has called exec."),
}


def claim(attempt: Attempt, around: Surroundings) -> Claim | None:
    """The claim that this machine's kernel refused the attempt."""
    if attempt.kind is AttemptKind.OUT_OF_MEMORY:
        return Claim(KERNEL, msg("The machine ran out of memory, so the kernel killed it."), Strength.LEFT)
    if attempt.kind is not AttemptKind.CALL or not attempt.entered:
        return None
    if attempt.errno in tried.DENIED:
        return _landlock(attempt) or _yama(attempt, around) or _by_setting(attempt, around) or _denied(attempt, around)
    return _lacking(attempt) or _counted(attempt) or _full(attempt)


def _landlock(attempt: Attempt) -> Claim | None:
    found = next((found for line in attempt.lines if (found := _landlock_in(line, attempt))), None)
    if found is None or attempt.lacked:
        return None
    what = msg(
        "It put itself under Landlock rules that do not allow this ({what}), or was started under them.",
        what=found,
    )
    return Claim(KERNEL, what, Strength.SAID)


def _landlock_in(line: str, attempt: Attempt) -> str | None:
    """What Landlock denied according to a log line, if that fits this call: a line only identifies the process."""
    found = _LANDLOCK(line)
    if found is None:
        return None
    kinds = {word.partition(".")[0] for word in found[1].split(",")}
    about, path = _LANDLOCK_PATH(line), tried.place_of(attempt)
    if kinds == {"net"}:
        return found[1] if attempt.name in ("bind", "connect") else None
    if kinds == {"fs"} and about is not None and path:
        return found[1] if f"{path}/".startswith(f"{about[1].rstrip('/')}/") else None
    return found[1]


def _yama(attempt: Attempt, around: Surroundings) -> Claim | None:
    """The claim that Yama refused: it checks SYS_PTRACE itself, where the rest of the kernel would allow tracing."""
    names = {name.partition(".")[0] for each in tried.refused_checks(attempt) for name in each.frames}
    asked = any(name.startswith("yama_") for name in names)
    scope = around.ground.sysctl_number("kernel.yama.ptrace_scope")
    if not asked and not (scope == 3 and attempt.name == "ptrace" and tried.unasked(attempt)):
        return None
    what = msg(
        "The machine's Yama lets processes trace only their own children (kernel.yama.ptrace_scope = {scope}).",
        scope="?" if scope is None else scope,
    )
    return Claim(KERNEL, what, Strength.SAID if asked else Strength.FITS, _rights(attempt))


def _rights(attempt: Attempt) -> tuple[Want, ...]:
    """Alternatives, each sufficient alone: the capabilities that override the setting, SYS_ADMIN after finer ones."""
    ordered = sorted(attempt.lacked, key=lambda name: name == "CAP_SYS_ADMIN")
    return tuple(HeldCapability((name,), tried.user(attempt)) for name in ordered)


def _by_setting(attempt: Attempt, around: Surroundings) -> Claim | None:
    """The claim if a setting made the kernel check a capability, or refuse without a check."""
    what = _setting(attempt, around)
    if what is None:
        return None
    return Claim(KERNEL, what, Strength.SAID if attempt.lacked else Strength.FITS, _rights(attempt))


def _setting(attempt: Attempt, around: Surroundings) -> Message | None:
    ground = around.ground
    name, lacked = attempt.name, frozenset(attempt.lacked)
    if name == "perf_event_open" and lacked & {"CAP_PERFMON", "CAP_SYS_ADMIN"}:
        level = ground.sysctl("kernel.perf_event_paranoid")
        if level is None or level == "-1":
            return None
        return msg("The machine restricts performance events (kernel.perf_event_paranoid = {level}).", level=level)
    if name == "io_uring_setup":
        level = ground.sysctl("kernel.io_uring_disabled")
        if level == "2" or (level == "1" and lacked):
            return msg("io_uring is disabled on this machine (kernel.io_uring_disabled = {level}).", level=level)
        return None
    if tried.is_root(attempt) is not False:
        return None
    if name == "userfaultfd" and "CAP_SYS_PTRACE" in lacked:
        if ground.sysctl("vm.unprivileged_userfaultfd") == "0":
            return msg("The machine reserves userfaultfd for root (vm.unprivileged_userfaultfd = 0).")
        return None
    if name == "bpf" and lacked & {"CAP_BPF", "CAP_SYS_ADMIN"} and tried.value(attempt, 0) == _MAP_CREATE:
        level = ground.sysctl("kernel.unprivileged_bpf_disabled")
        if level is None or level == "0":
            return None
        return msg("The machine reserves BPF for root (kernel.unprivileged_bpf_disabled = {level}).", level=level)
    if name in ("unshare", "clone") and "CAP_SYS_ADMIN" in lacked and (tried.value(attempt, 0) or 0) & tried.NEW_USER:
        if ground.sysctl("kernel.unprivileged_userns_clone") == "0":
            return msg("The machine reserves new user namespaces for root (kernel.unprivileged_userns_clone = 0).")
        return None
    log = (name == "syslog" and tried.value(attempt, 0) in _READS_LOG) or tried.place_of(attempt) == "/dev/kmsg"
    if log and "CAP_SYSLOG" in lacked and ground.sysctl("kernel.dmesg_restrict") == "1":
        return msg("The machine reserves the kernel log for root (kernel.dmesg_restrict = 1).")
    return None


def _denied(attempt: Attempt, around: Surroundings) -> Claim | None:
    """The claim for an attempt refused without a capability check."""
    if attempt.lacked:
        return None
    rule = _RULES.get((attempt.name, attempt.errno))
    if rule is not None:
        return Claim(KERNEL, rule, Strength.FITS)
    if attempt.errno != errno.EPERM or not tried.unasked(attempt):
        return None
    ground = around.ground
    if attempt.name in _LOADS and ground.sysctl("kernel.modules_disabled") == "1":
        return Claim(
            KERNEL,
            msg("No modules can be loaded until the machine reboots (kernel.modules_disabled = 1)."),
            Strength.FITS,
        )
    if attempt.name in _KEXEC and ground.sysctl("kernel.kexec_load_disabled") == "1":
        return Claim(KERNEL, msg("No other kernel can be loaded (kernel.kexec_load_disabled = 1)."), Strength.FITS)
    locked = attempt.name in _LOCKED or (tried.opens(attempt) and tried.place_of(attempt) in _LOCKED_NODES)
    if locked and ground.lockdown not in (None, "none"):
        what = msg(
            "The kernel is locked down ({level}), as with Secure Boot: not even root can do that.",
            level=ground.lockdown,
        )
        return Claim(KERNEL, what, Strength.FITS)
    return None


def _lacking(attempt: Attempt) -> Claim | None:
    name = attempt.name
    match attempt.errno:
        case errno.ENOSYS:
            return Claim(
                KERNEL,
                msg("This machine's kernel has no system call {name}, or not in this form.", name=name),
                Strength.FITS,
            )
        case errno.EAFNOSUPPORT | errno.EPROTONOSUPPORT | errno.ESOCKTNOSUPPORT if name in ("socket", "socketpair"):
            return _family(attempt)
        case errno.ENODEV | errno.ENXIO if tried.opens(attempt) and tried.place_of(attempt).startswith("/dev/"):
            what = msg("This machine has no device behind {path}, or no driver for it.", path=tried.place_of(attempt))
            return Claim(KERNEL, what, Strength.FITS)
        case errno.ENODEV if name in ("mount", "fsopen"):
            return Claim(KERNEL, msg("This machine's kernel knows no filesystem of that type."), Strength.FITS)
    return None


def _family(attempt: Attempt) -> Claim:
    family = tried.value(attempt, 0)
    if attempt.errno == errno.EAFNOSUPPORT:
        what = msg(
            "This machine's kernel has no sockets of address family {number}.", number=-1 if family is None else family
        )
        if family in tried.FIRST_NETWORK:  # or has it, but not in this network namespace
            return Claim(KERNEL, what, Strength.LIKELY)
    else:
        what = msg("This machine's kernel has no socket of that type and protocol.")
    return Claim(KERNEL, what, Strength.FITS)


def _counted(attempt: Attempt) -> Claim | None:
    name, code = attempt.name, attempt.errno
    setting = _COUNTED.get((name, code))
    if setting is not None:
        what = msg("This machine limits how many of these one user can have ({setting}).", setting=setting)
        return Claim(KERNEL, what, Strength.FITS)
    own = _COUNTED_IPC.get(name)
    if own is not None and code == errno.ENOSPC:
        what = msg("Its IPC namespace can't have more of these ({setting}).", setting=own.name)
        return Claim(KERNEL, what, Strength.FITS, (own,))
    if code == errno.ENOSPC and name in ("unshare", "setns", *tried.CLONES):
        flags = tried.value(attempt, 0) or 0 if name in ("unshare", "clone") else 0
        kinds = [kind for bit, kind in tried.SPACES if flags & bit] or ["*"]
        settings = ", ".join(f"user.max_{kind}_namespaces" for kind in kinds)
        what = msg("This user can't create more namespaces, or can't nest them deeper ({setting}).", setting=settings)
        return Claim(KERNEL, what, Strength.FITS)
    if code == errno.ENFILE:
        return Claim(KERNEL, msg("The whole machine has reached its limit of open files (fs.file-max)."), Strength.FITS)
    if code == errno.EDQUOT and name in _KEYS:
        what = msg("Its user has reached this machine's limit of keys (kernel.keys.maxkeys, maxbytes).")
        return Claim(KERNEL, what, Strength.FITS)
    if code == errno.EAGAIN and name in tried.CLONES:
        what = msg("The machine can't have more processes now (kernel.threads-max, kernel.pid_max).")
        return Claim(KERNEL, what, Strength.LEFT)
    return None


def _full(attempt: Attempt) -> Claim | None:
    path, mount = tried.place_of(attempt), tried.mount_of(attempt)
    if attempt.errno not in (errno.ENOSPC, errno.EDQUOT) or (mount is not None and mount.fs_type == "tmpfs"):
        return None  # the size of a tmpfs is the container's option
    if attempt.errno == errno.EDQUOT:
        return Claim(KERNEL, msg("The quota of the disk that it writes to is used up."), Strength.FITS)
    if mount is None:
        what = msg("What it writes to is full: a disk, or a tmpfs such as /dev/shm. Which it was could not be seen.")
        return Claim(KERNEL, what, Strength.LEFT)
    return Claim(KERNEL, msg("The disk that {path} is on is full.", path=path), Strength.FITS)
