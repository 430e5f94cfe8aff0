"""The ground below the six layers: the host's kernel and its settings, decoded from one host capture.

`HOST_WANTS` lists what the collector reads for it. The ground is not a layer and is never counted as one.
`Surroundings` is all that a layer may know besides its container.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stratascope.bounded_cache import remembered
from stratascope.core.capture import Capture, Gap, GapKind, or_none
from stratascope.core.container import Engine
from stratascope.linux.cgroup import layout_of
from stratascope.linux.decode import DecodeError, rows
from stratascope.linux.giving_programs import GivingPrograms
from stratascope.linux.lsm import parse_lockdown, parse_modules
from stratascope.linux.machine import CpuFlaw, parse_flaws, parse_memory_total, parse_number, path_of
from stratascope.linux.mounts import UNION, Mount, parse_mountinfo
from stratascope.linux.namespace import INITIAL_INODES, Namespace, is_initial, parse_full, parse_link
from stratascope.linux.permissions import BoundMount, Ranges
from stratascope.value import Value, replace

NAMESPACES = tuple(kind.value for kind in Namespace)

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
    "dev.tty.legacy_tiocsti",
    "user.max_user_namespaces",
    "vm.unprivileged_userfaultfd",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    *(f"fs.protected_{kind}" for kind in ("fifos", "hardlinks", "regular", "symlinks")),
)

# Kernel features that may be missing. `collector/host.py` detects each (`feature:NAME`, text "yes" or "no") by a
# harmless call with arguments that can't succeed (ENOSYS: missing), or by a file that only exists with the feature.
# `apparmor_userns`: profiles that do not mention user namespaces deny creating them; `apparmor_move_mount`: the same
# for moving mounts. Some are of the host rather than its kernel: `abstract_engine_sockets` (of old containerd),
# `engine_port` (an engine listens on a network port without TLS), `engine_port_everywhere` (and not only for the host
# itself), `cloud` (a machine of a cloud that has a metadata service).
FEATURES = (
    "abstract_engine_sockets",
    "apparmor_move_mount",
    "apparmor_userns",
    "audit",
    "binfmt_misc",
    "bpf",
    "can_socket",
    "cgroup_v1",
    "cloud",
    "configfs",
    "crypto_socket",
    "debugfs",
    "dev_mem",
    "devices_console",
    "devices_disk_commands",
    "devices_file_systems",
    "devices_graphics",
    "devices_input",
    "devices_machine",
    "devices_page_faults",
    "devices_virtual_machines",
    "devtmpfs",
    "efivarfs",
    "engine_port",
    "engine_port_everywhere",
    "firmware",
    "fuse",
    "fusectl",
    "i386",
    "io_uring",
    "kcm_socket",
    "kcore",
    "kexec",
    "keys",
    "modules",
    "netfilter",
    "new_mount_api",
    "obsolete_calls",
    "open_by_handle",
    "packet_socket",
    "perf_events",
    "port_io",
    "process_accounting",
    "pstore",
    "quota",
    "rds_socket",
    "sctp_socket",
    "securityfs",
    "smc_socket",
    "suspend",
    "swap",
    "sysrq",
    "tipc_socket",
    "tracefs",
    "user_namespaces",
    "userfaultfd",
    "vsock",
    "x32",
    "xdp_socket",
    "xfrm",
)

# Podman's default seccomp profile: the administrator's takes precedence (containers/common, pkg/seccomp)
PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")

# "uname:release" and the like are not files: the collector takes them from uname(2) and sysconf(3)
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
    "sockets:engines",  # the usual paths of sockets of engines, systemd and D-Bus
    "selinux:switches",  # enabled SELinux booleans that concern containers
    "cpu:vulnerabilities",
    "/sys/devices/system/cpu/smt/control",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/meminfo",
    "/proc/misc",
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
    """The host as read. Tuples of pairs instead of dicts, so that it is hashable; use the methods to look values up."""

    UNPRINTED = (
        "profiles",
        "sockets",
        "user_sockets",
        "buses",
        "file_systems",
        "engine_mounts",
        "engine_file_systems",
        "nodes",
    )

    kernel: str  # "6.18.44"; empty if not read
    machine: str  # "x86_64"
    lsms: tuple[str, ...] | None  # active Linux Security Modules; None where not readable
    sysctls: tuple[tuple[str, str], ...]  # those of SYSCTLS that this kernel has and that are readable
    cap_last_cap: int | None  # number of the kernel's last capability
    namespaces: tuple[tuple[str, int], ...]  # kind and inode, of the process in `namespaces_from`
    namespaces_from: str  # "PID 1", "PID 2" (kthreadd), "own" (the reader's: may not be the host's), "" if none
    initial_user_namespace: bool | None  # whether the reader itself is in the initial user namespace
    memory_total: int | None  # bytes
    cpus_online: int | None
    cgroup_layout: str  # v1, v2, hybrid, none
    boot_time: float | None  # seconds since the epoch
    clock_ticks: int | None  # per second, unit of starttime in /proc/PID/stat
    reader_uid: int | None
    apparmor: bool  # AppArmor is active
    selinux: str  # "enforcing", "permissive" or "" where SELinux is not active
    mounts: tuple[tuple[str, str, str], ...] = ()  # device, root, target: maps a bind mount back to its host path
    features: tuple[tuple[str, bool], ...] = ()  # the FEATURES known to be present or missing
    lockdown: str | None = None  # "none", "integrity", "confidentiality"; None where not readable or not built in
    selinux_switches: tuple[str, ...] | None = None  # enabled booleans that concern containers; None where not readable
    lacking: tuple[str, ...] = ()  # SYSCTLS that this kernel does not have (unreadable ones are in neither)
    profiles: tuple[tuple[str, str], ...] = ()  # path and text of each of PROFILES that exists
    peer_groups: tuple[int, ...] = ()  # of the host's own mounts; empty if the reader's mounts are private
    network_inode: int | None = None  # of /proc/PID/net/dev in the host's network namespace
    first_processes: bool = False  # whether the reader's /proc is of the initial PID namespace
    cpu_flaws: tuple[CpuFlaw, ...] | None = None  # None where not readable
    smt: str = ""  # "on", "off", "forceoff", "notsupported", "notimplemented"; empty if not read
    sockets: tuple[tuple[str, str], ...] = ()  # engine sockets at the usual paths: file identity (`DEVICE:INODE`), path
    user_sockets: tuple[str, ...] = ()  # those of rootless engines, wherever they are: file identities
    file_systems: tuple[tuple[str, str, str], ...] = ()  # for each of `mounts`: type, mount options, superblock options
    # The same of the engine's process, whose mounts a new bind shows; empty: not read, or not needed
    engine_mounts: tuple[tuple[str, str, str], ...] = ()
    engine_file_systems: tuple[tuple[str, str, str], ...] = ()
    nodes: tuple[SpecialFile, ...] | None = None  # the device nodes in /dev, for predictions; None: not read
    buses: tuple[tuple[str, str], ...] = ()  # likewise the sockets of D-Bus and systemd
    misc: tuple[tuple[int, str], ...] = ()  # minors of character major 10 that vary, and the names of their devices

    @property
    def bindable(self) -> tuple[tuple[tuple[str, str, str], tuple[str, str, str]], ...]:
        """The mounts that a new bind of the engine's can show, each with its file system; empty: not known."""
        mounts, kinds = self.engine_mounts or self.mounts, self.engine_file_systems or self.file_systems
        return tuple(zip(mounts, kinds, strict=True)) if kinds else ()

    def sysctl(self, name: str) -> str | None:
        """A kernel setting by its dotted name; None if this kernel lacks it, or it is not readable."""
        return next((value for key, value in self.sysctls if key == name), None)

    def sysctl_number(self, name: str) -> int | None:
        """The setting as an integer; None also if it is not one."""
        value = self.sysctl(name)
        try:
            return None if value is None else parse_number(value)
        except DecodeError:
            return None

    def feature(self, name: str) -> bool | None:
        """Whether this kernel has the feature; None if not known."""
        return next((has for key, has in self.features if key == name), None)

    def namespace(self, kind: str) -> int | None:
        """Inode of the host's namespace of that kind."""
        for key, inode in self.namespaces:  # a loop instead of a generator: called thousands of times a second
            if key == kind:
                return inode
        return None

    def is_hosts(self, kind: str, inode: int) -> bool | None:
        """Whether `inode` is the host's namespace of that kind; None if the host's is not known."""
        host = self.namespace(kind)
        shared = None if host is None else inode == host
        if shared is None or self.namespaces_from == "own":
            # the reader may not be in the host's namespace: decide by the initial namespace's fixed inode, where the
            # kernel has one
            fixed = is_initial(Namespace(kind), inode)
            return shared if fixed is None else fixed
        return shared


