"""What Docker and Podman give a container by default, as measured on real engines: settings, and the seccomp filter for
any set of capabilities.

A version (as an engine reports it: `28.5.2+dfsg4`, `5.8.6-rhel`) between two measured ones gets what both have in
common. One outside the measured range gets nothing, since what it does was never seen.

Filters were measured by reading those of real containers from the kernel: without capabilities, with each single one
added, and with all; for Podman (with crun) also with pairs of SYS_ADMIN, BPF and PERFMON, which decide together.
tests/machine/today/test_defaults.py measures again. aarch64 was not measured; its calls are matched by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from stratascope.bounded_cache import remembered
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.seccomp import (
    ALL_BITS,
    ALLOW,
    LOW_BITS,
    UNDECIDED,
    Action,
    ActionKind,
    Answers,
    Constraint,
    Op,
    Outcome,
    Outcomes,
    tidied,
)
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import Value, replace

Version = tuple[int, int, int]
_VERSION = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6}))?(?![0-9.])")


def version_of(text: str) -> Version | None:
    """The three numbers, the last 0 if absent; None if it is no version."""
    found = _VERSION.match(text.strip()[:100])
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def versions_around(text: str, measured: Iterable[str]) -> tuple[str, ...]:
    """The same measured version (`28.5`), or the two around it; empty outside their range.

    All of them for an engine that was not queried yet and so has reported no version.
    """
    versions = sorted(measured, key=_major_minor)
    if not text:
        return tuple(versions)
    found = version_of(text)
    if found is None:
        return ()
    place = found[:2]
    before = [each for each in versions if _major_minor(each) <= place]
    after = [each for each in versions if _major_minor(each) >= place]
    if not before or not after:
        return ()
    return tuple(dict.fromkeys((before[-1], after[0])))


def _major_minor(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


class Settings(Value):
    """The defaults of one version. Masked and read-only paths are those passed to the runtime; the kernel has those
    that exist.

    On cgroup v1 and hybrid hosts, engines keep the host's cgroup namespace.
    """

    version: str
    capabilities: CapabilitySet
    masked: frozenset[str]
    read_only: frozenset[str]
    private: frozenset[str]  # namespaces


_PRIVATE = frozenset(("ipc", "mnt", "net", "pid", "uts", "cgroup"))
_READ_ONLY = frozenset(("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"))
_MASKED_WORDS = """
/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats
/sys/devices/virtual/powercap /sys/firmware
"""
_MASKED = frozenset(_MASKED_WORDS.split())
_INTERRUPTS = frozenset(("/proc/interrupts",))
_ASOUND = frozenset(("/proc/asound",))
_DOCKER = Settings("26.1", CapabilitySet(0xA80425FB), _MASKED | _ASOUND, _READ_ONLY, _PRIVATE)
_PODMAN = Settings(
    "5.4",
    CapabilitySet(0x800405FB),
    _MASKED | {"/sys/fs/selinux"},
    _READ_ONLY | _ASOUND,
    _PRIVATE,
)
SETTINGS: dict[str, tuple[Settings, ...]] = {
    "docker": (_DOCKER, replace(_DOCKER, version="28.5", masked=_DOCKER.masked | _INTERRUPTS)),
    "podman": (
        _PODMAN,
        replace(_PODMAN, version="5.8", masked=_PODMAN.masked | _INTERRUPTS),
        replace(_PODMAN, version="6.1", masked=_PODMAN.masked | _INTERRUPTS),
    ),
}


def settings_for(engine: str, version: str) -> tuple[Settings, ...]:
    """The defaults of the measured versions that apply to this one; empty if it is outside their range."""
    applying = versions_around(version, (each.version for each in SETTINGS[engine]))
    return tuple(each for each in SETTINGS[engine] if each.version in applying)


def surely_masked(engine: str, version: str) -> frozenset[str]:
    """The paths a version is certain to mask; outside the measured range, those that all measured versions mask."""
    found = settings_for(engine, version) or SETTINGS[engine]
    return frozenset.intersection(*(each.masked for each in found))


PASSES: Outcomes = (Outcome(ALLOW),)
EPERM: Outcomes = (Outcome(Action(ActionKind.ERRNO, 1)),)
ENOSYS: Outcomes = (Outcome(Action(ActionKind.ERRNO, 38)),)
OPEN: Outcomes = (Outcome(UNDECIDED),)
_WIDE = (Abi.X86_64, Abi.AARCH64)  # those with 64-bit arguments
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)


class Opened(Value):
    """Answers to some calls in a container that has all of these capabilities."""

    capabilities: frozenset[str]
    names: tuple[str, ...]
    answer: Outcomes = PASSES


class Table(Value):
    """The default of one version. Calls listed nowhere pass.

    `refused` and `missing` are answered with EPERM and ENOSYS, `refused_on_x32` with EPERM on x32. Of `opened` the last
    match applies. `conditions` are on 64-bit arguments. `changed`: from that version on these calls are answered
    differently, which was not measured.
    """

    version: str
    refused: frozenset[str]
    missing: frozenset[str]
    opened: tuple[Opened, ...]
    conditions: tuple[tuple[str, Outcomes], ...]
    refused_on_x32: frozenset[str] = frozenset()
    changed: tuple[tuple[tuple[int, int, int], tuple[str, ...]], ...] = ()

    def calls(self, capabilities: frozenset[str], abi: Abi) -> dict[str, Outcomes]:
        """The answer to each call of that entry point."""
        return {**without_any(self, abi), **self.changes(capabilities, abi)}

    def changes(
        self, capabilities: frozenset[str], abi: Abi, wanted: frozenset[str] | None = None
    ) -> dict[str, Outcomes]:
        """The answers to the calls that these capabilities open; `wanted`: only these calls."""
        known = numbers(abi)
        return {
            name: _of_width(each.answer, abi)
            for each in self.opened
            if each.capabilities <= capabilities
            for name in each.names
            if name in known and (wanted is None or name in wanted)
        }

    def deciding(self) -> frozenset[str]:
        """The capabilities that open any call."""
        return frozenset(name for each in self.opened for name in each.capabilities)

    def depending_on(self, capability: str) -> tuple[str, ...]:
        """The calls whose answer may change with this capability."""
        return tuple(sorted({name for each in self.opened if capability in each.capabilities for name in each.names}))


@cache
def without_any(table: Table, abi: Abi) -> dict[str, Outcomes]:
    """The answers without capabilities. Cached: do not modify the dict."""
    found = dict.fromkeys(numbers(abi), PASSES)
    refused = table.refused | table.refused_on_x32 if abi is Abi.X32 else table.refused
    for names, answer in ((table.missing, ENOSYS), (refused, EPERM)):
        found.update({name: answer for name in names if name in found})
    found.update({name: _of_width(outcomes, abi) for name, outcomes in table.conditions if name in found})
    return found


def either(passes: Constraint, stopped: Constraint) -> Outcomes:
    """Pass if the first constraint holds, refuse with EPERM if the second, its negation, does."""
    return tidied((Outcome(ALLOW, (passes,)), Outcome(EPERM[0].action, (stopped,))))


def personality(otherwise: Outcomes) -> Outcomes:
    """Both engines' answer to personality(2): a few values pass."""
    one_of = [Outcome(ALLOW, (Constraint(0, ALL_BITS, Op.EQ, each),)) for each in PERSONALITIES]
    none = tuple(Constraint(0, ALL_BITS, Op.NE, each) for each in PERSONALITIES)
    return tidied((*one_of, Outcome(otherwise[0].action, none)))


