"""The posture of layer 1: what of a process's namespaces and mounts decides its stances.

The options are used for device nodes as well: for `--privileged` and `--device` an engine creates them in the
container's own /dev, which no mount shows.
"""

from __future__ import annotations

from stratascope.core.ground import NAMESPACES, Surroundings
from stratascope.layers.namespaces.facts import NamespacesAsked, NamespacesFacts
from stratascope.layers.namespaces.group_reach import GroupReach, group_reach
from stratascope.layers.namespaces.mount_reach import MountReach
from stratascope.layers.shared.device_rules import is_block, passes_block
from stratascope.layers.shared.host_paths import hands_over
from stratascope.value import Value

MOUNTS, _PRIVILEGED, _DEVICES = "@mountinfo", "inspect:HostConfig.Privileged", "inspect:HostConfig.Devices"
_MEMORY_NODES = frozenset({"/dev/mem", "/dev/kmem", "/dev/port"})
_LOG_NODE = "/dev/kmsg"


class NamespacePosture(Value):
    """None: unknown."""

    host: tuple[tuple[str, bool | None], ...]  # kind of namespace, and whether it is the host's
    processes: bool | None  # whether all containers are in its PID namespace or below it
    reach: MountReach | None
    socket: str  # path of an engine's socket; empty: none
    host_files: tuple[str, ...]  # writable files and directories of the host
    set_uid_files: tuple[str, ...]  # those of them where set-uid bits take effect
    top_of_cgroup_tree: bool  # whether its group is the root of some v1 tree
    disk_node: str  # where a disk node of the host is shown: by mounts or the engine's options; empty: nowhere
    memory_node: str
    log_node: str = ""  # the same for the kernel log
    system_files: tuple[str, ...] = ()  # writable host paths where root can take over the host
    groups: GroupReach | None = None
    neighbours: bool | None = False  # whether it shares its PID namespace with particular containers
    strong_neighbour: bool | None = False  # whether one of these is as powerful as the host's root
    # whether nobody is root on the disk in any of `host_files`, by the mounts' id maps
    without_root: bool | None = False


def posture_of(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> NamespacePosture:
    """From the facts of the container's first process."""
    view = facts.mounts
    writable = () if view is None else view.writable_paths
    disk, memory, log = _nodes(facts, asked, rootless=around.engine.rootless)
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
        tuple(
            [
                path.target
                for path in facts.host_paths or ()
                if path.writable and hands_over(path.source) and path.target not in facts.without_root
            ]
        ),
        None if view is None or facts.memberships is None else group_reach(view.seen, facts.memberships),
        _neighbours(facts),
        _strong_neighbour(facts, around),
        _without_root(set(writable), facts),
    )


def _without_root(writable: set[str], facts: NamespacesFacts) -> bool | None:
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


def _nodes(facts: NamespacesFacts, asked: NamespacesAsked, *, rootless: bool) -> tuple[str, str, str]:
    """What shows a node of a disk, memory and the log: the mounts, or the engine's options."""
    view = facts.mounts
    disk = memory = log = ""
    special = None if view is None else view.special
    if view is not None and special is not None:  # by device number rather than name
        disk, memory, log = (MOUNTS if kind in view.nodes else "" for kind in ("disk", "memory", "log"))
    whole = special is not None and special.whole
    if not whole:
        for node in facts.devices or ():
            disk = disk or (MOUNTS if is_block(node) else "")
            memory = memory or (MOUNTS if node in _MEMORY_NODES else "")
            log = log or (MOUNTS if node == _LOG_NODE else "")
    if asked.privileged and not rootless:
        return disk or _PRIVILEGED, memory or _PRIVILEGED, log or _PRIVILEGED
    seen = frozenset() if special is None else {item.path for item in special.files}
    for device in asked.devices:
        if (device.target or device.source) in seen:
            continue
        disk = disk or (_DEVICES if passes_block(device) else "")
        memory = memory or (_DEVICES if {device.source, device.target} & _MEMORY_NODES else "")
        log = log or (_DEVICES if _LOG_NODE in (device.source, device.target) else "")
    if not whole and "/dev" in {path.source for path in facts.host_paths or ()}:
        return disk or MOUNTS, memory or MOUNTS, log or MOUNTS
    return disk, memory, log