UNREAD = Ground("", "", None, (), None, (), "", None, None, None, "none", None, None, None, False, "")


class Neighbour(Value):
    """Another container in the same PID namespace."""

    name: str
    permitted: int | None  # its first process's permitted set, as a mask; None: not known
    strong: bool | None  # whether that set amounts to root on the host; None: not known
    ids: tuple[int, int] | None = None  # its uid and gid on the host; of mixed ones -1, as nobody has them


class Peers(Value):
    """Names of other containers that share something with this one."""

    namespaces: tuple[tuple[str, tuple[str, ...]], ...] = ()  # kind -> names, only the shared kinds
    uid_range: tuple[str, ...] = ()  # containers whose mapped host uids overlap with ours
    as_requested: tuple[tuple[str, tuple[str, ...]], ...] = ()  # as `namespaces`, according to the requested options
    neighbours: tuple[Neighbour, ...] = ()
    mounts: tuple[int, ...] = ()  # inodes of the neighbours' mount namespaces

    def of(self, kind: str) -> tuple[str, ...]:
        """The other containers in our namespace of that kind."""
        return next((names for key, names in self.namespaces if key == kind), ())

    def requested_of(self, kind: str) -> tuple[str, ...]:
        """The same according to the requested options: the container whose namespace we joined, and those that joined
        ours.
        """
        return next((names for key, names in self.as_requested if key == kind), ())


