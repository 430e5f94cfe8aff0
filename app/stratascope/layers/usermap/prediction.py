"""Who a relaunched container's first process will be on the host. Pure.

The ids of a user namespace that the engine chooses (`auto`) are not known before; those of a map that was named are.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.layers.shared.asked_capabilities import held_after, starts_as_root
from stratascope.layers.shared.toggle_values import own_user_namespace_after, shared_mode
from stratascope.layers.shared.unprivileged_ports import port_start_after
from stratascope.layers.usermap.facts import UsermapFacts, disks_given
from stratascope.value import replace

_Ranges = tuple[tuple[int, int, int], ...]
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
    if own_user_namespace_after(before, after):
        found = _namespace(found, after, around)
    if before.user != after.user or starts_as_root(before) != starts_as_root(after):
        found = _user(found, after)
    elif found is not facts:
        found = replace(
            found,
            uid_outside=_outside(found.uid_map, found.uid_inside),
            uid_effective=None,
            gid_outside=_outside(found.gid_map, found.gid_inside),
            groups=(),
        )
    return replace(
        found,
        disks=disks_given(after),
        held=held_after(found.held, before, after, around.engine),
        owners=_owners(found, before, after),
        port_start=port_start_after(found.port_start, before, after),
    )


def _namespace(facts: UsermapFacts, after: Asked, around: Surroundings) -> UsermapFacts:
    rootless = around.engine.rootless
    ranges: _Ranges | None = after.uid_map if after.uid_map and not rootless else None
    owner = facts.owner_inside if rootless else None
    match after.userns_mode:
        case "auto" | "nomap":
            owner = None
        case "keep-id":
            owner = around.engine.daemon_uid
    return replace(
        facts,
        uid_map=ranges,
        gid_map=ranges,
        root_is_host_uid=_outside(ranges, 0),
        root_mapped=None if ranges is None else _outside(ranges, 0) is not None,
        initial_namespace=False,
        range_shared_with=(),
        owner_inside=owner,
        setgroups=None,
    )


def _user(facts: UsermapFacts, after: Asked) -> UsermapFacts:
    name, _, group = after.user.partition(":")
    uid, gid = _id(name or "0"), _id(group)
    if not name and not starts_as_root(after):
        uid, gid = facts.owner_inside, None
    outside = _outside(facts.gid_map, gid)
    return replace(
        facts,
        uid_inside=uid,
        uid_outside=_outside(facts.uid_map, uid),
        uid_effective=None,
        gid_inside=gid,
        gid_outside=outside,
        groups=() if outside is None else (outside,),  # both engines list the own group among the further ones, too
    )


def _id(name: str) -> int | None:
    if name == "root":
        return 0
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else None


def _outside(ranges: _Ranges | None, inside: int | None) -> int | None:
    if ranges is None or inside is None:
        return None
    return next((outside + inside - first for first, outside, size in ranges if first <= inside < first + size), None)


def _owners(facts: UsermapFacts, before: Asked, after: Asked) -> tuple[tuple[str, bool | None], ...]:
    """A namespace made anew with the container belongs to its user namespace, and the host's own never does."""
    modes = dict(_MODES)
    own = own_user_namespace_after(before, after)
    found: list[tuple[str, bool | None]] = []
    for kind, owner in facts.owners:
        mode = getattr(after, modes[kind]) if kind in modes else "private"
        was = getattr(before, modes[kind]) if kind in modes else "private"
        if facts.initial_namespace:
            found.append((kind, True))
        elif own or mode != was:
            found.append((kind, False if mode == "host" else None if shared_mode(mode) else True))
        else:
            found.append((kind, owner))
    return tuple(found)
