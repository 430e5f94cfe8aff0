"""The ground's answer to a need: the host's settings, and what its kernel lacks. Never counted as a layer.

No hinges here: the ground is the same for all containers, so it is linked to no layer.
"""

from __future__ import annotations

from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import (
    ActiveModule,
    Allowed,
    CrashHandler,
    Feature,
    KernelSince,
    Need,
    NewUserNamespace,
    NotLockedDown,
    Setting,
)
from stratascope.core.threats.threat import Ruling, lets, stops, unknown
from stratascope.linux.decode import DecodeError
from stratascope.linux.lsm import LOCKDOWN_LEVELS
from stratascope.linux.machine import path_of
from stratascope.linux.seccomp_profile import release

_BACKPORTED = ".el"  # kernels of Red Hat's, which get new features under an old number
LOCKDOWN = "/sys/kernel/security/lockdown"

# Each of `core.ground.FEATURES`: its name for people, and how it was detected
_FEATURES: dict[str, tuple[Message, str]] = {
    "apparmor_move_mount": (msg("AppArmor's check of move_mount"), "/sys/kernel/security/apparmor/features/mount"),
    "apparmor_userns": (
        msg("AppArmor's check of user namespaces"),
        "/sys/kernel/security/apparmor/features/namespaces",
    ),
    "abstract_engine_sockets": (msg("an abstract socket of containerd"), "/proc/net/unix"),
    "audit": (msg("the audit log"), "socket(AF_NETLINK, NETLINK_AUDIT)"),
    "binfmt_misc": (msg("formats of programs (binfmt_misc)"), "/proc/filesystems"),
    "bpf": (msg("eBPF programs"), "bpf(2)"),
    "can_socket": (msg("sockets for vehicles' networks (AF_CAN)"), "/proc/net/protocols"),
    "cgroup_v1": (msg("the trees of cgroup v1"), "/proc/filesystems"),
    "cloud": (msg("metadata services of a cloud"), "/sys/class/dmi/id"),
    "configfs": (msg("configfs"), "/proc/filesystems"),
    "crypto_socket": (msg("crypto sockets (AF_ALG)"), "/proc/net/protocols"),
    "debugfs": (msg("debugfs"), "/proc/filesystems"),
    "dev_mem": (msg("/dev/mem"), "/sys/class/mem/mem"),
    "devices_console": (msg("consoles"), "/dev"),
    "devices_disk_commands": (msg("devices that pass commands to disks"), "/dev"),
    "devices_file_systems": (msg("devices for filesystems of programs (FUSE)"), "/dev"),
    "devices_graphics": (msg("graphics devices"), "/dev"),
    "devices_input": (msg("keyboards, mice or devices that act as such"), "/dev"),
    "devices_machine": (msg("watchdogs, clocks or security chips"), "/dev"),
    "devices_page_faults": (msg("/dev/userfaultfd"), "/dev"),
    "devices_virtual_machines": (msg("devices for virtual machines"), "/dev"),
    "devtmpfs": (msg("devtmpfs"), "/proc/filesystems"),
    "efivarfs": (msg("EFI variables"), "/sys/firmware/efi"),
    "engine_port": (msg("engines that listen on a network port without TLS"), "/proc/net/tcp"),
    "engine_port_everywhere": (msg("engines that listen on a network port of every network"), "/proc/net/tcp"),
    "firmware": (msg("a view of the firmware in /sys"), "/sys/firmware"),
    "fuse": (msg("filesystems of programs (FUSE)"), "/proc/filesystems"),
    "fusectl": (msg("fusectl"), "/proc/filesystems"),
    "i386": (msg("32-bit system calls"), "/proc/sys/abi/vsyscall32"),
    "io_uring": (msg("io_uring"), "io_uring_setup(2)"),
    "kcm_socket": (msg("message sockets (AF_KCM)"), "/proc/net/protocols"),
    "kcore": (msg("/proc/kcore"), "/proc/kcore"),
    "kexec": (msg("kexec"), "kexec_load(2)"),
    "keys": (msg("key rings"), "keyctl(2)"),
    "modules": (msg("loadable modules"), "init_module(2)"),
    "netfilter": (msg("firewall rules over netlink (nfnetlink)"), "/proc/net/netlink"),
    "new_mount_api": (msg("the newer mount calls"), "fsopen(2)"),
    "obsolete_calls": (msg("these old calls"), "uselib(2)"),
    "open_by_handle": (msg("file handles"), "open_by_handle_at(2)"),
    "packet_socket": (msg("packet sockets"), "/proc/net/protocols"),
    "perf_events": (msg("performance events"), "perf_event_open(2)"),
    "port_io": (msg("direct access to I/O ports"), "iopl(2)"),
    "process_accounting": (msg("process accounting"), "/proc/sys/kernel/acct"),
    "pstore": (msg("stored crash records (pstore)"), "/proc/filesystems"),
    "quota": (msg("disk quotas"), "quotactl(2)"),
    "rds_socket": (msg("RDS sockets"), "/proc/net/protocols"),
    "sctp_socket": (msg("SCTP sockets"), "/proc/net/protocols"),
    "securityfs": (msg("securityfs"), "/proc/filesystems"),
    "smc_socket": (msg("SMC sockets"), "/proc/net/protocols"),
    "suspend": (msg("sleep"), "/sys/power/wakeup_count"),
    "swap": (msg("swap space"), "swapoff(2)"),
    "sysrq": (msg("the SysRq key"), "/proc/sys/kernel/sysrq"),
    "tipc_socket": (msg("TIPC sockets"), "/proc/net/protocols"),
    "tracefs": (msg("tracefs"), "/proc/filesystems"),
    "user_namespaces": (msg("user namespaces"), "/proc/self/ns/user"),
    "userfaultfd": (msg("userfaultfd"), "userfaultfd(2)"),
    "vsock": (msg("sockets to the hypervisor"), "/proc/net/protocols"),
    "x32": (msg("x32 system calls"), "getpid(2) as x32"),
    "xdp_socket": (msg("XDP sockets"), "/proc/net/protocols"),
    "xfrm": (msg("encrypted tunnels over netlink (XFRM)"), "/proc/net/netlink"),
}
# Those that the host has rather than its kernel
_OF_THE_HOST = frozenset(
    (
        *("abstract_engine_sockets", "cloud", "engine_port", "engine_port_everywhere"),
        *(name for name in _FEATURES if name.startswith("devices_")),
    )
)
_FIREWALL = msg(
    "An engine listens for every network; whether a firewall of the host keeps containers out was not read."
)


