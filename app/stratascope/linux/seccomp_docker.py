"""Docker's default filter, as measured on Docker 26.1 with libseccomp 2.6: its profile is compiled in, no file has it.

Measured by reading the filter from the kernel with no capability, and with each single one added: it is the same for
every call by name, and each capability opens some more, whatever others there are. Not measured for SYS_RESOURCE,
nor on aarch64, whose calls are taken by their names. tests/engines/docker/test_seccomp_kernel.py measures anew.
"""

from __future__ import annotations

from functools import cache

from stratascope.linux.seccomp import ALLOW, UNDECIDED, Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Answers, Constraint, Op, Outcome, Outcomes, tidied
from stratascope.linux.syscalls import Abi, numbers
from stratascope.remembered import remembered

VERSION = "26.1"

_EPERM, _ENOSYS = (Outcome(Action(ActionKind.ERRNO, 1)),), (Outcome(Action(ActionKind.ERRNO, 38)),)
_PASSES = (Outcome(ALLOW),)

_STOPPED_NAMES = """
_sysctl acct add_key afs_syscall bdflush bpf break chroot clock_settime clock_settime64 create_module
delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick ftime get_kernel_syms get_mempolicy
getpmsg gtty idle init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load
kexec_load keyctl lock lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages mpx
nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open_by_handle_at open_tree perf_event_open
pidfd_getfd pivot_root process_madvise prof profil putpmsg query_module quotactl quotactl_fd readdir reboot
request_key security set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday sgetmask
sigaction signal sigpending sigsuspend ssetmask stime stty swapoff swapon sysfs syslog tuxcall ulimit umount
umount2 unshare uprobe uretprobe uselib userfaultfd ustat vhangup vm86 vm86old vserver
"""
_STOPPED = frozenset(_STOPPED_NAMES.split())
# Calls above the newest one that the filter knows: answered as missing, so that programs try the older one (but on x32)
_NEWER_NAMES = """
file_getattr file_setattr getxattrat listmount listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr
mseal open_tree_attr removexattrat setxattrat statmount
"""
_NEWER = frozenset(_NEWER_NAMES.split())
OPENED = {
    "CAP_DAC_READ_SEARCH": ("open_by_handle_at",),
    "CAP_SYS_MODULE": (
        "delete_module",
        "finit_module",
        "init_module",
    ),
    "CAP_SYS_RAWIO": (
        "ioperm",
        "iopl",
    ),
    "CAP_SYS_CHROOT": ("chroot",),
    "CAP_SYS_PTRACE": (
        "kcmp",
        "pidfd_getfd",
        "process_madvise",
    ),
    "CAP_SYS_PACCT": ("acct",),
    "CAP_SYS_ADMIN": (
        "bpf",
        "clone",
        "clone3",
        "fanotify_init",
        "fsconfig",
        "fsmount",
        "fsopen",
        "fspick",
        "lookup_dcookie",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "perf_event_open",
        "quotactl",
        "quotactl_fd",
        "setdomainname",
        "sethostname",
        "setns",
        "syslog",
        "umount",
        "umount2",
        "unshare",
    ),
    "CAP_SYS_BOOT": ("reboot",),
    "CAP_SYS_NICE": (
        "get_mempolicy",
        "mbind",
        "set_mempolicy",
        "set_mempolicy_home_node",
    ),
    "CAP_SYS_TIME": (
        "clock_settime",
        "clock_settime64",
        "settimeofday",
        "stime",
    ),
    "CAP_SYS_TTY_CONFIG": ("vhangup",),
    "CAP_SYSLOG": ("syslog",),
    "CAP_PERFMON": ("perf_event_open",),
    "CAP_BPF": ("bpf",),
}
# What other versions of Docker are known, or likely, to answer differently: undecided unless the version is ours
_CHANGING_NAMES = """
cachestat clone3 close_range epoll_pwait2 faccessat2 fchmodat2 futex_requeue futex_wait futex_waitv futex_wake
io_uring_enter io_uring_register io_uring_setup landlock_add_rule landlock_create_ruleset landlock_restrict_self
map_shadow_stack memfd_secret mount_setattr openat2 pidfd_getfd pidfd_open process_madvise process_mrelease quotactl_fd
set_mempolicy_home_node socket
"""
_CHANGING = _NEWER | frozenset(_CHANGING_NAMES.split())
_OPEN = (Outcome(UNDECIDED),)
_NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_AF_VSOCK = 40
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)


@remembered(40000)
def docker_default(capabilities: frozenset[str], abi: Abi, measured: bool = True) -> Answers:
    """The answers of the filter that Docker makes for that bounding set (CAP_… names).

    `measured` False: of another version than the one that was measured. What differs between versions is UNDECIDED.
    """
    opened = {name for capability in capabilities for name in OPENED.get(capability, ())}
    changed = dict.fromkeys(opened, _PASSES) | ({} if measured else dict.fromkeys(_CHANGING, _OPEN))
    return Answers(abi, tuple([(name, changed.get(name, outcomes)) for name, outcomes in _without_any(abi)]))


def opened_by(capability: str, measured: bool = True) -> tuple[tuple[str, Outcomes], ...]:
    """What that capability makes of the calls that depend on it, ordered by name."""
    names = sorted(OPENED.get(capability, ()))
    return tuple([(name, _PASSES if measured or name not in _CHANGING else _OPEN) for name in names])


@cache
def _without_any(abi: Abi) -> tuple[tuple[str, Outcomes], ...]:
    """Every call, for a container without capabilities."""
    return tuple((name, _answer(name, abi)) for name in numbers(abi))


def same_version(version: str) -> bool:
    """Whether an engine's version (`26.1.5+dfsg1`) is the one that was measured; True where it does not say."""
    return not version or f"{version}.".startswith(f"{VERSION}.")


def _answer(name: str, abi: Abi) -> Outcomes:
    if name == "clone3" or (name in _NEWER and abi is not Abi.X32):
        return _ENOSYS  # so that clone is used, whose flags can be seen
    if name in _STOPPED or name in _NEWER:
        return _EPERM
    all_bits = ALL_BITS if abi in (Abi.X86_64, Abi.AARCH64) else LOW_BITS
    match name:
        case "clone":
            return _either(Constraint(0, _NAMESPACE_FLAGS, Op.EQ, 0), Constraint(0, _NAMESPACE_FLAGS, Op.NE, 0))
        case "socket":
            return _either(Constraint(0, all_bits, Op.NE, _AF_VSOCK), Constraint(0, all_bits, Op.EQ, _AF_VSOCK))
        case "personality":
            one_of = [Outcome(ALLOW, (Constraint(0, all_bits, Op.EQ, each),)) for each in _PERSONALITIES]
            none = tuple(Constraint(0, all_bits, Op.NE, each) for each in _PERSONALITIES)
            return tidied((*one_of, Outcome(_EPERM[0].action, none)))
    return _PASSES


def _either(passes: Constraint, stopped: Constraint) -> Outcomes:
    return tidied((Outcome(ALLOW, (passes,)), Outcome(_EPERM[0].action, (stopped,))))
