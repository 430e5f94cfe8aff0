"""The stances of a process's identity towards each need: its user namespace, and who it is on the host.

Two questions. In which user namespace is a capability checked: the machine's initial one, or one where this process's
own capabilities apply? And who is it to the host: files of proc, signals and ptrace(2) all go by the host's uid. The
permissive process of a stance holds all capabilities; but where uid and a missing capability only refuse together and
no other layer says so (root's file, a signal), this one does.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import (
    Access,
    Calls,
    Capability,
    Device,
    EngineSocket,
    EngineUser,
    Feature,
    GroupFile,
    HostFiles,
    HostRoot,
    InspectContainer,
    InspectHost,
    KernelFile,
    LowPort,
    Need,
    Node,
    OtherIds,
    Room,
    RootWritable,
    SameUser,
    SetUidExec,
    SharedIds,
    SignalRoot,
    Where,
)
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.shared.conditional_needs import asked_for, not_asked_for, unread
from stratascope.layers.shared.unprivileged_ports import PORT_START
from stratascope.layers.usermap.posture import UsermapPosture
from stratascope.linux.capability import CapabilitySet

_MAP, _UID, _NAMESPACE = "@uid_map", "@status:Uid", "@ns/user"
_KIND = {
    Where.MNT_OWNER: "mnt",
    Where.NET_OWNER: "net",
    Where.UTS_OWNER: "uts",
    Where.IPC_OWNER: "ipc",
    Where.PID_OWNER: "pid",
}
_WORDS = {
    "mnt": msg("mount namespace"),
    "net": msg("network namespace"),
    "uts": msg("UTS namespace"),
    "ipc": msg("IPC namespace"),
    "pid": msg("PID namespace"),
}
_USERNS, _USER = frozenset({"userns"}), frozenset({"user"})
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits
_READ_ANY = CapabilitySet.of(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")).bits
_KILL = CapabilitySet.of(("CAP_KILL",)).bits
_PTRACE = CapabilitySet.of(("CAP_SYS_PTRACE",)).bits
_CHOWN = CapabilitySet.of(("CAP_CHOWN",)).bits
_FOWNER = CapabilitySet.of(("CAP_FOWNER",)).bits
# most needs; checked first, since matching all cases takes long
_NOT_OURS = frozenset((Calls, Device, Feature, Room))


def stance_of(need: Need, posture: UsermapPosture) -> Ruling | None:
    """This layer's ruling; None: not its concern."""
    if type(need) in _NOT_OURS:
        return None
    match need:
        case Capability():
            return _capability(need, posture)
        case LowPort():
            return _low_port(posture)
        case KernelFile():
            return _kernel_file(need, posture)
        case GroupFile():
            return _group_file(posture)
        case HostRoot():
            return _host_root(posture, msg("It is not root on the host."))
        case Node(kind="log", made=False):
            return _through(msg("The file is open to everyone."))
        case Node(made=False):
            known = dict(posture.nodes).get(need.kind)
            if known is None:
                return _node(posture)
            if known:
                return _through(msg("The device node's permissions allow it."))
            return _stops(msg("The device node's permissions do not allow it."), posture)
        case EngineUser():
            return _engine_person(posture)
        case SameUser():
            return _same_user(posture)
        case SignalRoot():
            return _signal(posture)
        case InspectContainer():
            return _inspect_container(posture)
        case InspectHost():
            return _inspect_host(posture)
        case SharedIds():
            return _own_namespace(posture, msg("IDs in its own user namespace are not the host's."))
        case OtherIds():
            return _other_ids(posture, group=need.group)
        case RootWritable():
            return _root_directory(posture)
        case SetUidExec():
            return _set_uid_exec(posture)
        case EngineSocket():
            return _engine_socket(posture)
        case HostFiles():
            return _host_files(need, posture)
    return None


_INITIAL_UNREAD = Ruling(Stance.UNKNOWN, msg("Its user namespace could not be read."), _NAMESPACE)
_IDS_UNREAD = Ruling(Stance.UNKNOWN, msg("Which host user it is could not be read."), _UID)


def _through(text: Message, source: str = _UID) -> Ruling:
    return Ruling(Stance.LETS_THROUGH, text, source)


def _stops(text: Message, posture: UsermapPosture, source: str = _UID) -> Ruling:
    """It hinges on root having a user namespace of its own or, in the initial one, on not being root."""
    return Ruling(Stance.STOPS, text, source, _USER if posture.initial else _USERNS)


def _capability(need: Capability, posture: UsermapPosture) -> Ruling:
    if need.where is Where.OWN:
        return _through(msg("Its own user namespace decides, where its capabilities apply."), _NAMESPACE)
    asked = asked_for(need, posture.settings)
    if asked is False and need.only_if is not None:
        return not_asked_for(need.only_if)
    text = msg("The kernel requires this capability on the host; those of its own user namespace have no effect there.")
    ruling = _own_namespace(posture, text) if need.where is Where.INITIAL else _owner(_KIND[need.where], posture)
    if ruling.stance is Stance.STOPS and asked is None and need.only_if is not None:
        return Ruling(Stance.UNKNOWN, unread(need.only_if), ruling.source)
    return ruling


