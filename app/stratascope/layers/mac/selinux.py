"""How SELinux rules on each need for container types, as measured.

Measured in a virtual machine under Debian 13's policy (selinux-policy-default 2.20250213, its booleans off), with
everything off except the type (`tests/machine/vm`), and queried from the kernel's own tables (/sys/fs/selinux/access).
Fedora and Red Hat have another policy (container-selinux), which was not measured: there container_t is unknown rather
than guessed. Capabilities are checked against one class in the initial user namespace and another in all others
(cred_has_capability, security/selinux/hooks.c).
"""

from __future__ import annotations

import re

from stratascope.core.container import EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.threats.needs import (
    Access,
    Call,
    Calls,
    Capability,
    Device,
    EngineSocket,
    GroupFile,
    HostFiles,
    KernelFile,
    LeaveNewUserNamespace,
    LowPort,
    Mounting,
    Need,
    NewUserNamespace,
    RootWritable,
    SignalRoot,
    Tracing,
    Where,
)
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.mac.facts import MacFacts
from stratascope.layers.mac.rulings import lets, stops, unknown
from stratascope.value import Value

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
_KINDS = {
    Where.MNT_OWNER: "mnt",
    Where.NET_OWNER: "net",
    Where.UTS_OWNER: "uts",
    Where.IPC_OWNER: "ipc",
    Where.PID_OWNER: "pid",
}
_FAMILIES = ((0, 38), (0, 40))  # first argument of socket(2): AF_ALG and AF_VSOCK, each a class of its own


class SELinuxPosture(Value):
    """An enforced type. `measured`: the host has the measured policy, with its booleans off."""

    type: str
    measured: bool
    own_user_namespace: bool | None
    shared: tuple[str, ...] | None  # kinds of namespaces shared with the host
    rootless: bool
    podman: bool  # its overlay file systems are mounted from a domain that Debian's policy does not let write there


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
        engine.kind is EngineKind.PODMAN,
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
    if not (posture.podman and posture.measured) or (posture.own_user_namespace and not posture.rootless):
        return False  # root's Podman gives a user namespace a copy of the image, writable as measured
    return isinstance(need, RootWritable) or (
        isinstance(need, Capability) and need.where is Where.OWN and _FILES.issuperset(need.any_of)
    )


def _container(need: Need, posture: SELinuxPosture) -> Ruling | None:
    match need:
        case Capability(any_of, where):
            return _capability(any_of, where, posture)
        case LowPort():
            return lets(msg("The type container_t can bind low ports."))
        case KernelFile(path, access):
            return _file(path, access)
        case Mounting(operation):
            if operation in _UNMEDIATED:
                return lets(msg("SELinux does not check this way of changing mounts."))
            return stops(msg("The type container_t can't change mounts."))
        case Tracing("look"):
            return lets(msg("The type container_t can see its own processes."))
        case Tracing("own"):
            return stops(msg("The type container_t can't trace any process, not even its own."))
        case Tracing("see"):
            return stops(msg("The type container_t can't read what /proc shows of the host's processes."))
        case Tracing():
            return stops(msg("The type container_t can't access processes outside its container."))
        case SignalRoot():
            return stops(msg("The type container_t can signal only processes of its container."))
        case NewUserNamespace():
            return stops(msg("The type container_t can't create user namespaces."))
        case LeaveNewUserNamespace():
            return lets(msg("In a user namespace, the type container_t can use the network capabilities."))
        case Device(_, _, _, access):
            return _device(access, posture)
        case Calls(ways) if _makes_object(ways):
            return stops(msg("The type container_t can't use this part of the kernel."))
        case GroupFile():
            return lets(msg("The type container_t can write to this file, if ordinary permissions allow it."))
        case RootWritable():
            return lets(msg("The files of a container have a type that it can write to."))
        case HostFiles():
            return unknown(
                msg("It is refused unless the path is labelled for containers (:z or :Z), which can't be seen here.")
            )
        case EngineSocket():
            return stops(msg("The type container_t can't connect to an engine."))
        case _:
            return None


def _makes_object(ways: tuple[Call, ...]) -> bool:
    # socketcall(2) has the family in memory, and is listed in addition to socket(2), which has it as an argument
    others = [way for way in ways if way.name != "socketcall"]
    return bool(others) and all(way.name in _MAKERS or not set(_FAMILIES).isdisjoint(way.args) for way in others)


def _capability(any_of: tuple[str, ...], where: Where, posture: SELinuxPosture) -> Ruling:
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


def _is_first(where: Where, posture: SELinuxPosture) -> bool | None:
    """Whether that capability is checked in the initial user namespace."""
    if where is Where.INITIAL or posture.own_user_namespace is False:
        return True
    if posture.own_user_namespace is None:
        return None
    if where is Where.OWN:
        return False
    # A rootless engine can only create namespaces in user namespaces of its own; who created one it did not is unknown
    if posture.shared is not None and _KINDS[where] in posture.shared:
        return True
    return False if posture.rootless and posture.shared is not None else None


def _file(path: str, access: Access) -> Ruling:
    if access is Access.WRITE:
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
    if isinstance(need, Capability):
        lacking = _PRIVILEGED_LACKS.issuperset(need.any_of)
        if lacking and (need.where is Where.INITIAL or posture.own_user_namespace is False):
            names = ", ".join(name.removeprefix("CAP_") for name in need.any_of)
            if posture.measured:
                return stops(msg("The type spc_t can do nearly everything, but not use {names}.", names=names))
            return unknown(msg("Whether this host's SELinux policy lets spc_t use {names} is not known.", names=names))
    if _container(need, posture) is None:
        return None
    return lets(msg("The type spc_t is meant for privileged containers: SELinux lets it do nearly everything."))