def opened(capability: str, names: str, answer: Outcomes = PASSES) -> Opened:
    """The answer to these calls with a capability, or several separated by spaces."""
    return Opened(frozenset(f"CAP_{name}" for name in capability.split()), tuple(names.split()), answer)


def _of_width(outcomes: Outcomes, abi: Abi) -> Outcomes:
    if abi in _WIDE or not any(each.constraints for each in outcomes):
        return outcomes
    return tidied(Outcome(each.action, tuple(_narrow(part) for part in each.constraints)) for each in outcomes)


def _narrow(part: Constraint) -> Constraint:
    return replace(part, mask=part.mask & LOW_BITS, value=part.value & LOW_BITS)


# Docker's filter, as measured on 26.1.5 and 28.5.2 with libseccomp 2.6. It is compiled in and in no file. Each
# capability opens some more calls, independently of the others. SYS_RESOURCE was not measured.
_DOCKER_REFUSED = """
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
_DOCKER_OPENED = (
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
    ("personality", personality(EPERM)),
)
_CLONE3 = frozenset({"clone3"})  # ENOSYS, so that programs use clone, whose flags the filter can read

_26 = Table(
    "26.1",
    frozenset(_DOCKER_REFUSED.split()),
    _NEWEST | _NEW_IN_28 | _OF_MODULES | _CLONE3,
    _DOCKER_OPENED,
    _CONDITIONS,
    _NEWEST | _NEW_IN_28 | _OF_MODULES,
)
_28 = replace(
    _26,
    version="28.5",
    refused=_26.refused - {"uretprobe"} | _OF_MODULES,
    missing=_NEWEST | _CLONE3,
    opened=(*_DOCKER_OPENED, opened("SYS_ADMIN", " ".join(sorted(_OF_MODULES)), PASSES)),
    refused_on_x32=_NEWEST,
)
DOCKER = (_26, _28)


# Podman's filter, as measured on 5.4.2, 5.8.6 and 6.1.1: used where its file can't be read, and to check whether a file
# that was read belongs to that version.
_PODMAN_REFUSED = """
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
_AF_NETLINK, _NETLINK_AUDIT = 16, 9
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
_PODMAN_OPENED = (
    opened("DAC_READ_SEARCH", "open_by_handle_at"),
    opened("SYS_MODULE", "delete_module finit_module init_module query_module"),
    opened("SYS_RAWIO", "ioperm iopl"),
    opened("SYS_CHROOT", "chroot"),
    opened("SYS_PTRACE", "kcmp process_madvise"),
    opened("SYS_PACCT", "acct"),
    opened("SYS_ADMIN", "bpf fanotify_init lookup_dcookie quotactl quotactl_fd setdomainname sethostname"),
    opened("SYS_ADMIN", "perf_event_open", ENOSYS),
    opened("SYS_ADMIN PERFMON", "perf_event_open"),
    opened("SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    opened("SYS_TTY_CONFIG", "vhangup"),
    opened("BPF", "bpf"),
)
_PERSONALITY = ("personality", personality(ENOSYS))

_5_4 = Table(
    "5.4",
    frozenset(_PODMAN_REFUSED.split()),
    frozenset(_MISSING.split()),
    (*_PODMAN_OPENED, opened("AUDIT_WRITE", "socket", PASSES)),
    (("socket", _SOCKET_5_4), _PERSONALITY),
)
_5_8 = replace(
    _5_4,
    version="5.8",
    refused=_5_4.refused - {"fanotify_init"},
    opened=(*_PODMAN_OPENED, opened("AUDIT_WRITE", "socket", _SOCKET_OF_AUDIT_5_8)),
    conditions=(("socket", _SOCKET_5_8), _PERSONALITY),
    changed=(((5, 8, 10), ("socket",)),),  # CVE-2026-123876: the rules compare the 32 bits that the kernel reads
)
PODMAN = (_5_4, _5_8, replace(_5_8, version="6.1"))


TABLES: dict[str, tuple[Table, ...]] = {"docker": DOCKER, "podman": PODMAN}


@remembered()
def versions_for(engine: str, version: str) -> tuple[str, ...]:
    """The measured versions that apply to this one; empty if its default was never measured."""
    return versions_around(version, (each.version for each in TABLES[engine]))


@remembered(40000)
def default_filter(engine: str, version: str, capabilities: frozenset[str], abi: Abi) -> Answers:
    """What that version (as reported by the engine) answers in a container with this bounding set (CAP_… names)."""
    tables, unmeasured = _tables_for(engine, version)
    changed = _merged(tables, unmeasured, capabilities, abi, None)
    return Answers(
        abi, tuple([(name, changed.get(name, each)) for name, each in _without_any(tables, unmeasured, abi).items()])
    )


@cache
def deciding(engine: str) -> frozenset[str]:
    """The capabilities that a default depends on."""
    return frozenset().union(*(each.deciding() for each in TABLES[engine]))


def opened_by(
    engine: str, version: str, capabilities: frozenset[str], capability: str, abi: Abi
) -> tuple[tuple[str, Outcomes], ...]:
    """The answers to the calls that depend on this capability once it is held too; ordered by name."""
    names = _depending(engine, capability)
    if not names:
        return ()
    tables, unmeasured = _tables_for(engine, version)
    changed = _merged(tables, unmeasured, capabilities | {capability}, abi, names)
    usual = _without_any(tables, unmeasured, abi)
    return tuple([(name, changed.get(name, usual[name])) for name in sorted(names & usual.keys())])


@cache
def _depending(engine: str, capability: str) -> frozenset[str]:
    return frozenset(name for each in TABLES[engine] for name in each.depending_on(capability))


@remembered(4000)
def _tables_for(engine: str, version: str) -> tuple[tuple[Table, ...], frozenset[str]]:
    """The tables that apply, and the calls for which they are known to be outdated."""
    measured, reported = versions_for(engine, version), version_of(version)
    tables = tuple(each for each in TABLES[engine] if each.version in measured)
    later = [
        name
        for table in tables
        for since, names in table.changed
        if reported is not None and reported >= since and reported[:2] == since[:2]
        for name in names
    ]
    return tables, frozenset(later)


@remembered(4000)
def _without_any(tables: tuple[Table, ...], unmeasured: frozenset[str], abi: Abi) -> dict[str, Outcomes]:
    """Every call's answers in a container without capabilities; ordered by name."""
    if not tables:
        return dict.fromkeys(numbers(abi), OPEN)
    first, *others = (without_any(table, abi) for table in tables)
    return {
        name: OPEN if name in unmeasured or any(other[name] != each for other in others) else each
        for name, each in first.items()
    }


def _merged(
    tables: tuple[Table, ...],
    unmeasured: frozenset[str],
    capabilities: frozenset[str],
    abi: Abi,
    wanted: frozenset[str] | None,
) -> dict[str, Outcomes]:
    """The calls that these capabilities open, limited to `wanted`."""
    changes = [table.changes(capabilities, abi, wanted) for table in tables]
    found: dict[str, Outcomes] = {}
    for name in {name for each in changes for name in each} - unmeasured:
        first, *others = (
            change.get(name) or without_any(table, abi)[name] for table, change in zip(tables, changes, strict=True)
        )
        found[name] = OPEN if any(other != first for other in others) else first
    return found