def _own_namespace(posture: UsermapPosture, text: Message) -> Ruling:
    if posture.initial is None:
        return _INITIAL_UNREAD
    if posture.initial:
        return _through(msg("It is in the machine's initial user namespace."), _NAMESPACE)
    return Ruling(Stance.STOPS, text, _MAP, _USERNS)


def _owner(kind: str, posture: UsermapPosture) -> Ruling:
    counts = dict(posture.owners).get(kind)
    source = f"@ns/{kind}"
    if counts is None:
        text = msg("Which user namespace owns its {namespace} could not be read.", namespace=_WORDS[kind])
        return Ruling(Stance.UNKNOWN, text, source)
    if counts:
        return _through(msg("Its capabilities apply in its {namespace}.", namespace=_WORDS[kind]), source)
    text = msg("Its {namespace} belongs to another user namespace than its own.", namespace=_WORDS[kind])
    return Ruling(Stance.STOPS, text, source, _USERNS)


def _low_port(posture: UsermapPosture) -> Ruling:
    if posture.low_ports:
        return _through(msg("In its network namespace some ports below 1024 are open to everyone."), f"@{PORT_START}")
    ruling = _owner("net", posture)
    if ruling.stance is Stance.STOPS and posture.low_ports is None:
        text = msg("Its network namespace is not its own, and the first unprivileged port there could not be read.")
        return Ruling(Stance.UNKNOWN, text, f"@{PORT_START}")
    return ruling


def _host_root(posture: UsermapPosture, text: Message) -> Ruling:
    if posture.host_root is None:
        if posture.initial is False and posture.over_root_files is False:
            return Ruling(Stance.STOPS, text, _MAP, _USERNS)  # no id in the map is the host's 0
        return _IDS_UNREAD
    if posture.host_root:
        return _through(msg("It is root on the host."))
    return _stops(text, posture)


def _kernel_file(need: KernelFile, posture: UsermapPosture) -> Ruling:
    if need.anyone:
        return _through(msg("The file is open to everyone."))
    if posture.host_root:
        return _through(msg("It is root on the host, which owns the file."))
    if not need.by_uid and posture.over_root_files and posture.held is not None:
        helps = _OVERRIDE if need.access is Access.WRITE else _READ_ANY
        if posture.held & helps:
            return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    return _host_root(posture, msg("The file belongs to the host's root, which it is not."))


def _group_file(posture: UsermapPosture) -> Ruling:
    if posture.initial and (posture.held or 0) & _OVERRIDE:
        return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    if posture.engine_user and posture.delegates:
        text = msg("Whether that part of the control groups was delegated to its user was not read.")
        return Ruling(Stance.UNKNOWN, text, _UID)
    return _host_root(posture, msg("The file belongs to the host's root, which it is not."))


def _node(posture: UsermapPosture) -> Ruling:
    """Nodes of disks and memory belong to root and are closed to others."""
    if posture.host_root:
        return _through(msg("It is root on the host, which owns the device node."))
    if posture.initial is False and not posture.rootless and posture.host_root is False:
        # a root runtime may give the nodes that it creates to the container's root
        return Ruling(Stance.UNKNOWN, msg("Who owns the device node in its user namespace was not read."), _UID)
    if posture.over_root_files and (posture.held or 0) & _OVERRIDE:
        return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    if posture.host_root is False and posture.disk_group:  # the runtimes give the node its group on the host
        return Ruling(Stance.UNKNOWN, msg("Whether one of its groups can open the device node was not read."), _UID)
    return _host_root(posture, msg("The device node belongs to the host's root, which it is not."))


def _engine_person(posture: UsermapPosture) -> Ruling:
    if posture.engine_user is None:
        return _IDS_UNREAD
    if posture.engine_user:
        return _through(msg("Its ID on the host is that of the user who runs the engine."))
    return Ruling(Stance.STOPS, msg("Its ID on the host is not that of the user who runs the engine."), _UID)


def _same_user(posture: UsermapPosture) -> Ruling:
    """A uid above the range of users may be a service's, so nothing is claimed about an unknown one."""
    if posture.engine_user is None or posture.host_root is None or posture.initial is None:
        return _IDS_UNREAD
    if not posture.initial:
        # cap_ptrace_access_check, security/commoncap.c: from another user namespace, SYS_PTRACE in the target's is
        # required
        text = msg("Programs of the host are in another user namespace, where its IDs have no effect.")
        return Ruling(Stance.STOPS, text, _MAP, _USERNS)
    if posture.host_root:
        return _through(msg("It is root on the host, and so are many programs there."))
    if posture.engine_user:
        return _through(msg("Its ID on the host is that of the user who runs the engine."))
    return Ruling(Stance.UNKNOWN, msg("Whether a user of the host runs programs under its ID was not read."), _UID)


def _signal(posture: UsermapPosture) -> Ruling:
    # kill_ok_by_cred, kernel/signal.c
    if posture.initial and (posture.held or 0) & _KILL:
        return _through(msg("It holds {capability} over the whole machine.", capability="KILL"), "@status:CapEff")
    return _host_root(posture, msg("It is a different user on the host than the process that it would signal."))


