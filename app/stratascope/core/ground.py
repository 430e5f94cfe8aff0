"""The ground that the six layers stand on: the host's kernel and its settings, decoded from one host capture.

The collector reads these by absolute path (`HOST_WANTS`); nothing here is a layer, and nothing here is
counted as one. `Surroundings` is all that a layer may know besides its container.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core.capture import Capture, Gap, GapKind, or_none
from stratascope.core.container import Engine
from stratascope.core.special_files import parse_sockets
from stratascope.linux.cgroup import layout_of
from stratascope.linux.cpu import CpuFlaw, parse_flaws
from stratascope.linux.decode import DecodeError
from stratascope.linux.idmap import parse_full
from stratascope.linux.lsm import parse_lockdown, parse_modules
from stratascope.linux.mounts import UNION, Mount, parse_mountinfo
from stratascope.linux.namespace import INITIAL_INODES, Kind, is_initial, parse_link
from stratascope.linux.sysctl import parse_memory_total, parse_number, path_of
from stratascope.value import Value, replace

NAMESPACES = tuple(kind.value for kind in Kind)
NETWORK_INODE = "inode:net/dev"  # how its network namespace can be told apart by anyone (`collector/read.py`)

SYSCTLS = (
    "kernel.dmesg_restrict",
    "kernel.kexec_load_disabled",
    "kernel.modules_disabled",
    "kernel.perf_event_paranoid",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.io_uring_disabled",
    "kernel.yama.ptrace_scope",
    "kernel.sysrq",
    "kernel.core_pattern",
    "kernel.pid_max",
    "kernel.threads-max",
    "user.max_user_namespaces",
    "vm.unprivileged_userfaultfd",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    *(f"fs.protected_{kind}" for kind in ("fifos", "hardlinks", "regular", "symlinks")),
)

# What a kernel may lack. Known by a harmless call with arguments that can't succeed (ENOSYS), or by a file that only
# exists with it; `collector/features.py` (`feature:NAME`) does both. The text is "yes" or "no".
# `apparmor_userns`: a profile that says nothing of new user namespaces forbids them; `apparmor_move_mount`: and moves.
FEATURES = (
    "apparmor_move_mount",
    "apparmor_userns",
    "audit",
    "bpf",
    "cgroup_v1",
    "crypto_socket",
    "dev_mem",
    "firmware",
    "i386",
    "io_uring",
    "kcore",
    "kexec",
    "keys",
    "modules",
    "new_mount_api",
    "obsolete_calls",
    "open_by_handle",
    "packet_socket",
    "perf_events",
    "port_io",
    "process_accounting",
    "quota",
    "suspend",
    "swap",
    "sysrq",
    "user_namespaces",
    "userfaultfd",
    "vsock",
    "x32",
)

# Podman's default seccomp profile, the administrator's before the distribution's; containers/common, pkg/seccomp
PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")

# "uname:release" and the like are not files: the collector makes them from uname(2) and sysconf(3)
HOST_WANTS = (
    "uname:release",
    "uname:machine",
    "sysconf:clock_ticks",
    "sysconf:online_cpus",
    "clock:boot_time",  # seconds since the epoch at which CLOCK_BOOTTIME was 0
    "id:uid",
    "/sys/kernel/security/lsm",
    "lsm:modules",  # lsm_list_modules(2), where securityfs is not mounted
    "/sys/kernel/security/lockdown",
    "/sys/module/apparmor/parameters/enabled",
    "/sys/fs/selinux/enforce",
    "sockets:engines",  # where engines usually have them
    "selinux:switches",  # those of the policy that are about containers, and on
    "cpu:vulnerabilities",
    "/sys/devices/system/cpu/smt/control",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/meminfo",
    "/proc/self/mountinfo",
    "/proc/self/uid_map",
    "/proc/self/cgroup",
    *PROFILES,
    *map(path_of, SYSCTLS),
    *(f"feature:{name}" for name in FEATURES),
    *(f"/proc/{who}/ns/{kind}" for who in ("1", "2", "self") for kind in NAMESPACES),
    *(f"inode:/proc/{who}/net/dev" for who in ("1", "self")),
)


class Ground(Value, cache_hash=True):
    """The host as read. Tuples of pairs instead of dicts; use the methods to look up."""

    UNPRINTED = ("profiles", "sockets", "file_systems")

    kernel: str  # "6.18.44"; empty where not read
    machine: str  # "x86_64"
    lsms: tuple[str, ...] | None  # active Linux Security Modules; None where not readable
    sysctls: tuple[tuple[str, str], ...]  # those that this kernel has and lets us read
    cap_last_cap: int | None  # number of the kernel's last capability
    namespaces: tuple[tuple[str, int], ...]  # kind, inode of the host's first process (or see below)
    namespaces_from: str  # "PID 1", "PID 2" (kthreadd), "own" (the reader's, weaker), "" where none
    initial_user_namespace: bool | None  # whether the reader itself sits in the initial user namespace
    memory_total: int | None  # bytes
    cpus_online: int | None
    cgroup_layout: str  # v1, v2, hybrid, none
    boot_time: float | None  # seconds since the epoch
    clock_ticks: int | None  # per second, unit of starttime in /proc/PID/stat
    reader_uid: int | None
    apparmor: bool  # AppArmor is active
    selinux: str  # "enforcing", "permissive" or "" where SELinux is not active
    mounts: tuple[tuple[str, str, str], ...] = ()  # device, root, target: which path of the host a bind shows
    features: tuple[tuple[str, bool], ...] = ()  # those of FEATURES of which it is known
    lockdown: str | None = None  # "none", "integrity", "confidentiality"; None where not readable or not built in
    selinux_switches: tuple[str, ...] | None = None  # of the policy, about containers, on; None where not readable
    lacking: tuple[str, ...] = ()  # those of SYSCTLS that this kernel has not (what could not be read is in neither)
    profiles: tuple[tuple[str, str], ...] = ()  # path, text of those of PROFILES there are
    peer_groups: tuple[int, ...] = ()  # of the host's own mounts; none where the reader's are private
    network_inode: int | None = None  # of /proc/PID/net/dev in the host's network namespace
    first_processes: bool = False  # whether the reader's /proc counts processes as the first PID namespace does
    cpu_flaws: tuple[CpuFlaw, ...] | None = None  # None where not readable
    smt: str = ""  # "on", "off", "forceoff", "notsupported", "notimplemented"; empty where not read
    sockets: tuple[tuple[str, str], ...] = ()  # of engines, in their usual places: the file (`DEVICE:INODE`), its path
    file_systems: tuple[tuple[str, str, str], ...] = ()  # of each of `mounts`: type, options, the file system's options

    def sysctl(self, name: str) -> str | None:
        """A kernel setting by its dotted name; None where this kernel has it not, or it can't be read."""
        return next((value for key, value in self.sysctls if key == name), None)

    def sysctl_number(self, name: str) -> int | None:
        """The same as a whole number, None also where it is none."""
        value = self.sysctl(name)
        try:
            return None if value is None else parse_number(value)
        except DecodeError:
            return None

    def feature(self, name: str) -> bool | None:
        """Whether this kernel has it; None where that is not known."""
        return next((has for key, has in self.features if key == name), None)

    def namespace(self, kind: str) -> int | None:
        """The host's namespace of that kind, by inode."""
        return next((inode for key, inode in self.namespaces if key == kind), None)

    def is_hosts(self, kind: str, inode: int) -> bool | None:
        """Whether that namespace is the host's own; None where the host's is not known."""
        host = self.namespace(kind)
        shared = None if host is None else inode == host
        if shared is None or self.namespaces_from == "own":
            # the reader may sit in a namespace of its own: where the kernel fixes the first one's inode, believe that
            fixed = is_initial(Kind(kind), inode)
            return shared if fixed is None else fixed
        return shared