def ground_ruling(need: Need, ground: Ground) -> Ruling | None:
    """STOPS if the host forbids it to everyone, LETS_THROUGH, UNKNOWN if it could not be read; None: not the ground's
    subject.
    """
    match need:
        case Feature(name):
            return _feature(name, ground)
        case KernelSince(since):
            return _since(since, ground)
        case Allowed(setting):
            return _allowed(setting, ground)
        case CrashHandler():
            return _crash_handler(ground)
        case ActiveModule(names):
            return _module(names, ground)
        case NotLockedDown(level):
            return _lockdown(level, ground)
        case NewUserNamespace():
            return _allowed(Setting("user.max_user_namespaces", ("0",)), ground)
        case _:
            return None


def _module(names: tuple[str, ...], ground: Ground) -> Ruling:
    source = "/sys/kernel/security/lsm"
    if ground.lsms is None:
        return unknown(msg("Which security modules are active could not be read."), source)
    if set(names) & set(ground.lsms):
        return lets(msg("Such a security module is active on this machine."), source)
    return stops(msg("No security module with such rules is active on this machine."), source)


def holds(setting: Setting, ground: Ground) -> bool | None:
    """Whether the host's setting has one of the setting's values; None if it could not be read.

    For `Capability.only_if`: False means that the capability is not required.
    """
    value = ground.sysctl(setting.name)
    if value is not None:
        return value in setting.values
    return setting.absent if setting.name in ground.lacking else None


def _feature(name: str, ground: Ground) -> Ruling:
    what, source = _FEATURES[name]
    has = ground.feature(name)
    if name in _OF_THE_HOST:
        if has is None:
            return unknown(msg("Whether this host has {what} could not be determined.", what=what), source)
        if has:
            everywhere = name == "engine_port_everywhere"
            return unknown(_FIREWALL, source) if everywhere else lets(msg("This host has {what}.", what=what), source)
        return stops(msg("Impossible here: this host has no {what}.", what=what), source)
    if has is None:
        return unknown(msg("Whether this kernel has {what} could not be determined.", what=what), source)
    if has:
        return lets(msg("This kernel has {what}.", what=what), source)
    return stops(msg("Impossible here: this kernel lacks {what}.", what=what), source)


def _since(since: tuple[int, int], ground: Ground) -> Ruling:
    source, wanted = "uname:release", ".".join(map(str, since))
    try:
        found = release(ground.kernel) if ground.kernel else None
    except DecodeError:
        found = None
    if found is not None and found >= since:
        return lets(msg("Linux {release} and newer can do this.", release=wanted), source)
    if found is None or _BACKPORTED in ground.kernel:
        return unknown(msg("Whether this kernel can do what Linux {release} can is not known.", release=wanted), source)
    return stops(msg("Impossible here: it takes Linux {release}.", release=wanted), source)


def _allowed(setting: Setting, ground: Ground) -> Ruling:
    held, source = holds(setting, ground), path_of(setting.name)
    if held is None:
        return unknown(msg("The host's setting {name} could not be read.", name=setting.name), source)
    value = ground.sysctl(setting.name)
    if value is None:
        if held:
            return stops(msg("This kernel has no setting {name} that would allow it.", name=setting.name), source)
        return lets(msg("This kernel has no setting {name} that could forbid it.", name=setting.name), source)
    if held:
        reason = msg(
            "The host forbids it to everyone, including root: {name} is {value}.", name=setting.name, value=value
        )
        return stops(reason, source)
    reason = msg("The host's setting {name} is {value}, and does not forbid it.", name=setting.name, value=value)
    return lets(reason, source)


_CRASHES = "kernel.core_pattern"


def _crash_handler(ground: Ground) -> Ruling:
    pattern, source = ground.sysctl(_CRASHES), path_of(_CRASHES)
    if pattern is None:
        return unknown(msg("The host's setting {name} could not be read.", name=_CRASHES), source)
    if pattern.startswith("|"):
        return lets(msg("The host hands crashes to {program}.", program=pattern[1:].split(" ")[0]), source)
    return stops(msg("The host hands crashes to no program: the kernel only writes a file."), source)


def _lockdown(level: str, ground: Ground) -> Ruling:
    if ground.lockdown is None:
        if ground.lsms is not None and "lockdown" not in ground.lsms:
            return lets(msg("Kernel lockdown is not part of this kernel, or not active."), "/sys/kernel/security/lsm")
        return unknown(msg("Whether the kernel is locked down could not be read."), LOCKDOWN)
    if LOCKDOWN_LEVELS.index(ground.lockdown) >= LOCKDOWN_LEVELS.index(level):
        reason = msg("The kernel is locked down ({level}): not even root can do this.", level=ground.lockdown)
        return stops(reason, LOCKDOWN)
    if ground.lockdown == "none":
        return lets(msg("The kernel is not locked down."), LOCKDOWN)
    return lets(msg("The kernel is locked down ({level}), which still permits this.", level=ground.lockdown), LOCKDOWN)
