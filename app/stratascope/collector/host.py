"""The host's kernel, its settings and what it supports, by exact names: absolute paths, and a few that are no files.

The list is complete, although the program has the same names (`core.ground`), so that this directory alone shows what
the collector can read; a test keeps the two in sync.

What the kernel supports is detected without changing anything. System calls are tried with arguments that no kernel
accepts: any answer but ENOSYS means that the call exists. All of them check their flags, sizes or addresses before
doing anything (the sources are cited). If a file shows the same, no call is made. A socket of a family that is not
loaded is never created, since that would load a module: there the list of modules says what the kernel would load.
Under a seccomp filter no call is made at all, since the filter might answer in place of the kernel, or kill.
"""

from __future__ import annotations

import os
import time
from errno import ENOSYS, EPROTONOSUPPORT
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Tuple

from stratascope.collector import devices
from stratascope.collector.confined import read_confined
from stratascope.collector.filters import unfiltered
from stratascope.collector.loadable import Loadable
from stratascope.collector.names import CONFINED, ENGINE_SOCKETS
from stratascope.collector.read import ABSENT, UNSUPPORTED, Entry, TooLongError, entry, failed, failure, read_file
from stratascope.collector.services import MACHINE, engine_ports, in_cloud
from stratascope.collector.special_files import read_sockets

PREFIX = "feature:"

_NOWHERE = 1  # an address that is never mapped: EFAULT
_ALL = 0xFFFFFFFF  # all flags at once, or a number that is not in use
_MANY = 1 << 20  # more segments than kexec accepts (KEXEC_SEGMENT_MAX is 16)

# The call's name, its numbers on x86_64 and in asm-generic/unistd.h (aarch64; None: it has none), arguments
_Call = Tuple[str, int, Optional[int], Tuple[int, ...]]
_CALLS: Dict[str, Tuple[_Call, ...]] = {
    # kernel/bpf/syscall.c: unknown command: EINVAL; before that EPERM
    "bpf": (("bpf", 321, 280, (_ALL, 0, 0)),),
    # io_uring/io_uring.c: copies the parameters first: EFAULT; before that EPERM
    "io_uring": (("io_uring_setup", 425, 425, (0, _NOWHERE)),),
    # kernel/kexec.c: unknown flags and too many segments: EINVAL; before that EPERM. The same for the second call.
    "kexec": (
        ("kexec_load", 246, 104, (0, _MANY, _NOWHERE, 0xFFFF)),
        ("kexec_file_load", 320, 294, (_ALL, _ALL, 0, _NOWHERE, _ALL)),
    ),
    # security/keys/keyctl.c: unknown operation: EOPNOTSUPP
    "keys": (("keyctl", 250, 219, (_ALL, 0, 0, 0, 0)),),
    # kernel/module/main.c: shorter than a header: ENOEXEC; before that EPERM
    "modules": (("init_module", 175, 105, (_NOWHERE, 0, _NOWHERE)),),
    # fs/fsopen.c: unknown flags: EINVAL; before that EPERM
    "new_mount_api": (("fsopen", 430, 430, (_NOWHERE, _ALL)),),
    # Removed in newer kernels: fs/exec.c (uselib, an unmapped address), fs/d_path.c (lookup_dcookie, no such cookie),
    # fs/filesystems.c (sysfs, no such option)
    "obsolete_calls": (
        ("uselib", 134, None, (_NOWHERE,)),
        ("lookup_dcookie", 212, 18, (0, _NOWHERE, 0)),
        ("sysfs", 139, None, (_ALL, 0, 0)),
    ),
    # fs/fhandle.c: copies the handle first: EFAULT; before that EPERM
    "open_by_handle": (("open_by_handle_at", 304, 265, (_ALL, _NOWHERE, 0)),),
    # kernel/events/core.c: unknown flags: EINVAL
    "perf_events": (("perf_event_open", 298, 241, (_NOWHERE, 0, _ALL, _ALL, _ALL)),),
    # arch/x86/kernel/ioport.c: no such level: EINVAL. Other machines have no such ports.
    "port_io": (("iopl", 172, None, (255,)),),
    # fs/quota/quota.c: unknown quota type: EINVAL
    "quota": (("quotactl", 179, 60, (_ALL, _NOWHERE, 0, _NOWHERE)),),
    # mm/swapfile.c: copies the path first: EFAULT; before that EPERM
    "swap": (("swapoff", 168, 225, (_NOWHERE,)),),
    # fs/userfaultfd.c: unknown flags: EINVAL; before that EPERM
    "userfaultfd": (("userfaultfd", 323, 282, (_ALL,)),),
    # getpid(2) through the x32 entry point, which sets this bit in the number
    "x32": (("getpid", 0x40000000 | 39, None, ()),),
}