UNREAD = Ground("", "", None, (), None, (), "", None, None, None, "none", None, None, None, False, "")


class Neighbour(Value):
    """A container with which this one shares its PID namespace."""

    name: str
    permitted: int | None  # its first process's capabilities; None: not known
    strong: bool | None  # whether they make it as good as the host's root


class Peers(Value):
    """Names of other containers that share something with this one."""

    namespaces: tuple[tuple[str, tuple[str, ...]], ...] = ()  # kind -> names, only the shared kinds
    uid_range: tuple[str, ...] = ()  # whose mapped host uids overlap with ours
    as_requested: tuple[tuple[str, tuple[str, ...]], ...] = ()  # as `namespaces`, by what the engine was asked for
    neighbours: tuple[Neighbour, ...] = ()
    mounts: tuple[int, ...] = ()  # the mount namespaces of these neighbours

    def of(self, kind: str) -> tuple[str, ...]:
        """Who else is in our namespace of that kind."""
        return next((names for key, names in self.namespaces if key == kind), ())

    def requested_of(self, kind: str) -> tuple[str, ...]:
        """The same as the engine states it: whose namespace was asked for, and who asked for ours."""
        return next((names for key, names in self.as_requested if key == kind), ())


class Surroundings(Value):
    """What a layer may know besides its container: the host, the engine, the other containers."""

    ground: Ground
    engine: Engine
    peers: Peers = Peers()
    verified_only: bool = False  # whether what only the engine states is not to count


