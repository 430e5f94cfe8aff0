"""The posture of layer 6 (the ids that decide), and its stance towards each need.

Two questions. In which user namespace is a capability checked: the machine's initial one, or one where this process's
own capabilities apply? And who is it to the host: files of proc, signals and ptrace(2) all go by the host's uid. The
permissive process of a stance holds all capabilities; but where uid and a missing capability only refuse together and
no other layer says so (root's file, a signal), this one does. The posture leaves host ids out where they don't matter:
a container with the range 100000 equals one with 200000.
"""

from __future__ import annotations

from collections.abc import Callable

from stratascope.collector.names import OWNER, PORT_START
from stratascope.core.ground import SpecialFile, Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats import needs
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling, Stance, lets, stops, unknown
from stratascope.layers.shared.deciding_settings import (
    Answers,
    answers,
    asked_for,
    low_ports_free,
    not_asked_for,
    unread,
)
from stratascope.layers.shared.devices import node_kind
from stratascope.layers.shared.host_programs import InSight, may_be
from stratascope.layers.usermap.facts import OWNED, UsermapAsked, UsermapFacts
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.permissions import (
    READ,
    SEARCH,
    UNREAD,
    WRITE,
    BoundItem,
    BoundMount,
    Permissions,
    Ranges,
    Writable,
    Writer,
    may,
    outside_of,
    writable,
)
from stratascope.value import Value

OWNER_WANTS = tuple(f"{OWNER}{kind}" for kind in OWNED)
# login.defs(5) puts device groups in this range (disk is 6 on most systems), and no person's
_SYSTEM_GROUPS = range(1, 1000)
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits
_SETUID = CapabilitySet.of(("CAP_SETUID",)).bits


class OnDisk(Value):
    """Who it is through idmapped mounts of host files; `system`: on paths where root can take over the host. None:
    unknown.
    """

    root: bool | None = False  # what it writes there belongs to root
    system_root: bool | None = False
    over_root: bool = False  # its capabilities apply there to root's files
    over_system_root: bool = False


class UsermapPosture(Value):
    """The ids and maps that decide this layer's stances. None: unknown."""

    initial: bool | None  # whether it is in the initial user namespace
    host_root: bool | None  # its uid is 0 on the host, or can become so again
    root_inside: bool | None  # its uid is 0 in its own user namespace, or can become so again
    root_mapped: bool | None  # the container's root exists in its user namespace
    over_root_files: bool | None  # whether its capabilities apply to files of the host's root: uid and gid 0 mapped
    held: int | None  # capabilities, effective or permitted
    ids: int | None  # how many uids are mapped, as far as it matters: 1 or 2
    setgroups: str | None
    shared: bool | None  # whether other containers are in the same user namespace
    engine_user: bool | None  # its uid on the host is that of the person who runs the engine
    socket: bool | None  # whether the engine's own socket accepts it
    owners: tuple[tuple[str, bool | None], ...]  # whether its capabilities apply in the owner of that namespace
    rootless: bool  # whether the engine is rootless
    low_ports: bool | None  # whether a port below 1024 is free for everyone in its network namespace
    settings: Answers
    disk_group: bool = False  # disks were passed in, and one of its groups may be their nodes'
    on_disk: OnDisk = OnDisk()
    nodes: tuple[tuple[str, str], ...] = ()  # kinds of visible device nodes; r, w: how it may open one of that kind
    below: bool = False  # whether it left the container's user namespace for one below
    own_root: bool | None = True  # uid 0 exists in its user namespace
    unmapped: bool = False  # its uid or gid has no number in its own user namespace
    container_root: bool | None = None  # if it left: whether it is the container's root, or may do what that may
    whole: tuple[tuple[str, bool], ...] = ()  # if it left: proc and sysfs that it may mount anew; writable or not
    bus_user: bool | None = False  # whether it is, or can become, one of the users whose session's sockets it sees
    bound: Writable = Writable()  # of the host's files that are bound in
    root_directory: bool | None = None  # whether it may create a file in its root directory
    delegates: bool = False  # whether parts of the control groups may belong to ordinary users
    # whether programs of the host with its ids are in its sight; None: not known, or it sees none
    same_ids: bool | None = None
    # the same of processes of other containers, and of those in its PID namespace; or whether it can take theirs
    others_ids: bool | None = None
    neighbours_ids: bool | None = None
    kin: bool = False  # whether one of them is in its own user namespace, other than the initial one
    open_outside: tuple[str, ...] = ()  # kinds of device nodes, and "file", that it holds open from outside
    weak_root: bool = False  # whether one of the host's root holds no more capabilities than it does