class SpecialFile(Value):
    """A socket or device. `kind`: s, b or c; `file`: identity, `DEVICE:INODE`; ids in the reader's user namespace."""

    kind: str
    major: int
    minor: int
    uid: int
    gid: int
    mode: int
    file: str
    path: str
    name: str = ""  # the host's for a device of that number, where the kernel gives numbers as they come


class SpecialFiles(Value):
    """The special files found. `whole`: the list is complete down to the searched depth."""

    files: tuple[SpecialFile, ...]
    whole: bool


class IdMaps(Value):
    """For users and groups, (inside, outside, length); None: not known. `image`: as the files of images lie on the
    disk; `own`: the container's.
    """

    image: tuple[Ranges, Ranges] | None
    own: tuple[Ranges, Ranges] | None


class Ahead(Value):
    """What was looked at of the files that a container will see which does not run yet. None: not looked at."""

    special: SpecialFiles | None = None  # sockets and device nodes that are bound in
    seen: SpecialFiles | None = None  # with those of its own /dev
    bound: tuple[BoundMount, ...] | None = None  # who may write to the host's files that are bound in
    programs: GivingPrograms | None = None  # of its image, and of what is bound in; ids inside


class Surroundings(Value):
    """What a layer may know besides its container: host, engine, other containers."""

    ground: Ground
    engine: Engine
    peers: Peers = Peers()
    verified_only: bool = False  # ignore what only the engine states, without the kernel's confirmation
    ahead: Ahead = Ahead()