_MOUNTS = "/proc/self/mountinfo"


def with_mounts_of(capture: Capture, later: Capture) -> Capture:
    """`capture` of the host with the mounts of a later one; the same object where those that count are the same.

    The numbers of file systems without a disk are given out again as soon as one is unmounted. So the host's mounts
    tell what a container's mount shows only if they were read when that container ran already.
    """
    before, after = (
        tuple(filter(_of_host, or_none(each.decoded(_MOUNTS, parse_mountinfo)) or ())) for each in (capture, later)
    )
    found = next((reading for reading in later.readings if reading.name == _MOUNTS), None)
    if found is None or before == after:
        return capture
    return replace(capture, readings=tuple(found if each.name == _MOUNTS else each for each in capture.readings))


def decode_ground(capture: Capture) -> Ground:
    """Typed facts of the host, from a capture of `HOST_WANTS`. Missing readings give None or empty."""
    namespaces, whose = _host_namespaces(capture)
    lsms = _lsms(capture)
    enforce = _get(capture, "/sys/fs/selinux/enforce")
    apparmor = _get(capture, "/sys/module/apparmor/parameters/enabled")
    mounts = or_none(capture.decoded(_MOUNTS, parse_mountinfo)) or ()
    return Ground(
        kernel=_get(capture, "uname:release") or "",
        machine=_get(capture, "uname:machine") or "",
        lsms=lsms,
        sysctls=tuple((name, value) for name in SYSCTLS if (value := _get(capture, path_of(name))) is not None),
        cap_last_cap=_number(capture, "/proc/sys/kernel/cap_last_cap"),
        namespaces=namespaces,
        namespaces_from=whose,
        initial_user_namespace=or_none(capture.decoded("/proc/self/uid_map", parse_full)),
        memory_total=or_none(capture.decoded("/proc/meminfo", parse_memory_total)),
        cpus_online=_number(capture, "sysconf:online_cpus"),
        cgroup_layout=layout_of(mounts),
        boot_time=_seconds(_get(capture, "clock:boot_time")),
        clock_ticks=_number(capture, "sysconf:clock_ticks"),
        reader_uid=_number(capture, "id:uid"),
        apparmor=apparmor == "Y" and (lsms is None or "apparmor" in lsms),
        selinux="" if enforce is None else "enforcing" if enforce == "1" else "permissive",
        mounts=_mounts(mounts),
        peer_groups=_peer_groups(mounts),
        features=tuple(
            (name, text == "yes") for name in FEATURES if (text := _get(capture, f"feature:{name}")) in ("yes", "no")
        ),
        lockdown=or_none(capture.decoded("/sys/kernel/security/lockdown", parse_lockdown)),
        selinux_switches=or_none(capture.decoded("selinux:switches", parse_modules)),
        lacking=_lacking(capture),
        network_inode=_host_network_inode(capture),
        first_processes=inode_of(_get(capture, "/proc/self/ns/pid")) == INITIAL_INODES[Kind.PID],
        cpu_flaws=or_none(capture.decoded("cpu:vulnerabilities", parse_flaws)),
        smt=_get(capture, "/sys/devices/system/cpu/smt/control") or "",
        sockets=or_none(capture.decoded("sockets:engines", parse_sockets)) or (),
        file_systems=tuple((each.fs_type, each.options, each.super_options) for each in mounts if _of_host(each)),
        profiles=tuple((path, found) for path in PROFILES if isinstance(found := capture.text(path), str)),
    )