def posture_of(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> UsermapPosture:
    """From the facts of the container's first process; ids only count if they are the host's."""
    seen = around.ground.initial_user_namespace is not False
    uid = facts.uid_outside if seen else None
    held = facts.held
    over = _over_root_files(facts) if seen else None
    host_root = None if uid is None else uid == 0
    who = _writer(facts, uid)
    return UsermapPosture(
        initial=facts.initial_namespace,
        host_root=host_root,
        root_inside=None if facts.uid_inside is None else facts.uid_inside == 0,
        root_mapped=_root_mapped(facts),
        over_root_files=over,
        held=held,
        ids=None if facts.uid_map is None else min(2, sum(length for _, _, length in facts.uid_map)),
        setgroups=facts.setgroups,
        shared=None if facts.initial_namespace is None else bool(around.peers.of("user")),
        engine_user=_engine_user(facts, uid, around),
        socket=_socket(facts, uid, held, over, around),
        bus_user=_bus_user(facts, uid),
        nodes=() if uid is None else _nodes(facts, uid),
        owners=facts.owners,
        rootless=around.engine.rootless,
        low_ports=low_ports_free(facts.port_start),
        settings=answers(around.ground),
        disk_group=facts.disks and any(gid in _SYSTEM_GROUPS for gid in (facts.gid_outside, *facts.groups)),
        on_disk=_on_disk(facts, uid),
        below=facts.below,
        own_root=facts.root_mapped,
        unmapped=_unmapped(facts),
        container_root=_is_container_root(facts, uid) if facts.below else None,
        whole=facts.whole,
        bound=_writable(facts, who, around),
        root_directory=_root_writable(facts, who),
        delegates=around.engine.rootless and around.ground.cgroup_layout not in ("v1", "hybrid"),
        same_ids=_same_ids(facts, uid, InSight.sets_of),
        others_ids=_same_ids(facts, uid, InSight.sets_in_others),
        neighbours_ids=_neighbours_ids(facts, uid, around),
        kin=facts.programs.has_kin(),
        open_outside=facts.open_outside,
        weak_root=any(each is not None and not each & ~(held or 0) for each in facts.programs.sets_of_root() or ()),
    )


_Sets = Callable[[InSight, int, int, int], tuple[int | None, ...] | None]


def _same_ids(facts: UsermapFacts, uid: int | None, sets_of: _Sets) -> bool | None:
    if uid is None or facts.gid_outside is None:
        return None
    sets = sets_of(facts.programs, uid, facts.gid_outside, (facts.held or 0) | facts.regained)
    if sets is None:
        return None
    return True if set(sets) - {None} else None if sets else False


def _neighbours_ids(facts: UsermapFacts, uid: int | None, around: Surroundings) -> bool | None:
    own = None if uid is None or facts.gid_outside is None else (uid, facts.gid_outside)
    found = {may_be(each.ids, own, (facts.held or 0) | facts.regained) for each in around.peers.neighbours}
    return True if True in found else None if None in found or not found else False


# Of every host: the root directory is root's, anybody may write to /tmp, and whose homes there are is not known
_ALL_FILES = (
    BoundItem("r", "d", (), Permissions(0, 0, 0o755)),
    BoundItem("-", "d", (), Permissions(0, 0, 0o1777)),
    BoundItem("u", "?", (), Permissions(0, 0, 0o777)),
)


def _writable(facts: UsermapFacts, who: Writer | None, around: Surroundings) -> Writable:
    """Of the bound files; where it holds a folder open that leads to all of the host's, of those."""
    if who is None or facts.idmapped:
        return Writable()
    if "folder" in facts.open_outside:
        owner = around.engine.daemon_uid if around.engine.rootless else None
        home = () if owner is None else (BoundItem("u", "d", (), Permissions(owner, owner, 0o700)),)
        return writable((BoundMount("/", (*_ALL_FILES, *home)),), who)
    if facts.bound is None:
        return Writable()
    parts = (BoundMount("/", (UNREAD,)),) if "part" in facts.open_outside else ()
    return writable((*facts.bound, *parts), who)


def _over_root_files(facts: UsermapFacts) -> bool | None:
    """privileged_wrt_inode_uidgid, kernel/capability.c: both ids of the file must be mapped."""
    if facts.initial_namespace:
        return True
    if facts.uid_map is None or facts.gid_map is None:
        return None
    return all(any(outside == 0 for _, outside, _ in ranges) for ranges in (facts.uid_map, facts.gid_map))


def _root_mapped(facts: UsermapFacts) -> bool | None:
    """Whether a set-uid file of the container's root finds its owner mapped."""
    if not facts.below:
        return facts.root_mapped
    return None if facts.container_root is None else _maps(facts.uid_map, facts.container_root)


def _unmapped(facts: UsermapFacts) -> bool:
    uid = facts.uid_map is not None and facts.uid_outside is not None and not _maps(facts.uid_map, facts.uid_outside)
    return uid or (
        facts.gid_map is not None and facts.gid_outside is not None and not _maps(facts.gid_map, facts.gid_outside)
    )


def _is_container_root(facts: UsermapFacts, uid: int | None) -> bool | None:
    if facts.container_root is None or uid is None:
        return None
    # privileged_wrt_inode_uidgid, kernel/capability.c: the owner has to be mapped; its gid may be another's
    over = _maps(facts.uid_map, facts.container_root) and bool((facts.held or 0) & _OVERRIDE)
    return over or uid == facts.container_root  # an owner can change the mode


def _on_disk(facts: UsermapFacts, uid: int | None) -> OnDisk:
    """Who it is on idmapped mounts; the map decides which files are root's there: from_vfsuid, fs/mnt_idmapping.c."""
    if not facts.idmapped:
        return OnDisk()
    if facts.mount_ids is None or uid is None:
        return OnDisk(None, None)
    places = [mount for mount in facts.mount_ids if mount.writable and mount.of_host]
    own = [mount for mount in places if outside_of(mount.uid_map, 0) == uid]
    # privileged_wrt_inode_uidgid, kernel/capability.c: both ids, as shown by the mount, must be mapped inside
    over = [
        mount
        for mount in places
        if _maps(facts.uid_map, outside_of(mount.uid_map, 0)) and _maps(facts.gid_map, outside_of(mount.gid_map, 0))
    ]
    return OnDisk(bool(own), any(mount.system for mount in own), bool(over), any(mount.system for mount in over))


def _writer(facts: UsermapFacts, uid: int | None) -> Writer | None:
    if uid is None or facts.held is None or facts.uid_map is None or facts.gid_map is None:
        return None
    groups = tuple(gid for gid in (facts.gid_outside, *facts.groups) if gid is not None)
    return Writer(uid, groups, facts.uid_map, facts.gid_map, facts.held | facts.regained)


def _root_writable(facts: UsermapFacts, who: Writer | None) -> bool | None:
    if facts.root_directory is not None and who is not None:
        return may(who, facts.root_directory, WRITE | SEARCH)
    if facts.below or facts.uid_inside is None or facts.held is None:
        return None
    if facts.held & _OVERRIDE:
        return True
    return facts.uid_inside == 0  # it belongs to root in all but odd images, and an owner can change the mode


def _maps(ranges: Ranges | None, outside: int | None) -> bool:
    return outside is not None and any(first <= outside < first + length for _, first, length in ranges or ())


def _engine_user(facts: UsermapFacts, uid: int | None, around: Surroundings) -> bool | None:
    if uid is None:
        return None
    people = {around.ground.reader_uid} - {None, 0}
    if around.engine.rootless:
        if around.engine.daemon_uid is None:
            return True if uid in people or facts.uid_inside == facts.owner_inside else None
        people.add(around.engine.daemon_uid)
    return uid in people


def _socket(
    facts: UsermapFacts, uid: int | None, held: int | None, over: bool | None, around: Surroundings
) -> bool | None:
    """Whether the engine's socket accepts it: connect needs write permission (unix(7)), as owner, group or anyone."""
    engine = around.engine
    if uid is None:
        return None
    sockets = [item for item in facts.special or () if item.kind == "s"]
    if sockets:
        return any(_lets_in(item, WRITE, uid, facts) for item in sockets)
    if held is not None and held & _OVERRIDE and over:
        return True
    if facts.foreign_socket:
        return True if uid == 0 else None  # its owner and mode were not read
    if uid == (engine.daemon_uid if engine.rootless or engine.daemon_uid is not None else 0):
        return True
    if engine.socket_mode is None or engine.daemon_uid is None:
        return None
    if engine.socket_mode & 0o002:
        return True
    if not engine.socket_mode & 0o020:
        return False
    groups = {facts.gid_outside, *facts.groups}
    if engine.socket_group == "root" or (engine.socket_group or "").isdigit():
        return int((engine.socket_group or "").replace("root", "0")) in groups
    return False if groups == {0} else None  # a group with another name is not root's; nothing else is known


def _bus_user(facts: UsermapFacts, uid: int | None) -> bool | None:
    """A session's bus authenticates by the uid of its peer (SO_PEERCRED), and refuses even root."""
    if not facts.bus_owners:
        return False
    if facts.initial_namespace and facts.held is not None and facts.held & _SETUID:
        return True
    return None if uid is None else uid in facts.bus_owners


def _nodes(facts: UsermapFacts, uid: int) -> tuple[tuple[str, str], ...]:
    found: dict[str, set[str]] = {}
    for item in facts.special or ():
        if kind := node_kind(item):
            ways = {access for access, bits in (("r", READ), ("w", WRITE)) if _lets_in(item, bits, uid, facts)}
            found.setdefault(kind, set()).update(ways)
    return tuple([(kind, "".join(sorted(found[kind]))) for kind in sorted(found)])


_EVERY_ID: Ranges = ((0, 0, 1 << 32),)


def _lets_in(item: SpecialFile, bits: int, uid: int, facts: UsermapFacts) -> bool:
    """Whether it may open a node so, or can give itself that right."""
    groups = tuple([gid for gid in (facts.gid_outside, *facts.groups) if gid is not None])
    uids, gids = (_EVERY_ID,) * 2 if facts.initial_namespace else (facts.uid_map or (), facts.gid_map or ())
    who = Writer(uid, groups, uids, gids, facts.held or 0)
    return may(who, Permissions(item.uid, item.gid, item.mode), bits)


_MAP, _UID, _NAMESPACE = "@uid_map", "@status:Uid", "@ns/user"
_WORDS = {
    "mnt": msg("mount namespace"),
    "net": msg("network namespace"),
    "uts": msg("UTS namespace"),
    "ipc": msg("IPC namespace"),
    "pid": msg("PID namespace"),
    "cgroup": msg("cgroup namespace"),
}
_FOR_PEOPLE = ("graphics", "virtual machines")  # kinds of devices that distributions open to more than root
_USERNS, _USER = frozenset({"userns"}), frozenset({"user"})
_READ_ANY = CapabilitySet.of(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")).bits
_KILL = CapabilitySet.of(("CAP_KILL",)).bits
_PTRACE = CapabilitySet.of(("CAP_SYS_PTRACE",)).bits
_CHOWN = CapabilitySet.of(("CAP_CHOWN",)).bits
_FOWNER = CapabilitySet.of(("CAP_FOWNER",)).bits
# most needs; tested first, since matching all cases is slow
_NOT_OURS = frozenset((needs.Calls, needs.Device, needs.Feature, needs.Room))


def stance_of(need: Need, posture: UsermapPosture) -> Ruling | None:
    """This layer's ruling; None: not its concern."""
    if type(need) in _NOT_OURS:
        return None
    match need:
        case needs.Capability():
            return _capability(need, posture)
        case needs.LowPort():
            return _low_port(posture)
        case needs.PinnedObject():
            return _kernel_file(_PINNED, posture)
        case needs.KernelFile():
            return _kernel_file(need, posture)
        case needs.GroupFile():
            return _group_file(posture)
        case needs.HostRoot():
            return _host_root(posture, msg("It is not root on the host."))
        case needs.Node(kind="log", made=False):
            return _through(msg("The file is open to everyone."))
        case needs.Node(made=False):
            if need.kind in posture.open_outside:
                return _through(msg("It holds the device open: its permissions are not asked again."), "@fd")
            known = dict(posture.nodes).get(need.kind)
            if known is None:
                return _node(posture, by_mode=need.kind in _FOR_PEOPLE)
            if need.access in known:
                return _through(msg("The device node's permissions allow it."))
            return _stops(msg("The device node's permissions do not allow it."), posture)
        case needs.NewUserNamespace():
            return _new_user_namespace(posture)
        case needs.RootInside():
            return _root_inside(posture)
        case needs.Unlocked():
            return _unlocked(posture)
        case needs.EngineUser():
            return _engine_person(posture)
        case needs.SameUser():
            return _same_user(posture)
        case needs.SignalRoot():
            return _signal(posture)
        case needs.InspectContainer():
            return _inspect_container(need, posture)
        case needs.InspectHost():
            return _inspect_host(posture)
        case needs.SharedIds():
            return _own_namespace(posture, msg("IDs in its own user namespace are not the host's."))
        case needs.OtherIds():
            return _other_ids(posture, group=need.group)
        case needs.RootWritable():
            return _root_directory(posture)
        case needs.SetUidExec():
            return _set_uid_exec(posture)
        case needs.EngineSocket():
            return _engine_socket(posture)
        case needs.BusSocket():
            return _bus(need.bus, posture)
        case needs.HostFiles():
            return _host_files(need, posture)
    return None


_INITIAL_UNREAD = unknown(msg("Its user namespace could not be read."), _NAMESPACE)
_IDS_UNREAD = unknown(msg("Which host user it is could not be read."), _UID)


def _through(text: Message, source: str = _UID) -> Ruling:
    return lets(text, source)


def _stops(text: Message, posture: UsermapPosture, source: str = _UID) -> Ruling:
    """STOPS, hinging on root having its own user namespace or, in the initial one, on not being root."""
    return stops(text, source, _USER if posture.initial else _USERNS)


def _capability(need: needs.Capability, posture: UsermapPosture) -> Ruling:
    if need.where is needs.Where.OWN:
        return _through(msg("Its own user namespace decides, where its capabilities apply."), _NAMESPACE)
    asked = asked_for(need, posture.settings)
    if asked is False and need.only_if is not None:
        return not_asked_for(need.only_if)
    text = msg("The kernel requires this capability on the host; those of its own user namespace have no effect there.")
    ruling = _own_namespace(posture, text) if need.where is needs.Where.INITIAL else _owner(need.where.kind, posture)
    if ruling.stance is Stance.STOPS and asked is None and need.only_if is not None:
        return unknown(unread(need.only_if), ruling.source)
    return ruling


def _own_namespace(posture: UsermapPosture, text: Message) -> Ruling:
    if posture.initial is None:
        return _INITIAL_UNREAD
    if posture.initial:
        return _through(msg("It is in the machine's initial user namespace."), _NAMESPACE)
    return stops(text, _MAP, _USERNS)


def _owner(kind: str, posture: UsermapPosture) -> Ruling:
    counts = dict(posture.owners).get(kind)
    source = f"@ns/{kind}"
    if counts is None:
        text = msg("Which user namespace owns its {namespace} could not be read.", namespace=_WORDS[kind])
        return unknown(text, source)
    if counts:
        return _through(msg("Its capabilities apply in its {namespace}.", namespace=_WORDS[kind]), source)
    text = msg("Its {namespace} belongs to another user namespace than its own.", namespace=_WORDS[kind])
    return stops(text, source, _USERNS)


def _low_port(posture: UsermapPosture) -> Ruling:
    if posture.low_ports:
        return _through(msg("In its network namespace some ports below 1024 are open to everyone."), f"@{PORT_START}")
    ruling = _owner("net", posture)
    if ruling.stance is Stance.STOPS and posture.low_ports is None:
        text = msg("Its network namespace is not its own, and the first unprivileged port there could not be read.")
        return unknown(text, f"@{PORT_START}")
    return ruling


def _host_root(posture: UsermapPosture, text: Message) -> Ruling:
    if posture.host_root is None:
        if posture.initial is False and posture.over_root_files is False:
            return stops(text, _MAP, _USERNS)
        return _IDS_UNREAD
    if posture.host_root:
        return _through(msg("It is root on the host."))
    return _stops(text, posture)


_PINNED = needs.KernelFile("/sys/fs/bpf/x", needs.Access.READ)


def _kernel_file(need: needs.KernelFile, posture: UsermapPosture) -> Ruling:
    if posture.below and (need.remounted or (need.copied and not _mounts_anew(need, posture))):
        return _LOCKED
    if posture.below and need.fresh and not _mounts_anew(need, posture):
        text = msg("In a user namespace below the container's, {path} can't be mounted anew: what covers it stays.",
                   path=need.path)  # fmt: skip
        return stops(text, "@mountinfo")
    if need.anyone:
        return _through(msg("The file is open to everyone."))
    if posture.host_root:
        return _through(msg("It is root on the host, which owns the file."))
    if not need.by_uid and posture.over_root_files and posture.held is not None:
        helps = _OVERRIDE if need.access is needs.Access.WRITE else _READ_ANY
        if posture.held & helps:
            return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    return _host_root(posture, msg("The file belongs to the host's root, which it is not."))


_LOCKED = stops(msg("It is in a user namespace below the container's: what was mounted before is locked there."), _MAP)


def _unlocked(posture: UsermapPosture) -> Ruling:
    return _LOCKED if posture.below else _through(msg("It is in the user namespace of its mounts."), _MAP)


def _mounts_anew(need: needs.KernelFile, posture: UsermapPosture) -> bool:
    kind = "proc" if need.path.startswith("/proc/") else "sysfs"
    if need.path.startswith("/sys/fs/cgroup/"):
        return True
    writable = dict(posture.whole).get(kind)
    return writable is not None and (writable or need.access is needs.Access.READ)


def _new_user_namespace(posture: UsermapPosture) -> Ruling:
    # create_user_ns, kernel/user_namespace.c
    if posture.unmapped:
        return stops(msg("Its own IDs are not mapped, and so it can't create a user namespace."), _MAP)
    return _through(msg("Its IDs are mapped."), _MAP)


def _root_inside(posture: UsermapPosture) -> Ruling:
    # cap_convert_nscap, security/commoncap.c: file capabilities are written for the root of a user namespace
    if posture.own_root is None:
        return unknown(msg("Which IDs are mapped could not be read."), _MAP)
    if posture.own_root:
        return _through(msg("There is a root user in its user namespace."), _MAP)
    return stops(msg("There is no root user in its user namespace."), _MAP)


def _group_file(posture: UsermapPosture) -> Ruling:
    if posture.initial and (posture.held or 0) & _OVERRIDE:
        return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    if posture.engine_user and posture.delegates:
        return unknown(msg("Whether that part of the cgroups was delegated to its user was not read."), _UID)
    return _host_root(posture, msg("The file belongs to the host's root, which it is not."))


def _node(posture: UsermapPosture, *, by_mode: bool) -> Ruling:
    """The ruling on nodes whose mode was not read: those of disks and memory are closed to all but root, while others
    may be open to everyone (`by_mode`).
    """
    if posture.host_root:
        return _through(msg("It is root on the host, which owns the device node."))
    if posture.initial is False and not posture.rootless and posture.host_root is False:
        # a root runtime may give the nodes that it creates to the container's root
        return unknown(msg("Who owns the device node in its user namespace was not read."), _UID)
    if posture.over_root_files and (posture.held or 0) & _OVERRIDE:
        return _through(msg("It can open files of others, including those of the host's root."), "@status:CapEff")
    if by_mode and posture.host_root is False:
        return unknown(msg("Who may open the device node was not read."), _UID)
    if posture.host_root is False and posture.disk_group:  # the runtimes give the node its group on the host
        return unknown(msg("Whether one of its groups can open the device node was not read."), _UID)
    return _host_root(posture, msg("The device node belongs to the host's root, which it is not."))


def _engine_person(posture: UsermapPosture) -> Ruling:
    if posture.engine_user is None:
        return _IDS_UNREAD
    if posture.engine_user:
        return _through(msg("Its ID on the host is that of the user who runs the engine."))
    return stops(msg("Its ID on the host is not that of the user who runs the engine."), _UID)


def _same_user(posture: UsermapPosture) -> Ruling:
    """The ruling on an ordinary user's uid. One above that range may be a service's: nothing is claimed then."""
    if posture.initial is None:
        return _IDS_UNREAD
    if posture.kin and (posture.held or 0) & _PTRACE:
        return _through(
            msg("Programs of the host are in its own user namespace, where it holds SYS_PTRACE."), _NAMESPACE
        )
    if posture.same_ids:
        return _through(msg("Programs of the host run under its ID, and in its user namespace."))
    if posture.engine_user is None or posture.host_root is None:
        return _IDS_UNREAD
    if not posture.initial:
        # cap_ptrace_access_check, security/commoncap.c: from another user namespace, SYS_PTRACE in the target's is
        # required
        text = msg("Programs of the host are in another user namespace, where its IDs have no effect.")
        return stops(text, _MAP, _USERNS)
    if posture.host_root:
        return _through(msg("It is root on the host, and so are many programs there."))
    if (posture.held or 0) & _PTRACE:
        return _through(msg("With SYS_PTRACE the UID does not matter."))
    if posture.same_ids is False:
        return stops(msg("No program of the host runs under its user and group ID."), _UID, _USER)
    if posture.engine_user:
        return _through(msg("Its ID on the host is that of the user who runs the engine."))
    return unknown(msg("Whether a user of the host runs programs under its ID was not read."), _UID)


def _signal(posture: UsermapPosture) -> Ruling:
    # kill_ok_by_cred, kernel/signal.c
    if posture.initial and (posture.held or 0) & _KILL:
        return _through(msg("It holds {capability} over the whole machine.", capability="KILL"), "@status:CapEff")
    return _host_root(posture, msg("It is a different user on the host than the process that it would signal."))


def _inspect_host(posture: UsermapPosture) -> Ruling:
    # __ptrace_may_access, kernel/ptrace.c: the same ids, or SYS_PTRACE in the target's user namespace
    if posture.initial and posture.weak_root and posture.host_root is False and not (posture.held or 0) & _PTRACE:
        return stops(msg("It is another user than the host's root, and does not hold SYS_PTRACE."), _UID, _USER)
    return _own_namespace(posture, msg("Its rights over processes end at its own user namespace."))


def _inspect_container(need: needs.InspectContainer, posture: UsermapPosture) -> Ruling:
    if posture.initial is None:
        return _INITIAL_UNREAD
    if not posture.initial and not posture.shared:
        text = msg("Other containers are in other user namespaces, where its rights have no effect.")
        return stops(text, _NAMESPACE, _USERNS)
    if need.traced:
        return _through(msg("With SYS_PTRACE the UID does not matter."))
    if posture.root_inside is None:
        return _IDS_UNREAD
    # __ptrace_may_access, kernel/ptrace.c, compares all of the target's ids
    same = posture.neighbours_ids if need.neighbours else posture.others_ids
    if same:
        return _through(msg("A process of another container has its user and group ID, or one that it can take."))
    if same is False and need.neighbours:  # of a container only the first process was looked at
        return unknown(msg("Whether another container runs under its UID was not read."), _UID)
    if same is False:
        return stops(msg("No process of another container has its user and group ID."), _UID, _USER)
    if posture.root_inside:
        return _through(msg("It is root inside, as the processes of most containers are."))
    return unknown(msg("Whether another container runs under its UID was not read."), _UID)


def _other_ids(posture: UsermapPosture, *, group: bool) -> Ruling:
    if group:  # may_setgroups, kernel/groups.c: dropping groups needs no second id
        if posture.setgroups is None:
            return unknown(msg("Whether groups can be changed could not be read."), "@setgroups")
        if posture.setgroups == "deny":
            return stops(msg("Its user namespace forbids changing groups."), "@setgroups", frozenset({"setgroups"}))
        return _through(msg("Its user namespace allows changing groups."), "@setgroups")
    if posture.ids is None:
        return unknown(msg("Which IDs are mapped could not be read."), _MAP)
    if posture.ids < 2:
        return stops(msg("Its user namespace has only one ID."), _MAP, frozenset({"uid-map"}))
    return _through(msg("Other IDs are mapped."), _MAP)


def _root_directory(posture: UsermapPosture) -> Ruling:
    if posture.root_directory is None and posture.below:
        if posture.container_root is None:
            return _IDS_UNREAD
        if posture.container_root:
            return _through(msg("It is root inside, which owns the directory."))
        return stops(msg("The directory belongs to root, and it is another user inside."), _UID)
    if posture.root_directory is None:
        return _IDS_UNREAD
    if posture.root_directory:
        return _through(
            msg(
                "The root directory's mode or its capabilities let it write there, or it is the owner, who can change "
                "the mode."
            )
        )
    return stops(msg("The root directory's owner and mode do not let it write there."), _UID, _USER)


def _set_uid_exec(posture: UsermapPosture) -> Ruling:
    # bprm_fill_uid, fs/exec.c: a file of an unmapped id is executed like any other
    if posture.root_mapped is None:
        return unknown(msg("Which IDs are mapped could not be read."), _MAP)
    if posture.root_mapped:
        return _through(msg("There is a root user inside that a set-uid file can turn it into."), _MAP)
    return stops(msg("There is no root user inside: no set-uid file leads to it."), _MAP)


def _engine_socket(posture: UsermapPosture) -> Ruling:
    if posture.socket is None:
        return unknown(msg("Whether the socket's owner and group allow it was not read."), "engine:socket")
    if posture.socket:
        return _through(msg("The socket's permissions allow it."), "engine:socket")
    return _stops(msg("The socket's permissions do not allow it."), posture, "engine:socket")


def _bus(bus: needs.Bus, posture: UsermapPosture) -> Ruling:
    if bus in (needs.Bus.SYSTEM, needs.Bus.SYSTEMD):
        if posture.initial and (posture.held or 0) & _SETUID:
            return _through(msg("It can become root on the host, whom systemd obeys."), "@status:CapEff")
        if posture.host_root:
            return _through(msg("It is root on the host, whom systemd obeys."))
        return _host_root(posture, msg("It is not root on the host, whom alone systemd obeys without asking."))
    if bus is needs.Bus.USER_SYSTEMD and posture.host_root:
        return _through(msg("It is root on the host, whom systemd obeys."))
    if posture.bus_user is None:
        return _IDS_UNREAD
    if posture.bus_user:
        return _through(msg("It is the user whose session that is, or can become that user."))
    return _stops(msg("It is not the user whose session that is."), posture)


def _known_files(need: needs.HostFiles, bound: Writable) -> bool | None:
    if need.users:
        return bound.users
    if need.system:
        return bound.roots
    return bound.placing if need.set_uid else bound.somewhere


def _users_files(posture: UsermapPosture) -> Ruling:
    held = posture.held or 0
    if (posture.over_root_files or posture.on_disk.over_root) and held & _OVERRIDE:
        return _through(msg("It can write to files of others, including those of users."), "@status:CapEff")
    if posture.rootless and posture.engine_user:
        return _through(msg("Its ID on the host is that of the user who runs the engine."))
    return unknown(msg("Whether the home directory belongs to its user was not read."), _UID)


def _host_files(need: needs.HostFiles, posture: UsermapPosture) -> Ruling:
    known = _known_files(need, posture.bound)
    if known is False:
        return _stops(msg("Neither its user nor its capabilities let it write there."), posture)
    if known and not need.set_uid:
        return _through(msg("The owners and modes of the files there let it write."))
    ruling = _users_files(posture) if need.users else _by_identity(need, posture)
    if ruling.stance is Stance.LETS_THROUGH and not (known or need.system or (posture.held or 0) & _OVERRIDE):
        text = msg("It does not hold DAC_OVERRIDE, and whether the path belongs to its user was not read.")
        return unknown(text, "@status:CapEff")
    return ruling


def _by_identity(need: needs.HostFiles, posture: UsermapPosture) -> Ruling:
    if posture.host_root:
        return _through(msg("It is root on the host, which can write there."))
    if "file" in posture.open_outside and not need.set_uid and not need.system:
        text = msg("It holds a file of the host open for writing: its permissions are not asked again.")
        return _through(text, "@fd")
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
        return unknown(text, "@mountinfo")
    if need.set_uid:
        return _host_root(posture, msg("It can't make the host's root the owner of a file."))
    if need.system:
        return _host_root(posture, msg("Those directories belong to the host's root, which it is not."))
    return unknown(msg("Whether the path belongs to its user was not read."), _UID)