MOUNTS = "/proc/self/mountinfo"


def with_mounts_of(capture: Capture, later: Capture) -> Capture:
    """The host's `capture` with the mounts of a later one; the same object if the relevant mounts did not change.

    The kernel reuses the device numbers of file systems without a disk right after unmounting. So the host's mounts
    only explain a container's mount if they were read while that container was already running.
    """
    before, after = (
        tuple(filter(_of_host, or_none(each.decoded(MOUNTS, parse_mountinfo)) or ())) for each in (capture, later)
    )
    found = next((reading for reading in later.readings if reading.name == MOUNTS), None)
    if found is None or found.text is None or before == after:
        return capture
    return replace(capture, readings=tuple(found if each.name == MOUNTS else each for each in capture.readings))


def with_engine_mounts(ground: Ground, mounts: Sequence[Mount]) -> Ground:
    """The ground with what the engine's process has mounted, in a mount namespace of its own."""
    kinds = tuple((each.fs_type, each.options, each.super_options) for each in mounts if _of_host(each))
    return replace(ground, engine_mounts=_mounts(mounts), engine_file_systems=kinds)


def with_sockets(ground: Ground, engines: Iterable[Engine]) -> Ground:
    """The ground with the sockets of these engines of its machine, wherever they are; the same object if it has all."""
    known = {path for _, path in ground.sockets}
    local = [each for each in engines if each.local and each.socket_file]
    ends = ((each.socket_file, each.endpoint.removeprefix("unix://")) for each in local)
    new = tuple(dict.fromkeys((file, path) for file, path in ends if path not in known))
    users = tuple(dict.fromkeys(each.socket_file for each in local if each.rootless))
    return replace(ground, sockets=(*ground.sockets, *new), user_sockets=users) if new or users else ground


def decode_ground(capture: Capture) -> Ground:
    """Typed facts of the host, from a capture of `HOST_WANTS`. Missing readings become None or empty."""
    namespaces, whose = _host_namespaces(capture)
    lsms = _lsms(capture)
    enforce = _get(capture, "/sys/fs/selinux/enforce")
    apparmor = _get(capture, "/sys/module/apparmor/parameters/enabled")
    mounts = or_none(capture.decoded(MOUNTS, parse_mountinfo)) or ()
    sockets = or_none(capture.decoded("sockets:engines", parse_sockets)) or ()
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
        first_processes=inode_of(_get(capture, "/proc/self/ns/pid")) == INITIAL_INODES[Namespace.PID],
        cpu_flaws=or_none(capture.decoded("cpu:vulnerabilities", parse_flaws)),
        smt=_get(capture, "/sys/devices/system/cpu/smt/control") or "",
        sockets=tuple(each for each in sockets if not _BUS(each[1])),
        buses=tuple(each for each in sockets if _BUS(each[1])),
        file_systems=tuple((each.fs_type, each.options, each.super_options) for each in mounts if _of_host(each)),
        misc=or_none(capture.decoded("/proc/misc", parse_misc)) or (),
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
    return found if 0 <= found < 1 << 40 else None  # rejects infinity and NaN as well


def _lsms(capture: Capture) -> tuple[str, ...] | None:
    listed = or_none(capture.decoded("/sys/kernel/security/lsm", parse_modules))
    return or_none(capture.decoded("lsm:modules", parse_modules)) if listed is None else listed


def _host_namespaces(capture: Capture) -> tuple[tuple[tuple[str, int], ...], str]:
    """The namespaces of PID 1, else PID 2 (kthreadd), else our own, and which: PID 1 may deny access even to root."""
    for who, word in (("1", "PID 1"), ("2", "PID 2"), ("self", "own")):
        if who == "2" and _get(capture, "/proc/2/ns/pid") is not None and not _is_initial(capture):
            continue  # in a PID namespace of our own, PID 2 is an arbitrary process
        found = tuple(
            (kind, inode)
            for kind in NAMESPACES
            if (inode := inode_of(_get(capture, f"/proc/{who}/ns/{kind}"))) is not None
        )
        if found:
            return found, word
    return (), ""