def _lacking(capture: Capture) -> tuple[str, ...]:
    names = frozenset(capture.names())
    found = []
    for name in SYSCTLS:
        path = path_of(name)
        text = capture.text(path)
        if path in names and isinstance(text, Gap) and text.kind is GapKind.ABSENT:
            found.append(name)
    return tuple(found)


def _get(capture: Capture, name: str) -> str | None:
    text = or_none(capture.text(name))
    return None if text is None else text.strip()


def _number(capture: Capture, name: str) -> int | None:
    return or_none(capture.decoded(name, parse_number))


def _seconds(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if 0 <= found < 1 << 40 else None  # nor infinite, nor NaN


def _lsms(capture: Capture) -> tuple[str, ...] | None:
    listed = or_none(capture.decoded("/sys/kernel/security/lsm", parse_modules))
    return or_none(capture.decoded("lsm:modules", parse_modules)) if listed is None else listed


def _host_namespaces(capture: Capture) -> tuple[tuple[tuple[str, int], ...], str]:
    """Of PID 1, else of PID 2 (kthreadd), else our own: PID 1 may deny them even to root."""
    for who, word in (("1", "PID 1"), ("2", "PID 2"), ("self", "own")):
        if who == "2" and _get(capture, "/proc/2/ns/pid") is not None and not _is_initial(capture):
            continue  # in a PID namespace of our own PID 2 is any process
        found = tuple(
            (kind, inode)
            for kind in NAMESPACES
            if (inode := inode_of(_get(capture, f"/proc/{who}/ns/{kind}"))) is not None
        )
        if found:
            return found, word
    return (), ""


def _host_network_inode(capture: Capture) -> int | None:
    """Of the host's first process, which may be asked by anyone; else our own."""
    first = _number(capture, "inode:/proc/1/net/dev")
    return _number(capture, "inode:/proc/self/net/dev") if first is None else first


def _is_initial(capture: Capture) -> bool:
    return inode_of(_get(capture, "/proc/2/ns/pid")) == INITIAL_INODES[Kind.PID]


def inode_of(link: str | Gap | None) -> int | None:
    """`net:[4026531840]` -> 4026531840; None where it was not read or is no such link."""
    if link is None or isinstance(link, Gap):
        return None
    try:
        return parse_link(link).inode
    except DecodeError:
        return None


# Mounts that come and go with containers: left out, so that the ground stays equal when one starts. An overlay may be
# the host's own, too: of its root directory, or of /etc; those of containers are mounted in the engines' stores.
_PEERS = re.compile(r"\b(?:shared|master):([0-9]{1,10})\b").findall
_OF_CONTAINERS = re.compile(r"/(?:merged?|rootfs)$|/(?:overlay2?|overlay-containers|containerd|snapshots)/").search


def _mounts(mounts: Iterable[Mount]) -> tuple[tuple[str, str, str], ...]:
    return tuple((mount.device, mount.root, mount.target) for mount in mounts if _of_host(mount))


def _of_host(mount: Mount) -> bool:
    of_container = mount.fs_type in UNION and _OF_CONTAINERS(mount.target)
    return mount.fs_type != "nsfs" and mount.source != "shm" and not of_container


def _peer_groups(mounts: Iterable[Mount]) -> tuple[int, ...]:
    """Also those that the reader's mounts only receive from (`master:`): the reader has a namespace of its own then."""
    found = (_PEERS(mount.optional) for mount in mounts if mount.optional and _of_host(mount))
    return tuple(sorted({int(number) for numbers in found for number in numbers}))
