"""Docker's default filter, as measured on Docker 26.1.5 and 28.5.2 with libseccomp 2.6. It is compiled in and in no
file.

Each capability opens some more calls, independently of the others. SYS_RESOURCE was not measured.
"""

from __future__ import annotations

from stratascope.linux.defaults.table import EPERM as _EPERM
from stratascope.linux.defaults.table import PASSES, Table, either, opened, personality
from stratascope.linux.seccomp_answer import ALL_BITS, Constraint, Op
from stratascope.value import replace

_REFUSED = """
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
# Newer than any call the filter knows: answered with ENOSYS so that programs fall back (except on x32)
_NEWEST = frozenset(["file_getattr", "file_setattr", "open_tree_attr"])
_NEW_IN_28 = frozenset(["getxattrat", "listmount", "listxattrat", "mseal", "removexattrat", "setxattrat", "statmount"])
_OF_MODULES = frozenset(["lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr"])
_OPENED = (
    opened("DAC_READ_SEARCH", "open_by_handle_at"),
    opened("SYS_MODULE", "delete_module finit_module init_module"),
    opened("SYS_RAWIO", "ioperm iopl"),
    opened("SYS_CHROOT", "chroot"),
    opened("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    opened("SYS_PACCT", "acct"),
    opened(
        "SYS_ADMIN",
        """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
        open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
        """,
    ),
    opened("SYS_BOOT", "reboot"),
    opened("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    opened("SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    opened("SYS_TTY_CONFIG", "vhangup"),
    opened("SYSLOG", "syslog"),
    opened("PERFMON", "perf_event_open"),
    opened("BPF", "bpf"),
)
_NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_AF_VSOCK = 40
_CONDITIONS = (
    ("clone", either(Constraint(0, _NAMESPACE_FLAGS, Op.EQ, 0), Constraint(0, _NAMESPACE_FLAGS, Op.NE, 0))),
    ("socket", either(Constraint(0, ALL_BITS, Op.NE, _AF_VSOCK), Constraint(0, ALL_BITS, Op.EQ, _AF_VSOCK))),
    ("personality", personality(_EPERM)),
)
_CLONE3 = frozenset({"clone3"})  # ENOSYS, so that programs use clone, whose flags the filter can read

_26 = Table(
    "26.1",
    frozenset(_REFUSED.split()),
    _NEWEST | _NEW_IN_28 | _OF_MODULES | _CLONE3,
    _OPENED,
    _CONDITIONS,
    _NEWEST | _NEW_IN_28 | _OF_MODULES,
)
_28 = replace(
    _26,
    version="28.5",
    refused=_26.refused - {"uretprobe"} | _OF_MODULES,
    missing=_NEWEST | _CLONE3,
    opened=(*_OPENED, opened("SYS_ADMIN", " ".join(sorted(_OF_MODULES)), PASSES)),
    refused_on_x32=_NEWEST,
)
TABLES = (_26, _28)