_APPARMOR = "/sys/kernel/security/apparmor/features"
# A file that exists exactly if the kernel has the feature, and another that must exist, or else the answer is unknown
_FILES = {
    "apparmor_move_mount": (_APPARMOR + "/mount/move_mount", _APPARMOR),
    "dev_mem": ("/sys/class/mem/mem", "/sys/class/mem"),
    "kcore": ("/proc/kcore", "/proc/filesystems"),
    "process_accounting": ("/proc/sys/kernel/acct", "/proc/sys/kernel/ostype"),
    "suspend": ("/sys/power/wakeup_count", "/sys/kernel/mm"),  # CONFIG_PM_SLEEP
    "sysrq": ("/proc/sys/kernel/sysrq", "/proc/sys/kernel/ostype"),
    "user_namespaces": ("/proc/self/ns/user", "/proc/self/ns/mnt"),
}
# Kind of socket: its name in /proc/net/protocols, and the alias by which the kernel requests its module
_FAMILIES = {
    "can_socket": ("CAN_RAW", "net-pf-29"),
    "crypto_socket": ("ALG", "net-pf-38"),
    "kcm_socket": ("KCM", "net-pf-41"),
    "packet_socket": ("PACKET", "net-pf-17"),
    "rds_socket": ("RDS", "net-pf-21"),
    "sctp_socket": ("SCTP", "net-pf-2-proto-132"),
    "smc_socket": ("SMC", "net-pf-43"),
    "tipc_socket": ("TIPC", "net-pf-30"),
    "vsock": ("AF_VSOCK", "net-pf-40"),
    "xdp_socket": ("XDP", "net-pf-44"),
}
# Netlink protocol: its number in /proc/net/netlink, and the alias
_NETLINK = {"netfilter": ("12", "net-pf-16-proto-12"), "xfrm": ("6", "net-pf-16-proto-6")}
_FILE_SYSTEMS = frozenset(
    ("binfmt_misc", "configfs", "debugfs", "devtmpfs", "efivarfs", "fuse", "fusectl", "pstore", "securityfs", "tracefs")
)
FIRMWARE = "/sys/firmware"
_PORTS = ("engine_port", "engine_port_everywhere")
_OTHERS = frozenset(("abstract_engine_sockets", "apparmor_userns", "audit", "cgroup_v1", "cloud", "firmware", "i386"))
FEATURES = frozenset(
    PREFIX + name
    for name in (*_CALLS, *_FILES, *_FAMILIES, *_NETLINK, *_FILE_SYSTEMS, *_PORTS, *devices.FEATURES, *_OTHERS)
)

_PARSER_CONF = "/etc/apparmor/parser.conf"
# Where distributions keep the list of features the parser supports; no other path is opened for it
_PINNED = ("/usr/share/apparmor-features/", "/etc/apparmor.d/abi/")
_NETLINK_AUDIT = 9


class _NotKnownError(Exception):
    """Raised when a feature can't be determined; the message says why."""


