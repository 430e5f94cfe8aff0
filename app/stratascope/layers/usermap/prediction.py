"""Predicts who a relaunched container's first process will be on the host. Pure.

The ids of a user namespace that the engine chooses (`auto`) are unknown beforehand; those of a given map are known.
"""

from __future__ import annotations

from stratascope.core.container import Asked, EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.options.capabilities import held_after, starts_as_root
from stratascope.layers.shared.deciding_settings import port_start_after
from stratascope.layers.shared.whose_namespace import own_user_namespace, own_user_namespace_after, shared_mode
from stratascope.layers.usermap.facts import Ranges, UsermapFacts, disks_given, outside_of
from stratascope.linux.namespace import EVERY_ID
from stratascope.value import replace

_MODES = (
    ("net", "network_mode"),
    ("uts", "uts_mode"),
    ("ipc", "ipc_mode"),
    ("pid", "pid_mode"),
    ("cgroup", "cgroupns_mode"),
)


def predict(facts: UsermapFacts | None, before: Asked, after: Asked, around: Surroundings) -> UsermapFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    own = own_user_namespace_after(before, after, around.engine)
    if own is not None:
        found = _namespace(found, after, around) if own else _initial(found)
    if before.user != after.user or starts_as_root(before) != starts_as_root(after):
        found = _user(found, after)
    elif found is not facts:
        found = replace(
            found,
            uid_outside=outside_of(found.uid_map, found.uid_inside),
            uid_effective=outside_of(found.uid_map, found.uid_inside),
            gid_outside=outside_of(found.gid_map, found.gid_inside),
            groups=_moved(facts.groups, facts.gid_map, found.gid_map),
        )
    if own_user_namespace(after) and any("idmap" in mount.options.split(",") for mount in after.mounts):
        found = replace(found, idmapped=True, mount_ids=None)  # the engine chooses their ids
    if before.groups != after.groups and found.gid_outside is not None:
        found = replace(found, groups=_groups(found.gid_outside, found, after))
    return replace(
        found,
        disks=disks_given(after),
        held=held_after(found.held, before, after, around.engine),
        owners=_owners(found, before, after, around),
        port_start=port_start_after(found.port_start, before, after, around),
    )


def _namespace(facts: UsermapFacts, after: Asked, around: Surroundings) -> UsermapFacts:
    rootless = around.engine.rootless
    ranges: Ranges | None = after.uid_map if after.uid_map and not rootless else None
    groups = (after.gid_map or ranges) if ranges is not None else None
    owner = facts.owner_inside if rootless else None
    match after.userns_mode:
        case "auto" | "nomap":
            owner = None
        case "keep-id" if rootless:
            owner = around.engine.daemon_uid
    return replace(
        facts,
        uid_map=ranges,
        gid_map=groups,
        root_is_host_uid=outside_of(ranges, 0),
        root_mapped=None if ranges is None else outside_of(ranges, 0) is not None,
        initial_namespace=False,
        range_shared_with=(),
        owner_inside=owner,
        setgroups=None if rootless else "allow",  # its map is written by root
        mount_ids=None if facts.idmapped else (),
    )


def _initial(facts: UsermapFacts) -> UsermapFacts:
    """In the initial user namespace, where each id maps to itself."""
    return replace(
        facts,
        uid_map=EVERY_ID,
        gid_map=EVERY_ID,
        root_is_host_uid=0,
        root_mapped=True,
        initial_namespace=True,
        range_shared_with=(),
        owner_inside=None,
        setgroups="allow",
        mount_ids=None if facts.idmapped else (),
    )


def _user(facts: UsermapFacts, after: Asked) -> UsermapFacts:
    name, _, group = after.user.partition(":")
    uid = _id(name or "0")
    gid = _id(group) if group or uid != 0 else 0  # the image defines a user's group; root's is root
    if not name and not starts_as_root(after):
        uid, gid = facts.owner_inside, None
    outside = outside_of(facts.gid_map, gid)
    return replace(
        facts,
        uid_inside=uid,
        uid_outside=outside_of(facts.uid_map, uid),
        uid_effective=outside_of(facts.uid_map, uid),
        gid_inside=gid,
        gid_outside=outside,
        # both engines also list the primary group among the supplementary ones
        groups=() if outside is None else _groups(outside, facts, after),
    )


def _moved(groups: tuple[int, ...], was: Ranges | None, now: Ranges | None) -> tuple[int, ...]:
    """The same groups inside, mapped outside with another map; unknown ones are left out."""
    back = tuple((outside, inside, length) for inside, outside, length in was or ())
    moved = (outside_of(now, outside_of(back, group)) for group in groups)
    return tuple(group for group in moved if group is not None)


def _groups(own: int, facts: UsermapFacts, after: Asked) -> tuple[int, ...]:
    further = (outside_of(facts.gid_map, _id(name)) for name in after.groups)
    return tuple(dict.fromkeys((own, *(gid for gid in further if gid is not None))))


def _id(name: str) -> int | None:
    if name == "root":
        return 0
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else None


def _owners(
    facts: UsermapFacts, before: Asked, after: Asked, around: Surroundings
) -> tuple[tuple[str, bool | None], ...]:
    """A namespace created together with the container belongs to its user namespace; the host's own never does."""
    modes = dict(_MODES)
    own = own_user_namespace_after(before, after, around.engine)
    found: list[tuple[str, bool | None]] = []
    for kind, owner in facts.owners:
        mode = getattr(after, modes[kind]) if kind in modes else "private"
        was = getattr(before, modes[kind]) if kind in modes else "private"
        if facts.initial_namespace:
            found.append((kind, True))
        elif own or mode != was:
            found.append((kind, _owner_of(kind, mode, around)))
        else:
            found.append((kind, owner))
    return tuple(found)


def _owner_of(kind: str, mode: str, around: Surroundings) -> bool | None:
    if around.engine.rootless and around.engine.kind is EngineKind.DOCKER and (kind == "net" or mode != "host"):
        return True  # everything it has belongs to RootlessKit's user namespace
    return False if mode == "host" else None if shared_mode(mode) else True
