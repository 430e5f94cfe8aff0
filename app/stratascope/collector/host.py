"""The host's kernel and its settings, by exact names: absolute paths, and a few names that are no files.

The list is complete, although the program has the same names (`core.ground`), so that this directory alone shows what
the collector can read; a test keeps the two in sync.
"""

from __future__ import annotations

import os
import time
from typing import Iterable, List

from stratascope.collector.features import FEATURES, Kernel
from stratascope.collector.read import ABSENT, UNSUPPORTED, Entry, TooLongError, entry, failed, failure, read_file
from stratascope.collector.special_files import SOCKETS, read_sockets

_KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
FILES = frozenset(
    (
        "/sys/kernel/security/lsm",
        "/sys/kernel/security/lockdown",
        "/sys/module/apparmor/parameters/enabled",
        "/sys/fs/selinux/enforce",
        "/proc/meminfo",
        "/proc/self/mountinfo",
        "/proc/self/uid_map",
        "/proc/self/cgroup",
        "/etc/containers/seccomp.json",
        "/usr/share/containers/seccomp.json",
        "/sys/devices/system/cpu/smt/control",
        "/proc/sys/fs/protected_fifos",
        "/proc/sys/fs/protected_hardlinks",
        "/proc/sys/fs/protected_regular",
        "/proc/sys/fs/protected_symlinks",
        "/proc/sys/kernel/cap_last_cap",
        "/proc/sys/kernel/dmesg_restrict",
        "/proc/sys/kernel/kexec_load_disabled",
        "/proc/sys/kernel/modules_disabled",
        "/proc/sys/kernel/perf_event_paranoid",
        "/proc/sys/kernel/unprivileged_bpf_disabled",
        "/proc/sys/kernel/unprivileged_userns_clone",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "/proc/sys/kernel/io_uring_disabled",
        "/proc/sys/kernel/yama/ptrace_scope",
        "/proc/sys/kernel/sysrq",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/threads-max",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/vm/unprivileged_userfaultfd",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        "/proc/sys/net/ipv4/ping_group_range",
    )
)
# The inode of a file that differs per network namespace, and that everybody may see
NETWORK_INODES = {"inode:/proc/%s/net/dev" % who: "/proc/%s/net/dev" % who for who in ("1", "self")}
LINKS = frozenset("/proc/%s/ns/%s" % (who, kind) for who in ("1", "2", "self") for kind in _KINDS)

# include/uapi/linux/lsm.h; the numbers never change
LSMS = {
    100: "capability",
    101: "selinux",
    102: "smack",
    103: "tomoyo",
    104: "apparmor",
    105: "yama",
    106: "loadpin",
    107: "safesetid",
    108: "lockdown",
    109: "bpf",
    110: "landlock",
    111: "ima",
    112: "evm",
    113: "ipe",
}
_LSM_LIST_MODULES = 461  # since Linux 6.8, the same number on every architecture except alpha


def read_host(names: Iterable[str]) -> List[Entry]:
    """Read these names, in order; one that is not on the list is refused."""
    entries: List[Entry] = []
    kernel = Kernel()
    for name in names:
        if name in FEATURES:
            entries.append(kernel.feature(name))
        elif name in FILES:
            entries.append(entry(name, name, name))
        elif name in LINKS:
            try:
                entries.append((name, name, os.readlink(name)))
            except OSError as error:
                entries.append(failure(name, name, error))
        elif name in NETWORK_INODES:
            try:
                entries.append((name, NETWORK_INODES[name], str(os.stat(NETWORK_INODES[name]).st_ino)))
            except OSError as error:
                entries.append(failure(name, NETWORK_INODES[name], error))
        elif name == "lsm:modules":
            entries.append(_modules())
        elif name == "selinux:switches":
            entries.append(_switches())
        elif name == "cpu:vulnerabilities":
            entries.append(_cpu_flaws())
        elif name == SOCKETS:
            entries.append(read_sockets())
        else:
            entries.append(_number(name))
    return entries