def _host_network_inode(capture: Capture) -> int | None:
    """Inode of /proc/PID/net/dev for the host's first process, which anyone may stat; else for the reader."""
    first = _number(capture, "inode:/proc/1/net/dev")
    return _number(capture, "inode:/proc/self/net/dev") if first is None else first


def _is_initial(capture: Capture) -> bool:
    return inode_of(_get(capture, "/proc/2/ns/pid")) == INITIAL_INODES[Namespace.PID]


def inode_of(link: str | Gap | None) -> int | None:
    """`net:[4026531840]` -> 4026531840; None if it was not read or has another form."""
    if link is None or isinstance(link, Gap):
        return None
    try:
        return parse_link(link).inode
    except DecodeError:
        return None


# Mounts that come and go with containers are left out, so that the ground stays equal when one starts. An overlay
# counts as a container's only below an engine's store: the host itself may use one for its root directory or /etc.
_PEERS = re.compile(r"\b(?:shared|master):([0-9]{1,10})\b").findall
_OF_CONTAINERS = re.compile(r"/(?:merged?|rootfs)$|/(?:overlay2?|overlay-containers|containerd|snapshots)/").search


def _mounts(mounts: Iterable[Mount]) -> tuple[tuple[str, str, str], ...]:
    return tuple((mount.device, mount.root, mount.target) for mount in mounts if _of_host(mount))


def _of_host(mount: Mount) -> bool:
    of_container = mount.fs_type in UNION and _OF_CONTAINERS(mount.target)
    return mount.fs_type != "nsfs" and mount.source != "shm" and not of_container


def _peer_groups(mounts: Iterable[Mount]) -> tuple[int, ...]:
    """Peer groups of the host's mounts, with those the reader only receives from (`master:`, in its own mount
    namespace).
    """
    found = (_PEERS(mount.optional) for mount in mounts if mount.optional and _of_host(mount))
    return tuple(sorted({int(number) for numbers in found for number in numbers}))


_LINE = re.compile(
    r"([sbc]) ([0-9]{1,10}):([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}) ([0-7]{1,4}) ([0-9]+:[0-9]+:[0-9]+) (/.*)", re.S
).fullmatch
_BUS = re.compile(r"/run/(?:dbus/system_bus_socket|systemd/private|user/[0-9]+/(?:bus|systemd/private))").fullmatch
_SOCKET = re.compile(r"([0-9]+:[0-9]+:[0-9]+) (/.*)", re.S).fullmatch


_MISC = re.compile(r" *([0-9]{1,7}) (\S{1,64})").fullmatch


@remembered()
def parse_misc(text: str) -> tuple[tuple[int, str], ...]:
    """Parse /proc/misc, `257 userfaultfd` per line. Raises DecodeError."""
    return tuple([(int(minor), name) for minor, name in rows(text, _MISC, "misc devices")])


@remembered()
def parse_special(text: str) -> SpecialFiles:
    """Parse one file per line; a final line `...` means there may be more. Raises DecodeError."""
    found = [
        SpecialFile(kind, int(major), int(minor), int(uid), int(gid), int(mode, 8), file, path)
        for kind, major, minor, uid, gid, mode, file, path in rows(text, _LINE, "special files")
    ]
    return SpecialFiles(tuple(found), not text.endswith("...\n"))


@remembered()
def parse_sockets(text: str) -> tuple[tuple[str, str], ...]:
    """Parse one socket per line: its file identity and path. Raises DecodeError."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = _SOCKET(line)
        if words is None:
            raise DecodeError(f"sockets, line {number}: {line[:80]!r}")
        found.append((words[1], words[2]))
    return tuple(found)
