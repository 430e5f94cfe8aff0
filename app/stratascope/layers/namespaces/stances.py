"""The posture of layer 1 (the facts on namespaces and mounts that decide), and its stance towards each need.

The posture uses the options for device nodes as well: for `--privileged` and `--device` an engine creates them in the
container's own /dev, which no mount shows.
"""

from __future__ import annotations

from stratascope.collector.devices import FEATURES, KINDS
from stratascope.core.ground import NAMESPACES, Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats import needs
from stratascope.core.threats.needs import Bus, Need
from stratascope.core.threats.threat import Basis, Ruling, Stance, lets, stops, unknown
from stratascope.layers.namespaces.explanations import LABELS
from stratascope.layers.namespaces.facts import NamespacesAsked, NamespacesFacts
from stratascope.layers.namespaces.mount_reach import (
    GroupReach,
    KernelPath,
    MountReach,
    covering,
    group_reach,
    kernel_path,
    tree_for,
)
from stratascope.layers.namespaces.mounts import MountView
from stratascope.layers.shared.descriptors import kinds_of_nodes, place_of, way_out
from stratascope.layers.shared.devices import LOG_NODE, MEMORY_NODES, is_block, kind_by_path, passes_block
from stratascope.layers.shared.system_places import runs_from
from stratascope.linux.chroot import Holds
from stratascope.linux.namespace import Namespace
from stratascope.linux.routes import Reach
from stratascope.value import Value

MOUNTS, _PRIVILEGED, _DEVICES = "@mountinfo", "inspect:HostConfig.Privileged", "inspect:HostConfig.Devices"
_HELD = "@fd"


class NamespacePosture(Value):
    """The facts that decide this layer's stances. None: unknown."""

    host: tuple[tuple[str, bool | None], ...]  # kind of namespace, and whether it is the host's
    processes: bool | None  # whether all containers are in its PID namespace or below it
    reach: MountReach | None
    socket: str  # path of an engine's socket; empty: none
    host_files: tuple[str, ...]  # writable files and directories of the host
    set_uid_files: tuple[str, ...]  # those of them where set-uid bits take effect
    top_of_cgroup_tree: bool  # whether its group is the root of some v1 tree
    disk_node: str  # where a disk node of the host is shown: by mounts or the engine's options; empty: nowhere
    memory_node: str
    log_node: str = ""  # likewise, a node of the kernel log
    system_files: tuple[str, ...] = ()  # writable host paths where root can take over the host
    groups: GroupReach | None = None
    neighbours: bool | None = False  # whether it shares its PID namespace with particular containers
    strong_neighbour: bool | None = False  # whether one of these is as powerful as the host's root
    # whether the mounts' id maps leave out the disk's root in all of `host_files`
    without_root: bool | None = False
    # kinds of namespaces of which a file stands for the host's own; None: whether it does is unknown
    handles: tuple[tuple[str, bool | None], ...] = ()
    user_files: tuple[str, ...] = ()  # writable host paths where a user of the host keeps what is run
    buses: tuple[tuple[Bus, str], ...] = ()  # sockets of D-Bus and systemd: kind, and path inside
    shared: str = ""  # a mount whose changes reach the host; empty: none
    shared_system: str = ""  # one of those where the host runs as root what lies there
    routes: Reach | None = None  # where the routes of its network lead
    in_chroot: bool | None = False  # in a chroot, and can't change its root directory
    kinds: tuple[tuple[str, str], ...] = ()  # further kinds of device nodes, and where each is shown
    terminals: str = ""  # kinds of the host's terminals that it holds open: t any, T its controlling one


