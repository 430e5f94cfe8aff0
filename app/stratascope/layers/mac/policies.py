"""How the measured policies rule on each need: AppArmor's default profiles of engines, SELinux's container types.

AppArmor: `docker-default` is Docker's, `containers-default-VERSION` Podman's; both were measured in a virtual machine
with everything off except the profile (Docker 26.1, Podman 5.4, AppArmor 4.1, Linux 6.12; `tests/machine/vm`). File
rules are kept as patterns rather than answers for single paths, so they cover every path of the catalogue. The
measurements also showed: mount_setattr(2), open_tree(2), fsopen(2) and fsmount(2) are not mediated at all; in a file
system that is not attached to the tree, paths start at that file system's root. For new user namespaces the label is
not enough: newer versions of Docker pin `abi <abi/3.0>`, in which a profile that does not mention them does not
restrict them. There the engine must be a version whose rules are the measured ones: `SAME_RULES`, which
`tests/machine/today` compares with the rules in the engines themselves.

SELinux: measured in a virtual machine under Debian 13's policy (selinux-policy-default 2.20250213, its booleans off),
with everything off except the type (`tests/machine/vm`), and queried from the kernel's own tables
(/sys/fs/selinux/access). Fedora and Red Hat have another policy (container-selinux), which was not measured: there
container_t is unknown rather than guessed. Capabilities are checked against one class in the initial user namespace and
another in all others (cred_has_capability, security/selinux/hooks.c).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypedDict

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.options.rules import rules_of
from stratascope.core.threats import needs
from stratascope.core.threats.catalogue.shared import (
    AF_ALG,
    AF_CAN,
    AF_INET,
    AF_KCM,
    AF_NETLINK,
    AF_RDS,
    AF_SMC,
    AF_TIPC,
    AF_VSOCK,
    AF_XDP,
    IPPROTO_SCTP,
    NETLINK_NETFILTER,
    NETLINK_XFRM,
)
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.mac.facts import CURRENT, MacFacts
from stratascope.linux.defaults import versions_around
from stratascope.value import Value

LABEL = f"@{CURRENT}"


def stops(reason: Message) -> Ruling:
    """The policy refuses it."""
    return Ruling(Stance.STOPS, reason, LABEL)


def lets(reason: Message) -> Ruling:
    """The policy does not refuse it."""
    return Ruling(Stance.LETS_THROUGH, reason, LABEL)


def unknown(reason: Message) -> Ruling:
    """Whether the policy refuses it is unknown."""
    return Ruling(Stance.UNKNOWN, reason, LABEL)


MEASURED = {"docker-default": "Docker 26.1", "containers-default": "Podman 5.4"}
# Versions that differ only in which signals others may send to a container (Podman's own, since 5.8)
SAME_RULES = {"docker-default": ("26.1", "28.5"), "containers-default": ("5.4", "5.8", "6.1")}

# Paths both profiles forbid writing. A bracketed set excludes these characters; it also matches a slash
_BOTH_WRITE = (
    r"/proc/[^/]+",
    r"/proc/sys/[^k].*",
    r"/proc/sys/kernel/(?:[^/]{1,2}|[^s][^h][^m].*)",
    r"/sys/[^f][^/]*/.+",
    r"/sys/f[^s][^/]*/.+",
    r"/sys/fs/[^c][^/]*/.+",
    r"/sys/fs/c[^g][^/]*/.+",
    r"/sys/fs/cg[^r][^/]*/.+",
)
_BOTH_ANY = (r"/proc/sysrq-trigger", r"/proc/kcore", r"/sys/firmware/.+", r"/sys/kernel/security/.+")
# Directories in /proc that are not processes; the fourth character tells the two profiles apart
_SHORT = r"[^1-9]|[^1-9][^0-9]|[^1-9s][^0-9y][^0-9s]"
_WRITE = {
    "docker-default": (*_BOTH_WRITE, rf"/proc/(?:{_SHORT}|[^1-9][^0-9][^0-9][^0-9/][^/]*)/.+"),
    "containers-default": (*_BOTH_WRITE, rf"/proc/(?:{_SHORT}|[^1-9][^0-9][^0-9][^0-9][^/]*)/.+"),
}
_ANY = {
    "docker-default": (*_BOTH_ANY, r"/sys/devices/virtual/powercap/.+"),
    "containers-default": _BOTH_ANY,
}
_ROOTS = re.compile(
    r"/proc/sys/fs/binfmt_misc(?=/)|/sys/kernel/(?:config|debug|security|tracing)(?=/)|/sys/firmware/efi/efivars(?=/)"
    r"|/sys/fs/fuse/connections(?=/)"
    r"|/sys/fs/pstore$|/dev(?=/)|/proc(?=/)|/sys/fs/cgroup(?:/[^/]+(?=/))?(?=/)|/sys(?=/)"
)


class AppArmorPosture(Value):
    """A known profile in force. The last two: what this kernel and its parser mediate (None: unknown)."""

    profile: str  # a key of MEASURED
    label: str
    user_namespaces: bool | None
    move_mount: bool | None
    same_rules: bool  # whether the engine is a version whose profile has the measured rules


def apparmor_posture(label: str, around: Surroundings) -> AppArmorPosture | None:
    """For a label in enforce or kill mode; None if no profile of that name was measured."""
    name = "containers-default" if re.fullmatch(r"containers-default-[0-9][0-9.]*[\w.-]*", label) else label
    if name not in MEASURED:
        return None
    ground = around.ground
    return AppArmorPosture(
        name,
        label,
        ground.feature("apparmor_userns"),
        ground.feature("apparmor_move_mount"),
        bool(around.engine.version) and bool(versions_around(around.engine.version, SAME_RULES[name])),
    )


def apparmor_stance(need: Need, posture: AppArmorPosture) -> Ruling | None:
    """How the profile alone rules on a need; None: not its concern."""
    who = _Words(profile=posture.label, engine=MEASURED[posture.profile])
    match need:
        case needs.BusSocket(needs.Bus.SYSTEM | needs.Bus.USER):
            return unknown(
                msg("Whether AppArmor keeps this profile away from D-Bus depends on the bus and the kernel.")
            )
        case needs.BusSocket():
            return lets(msg("The profile {profile} allows all files except some in /proc and /sys.",
                            profile=posture.label))  # fmt: skip
        case needs.KernelFile(bound=True):
            return lets(
                msg(
                    "The profile {profile} goes by paths, and where it is bound in, this one is different.",
                    profile=posture.label,
                )
            )
        case needs.KernelFile(path, access, fresh, copied=copied):
            return _apparmor_file(path, access, fresh or copied, posture, who)
        case needs.Mounting(operation):
            return _mounting(operation, posture, who)
        case needs.Tracing("host"):
            return stops(
                msg("The profile {profile}, as measured on {engine}, keeps it away from the host's processes.", **who)
            )
        case needs.Tracing("see"):
            return lets(msg("AppArmor does not hide processes."))
        case needs.Tracing():
            return lets(
                msg("The profile {profile} lets it trace processes under the same profile.", profile=posture.label)
            )
        case needs.SignalRoot():
            return stops(
                msg(
                    "The profile {profile}, as measured on {engine}, lets it signal only processes under the same "
                    "profile.",
                    **who,
                )
            )
        case needs.NewUserNamespace() | needs.LeaveNewUserNamespace():
            return _user_namespace(posture, who)
        case needs.Capability() | needs.LowPort():
            return lets(msg("The profile {profile} allows the use of every capability.", profile=posture.label))
        case (
            needs.Device()
            | needs.DeviceKind()
            | needs.EngineSocket()
            | needs.GroupFile()
            | needs.HostFiles()
            | needs.HostFileSystem()
            | needs.RootWritable()
        ):
            return lets(
                msg("The profile {profile} allows all files except some in /proc and /sys.", profile=posture.label)
            )
        case _:
            return None


def forbids(profile: str, path: str, access: needs.Access) -> bool:
    """Whether that default profile (a key of MEASURED) forbids this access to the path."""
    return _pattern(profile, access).fullmatch(path) is not None


@cache  # only compiled if such a profile is in force
def _pattern(profile: str, access: needs.Access) -> re.Pattern[str]:
    rules = _ANY[profile] if access is needs.Access.READ else (*_ANY[profile], *_WRITE[profile])
    return re.compile("|".join(f"(?:{rule})" for rule in rules))


class _Words(TypedDict):
    profile: str
    engine: str


def _apparmor_file(path: str, access: needs.Access, fresh: bool, posture: AppArmorPosture, who: _Words) -> Ruling:
    # The profiles forbid attaching a file system, so a new one, or a copy, can only be used detached. Its paths then
    # start at its own root (d_namespace_path in security/apparmor/path.c)
    seen = _ROOTS.sub("", path, count=1) if fresh else path
    if forbids(posture.profile, seen, access):
        if access is needs.Access.READ:
            return stops(msg("The profile {profile}, as measured on {engine}, forbids reading this file.", **who))
        return stops(msg("The profile {profile}, as measured on {engine}, forbids writing this file.", **who))
    if fresh:
        text = msg(
            "The profile {profile} goes by paths, and in a freshly mounted filesystem this path is different.",
            profile=posture.label,
        )
        return lets(text)
    return lets(msg("The profile {profile} does not forbid this file.", profile=posture.label))


def _mounting(operation: str, posture: AppArmorPosture, who: _Words) -> Ruling:
    match operation:
        case "mount" | "bind" | "remount":
            return stops(msg("The profile {profile}, as measured on {engine}, forbids every mount.", **who))
        case "pivot_root":
            return stops(msg("The profile {profile}, as measured on {engine}, forbids pivot_root.", **who))
        case "umount":
            return lets(msg("The profile {profile} allows unmounting.", profile=posture.label))
        case "new-api" | "setattr" | "open-tree":
            return lets(msg("AppArmor does not check this way of changing mounts."))
        case "move" if posture.move_mount:
            return stops(msg("The profile {profile}, as measured on {engine}, forbids move_mount.", **who))
        case "move" if posture.move_mount is False:
            return lets(msg("AppArmor does not check move_mount on this kernel."))
        case _:
            return unknown(msg("Whether AppArmor checks this on this kernel is not known."))


def _user_namespace(posture: AppArmorPosture, who: _Words) -> Ruling:
    if posture.user_namespaces is None:
        return unknown(msg("Whether profiles here are built to forbid new user namespaces could not be read."))
    if posture.user_namespaces and not posture.same_rules:
        text = msg(
            "The profile {profile} was measured on {engine}; whether this version's forbids new user namespaces is not"
            " known.",
            **who,
        )
        return unknown(text)
    if posture.user_namespaces:
        return stops(msg("The profile {profile}, as measured on {engine}, forbids new user namespaces.", **who))
    return lets(msg("AppArmor does not check new user namespaces here: the kernel or the parser is too old for it."))


_CONTAINER = "container_t"
_PRIVILEGED = "spc_t"

# class capability, capability2: in the initial user namespace
_CONTAINER_INITIAL = frozenset(("CAP_AUDIT_WRITE", "CAP_NET_BIND_SERVICE"))
# class cap_userns, cap2_userns: in any other
_CONTAINER_OWN = frozenset(
    (
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_KILL",
        "CAP_NET_ADMIN",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SETGID",
        "CAP_SETUID",
    )
)
# Those that are only useful on the container's own files
_FILES = frozenset(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"))
_PRIVILEGED_LACKS = frozenset(("CAP_AUDIT_READ", "CAP_BLOCK_SUSPEND", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE"))

# Files of proc and sysfs are labelled one by one (genfscon), wherever the file system is mounted
_MAY_WRITE = r"/proc/sys/net/.+|/sys/fs/cgroup/.+"
_MAY_NOT_READ = (
    r"/proc/(?:kcore|kmsg|kallsyms|mtrr|sched_debug|scsi|sysrq-trigger)(?:/.*)?"
    r"|/proc/sys/kernel/(?:modprobe|hotplug|ns_last_pid)"
    r"|/proc/sys/(?:vm/(?!overcommit_memory).+|user/.+)"
    r"|/sys/(?:fs/selinux|kernel/(?:debug|tracing|security|uevent_helper))(?:/.*)?"
)

_UNMEDIATED = frozenset(("setattr", "open-tree", "new-api", "pivot_root"))  # SELinux has no check of its own here
# Calls that create kernel objects with a class of their own, for which container_t has no permissions. These stand for
# such an object: no other need of a route says that it is created rather than inherited.
_MAKERS = frozenset(("bpf", "io_uring_setup", "perf_event_open"))
# Arguments of socket(2) for which there is a class of its own (security/selinux/hooks.c), measured as refused
_SOCKETS = (
    *(frozenset({(0, each)}) for each in (AF_ALG, AF_CAN, AF_KCM, AF_RDS, AF_SMC, AF_TIPC, AF_VSOCK, AF_XDP)),
    frozenset({(0, AF_INET), (2, IPPROTO_SCTP)}),
    *(frozenset({(0, AF_NETLINK), (2, each)}) for each in (NETLINK_NETFILTER, NETLINK_XFRM)),
)


class SELinuxPosture(Value):
    """An enforced type. `measured`: the host has the measured policy, with its booleans off."""

    type: str
    measured: bool
    own_user_namespace: bool | None
    shared: tuple[str, ...] | None  # kinds of namespaces shared with the host
    rootless: bool
    own_mounter: bool  # whether the engine mounts overlay file systems from a domain of its own


def selinux_posture(facts: MacFacts, around: Surroundings) -> SELinuxPosture | None:
    """For an enforced type; None if it was not measured."""
    kind, ground = facts.type or "", around.ground
    if kind not in (_CONTAINER, _PRIVILEGED):
        return None
    measured = re.search(r"[+-]deb\d", ground.kernel) is not None and ground.selinux_switches == ()
    engine = around.engine
    return SELinuxPosture(
        kind,
        measured,
        facts.own_user_namespace,
        facts.shared_with_host,
        engine.rootless,
        rules_of(engine).own_mounter,
    )


def selinux_stance(need: Need, posture: SELinuxPosture) -> Ruling | None:
    """How the type alone rules on a need; None: not its concern."""
    found = _privileged(need, posture) if posture.type == _PRIVILEGED else _container(need, posture)
    if found is not None and found.stance is Stance.LETS_THROUGH and _by_the_mounter(need, posture):
        return unknown(
            msg("It also depends on what the policy allows the engine, which mounted the container's files.")
        )
    if found is None or posture.measured or posture.type == _PRIVILEGED:
        return found
    return unknown(
        msg("What this host's SELinux policy permits {type} is not known here.", type=posture.type)
    )  # fmt: skip


def _by_the_mounter(need: Need, posture: SELinuxPosture) -> bool:
    # overlayfs accesses the files below with the credentials of whoever mounted it
    if not (posture.own_mounter and posture.measured) or (posture.own_user_namespace and not posture.rootless):
        return False  # root's Podman gives a user namespace a copy of the image, writable as measured
    return isinstance(need, needs.RootWritable) or (
        isinstance(need, needs.Capability) and need.where is needs.Where.OWN and _FILES.issuperset(need.any_of)
    )


def _container(need: Need, posture: SELinuxPosture) -> Ruling | None:
    match need:
        case needs.Capability(any_of, where):
            return _capability(any_of, where, posture)
        case needs.LowPort():
            return lets(msg("The type container_t can bind low ports."))
        case needs.KernelFile(path, access):
            return _selinux_file(path, access)
        case needs.PinnedObject():
            return unknown(msg("Which BPF objects of others the type container_t can use was not measured."))
        case needs.Mounting(operation):
            if operation in _UNMEDIATED:
                return lets(msg("SELinux does not check this way of changing mounts."))
            return stops(msg("The type container_t can't change mounts."))
        case needs.Tracing("look"):
            return lets(msg("The type container_t can see its own processes."))
        case needs.Tracing("own"):
            return stops(msg("The type container_t can't trace any process, not even its own."))
        case needs.Tracing("see"):
            return stops(msg("The type container_t can't read what /proc shows of the host's processes."))
        case needs.Tracing():
            return stops(msg("The type container_t can't access processes outside its container."))
        case needs.SignalRoot():
            return stops(msg("The type container_t can signal only processes of its container."))
        case needs.NewUserNamespace():
            return stops(msg("The type container_t can't create user namespaces."))
        case needs.LeaveNewUserNamespace():
            return lets(msg("In a user namespace, the type container_t can use the network capabilities."))
        case needs.Device(_, _, _, access):
            return _device(access, posture)
        case needs.DeviceKind():
            return _device("r", posture)
        case needs.Calls(ways) if _makes_object(ways):
            return stops(msg("The type container_t can't use this part of the kernel."))
        case needs.GroupFile():
            return lets(msg("The type container_t can write to this file, if ordinary permissions allow it."))
        case needs.RootWritable():
            return lets(msg("The files of a container have a type that it can write to."))
        case needs.HostFiles():
            return unknown(
                msg("It is refused unless the path is labelled for containers (:z or :Z), which can't be seen here.")
            )
        case needs.EngineSocket():
            return stops(msg("The type container_t can't connect to an engine."))
        case needs.BusSocket():
            return stops(msg("The type container_t can't connect to D-Bus or systemd."))
        case _:
            return None


def _makes_object(ways: tuple[needs.Call, ...]) -> bool:
    # socketcall(2) has the family in memory, and is listed in addition to socket(2), which has it as an argument
    others = [way for way in ways if way.name != "socketcall"]
    return bool(others) and all(way.name in _MAKERS or any(each <= {*way.args} for each in _SOCKETS) for way in others)


def _capability(any_of: tuple[str, ...], where: needs.Where, posture: SELinuxPosture) -> Ruling:
    initial = not _CONTAINER_INITIAL.isdisjoint(any_of)
    own = not _CONTAINER_OWN.isdisjoint(any_of)
    names = ", ".join(name.removeprefix("CAP_") for name in any_of)
    first = _is_first(where, posture)
    if first is not None:
        may = initial if first else own
    elif initial == own:
        may = own
    else:
        return unknown(msg("Whether the type container_t can use {names} depends on the user namespace, which could "
                           "not be determined.", names=names))  # fmt: skip
    if may:
        return lets(msg("The type container_t can use {names}.", names=names))
    return stops(msg("The type container_t can't use {names}, even if the process holds it.", names=names))


def _is_first(where: needs.Where, posture: SELinuxPosture) -> bool | None:
    """Whether that capability is checked in the initial user namespace."""
    if where is needs.Where.INITIAL or posture.own_user_namespace is False:
        return True
    if posture.own_user_namespace is None:
        return None
    if where is needs.Where.OWN:
        return False
    # A rootless engine can only create namespaces in user namespaces of its own; who created one it did not is unknown
    if posture.shared is not None and where.kind in posture.shared:
        return True
    return False if posture.rootless and posture.shared is not None else None


def _selinux_file(path: str, access: needs.Access) -> Ruling:
    if access is needs.Access.WRITE:
        if re.fullmatch(_MAY_WRITE, path):
            return lets(msg("The type container_t can write to this file, if ordinary permissions allow it."))
        return stops(msg("The type container_t can't write to this file."))
    if re.fullmatch(_MAY_NOT_READ, path):
        return stops(msg("The type container_t can't read this file."))
    return lets(msg("The type container_t can read this file, if ordinary permissions allow it."))


def _device(access: str, posture: SELinuxPosture) -> Ruling:
    if "m" in access:
        return stops(msg("The type container_t can't create device nodes."))
    if posture.own_user_namespace is False:
        return lets(msg("Nodes that the engine created in the container have a type that container_t can open."))
    return unknown(msg("It depends on the type of the device node, which can't be seen from here."))


def _privileged(need: Need, posture: SELinuxPosture) -> Ruling | None:
    if isinstance(need, needs.Capability):
        lacking = _PRIVILEGED_LACKS.issuperset(need.any_of)
        if lacking and (need.where is needs.Where.INITIAL or posture.own_user_namespace is False):
            names = ", ".join(name.removeprefix("CAP_") for name in need.any_of)
            if posture.measured:
                return stops(msg("The type spc_t can do nearly everything, but not use {names}.", names=names))
            return unknown(msg("Whether this host's SELinux policy lets spc_t use {names} is not known.", names=names))
    if _container(need, posture) is None:
        return None
    return lets(msg("The type spc_t is meant for privileged containers: SELinux lets it do nearly everything."))