class Kernel:
    """Feature detection for one request; loads libc once, and tries each call once."""

    def __init__(self) -> None:
        self._machine = os.uname().machine
        self._call: Any = None
        self._errno: Any = None
        self._barred: Optional[str] = None
        self._loadables = Loadable()
        self._kinds: Optional[FrozenSet[str]] = None

    def feature(self, name: str) -> Entry:
        """One of FEATURES as an entry, with the text `yes` or `no`."""
        short = name[len(PREFIX) :]
        source = name
        try:
            if short in _FILES:
                source = _FILES[short][0]
                has = _exists(*_FILES[short])
            elif short in _FAMILIES:
                source = "/proc/net/protocols"
                has = self._family(*_FAMILIES[short])
            elif short in _NETLINK:
                source = "/proc/net/netlink"
                has = self._netlink(*_NETLINK[short])
            elif short in _FILE_SYSTEMS:
                source = "/proc/filesystems"
                has = self._file_system(short)
                if has and short == "efivarfs":
                    source = FIRMWARE + "/efi"
                    has = _booted_by_efi()
            elif short in _PORTS:
                source = "/proc/net/tcp"
                has = engine_ports()[_PORTS.index(short)]
            elif short in devices.FEATURES:
                source = "/dev"
                if self._kinds is None:
                    self._kinds = devices.kinds_there()
                has = devices.FEATURES[short] in self._kinds
            elif short == "abstract_engine_sockets":
                source = "/proc/net/unix"
                has = " @/containerd-shim/" in read_file(source)
            elif short == "cloud":
                source = MACHINE
                has = in_cloud()
            elif short in _CALLS:
                source = _CALLS[short][0][0] + "(2)"
                has = self._any(_CALLS[short])
            elif short == "audit":
                source = "socket(AF_NETLINK, NETLINK_AUDIT)"
                has = self._audit()
            elif short == "cgroup_v1":
                source = "/proc/filesystems"
                has = any(line.split()[-1:] == ["cgroup"] for line in read_file(source).splitlines())
            elif short == "firmware":
                source = FIRMWARE
                has = bool(os.listdir(source))
            elif short == "i386":
                source = "/proc/sys/abi/vsyscall32"
                has = self._i386(source)
            else:
                source = _APPARMOR + "/namespaces/mask"
                has = _user_namespace_rules(source)
        except OSError as error:
            return failure(name, source, error)
        except TooLongError:
            return failed(name, source, UNSUPPORTED, None, "too long")
        except _NotKnownError as error:
            return failed(name, source, UNSUPPORTED, None, str(error))
        return (name, source, "yes" if has else "no")

    def _any(self, calls: Tuple[_Call, ...]) -> bool:
        column = {"x86_64": 1, "aarch64": 2}.get(self._machine)
        if column is None:
            raise _NotKnownError("the numbers of calls are not known on this machine")
        for call in calls:
            number = call[column]
            if isinstance(number, int) and self._has(number, call[3]):
                return True
        return False

    def _has(self, number: int, arguments: Tuple[int, ...]) -> bool:
        self._prepare()
        return bool(self._call(number, *arguments) >= 0 or self._errno() != ENOSYS)

    def _prepare(self) -> None:
        if self._barred is None:
            self._barred = "" if unfiltered() else "this reader is under a seccomp filter, which may answer instead"
            try:
                import ctypes
            except ImportError:
                self._barred = "this Python has no ctypes"
            else:
                libc = ctypes.CDLL(None, use_errno=True)
                call = libc.syscall
                call.restype = ctypes.c_long
                word = ctypes.c_long
                self._call = lambda *values: call(*[word(value) for value in values])
                self._errno = ctypes.get_errno
        if self._barred:
            raise _NotKnownError(self._barred)

    def _audit(self) -> bool:
        # audit can't be a module; without it, or with audit=0 at boot, the protocol has no listener
        self._prepare()
        number = {"x86_64": 41, "aarch64": 198}.get(self._machine)
        if number is None:
            raise _NotKnownError("the numbers of calls are not known on this machine")
        found = self._call(number, 16, 3 | os.O_CLOEXEC, _NETLINK_AUDIT)  # AF_NETLINK, SOCK_RAW
        if found >= 0:
            os.close(found)
            return True
        if self._errno() == EPROTONOSUPPORT:
            return False
        raise OSError(self._errno(), os.strerror(self._errno()))

    def _family(self, protocol: str, alias: str) -> bool:
        if any(line.split()[:1] == [protocol] for line in read_file("/proc/net/protocols").splitlines()):
            return True
        return self._loadable(alias)

    def _netlink(self, protocol: str, alias: str) -> bool:
        # the kernel's own socket of a protocol has no process: netlink_seq_show, net/netlink/af_netlink.c
        lines = (line.split()[1:3] for line in read_file("/proc/net/netlink").splitlines())
        return [protocol, "0"] in lines or self._loadable(alias)

    def _file_system(self, name: str) -> bool:
        if any(line.split()[-1:] == [name] for line in read_file("/proc/filesystems").splitlines()):
            return True
        return self._loadable("fs-" + name)

    def _loadable(self, alias: str) -> bool:
        if not self._any(_CALLS["modules"]) or read_file("/proc/sys/kernel/modules_disabled").strip() == "1":
            return False
        return self._loadables.by(alias)

    def _i386(self, source: str) -> bool:
        if self._machine != "x86_64":
            return False  # 32-bit ARM has different calls
        if not _exists(source, "/proc/sys/kernel/ostype"):
            return False
        # since Linux 6.7, arch/x86/entry/common.c
        return not any(
            word in ("ia32_emulation=0", "ia32_emulation=off", "ia32_emulation=false", "ia32_emulation=n")
            for word in read_file("/proc/cmdline").split()
        )


def _booted_by_efi() -> bool:
    """Newer kernels register efivarfs everywhere, and refuse to mount it on other machines (fs/efivarfs/super.c)."""
    there = os.listdir(FIRMWARE)
    if not there:
        raise _NotKnownError("nothing of the firmware is shown here")
    return "efi" in there


def _exists(path: str, sibling: str) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        os.lstat(sibling)
        return False
    return True


def _user_namespace_rules(mask: str) -> bool:
    """Whether AppArmor profiles that don't mention user namespaces forbid them: kernel and parser must both know the
    rule.
    """
    try:
        if "userns_create" not in read_file(mask).split():
            return False
    except FileNotFoundError:
        os.lstat(_APPARMOR)
        return False
    pinned = ""
    for line in read_file(_PARSER_CONF).splitlines():
        key, _, value = line.strip().partition("=")
        if key.strip() in ("policy-features", "features-file"):
            pinned = value.strip()
        elif key.strip() == "override-policy-abi":
            raise _NotKnownError("parser.conf has override-policy-abi")
    folder, name = os.path.split(pinned)
    if folder + "/" not in _PINNED or name in ("", ".", ".."):
        raise _NotKnownError("parser.conf does not name the features that profiles get")
    return "userns_create" in read_file(pinned)


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
        "/proc/sys/dev/tty/legacy_tiocsti",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/vm/unprivileged_userfaultfd",
        "/proc/misc",
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
        elif name == ENGINE_SOCKETS:
            entries.append(read_sockets())
        elif name == CONFINED:
            entries.append(read_confined())
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