def _number(name: str) -> Entry:
    try:
        if name == "uname:release":
            return (name, "uname(2)", os.uname().release)
        if name == "uname:machine":
            return (name, "uname(2)", os.uname().machine)
        if name == "sysconf:clock_ticks":
            return (name, "sysconf(_SC_CLK_TCK)", str(os.sysconf("SC_CLK_TCK")))
        if name == "sysconf:online_cpus":
            return (name, "sysconf(_SC_NPROCESSORS_ONLN)", str(os.sysconf("SC_NPROCESSORS_ONLN")))
        if name == "clock:boot_time":
            # starttime in /proc/PID/stat uses the boot clock, which keeps running while the machine sleeps
            started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
            return (name, "clock_gettime(CLOCK_BOOTTIME)", "%.3f" % started)
        if name == "id:uid":
            return (name, "getuid(2)", str(os.getuid()))
    except OSError as error:
        return failure(name, name, error)
    return failed(name, name, UNSUPPORTED, None, "not on the list of what may be read")


def _modules() -> Entry:
    """The active security modules from lsm_list_modules(2), which needs no securityfs."""
    name, source = "lsm:modules", "lsm_list_modules(2)"
    if os.uname().machine == "alpha":
        return failed(name, source, UNSUPPORTED, None, "the number of the call is not known here")
    try:
        import ctypes
    except ImportError:
        return failed(name, source, UNSUPPORTED, None, "this Python has no ctypes")
    ids = (ctypes.c_uint64 * 64)()
    size = ctypes.c_uint64(ctypes.sizeof(ids))  # the kernel reads a u32 since 6.8; zeros above it do no harm
    if os.uname().machine in ("s390x", "ppc64", "sparc64", "parisc64"):
        size = ctypes.c_uint64(ctypes.sizeof(ids) << 32)  # big endian: the u32 is the upper half
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    count = call(ctypes.c_long(_LSM_LIST_MODULES), ids, ctypes.byref(size), ctypes.c_uint32(0))
    if count < 0:
        number = ctypes.get_errno()
        return failure(name, source, OSError(number, os.strerror(number)))
    if count == 0:
        return failed(name, source, ABSENT, None, "no security module is active")
    return (name, source, ",".join(LSMS.get(ids[place], "lsm-%d" % ids[place]) for place in range(count)))


_CPU_FLAWS, _CPU_FLAWS_MAX = "/sys/devices/system/cpu/vulnerabilities", 100


def _cpu_flaws() -> Entry:
    """The kernel's text on each CPU flaw that it knows, one line `NAME: WORDS` each."""
    name = "cpu:vulnerabilities"
    try:
        names = sorted(os.listdir(_CPU_FLAWS))[:_CPU_FLAWS_MAX]
        lines = ["%s: %s\n" % (each, read_file(os.path.join(_CPU_FLAWS, each)).strip()) for each in names]
    except OSError as error:
        return failure(name, _CPU_FLAWS, error)
    except TooLongError:
        return failed(name, _CPU_FLAWS, UNSUPPORTED)
    return (name, _CPU_FLAWS, "".join(lines))


_BOOLEANS = "/sys/fs/selinux/booleans"


def _switches() -> Entry:
    """The container-related SELinux policy booleans that are on."""
    name = "selinux:switches"
    try:
        on = [
            switch
            for switch in sorted(os.listdir(_BOOLEANS))
            if switch.startswith(("container_", "virt_sandbox_")) and _is_on(switch)
        ]
    except (OSError, TooLongError) as error:
        number = error.errno if isinstance(error, OSError) else None
        return failure(name, _BOOLEANS, OSError(number, "")) if number else failed(name, _BOOLEANS, UNSUPPORTED)
    return (name, _BOOLEANS, ",".join(on))


def _is_on(switch: str) -> bool:
    # the current value, and the pending one
    return read_file(os.path.join(_BOOLEANS, switch)).split()[:1] == ["1"]
