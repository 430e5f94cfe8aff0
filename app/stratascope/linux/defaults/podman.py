"""Podman's default filter, as measured on Podman 5.4.2, 5.8.6 and 6.1.1 with crun. Used where its file can't be read,
and to check whether a file that was read belongs to that version.

Pairs of SYS_ADMIN, BPF and PERFMON, which decide together, were measured as well.
"""

from __future__ import annotations

from stratascope.linux.defaults.table import ENOSYS as _ENOSYS
from stratascope.linux.defaults.table import EPERM, PASSES, Table, opened, personality
from stratascope.linux.seccomp import ALLOW, Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, Constraint, Op, Outcome, tidied
from stratascope.value import replace

_REFUSED = """
acct bdflush bpf cachestat chroot clock_settime clock_settime64 delete_module fanotify_init finit_module
futex_requeue futex_wait futex_waitv futex_wake init_module io_pgetevents io_pgetevents_time64 ioperm iopl kcmp
kexec_file_load kexec_load lookup_dcookie map_shadow_stack migrate_pages move_pages nfsservctl nice oldfstat
oldlstat oldolduname oldstat olduname open_by_handle_at perf_event_open process_madvise query_module quotactl
quotactl_fd setdomainname sethostname settimeofday sgetmask ssetmask stime swapoff swapon sysfs uselib userfaultfd
ustat vhangup vm86 vm86old vmsplice
"""
_MISSING = """
_sysctl add_key afs_syscall break create_module file_getattr file_setattr ftime get_kernel_syms getpmsg getxattrat
gtty idle io_uring_enter io_uring_register io_uring_setup listmount listxattrat lock lsm_get_self_attr
lsm_list_modules lsm_set_self_attr mpx mseal open_tree_attr prof profil putpmsg readdir removexattrat request_key
security set_mempolicy_home_node setxattrat sigaction sigpending sigsuspend statmount stty tuxcall ulimit uprobe
uretprobe vserver
"""
_AF_NETLINK, _NETLINK_AUDIT, _AF_VSOCK = 16, 9, 40
_EINVAL = Action(ActionKind.ERRNO, 22)
_IS_NETLINK = Constraint(0, ALL_BITS, Op.EQ, _AF_NETLINK)
_NO_NETLINK = Constraint(0, ALL_BITS, Op.NE, _AF_NETLINK)
_IS_AUDIT = Constraint(2, ALL_BITS, Op.EQ, _NETLINK_AUDIT)
_NO_AUDIT = Constraint(2, ALL_BITS, Op.NE, _NETLINK_AUDIT)
_IS_VSOCK, _NO_VSOCK = Constraint(0, ALL_BITS, Op.EQ, _AF_VSOCK), Constraint(0, ALL_BITS, Op.NE, _AF_VSOCK)
_SOCKET_5_4 = tidied(
    (
        Outcome(_EINVAL, (_IS_NETLINK, _IS_AUDIT)),
        Outcome(ALLOW, (_NO_AUDIT,)),
        Outcome(ALLOW, (_NO_NETLINK, _IS_AUDIT)),
    )
)
_SOCKET_5_8 = tidied(
    (
        Outcome(_EINVAL, (_IS_NETLINK, _IS_AUDIT)),
        Outcome(EPERM[0].action, (_IS_VSOCK,)),
        Outcome(ALLOW, (_IS_NETLINK, _NO_AUDIT)),
        Outcome(ALLOW, (_NO_NETLINK, _NO_VSOCK)),
    )
)
_SOCKET_OF_AUDIT_5_8 = tidied((Outcome(ALLOW, (_NO_VSOCK,)), Outcome(EPERM[0].action, (_IS_VSOCK,))))
_OPENED = (
    opened("DAC_READ_SEARCH", "open_by_handle_at"),
    opened("SYS_MODULE", "delete_module finit_module init_module query_module"),
    opened("SYS_RAWIO", "ioperm iopl"),
    opened("SYS_CHROOT", "chroot"),
    opened("SYS_PTRACE", "kcmp process_madvise"),
    opened("SYS_PACCT", "acct"),
    opened("SYS_ADMIN", "bpf fanotify_init lookup_dcookie quotactl quotactl_fd setdomainname sethostname"),
    opened("SYS_ADMIN", "perf_event_open", _ENOSYS),
    opened("SYS_ADMIN PERFMON", "perf_event_open"),
    opened("SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    opened("SYS_TTY_CONFIG", "vhangup"),
    opened("BPF", "bpf"),
)
_PERSONALITY = ("personality", personality(_ENOSYS))

_5_4 = Table(
    "5.4",
    frozenset(_REFUSED.split()),
    frozenset(_MISSING.split()),
    (*_OPENED, opened("AUDIT_WRITE", "socket", PASSES)),
    (("socket", _SOCKET_5_4), _PERSONALITY),
)
_5_8 = replace(
    _5_4,
    version="5.8",
    refused=_5_4.refused - {"fanotify_init"},
    opened=(*_OPENED, opened("AUDIT_WRITE", "socket", _SOCKET_OF_AUDIT_5_8)),
    conditions=(("socket", _SOCKET_5_8), _PERSONALITY),
    changed=(((5, 8, 10), ("socket",)),),  # CVE-2026-123876: the rules compare the 32 bits that the kernel reads
)
TABLES = (_5_4, _5_8, replace(_5_8, version="6.1"))