def posture_of(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> NamespacePosture:
    """From the facts of the container's first process."""
    view = facts.mounts if facts.beyond is None else facts.beyond
    outside = facts.descriptors or ()
    files = tuple([place_of(each) for each in outside if each.kind == "f" and each.writable])
    writable = files if view is None else (*view.writable_paths, *files)
    nodes = kinds_of_nodes(outside)
    disk, memory, log = (
        _HELD if kind in nodes else shown
        for kind, shown in zip(("disk", "memory", "log"), _nodes(facts, view, asked, around), strict=True)
    )
    return NamespacePosture(
        tuple([(kind, _hosts(facts, kind)) for kind in NAMESPACES]),
        _processes(facts, asked, around),
        None if view is None else view.reach,
        view.engine_sockets[0] if view is not None and view.engine_sockets else "",
        writable,
        tuple([path for path in (view.set_uid_paths if view is not None else ()) if path not in facts.without_root]),
        facts.top_of_cgroup_tree is True,
        disk,
        memory,
        log,
        tuple([path for path in (view.system_paths if view is not None else ()) if path not in facts.without_root]),
        None if view is None or facts.memberships is None else group_reach(view.seen, facts.memberships),
        _neighbours(facts),
        _strong_neighbour(facts, around),
        _lack_root(set(writable), facts),
        tuple([(kind, around.ground.is_hosts(kind, inode)) for kind, inode in (() if view is None else view.handles)]),
        () if view is None else view.user_paths,
        () if view is None else tuple({found.bus: (found.bus, found.path) for found in reversed(view.buses)}.values()),
        next(iter(view.shared_mounts), "") if view is not None else "",
        _shared_system(facts),
        facts.routes,
        None if facts.perhaps_held else facts.chroot is not None and facts.chroot.holds is not Holds.NOTHING,
        _kinds(facts, asked, around),
        "".join(kind for kind in "tT" if any(each.kind == kind for each in outside)),
    )


def _kinds(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> tuple[tuple[str, str], ...]:
    """Kinds of character devices of which a node is shown: by the mounts, or by the requested options."""
    if way_out(facts.descriptors) is not None:
        return tuple((kind, MOUNTS) for kind in KINDS)  # the host's own /dev
    view = facts.mounts
    special = None if view is None else view.special
    found = dict.fromkeys(
        () if view is None or special is None else [kind for kind in view.nodes if kind in KINDS], MOUNTS
    )
    if special is None or not special.whole:
        found |= {kind: MOUNTS for node in facts.devices or () if (kind := kind_by_path(node))}
        shown = () if view is None else [mount.root for mount in view.seen if mount.fs_type == "devtmpfs"]
        found |= {kind: MOUNTS for root in shown if (kind := kind_by_path("/dev" + root))}
        if "/dev" in {path.source for path in facts.host_paths or ()}:
            return tuple((kind, MOUNTS) for kind in KINDS)
        if asked.privileged and not around.engine.rootless:  # the engine passes in what the host has
            lacking = {kind for feature, kind in FEATURES.items() if around.ground.feature(feature) is False}
            return tuple((kind, found.get(kind, _PRIVILEGED)) for kind in KINDS if kind in found or kind not in lacking)
    seen = frozenset() if special is None else {item.path for item in special.files}
    for device in asked.devices:
        kind = kind_by_path(device.source)
        if kind and (device.target or device.source) not in seen:
            found.setdefault(kind, _DEVICES)
    return tuple((kind, found[kind]) for kind in KINDS if kind in found)


def _shared_system(facts: NamespacesFacts) -> str:
    shared = () if facts.mounts is None else facts.mounts.shared_mounts
    places = (path for path in facts.host_paths or () if path.target in shared)
    return next((path.target for path in places if runs_from("", "", path.source).root), "")


def _lack_root(writable: set[str], facts: NamespacesFacts) -> bool | None:
    if not writable or not writable <= {*facts.without_root, *facts.ids_unread}:
        return False
    return True if writable <= set(facts.without_root) else None


def _hosts(facts: NamespacesFacts, kind: str) -> bool | None:
    fact = facts.of(kind)
    return None if fact is None else fact.shared_with_host


def _processes(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> bool | None:
    if facts.pid is None:
        return None
    if facts.pid.shared_with_host or asked.pid == "host":
        return True  # "host", but not this machine's: the engine's own, which sees all its containers
    return facts.pid.shared_with_host


def _neighbours(facts: NamespacesFacts) -> bool | None:
    return None if facts.pid is None or facts.pid.shared_with is None else bool(facts.pid.shared_with)


def _strong_neighbour(facts: NamespacesFacts, around: Surroundings) -> bool | None:
    if facts.pid is None or facts.pid.shared_with is None:
        return None
    strong = [neighbour.strong for neighbour in around.peers.neighbours if neighbour.name in facts.pid.shared_with]
    return True if True in strong else None if None in strong else False


def _nodes(
    facts: NamespacesFacts, view: MountView | None, asked: NamespacesAsked, around: Surroundings
) -> tuple[str, str, str]:
    """Where nodes of a disk, memory and the kernel log are shown: by the mounts, or by the requested options."""
    disk = memory = log = ""
    special = None if view is None else view.special
    if view is not None and special is not None:  # by device number rather than name
        disk, memory, log = (MOUNTS if kind in view.nodes else "" for kind in ("disk", "memory", "log"))
    whole = special is not None and special.whole
    if not whole:
        for node in facts.devices or ():
            disk = disk or (MOUNTS if is_block(node) else "")
            memory = memory or (MOUNTS if node in MEMORY_NODES else "")
            log = log or (MOUNTS if node == LOG_NODE else "")
    if way_out(facts.descriptors) is not None:
        return MOUNTS, MOUNTS, MOUNTS  # the host's own /dev
    if asked.privileged and not around.engine.rootless:
        return disk or _PRIVILEGED, memory or _PRIVILEGED, log or _PRIVILEGED
    seen = frozenset() if special is None else {item.path for item in special.files}
    for device in asked.devices:
        if (device.target or device.source) in seen:
            continue
        disk = disk or (_DEVICES if passes_block(device) else "")
        memory = memory or (_DEVICES if {device.source, device.target} & MEMORY_NODES else "")
        log = log or (_DEVICES if LOG_NODE in (device.source, device.target) else "")
    if not whole and "/dev" in {path.source for path in (() if view is None else view.host_paths)}:
        return disk or MOUNTS, memory or MOUNTS, log or MOUNTS
    return disk, memory, log


_MASKS = frozenset({"systempaths"})
# most needs; tested first, since matching all cases is slow
_NOT_OURS = frozenset((needs.Calls, needs.Capability, needs.Device, needs.Feature))


def stance_of(need: Need, posture: NamespacePosture) -> Ruling | None:
    """This layer's ruling; None: not its concern."""
    if type(need) in _NOT_OURS:
        return None
    match need:
        case needs.Shares():
            return _shares(need.kind, posture)
        case needs.NamespaceHandle():
            return _handle(need.kind, posture)
        case needs.HostProcesses():
            return _by_bound_proc(_shown(need, posture), posture, first=need.shown)
        case needs.ProcessesInSight(neighbours=True):
            return _processes_in_sight(posture.neighbours)
        case needs.ProcessesInSight():
            return _by_bound_proc(_processes_in_sight(posture.processes), posture)
        case needs.StrongProcess():
            return _strong_process(posture)
        case needs.GroupFile():
            return _group_file(need, posture)
        case needs.Node():
            return _node(need, posture)
        case needs.RouteOut():
            return _routes(need, posture)
        case needs.HostTerminal():
            if posture.terminals if not need.controlling else "T" in posture.terminals:
                return lets(msg("It holds a terminal of the host open."), _HELD)
            return stops(msg("It holds no such terminal of the host open."), _HELD)
        case needs.NewUserNamespace():
            # current_chrooted, fs/namespace.c; create_user_ns, kernel/user_namespace.c
            if posture.in_chroot is None:
                return unknown(msg("It is in a chroot, and whether it can end that is not known."), "@root")
            return stops(_IN_CHROOT, "@root") if posture.in_chroot else None
    # the rest comes from the mounts
    reach = posture.reach
    match need:
        case needs.KernelFile():
            return _settings(posture) if need.bound and need.path == _SETTINGS else _kernel_file(need, reach)
        case needs.PinnedObject():
            return _kernel_file(_PINNED, reach)
        case needs.RootWritable():
            return _root_directory(reach)
        case needs.SetUidExec():
            return _set_uid_exec(reach)
        case needs.EngineSocket():
            return _known(reach, posture.socket, msg("An engine's socket is accessible."), _NO_SOCKET)
        case needs.BusSocket():
            return _known(reach, dict(posture.buses).get(need.bus, ""), msg("Such a socket is accessible."), _NO_BUS)
        case needs.SharedMount():
            where = posture.shared_system if need.system else posture.shared
            return _known(reach, where, msg("What is mounted there appears on the host, too."), _NOT_SHARED)
        case needs.HostFiles(users=True):
            where = posture.user_files[0] if posture.user_files else ""
            reason = msg("The home directory of a user of the host is accessible, and not read-only.")
            return _known(reach, where, reason, _NO_HOMES)
        case needs.HostFiles(system=False) if posture.without_root is not False:
            return _without_root(need, known=posture.without_root is True)
        case needs.HostFiles(set_uid=True):
            if posture.host_files and not posture.set_uid_files:
                # mnt_may_suid, fs/namespace.c: nosuid is only checked at exec, through that mount; chmod works
                return unknown(_SET_UID_ELSEWHERE, f"{MOUNTS}:{posture.host_files[0]}")
            where = posture.set_uid_files[0] if posture.set_uid_files else ""
            reason = msg("A writable directory of the host is accessible, and set-uid bits work there.")
            return _known(reach, where, reason, _NO_HOST_FILES)
        case needs.HostFiles(system=True):
            where = posture.system_files[0] if posture.system_files else ""
            reason = msg("A system directory of the host is accessible, and not read-only.")
            return _known(reach, where, reason, _NO_SYSTEM_FILES)
        case needs.HostFiles():
            where = posture.host_files[0] if posture.host_files else ""
            return _known(reach, where, msg("A writable path of the host is accessible."), _NO_HOST_FILES)
        case needs.HostFileSystem(writable=True):
            where = "" if reach is None else reach.host_writable
            none = _NO_WRITABLE if reach is not None and reach.host_file_system else _NO_FILE_SYSTEM
            return _known(reach, where, msg("A file of a host's filesystem is accessible, and not read-only."), none)
        case needs.HostFileSystem():
            where = "" if reach is None else reach.host_file_system
            return _known(reach, where, msg("A file of a host's filesystem is accessible."), _NO_FILE_SYSTEM)
        case needs.Room(resource=needs.Resource.DISK):
            where = "" if reach is None else reach.disk_place
            return _known(reach, where, msg("It can write to a place without a limit of its own."), _NO_DISK)
    return None


_PINNED = needs.KernelFile("/sys/fs/bpf/x", needs.Access.READ)
_IN_CHROOT = msg("It is in a chroot that it can't end: there the kernel creates no user namespace.")
_NO_SOCKET = msg("No engine's socket is accessible.")
_NO_BUS = msg("No such socket is accessible.")
_NOT_SHARED = msg("No mount of the container passes on to the host what is mounted below it.")
_NO_HOST_FILES = msg("No writable path of the host is accessible.")
_NO_HOMES = msg("No writable home directory of a user of the host is accessible.")
_NO_SYSTEM_FILES = msg("No writable system directory of the host is accessible.")
_SET_UID_ELSEWHERE = msg("Set-uid bits have no effect inside; whether they do in the host's own mount was not read.")
_NO_FILE_SYSTEM = msg("No file of a host's filesystem is accessible.")
_NO_WRITABLE = msg("The host's filesystems are accessible only through read-only mounts.")
_NO_DISK = msg("It can write only to filesystems of its own that are limited in size.")
_UNREAD = unknown(msg("Its mounts could not be read."), MOUNTS)


def _routes(need: needs.RouteOut, posture: NamespacePosture) -> Ruling:
    source = "@net/route"
    if dict(posture.host).get("net"):
        return lets(msg("It is in the host's own network."), "@ns/net")
    if posture.routes is None:
        return unknown(msg("The routes of its network could not be read."), source)
    if posture.routes.near if need.host else posture.routes.far:
        return lets(msg("The routes of its network lead there."), source)
    return stops(msg("No route of its network leads there."), source, frozenset({"namespace:net"}))


def _without_root(need: needs.HostFiles, *, known: bool) -> Ruling:
    if need.set_uid and known:
        text = msg("Where it can write to host files, nobody is root on the disk: the mount's ID map leaves it out.")
        return stops(text, MOUNTS)
    return unknown(msg("Whether the mount's ID map includes the owners of the files there was not read."), MOUNTS)


def _known(reach: MountReach | None, place: str, present: Message, missing: Message) -> Ruling:
    if reach is None:
        return _UNREAD
    if place:
        return lets(present, f"{MOUNTS}:{place}")
    return stops(missing, MOUNTS)


def _shares(kind: str, posture: NamespacePosture) -> Ruling:
    label, source = LABELS[Namespace(kind)], f"@ns/{kind}"
    shared = dict(posture.host).get(kind)
    if shared:
        return lets(msg("{namespace}: it is in the host's own.", namespace=label), source)
    if shared is None:
        return unknown(msg("{namespace}: whether it is the host's is not known.", namespace=label), source)
    if kind == "cgroup" and posture.top_of_cgroup_tree:
        # cgroup_show_path, kernel/cgroup/cgroup.c: a mounted tree's root is the group in which the namespace was
        # created
        text = msg("In a cgroup v1 tree its group is the topmost one, which its own namespace does not hide.")
        return unknown(text, "@cgroup")
    text = msg("{namespace}: it is not in the host's.", namespace=label)
    return stops(text, source, frozenset({f"namespace:{kind}"}))


def _processes_in_sight(seen: bool | None) -> Ruling:
    source = "@ns/pid"
    if seen is None:
        return unknown(msg("Whose processes it sees could not be read."), source)
    if seen:
        return lets(msg("It sees processes of other containers."), source)
    return stops(msg("It sees no process of another container."), source, frozenset({"namespace:pid"}))


def _shown(need: needs.HostProcesses, posture: NamespacePosture) -> Ruling:
    """The ruling by its PID namespace; `need.shown`: if a proc is left that shows it."""
    ruling, reach = _shares("pid", posture), posture.reach
    covered = reach is not None and not any(shown == "/proc" for _, shown, _ in reach.kernel)
    if need.shown and covered and ruling.stance is Stance.LETS_THROUGH:
        return stops(msg("It is in the host's PID namespace, but no proc that shows it is left."), MOUNTS)
    return ruling


def _by_bound_proc(ruling: Ruling, posture: NamespacePosture, *, first: bool = False) -> Ruling:
    """The ruling, unless a proc of the host mounted elsewhere shows what the PID namespace hides; `first`: its first
    process is enough.
    """
    reach = posture.reach
    if ruling.stance is Stance.LETS_THROUGH:
        return ruling
    if reach is None:
        return _UNREAD
    if reach.host_processes:
        return lets(msg("The host's own /proc is accessible."), f"{MOUNTS}:{reach.host_processes}")
    if first and reach.host_first:
        return lets(msg("The directory of the host's first process is accessible."), f"{MOUNTS}:{reach.host_first}")
    if reach.foreign_processes and ruling.stance is Stance.STOPS:
        text = msg("Whose processes the /proc there shows is not known.")
        return unknown(text, f"{MOUNTS}:{reach.foreign_processes}")
    return ruling


def _strong_process(posture: NamespacePosture) -> Ruling:
    source, reach = "@ns/pid", posture.reach
    hosts = _shares("pid", posture)
    if hosts.stance is Stance.LETS_THROUGH:
        return hosts
    if reach is not None and any(writable for place, _, writable in reach.kernel if place == reach.host_processes):
        return lets(msg("The host's own /proc is accessible, and not read-only."), f"{MOUNTS}:{reach.host_processes}")
    if hosts.stance is Stance.UNKNOWN and not posture.strong_neighbour:
        return hosts
    if posture.strong_neighbour is None:
        text = msg("The capabilities of the containers with which it shares its PID namespace could not be read.")
        return unknown(text, source)
    if posture.strong_neighbour:
        return lets(msg("It sees processes of a privileged container."), source)
    return stops(msg("It sees no process of a privileged container."), source, frozenset({"namespace:pid"}))


def _group_file(need: needs.GroupFile, posture: NamespacePosture) -> Ruling:
    groups, hosts = posture.groups, dict(posture.host).get("cgroup")
    if groups is None:
        return _UNREAD
    if need.fresh:
        return _fresh_group_file(need, posture, old=need.controller in groups.old, delegated=groups.delegated)
    tree = tree_for(groups, need.controller, need.use, hosts=hosts is True)
    if tree is not None:
        return lets(msg("A tree of cgroups is writable."), f"{MOUNTS}:{tree.place}")
    if hosts is None and (tree := tree_for(groups, need.controller, need.use, hosts=True)) is not None:
        text = msg("{namespace}: whether it is the host's is not known.", namespace=LABELS[Namespace.CGROUP])
        return unknown(text, f"{MOUNTS}:{tree.place}")
    return stops(msg("No tree of cgroups with such a file is writable."), MOUNTS)


def _fresh_group_file(need: needs.GroupFile, posture: NamespacePosture, *, old: bool, delegated: bool | None) -> Ruling:
    """The ruling on a newly mounted tree, which starts at the group where its cgroup namespace was created."""
    ruling = _shares("cgroup", posture)
    if ruling.stance is Stance.LETS_THROUGH or need.use is not needs.GroupUse.LIMIT:
        return ruling
    if old:
        return lets(msg("In a cgroup v1 tree the file of its own limit is writable."), "@cgroup")
    if delegated is None:
        return unknown(msg("Whether it can write the file of its own limit could not be read."), MOUNTS)
    if delegated:
        text = msg("A cgroup namespace can't write its own limits (nsdelegate).")
        return stops(text, MOUNTS, frozenset({"namespace:cgroup"}))
    return lets(msg("The host lets a cgroup namespace write its own limits (no nsdelegate)."), MOUNTS)


def _node(need: needs.Node, posture: NamespacePosture) -> Ruling:
    if need.made:
        place = "" if posture.reach is None else posture.reach.node_place
        missing = msg("It can write only where device nodes have no effect.")
        return _known(posture.reach, place, msg("Device nodes that it creates have an effect."), missing)
    known = {"disk": posture.disk_node, "memory": posture.memory_node, "log": posture.log_node} | dict(posture.kinds)
    shown_by = known.get(need.kind, "")
    if shown_by == MOUNTS:
        return lets(msg("Such a device node is accessible."), shown_by)
    if shown_by == _HELD:
        return lets(msg("It holds such a device open, which it inherited or was sent."), shown_by)
    if shown_by:
        return lets(msg("The engine was asked to pass in such a device; not verified."), shown_by, basis=Basis.ASKED)
    if posture.reach is None:
        return _UNREAD
    return stops(msg("No such device was passed in, and no mount shows one."), MOUNTS, frozenset({"devices"}))


def _kernel_file(need: needs.KernelFile, reach: MountReach | None) -> Ruling | None:
    if need.fresh or need.remounted or need.copied or not need.path.startswith(("/proc/", "/sys/")):
        return None
    if reach is None:
        return _UNREAD
    found = kernel_path(reach, need.path, bound=need.bound)
    source = MOUNTS if need.bound else f"{MOUNTS}:{covering(reach, need.path)}"
    if found is KernelPath.WRITABLE or (found is KernelPath.READ_ONLY and need.access is needs.Access.READ):
        return lets(msg("{path} is visible, and nothing masks it.", path=need.path), source)
    if found is KernelPath.READ_ONLY:
        return stops(msg("{path} is mounted read-only.", path=need.path), source, _MASKS)
    if found is KernelPath.COVERED:
        return stops(msg("{path} is masked.", path=need.path), source, _MASKS)
    return stops(msg("{path} is on no visible filesystem.", path=need.path), source)


_SETTINGS = "/proc/sys"


def _settings(posture: NamespacePosture) -> Ruling:
    """The ruling on any setting that is bound in: those of a namespace are the host's where it shares that."""
    if posture.reach is None:
        return _UNREAD
    hosts = {**dict(posture.host), "": True}
    shared = {hosts.get(kind, False): place for kind, place in posture.reach.settings}
    for stance in (True, None):
        if stance in shared:
            source = f"{MOUNTS}:{shared[stance]}"
            if stance:
                return lets(msg("Settings of the host's kernel are bound in, and not read-only."), source)
            return unknown(msg("Whether the settings that are bound in are its own was not read."), source)
    return stops(msg("No setting of the host's kernel is bound in writable."), MOUNTS)


def _handle(kind: str, posture: NamespacePosture) -> Ruling:
    if posture.reach is None:
        return _UNREAD
    known = [hosts for each, hosts in posture.handles if each == kind]
    label = LABELS[Namespace(kind)]
    if True in known:
        return lets(msg("{namespace}: a file that stands for the host's is bound in.", namespace=label), MOUNTS)
    if None in known:
        text = msg(
            "{namespace}: whether the file that is bound in stands for the host's is not known.", namespace=label
        )
        return unknown(text, MOUNTS)
    return stops(msg("{namespace}: no file that stands for the host's is bound in.", namespace=label), MOUNTS)


def _root_directory(reach: MountReach | None) -> Ruling:
    if reach is None or reach.root_writable is None:
        return _UNREAD
    if reach.root_writable:
        return lets(msg("Its root filesystem is writable."), f"{MOUNTS}:/")
    return stops(msg("Its root filesystem is read-only."), f"{MOUNTS}:/", frozenset({"read-only-root"}))


def _set_uid_exec(reach: MountReach | None) -> Ruling:
    if reach is None or reach.root_set_uid is None:
        return _UNREAD
    if reach.root_set_uid:
        return lets(msg("Set-uid files on its root filesystem have an effect."), f"{MOUNTS}:/")
    return stops(msg("Its root filesystem is mounted so that set-uid bits have no effect."), f"{MOUNTS}:/")
