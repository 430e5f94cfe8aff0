"""The posture of layer 6: who a process is, as far as its stances depend on it.

Host ids are left out where they don't matter: a container with the range 100000 equals one with 200000.
"""

from __future__ import annotations

from stratascope.core.ground import Surroundings
from stratascope.core.special_files import SpecialFile
from stratascope.layers.shared.conditional_needs import Answers, answers
from stratascope.layers.shared.special_files import node_kind
from stratascope.layers.shared.unprivileged_ports import low_ports_free
from stratascope.layers.usermap.facts import Ranges, UsermapAsked, UsermapFacts, outside_of
from stratascope.layers.usermap.namespace_owners import OWNED
from stratascope.linux.capability import CapabilitySet
from stratascope.value import Value

OWNER_WANTS = tuple(f"owner:{kind}" for kind in OWNED)
# login.defs(5) puts device groups in this range (disk is 6 on most systems), and no person's
_SYSTEM_GROUPS = range(1, 1000)
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits


class OnDisk(Value):
    """Who it is through idmapped mounts of host files; `system`: on paths where root can take over the host. None:
    unknown.
    """

    root: bool | None = False  # what it writes there belongs to root
    system_root: bool | None = False
    over_root: bool = False  # its capabilities apply there to root's files
    over_system_root: bool = False


class UsermapPosture(Value):
    """Who it is. None: unknown."""

    initial: bool | None  # whether it is in the initial user namespace
    host_root: bool | None  # its uid is 0 on the host, or can become so again
    root_inside: bool | None  # its uid is 0 in its own user namespace, or can become so again
    root_mapped: bool | None  # uid 0 exists inside
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
    nodes: tuple[tuple[str, bool], ...] = ()  # kinds of visible device nodes, and whether it may open one of that kind
    delegates: bool = False  # whether parts of the control groups may belong to ordinary users


def posture_of(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> UsermapPosture:
    """From the facts of the container's first process; ids only count if they are the host's."""
    seen = around.ground.initial_user_namespace is not False
    uid = facts.uid_outside if seen else None
    held = facts.held
    over = _over_root_files(facts) if seen else None
    host_root = None if uid is None else uid == 0
    return UsermapPosture(
        initial=facts.initial_namespace,
        host_root=host_root,
        root_inside=None if facts.uid_inside is None else facts.uid_inside == 0,
        root_mapped=facts.root_mapped,
        over_root_files=over,
        held=held,
        ids=None if facts.uid_map is None else min(2, sum(length for _, _, length in facts.uid_map)),
        setgroups=facts.setgroups,
        shared=None if facts.initial_namespace is None else bool(around.peers.of("user")),
        engine_user=_engine_user(facts, uid, around),
        socket=_socket(facts, uid, held, over, around),
        nodes=() if uid is None else _nodes(facts, uid),
        owners=facts.owners,
        rootless=around.engine.rootless,
        low_ports=low_ports_free(facts.port_start),
        settings=answers(around.ground),
        disk_group=facts.disks and any(gid in _SYSTEM_GROUPS for gid in (facts.gid_outside, *facts.groups)),
        on_disk=_on_disk(facts, uid),
        delegates=around.engine.rootless and around.ground.cgroup_layout not in ("v1", "hybrid"),
    )


def _over_root_files(facts: UsermapFacts) -> bool | None:
    """privileged_wrt_inode_uidgid, kernel/capability.c: both ids of the file must be mapped."""
    if facts.initial_namespace:
        return True
    if facts.uid_map is None or facts.gid_map is None:
        return None
    return all(any(outside == 0 for _, outside, _ in ranges) for ranges in (facts.uid_map, facts.gid_map))


def _on_disk(facts: UsermapFacts, uid: int | None) -> OnDisk:
    """The map decides whose files are root's there: from_vfsuid, fs/mnt_idmapping.c."""
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
    """connect requires write permission on the socket (unix(7)): as its owner, in its group, or anyone."""
    engine = around.engine
    if uid is None:
        return None
    sockets = [item for item in facts.special or () if item.kind == "s"]
    if sockets:
        return any(_lets_in(item, 0o222, uid, facts) for item in sockets)
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


def _nodes(facts: UsermapFacts, uid: int) -> tuple[tuple[str, bool], ...]:
    found: dict[str, bool] = {}
    for item in facts.special or ():
        if kind := node_kind(item):
            found[kind] = found.get(kind, False) or _lets_in(item, 0o444, uid, facts)
    return tuple(sorted(found.items()))


def _lets_in(item: SpecialFile, bits: int, uid: int, facts: UsermapFacts) -> bool:
    """generic_permission, fs/namei.c: the owner bits apply to the owner only, the group bits to its members."""
    mapped = facts.initial_namespace or (_maps(facts.uid_map, item.uid) and _maps(facts.gid_map, item.gid))
    if mapped and (facts.held or 0) & _OVERRIDE:
        return True
    if item.uid == uid:
        return bool(item.mode & bits & 0o700)
    groups = (facts.gid_outside, *facts.groups)
    return bool(item.mode & bits & (0o070 if item.gid in groups else 0o007))