def _inspect_host(posture: UsermapPosture) -> Ruling:
    # __ptrace_may_access, kernel/ptrace.c: the same ids, or SYS_PTRACE in the target's user namespace
    return _own_namespace(posture, msg("Its rights over processes end at its own user namespace."))


def _inspect_container(posture: UsermapPosture) -> Ruling:
    if posture.initial is None:
        return _INITIAL_UNREAD
    if not posture.initial and not posture.shared:
        text = msg("Other containers are in other user namespaces, where its rights have no effect.")
        return Ruling(Stance.STOPS, text, _NAMESPACE, _USERNS)
    if posture.root_inside is None:
        return _IDS_UNREAD
    if posture.root_inside:
        return _through(msg("It has the UID of the process that it accesses: root."))
    if not posture.held or posture.held & _PTRACE:
        return _through(msg("With SYS_PTRACE the UID does not matter."))
    # __ptrace_may_access, kernel/ptrace.c, compares the target's real ids, and it may not be root either
    return Ruling(Stance.UNKNOWN, msg("Whether another container runs under its UID was not read."), _UID)


def _other_ids(posture: UsermapPosture, *, group: bool) -> Ruling:
    if group:  # may_setgroups, kernel/groups.c: dropping groups needs no second id
        if posture.setgroups is None:
            return Ruling(Stance.UNKNOWN, msg("Whether groups can be changed could not be read."), "@setgroups")
        if posture.setgroups == "deny":
            text = msg("Its user namespace forbids changing groups.")
            return Ruling(Stance.STOPS, text, "@setgroups", frozenset({"setgroups"}))
        return _through(msg("Its user namespace allows changing groups."), "@setgroups")
    if posture.ids is None:
        return Ruling(Stance.UNKNOWN, msg("Which IDs are mapped could not be read."), _MAP)
    if posture.ids < 2:
        return Ruling(Stance.STOPS, msg("Its user namespace has only one ID."), _MAP, frozenset({"uid-map"}))
    return _through(msg("Other IDs are mapped."), _MAP)


def _root_directory(posture: UsermapPosture) -> Ruling:
    if posture.root_inside is None:
        return _IDS_UNREAD
    if posture.root_inside:
        return _through(msg("It is root inside, which owns the directory."))
    if posture.held is None:
        return _IDS_UNREAD
    if posture.held & _OVERRIDE:
        return _through(msg("It can write to others' directories."), "@status:CapEff")
    text = msg("The directory belongs to root, and it is another user inside.")
    return Ruling(Stance.STOPS, text, _UID, _USER)


def _set_uid_exec(posture: UsermapPosture) -> Ruling:
    # bprm_fill_uid, fs/exec.c: a file of an unmapped id is executed like any other
    if posture.root_mapped is None:
        return Ruling(Stance.UNKNOWN, msg("Which IDs are mapped could not be read."), _MAP)
    if posture.root_mapped:
        return _through(msg("There is a root user inside that a set-uid file can turn it into."), _MAP)
    return Ruling(Stance.STOPS, msg("There is no root user inside: no set-uid file leads to it."), _MAP)


def _engine_socket(posture: UsermapPosture) -> Ruling:
    if posture.socket is None:
        text = msg("Whether the socket's owner and group allow it was not read.")
        return Ruling(Stance.UNKNOWN, text, "engine:socket")
    if posture.socket:
        return _through(msg("The socket's permissions allow it."), "engine:socket")
    return _stops(msg("The socket's permissions do not allow it."), posture, "engine:socket")


def _host_files(need: HostFiles, posture: UsermapPosture) -> Ruling:
    if posture.host_root:
        return _through(msg("It is root on the host, which can write there."))
    disk = posture.on_disk
    root, over_root = (disk.system_root, disk.over_system_root) if need.system else (disk.root, disk.over_root)
    if root:
        text = msg("A mount's own ID map turns it into the host's root: what it writes there is root's.")
        return _through(text, "@mountinfo")
    held, over = posture.held or 0, posture.over_root_files or over_root
    if over and held & _OVERRIDE and not need.set_uid:
        return _through(msg("It can write to files of others, including those of the host's root."), "@status:CapEff")
    # setattr_prepare, fs/attr.c: chown to 0, then chmod of a file it no longer owns
    if need.set_uid and not need.made and over and held & _CHOWN and held & _FOWNER:
        return _through(msg("It can give files to the host's root, and change them afterwards."), "@status:CapEff")
    if (need.set_uid or need.system) and root is None:
        text = msg("Whether a mount with an ID map of its own turns it into the host's root was not read.")
        return Ruling(Stance.UNKNOWN, text, "@mountinfo")
    if need.set_uid:
        return _host_root(posture, msg("It can't make the host's root the owner of a file."))
    if need.system:
        return _host_root(posture, msg("Those folders belong to the host's root, which it is not."))
    text = msg("It is not root on the host, and whether the path belongs to its user was not read.")
    return Ruling(Stance.UNKNOWN, text, _UID)
