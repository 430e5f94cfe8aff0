"""The facts of layer 6: a process's ids inside and on the host, the map between the two, and its namespaces' owners.

The maps are read from outside, so their right side is the host's ids if the reader itself is in the initial user
namespace.

A process's capabilities apply in the namespaces that its own user namespace owns. With privilege the kernel reports the
owner (NS_GET_USERNS, ioctl_ns(2)). Without, it is inferred from where a namespace was created: the host's own belong to
the initial user namespace, and one that nobody else is in was created together with the container's user namespace. If
others are in it too, it is only the container's if they also share the user namespace, as a rootless engine's
containers do.

The ids of a user namespace that the engine chooses (`auto`) are unknown before a relaunch; those of a given map are
known.
"""

from __future__ import annotations

from stratascope.collector.names import BOUND, OWNER, ROOT, SECUREBITS
from stratascope.core.capture import Capture, Gap, GapKind, or_none, process_folder
from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import SpecialFile, SpecialFiles, Surroundings, inode_of
from stratascope.core.layer import NamedGap
from stratascope.core.options.capabilities import held_after, starts_as_root
from stratascope.core.options.rules import rules_of
from stratascope.core.options.values import keep_id
from stratascope.core.overview.shared_parts import OWN_MODES
from stratascope.core.threats.gain import Gain
from stratascope.layers.shared.buses import buses_among, buses_below
from stratascope.layers.shared.deciding_settings import asked_port, first_free_port, port_start_after, requested_port
from stratascope.layers.shared.descriptors import held, kinds_of_nodes, parts_of_host, way_out
from stratascope.layers.shared.devices import node_kind, special_files
from stratascope.layers.shared.host_paths import (
    engine_sockets,
    is_disk,
    is_socket,
    own_socket,
    own_volume,
    plain,
    plain_run,
    within,
)
from stratascope.layers.shared.host_programs import NOTHING, InSight, in_sight
from stratascope.layers.shared.host_programs import after as programs_after
from stratascope.layers.shared.readings import decoded, has_ids, id_maps, process_status, unsupported
from stratascope.layers.shared.system_places import runs_from
from stratascope.layers.shared.whose_namespace import (
    initial_user_namespace,
    left_its_user_namespace,
    own_user_namespace,
    own_user_namespace_after,
    shared_mode,
)
from stratascope.linux.capability import parse_securebits, root_by_exec
from stratascope.linux.mounts import any_idmapped, cached_mountinfo, seen_whole
from stratascope.linux.namespace import (
    EVERY_ID,
    FULL,
    IdMap,
    Namespace,
    is_full,
    is_initial,
    parse_idmap,
    parse_link,
    to_host,
    to_inside,
)
from stratascope.linux.permissions import (
    UNREAD,
    BoundMount,
    Permissions,
    Ranges,
    outside_of,
    parse_bound,
    parse_permissions,
)
from stratascope.linux.process import Ids, ProcessStatus
from stratascope.value import Value, replace

OWNED = ("mnt", "net", "uts", "ipc", "pid", "cgroup")
# Every other user namespace descends from the initial one, whose capabilities apply in all (user_namespaces(7))
_ALL_OF_THEM = tuple((kind, True) for kind in OWNED)


def owners_of(
    capture: Capture, container: Container, initial: bool | None, around: Surroundings, *, below: bool = False
) -> tuple[tuple[str, bool | None], ...]:
    """For each kind of namespace; None if unknown. `below`: it left the container's user namespace for one below."""
    if initial:
        return _ALL_OF_THEM
    return tuple([(kind, _owned(capture, kind, container, initial, around, below)) for kind in OWNED])


def _owned(
    capture: Capture, kind: str, container: Container, initial: bool | None, around: Surroundings, below: bool
) -> bool | None:
    owner, own = inode_of(capture.text(f"{OWNER}{kind}")), inode_of(capture.text("ns/user"))
    if owner is not None and own is not None:
        # an owner below its own is possible, but the process could hardly be in such a namespace
        return owner == own
    if initial is None:
        return None
    inode = inode_of(capture.text(f"ns/{kind}"))
    shared = None if inode is None else around.ground.is_hosts(kind, inode)
    if shared is None:
        return None
    if shared:
        return False
    if below:
        return _deeper(capture, kind, container)
    return True if set(around.peers.of(kind)) <= set(around.peers.of("user")) else None


def _deeper(capture: Capture, kind: str, container: Container) -> bool | None:
    """Whether it made a namespace of its own with its user namespace, or is still in the container's."""
    status = process_status(capture)
    if kind != Namespace.PID or isinstance(status, Gap) or not status.nspid:
        return None
    return len(status.nspid) > (1 if container.asked.pid_mode == "host" else 2)


MAPS = ("uid_map", "gid_map")


class MountIds(Value):
    """An idmapped mount. Ranges are (on the disk, on the host, length)."""

    target: str
    writable: bool
    of_host: bool  # whether it shows host files, rather than a volume of the container's own
    system: bool  # whether writing there as root takes over the host
    uid_map: Ranges
    gid_map: Ranges


class UsermapFacts(Value):
    """Maps as (inside, outside, length); None: not readable. Ids "outside" are the host's."""

    UNPRINTED = (
        "special",
        "programs",
        "open_outside",
        "container_root",
        "whole",
        "bus_owners",
        "regained",
        "bound",
        "root_directory",
    )

    uid_map: tuple[tuple[int, int, int], ...] | None
    gid_map: tuple[tuple[int, int, int], ...] | None
    root_is_host_uid: int | None  # None: unknown, or root is not mapped (see `root_mapped`)
    root_mapped: bool | None
    initial_namespace: bool | None
    range_shared_with: tuple[str, ...]
    owner_inside: int | None  # the engine's own user as an id inside, if the map has it
    uid_inside: int | None
    uid_outside: int | None
    gid_inside: int | None
    gid_outside: int | None
    setgroups: str | None  # "allow" or "deny"
    groups: tuple[int, ...]  # supplementary groups, outside
    held: int | None  # mask of capabilities that it holds or can take: some make up for not being the owner
    # kind of namespace, and whether the process's own user namespace (or one below it) owns it
    owners: tuple[tuple[str, bool | None], ...]
    port_start: int | None  # the first port that everyone may bind in its network namespace
    process: str
    gaps: tuple[NamedGap, ...]
    uid_effective: int | None = None  # differs from `uid_outside` if that is root's, which it can take again
    disks: bool = False  # whether host disks were passed in: a group may open their nodes
    foreign_socket: bool = False  # whether a socket other than the engine's own is mounted: its mode is unknown
    special: tuple[SpecialFile, ...] | None = None  # engine sockets, and device nodes; None: not read
    idmapped: bool = False  # whether a mount is idmapped: through it, root inside may be the host's
    mount_ids: tuple[MountIds, ...] | None = ()  # all such mounts; None: unknown
    programs: InSight = NOTHING  # of the host
    below: bool = False  # whether it left the container's user namespace for one below: a sandbox of its own
    container_root: int | None = None  # the host uid of the container's root, if it did; None: unknown
    # proc and sysfs as a user namespace below the container's may mount them anew: kind, and whether writable
    whole: tuple[tuple[str, bool], ...] = ()
    bus_owners: tuple[int, ...] = ()  # uids of the host whose session's D-Bus or systemd it can reach by a socket
    regained: int = 0  # mask of capabilities that root gets back by exec, and does not hold now
    root_directory: Permissions | None = None  # owner and mode; None: not read
    bound: tuple[BoundMount, ...] | None = None  # writable mounts of the host's files; None: not read
    # held open from outside: kinds of device nodes, "file" for one that it may write, "folder" for all of the host's,
    # "part" for a folder that leads no further
    open_outside: tuple[str, ...] = ()


class UsermapAsked(Value):
    """The requested options. An empty `userns_mode` does not mean "host"."""

    userns_mode: str
    user: str
    uid_map: tuple[tuple[int, int, int], ...]
    network: str
    first_free_port: int | None  # requested by --sysctl
    own: bool = False  # whether a user namespace for this container alone was requested
    modes: tuple[tuple[str, str], ...] = ()  # of the other kinds of namespaces


def asked_of(container: Container) -> UsermapAsked:
    """The engine's options for this layer."""
    asked = container.asked
    modes = tuple([(kind, getattr(asked, field)) for kind, field in OWN_MODES if kind in OWNED])
    return UsermapAsked(
        asked.userns_mode,
        asked.user,
        asked.uid_map,
        asked.network_mode,
        asked_port(asked),
        own_user_namespace(asked),
        modes,
    )


def as_requested(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> UsermapFacts:
    """See `core.layer.Layer.as_requested`: whether it is in the initial user namespace; its network's free ports; whose
    the namespaces are that were made together with one of its own.
    """
    initial, port = facts.initial_namespace, facts.port_start
    if initial is None:
        initial = initial_user_namespace(asked.userns_mode, asked.uid_map, around.engine) or None
    if port is None:
        port = requested_port(asked.network, asked.first_free_port, around.engine)
    owners = facts.owners if initial is facts.initial_namespace else tuple((kind, True) for kind, _ in facts.owners)
    if asked.own and initial is False and not facts.below and any(owner is None for _, owner in owners):
        modes = dict(asked.modes)
        owners = tuple(
            (kind, _owner_of(kind, modes.get(kind, "private"), around) if owner is None else owner)
            for kind, owner in owners
        )
    if (initial, port, owners) == (facts.initial_namespace, facts.port_start, facts.owners):
        return facts
    return replace(facts, initial_namespace=initial, owners=owners, port_start=port)


def decode(capture: Capture, container: Container, around: Surroundings) -> UsermapFacts:
    """Decode the maps, and the first process's ids on both sides; never raises."""
    gaps: list[NamedGap] = []
    uids, gids = (decoded(capture, name, parse_idmap, gaps) for name in MAPS)
    if around.ground.initial_user_namespace is False:
        gap = Gap(GapKind.UNSUPPORTED, detail="read from inside a user namespace: the ids are not the host's")
        gaps.append(NamedGap("uid_map", gap, "/proc/self/uid_map"))
    status = process_status(capture)
    uid = gid = effective = None
    if isinstance(status, Gap):
        gaps.append(NamedGap("status", unsupported(capture, status), capture.source("status")))
    else:
        uid = _uid(status.uids, uids) if status.uids else None
        effective = status.uids.effective if status.uids else None
        gid = status.gids.effective if status.gids else None
    setgroups = capture.text("setgroups")
    initial = _initial(capture, uids, gaps)
    owner = around.engine.daemon_uid if around.engine.rootless else None
    idmapped = or_none(capture.decoded("mountinfo", any_idmapped)) is True
    below = left_its_user_namespace(capture, container, around)
    return UsermapFacts(
        uid_map=_triples(uids),
        gid_map=_triples(gids),
        root_is_host_uid=None if uids is None else to_host(uids, 0),
        root_mapped=None if uids is None else to_host(uids, 0) is not None,
        initial_namespace=initial,
        range_shared_with=around.peers.uid_range,
        owner_inside=_owner(uids, owner, rootless=around.engine.rootless),
        uid_inside=None if uids is None or uid is None else to_inside(uids, uid),
        uid_outside=uid,
        gid_inside=None if gids is None or gid is None else to_inside(gids, gid),
        gid_outside=gid,
        setgroups=_setgroups(setgroups, gids),
        groups=() if isinstance(status, Gap) else status.groups,
        held=None
        if isinstance(status, Gap) or status.effective is None
        else status.effective | (status.permitted or 0),
        owners=owners_of(capture, container, initial, around, below=below),
        port_start=first_free_port(capture, around),
        process=process_folder(capture.pid),
        gaps=tuple(gaps),
        uid_effective=effective,
        disks=disks_given(container.asked),
        foreign_socket=_foreign_socket(container.asked, around),
        special=_special(special_files(capture, around.ground), around),
        idmapped=idmapped,
        mount_ids=_mount_ids(capture, container, around) if idmapped else (),
        programs=in_sight(capture, container.id, around),
        below=below,
        container_root=_container_root(container.asked, around) if below else None,
        whole=seen_whole(or_none(capture.decoded("mountinfo", cached_mountinfo)) or ()) if below else (),
        bus_owners=bus_owners(container.asked, special_files(capture, around.ground), around),
        regained=0 if isinstance(status, Gap) else _regained(status, uids, capture),
        root_directory=or_none(capture.decoded(ROOT, parse_permissions)),
        bound=_bound(capture, container),
        open_outside=_open_outside(capture, around),
    )


def _setgroups(text: str | Gap, gids: IdMap | None) -> str | None:
    """userns_may_setgroups, kernel/user_namespace.c: without a map of groups it is denied."""
    if gids == ():
        return "deny"
    return None if isinstance(text, Gap) else text.strip()


def _container_root(asked: Asked, around: Surroundings) -> int | None:
    """The host uid of uid 0 in the user namespace that the engine gives it; None if the engine chooses that."""
    if asked.uid_map and not around.engine.rootless:
        return outside_of(asked.uid_map, 0)
    if initial_user_namespace(asked.userns_mode, asked.uid_map, around.engine):
        return 0
    chosen = own_user_namespace(asked) or shared_mode(asked.userns_mode)
    return around.engine.daemon_uid if around.engine.rootless and not chosen else None


def bus_owners(asked: Asked, special: SpecialFiles | None, around: Surroundings) -> tuple[int, ...]:
    """Whose session it can reach: by the sockets found, and by the paths that were asked for."""
    found = list(() if special is None else buses_among(special.files, around))
    for mount in () if special is not None and special.whole else asked.mounts:
        if mount.source.startswith("/"):
            found += buses_below(mount.source, mount.target, around, searched=special is not None)
    return tuple(sorted({each.owner for each in found if each.owner}))


def _regained(status: ProcessStatus, uids: IdMap | None, capture: Capture) -> int:
    """As root, exec gives the bounding set (capabilities(7)), unless no_new_privs or a securebit is set: what is not
    held of it.
    """
    if status.uids is None or uids is None or status.bounding is None or status.no_new_privs is not False:
        return 0
    if not any(to_inside(uids, uid) == 0 for uid in status.uids.within_reach):
        return 0
    held = (status.effective or 0) | (status.permitted or 0)
    bits = or_none(capture.decoded(SECUREBITS, parse_securebits))
    return 0 if root_by_exec(bits, held) is False else status.bounding & ~held


def _bound(capture: Capture, container: Container) -> tuple[BoundMount, ...] | None:
    """Without the volumes that the engine keeps for it."""
    found = or_none(capture.decoded(BOUND, parse_bound))
    if found is None:
        return None
    volumes = {mount.target.rstrip("/") for mount in container.asked.mounts if own_volume(mount.source, mount)}
    return tuple(mount for mount in found if mount.target not in volumes)


def _bound_after(
    bound: tuple[BoundMount, ...] | None, before: Asked, after: Asked, looked: tuple[BoundMount, ...] | None
) -> tuple[BoundMount, ...] | None:
    """The same with other mounts. `looked`: what is known of new ones."""
    if before.mounts == after.mounts or (bound is None and looked is None):
        return bound
    was, wanted = ({each.target.rstrip("/"): each for each in asked.mounts} for asked in (before, after))
    kept = [
        mount
        for mount in bound or ()
        if not any(within(mount.target, place) and wanted.get(place) != was[place] for place in was)
    ]
    new = {place: mount for place, mount in wanted.items() if was.get(place) != mount}
    if looked is not None:
        volumes = [place for place, mount in new.items() if mount.kind != "bind"]
        return (*kept, *(mount for mount in looked if mount.target not in volumes))
    unread = (place for place, mount in new.items() if mount.kind == "bind" and mount.writable)
    return (*kept, *(BoundMount(place, (UNREAD,)) for place in unread))


def _open_outside(capture: Capture, around: Surroundings) -> tuple[str, ...]:
    found = held(capture) or ()
    files = any(each.kind == "f" and each.writable for each in found)
    ways = ("file", files), ("folder", way_out(found) is not None), ("part", bool(parts_of_host(found, around.ground)))
    more = [word for word, there in ways if there]
    return (*kinds_of_nodes(found), *more)


def _special(found: SpecialFiles | None, around: Surroundings) -> tuple[SpecialFile, ...] | None:
    if found is None:
        return None
    return (*engine_sockets(found.files, around), *(item for item in found.files if node_kind(item)))


def disks_given(asked: Asked) -> bool:
    """Whether disks of the host were passed in."""
    return asked.privileged or any(is_disk(device.source) for device in asked.devices)


def _triples(idmap: IdMap | None) -> tuple[tuple[int, int, int], ...] | None:
    return None if idmap is None else tuple((part.inside, part.outside, part.length) for part in idmap)


def _uid(ids: Ids, ranges: IdMap | None) -> int:
    """Root's if the real or saved id is root's, else the effective one."""
    for uid in ids.within_reach:
        if uid == 0 or (ranges is not None and to_inside(ranges, uid) == 0):
            return uid
    return ids.effective


def _foreign_socket(asked: Asked, around: Surroundings) -> bool:
    own = own_socket(around)
    sources = [mount.source for mount in asked.mounts if mount.source]
    return any(is_socket(source) and plain_run(source) != own for source in sources)


def _mount_ids(capture: Capture, container: Container, around: Surroundings) -> tuple[MountIds, ...] | None:
    """The idmapped mounts; None unless all their maps are known, in the reader's ids."""
    maps = id_maps(capture)
    asked = {wish.target.rstrip("/"): wish for wish in container.asked.mounts}
    found = []
    for mount in or_none(capture.decoded("mountinfo", cached_mountinfo)) or ():
        if not has_ids(mount):
            continue
        if mount.id not in maps:
            return None
        ids = maps[mount.id]
        wish = asked.get(mount.target)
        of_host = not own_volume(mount.root, wish)
        source = mount.root if wish is None else wish.source
        system = of_host and runs_from(mount.device, mount.root, source, around.ground.mounts).root
        uids, gids = _triples(ids.uids) or (), _triples(ids.gids) or ()
        found.append(MountIds(mount.target, not mount.read_only, of_host, system, uids, gids))
    return tuple(found)


def _initial(capture: Capture, uids: IdMap | None, gaps: list[NamedGap]) -> bool | None:
    if uids is not None and not is_full(uids):
        return False  # the initial one maps every id to itself, which nothing can change
    link = decoded(capture, "ns/user", parse_link, gaps)
    return None if link is None else is_initial(Namespace.USER, link.inode)


def _owner(uids: IdMap | None, owner: int | None, *, rootless: bool) -> int | None:
    """The engine's own user, inside. If its uid is unknown: the one id that a rootless map lists separately."""
    if uids is None or not rootless:
        return None
    if owner is not None:
        return to_inside(uids, owner)
    return next((part.inside for part in uids if part.length == 1 and part.outside not in (0, FULL)), None)


def gained(facts: UsermapFacts, gain: Gain) -> UsermapFacts:
    """See `core.layer.Layer.gained`."""
    if not gain.root:
        groups = [group for each in gain.groups if (group := outside_of(facts.gid_map, each)) is not None]
        return replace(facts, held=gain.held, groups=(*facts.groups, *groups))
    outside = outside_of(facts.uid_map, 0)
    return replace(facts, uid_inside=0, uid_outside=outside, uid_effective=outside, held=gain.held)


def predict(facts: UsermapFacts | None, before: Asked, after: Asked, around: Surroundings) -> UsermapFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    own = own_user_namespace_after(before, after, around.engine)
    if own is not None:
        found = _in_its_own(found, after, around) if own else _in_the_initial(found)
    if before.user != after.user or starts_as_root(before) != starts_as_root(after):
        found = _user(found, after, around.engine)
    elif found is not facts:
        found = replace(
            found,
            uid_outside=outside_of(found.uid_map, found.uid_inside),
            uid_effective=outside_of(found.uid_map, found.uid_inside),
            gid_outside=outside_of(found.gid_map, found.gid_inside),
            groups=_moved(facts.groups, facts.gid_map, found.gid_map),
        )
        if after.userns_mode == "nomap" and found.gid_outside is not None:
            found = replace(found, groups=_groups(found.gid_outside, found, after, around.engine))
    if own_user_namespace(after) and any("idmap" in mount.options.split(",") for mount in after.mounts):
        found = replace(found, idmapped=True, mount_ids=_idmapped(found, after))
    if before.groups != after.groups and found.gid_outside is not None:
        found = replace(found, groups=_groups(found.gid_outside, found, after, around.engine))
    return replace(
        found,
        disks=disks_given(after),
        # it is made anew, and in another user namespace with other owners
        root_directory=found.root_directory if own is None else None,
        regained=0,  # as it starts, root holds what it can have
        bound=_bound_after(found.bound, before, after, around.ahead.bound),
        held=held_after(found.held, before, after, around.engine),
        owners=_owners(found, before, after, around),
        programs=programs_after(found.programs, after, own, around),
        open_outside=(),
        port_start=port_start_after(found.port_start, before, after, around),
        bus_owners=found.bus_owners if before.mounts == after.mounts else bus_owners(after, around.ahead.seen, around),
        special=found.special if around.ahead.seen is None else _special(around.ahead.seen, around),
        foreign_socket=found.foreign_socket if before.mounts == after.mounts else _foreign_socket(after, around),
    )


def _in_its_own(facts: UsermapFacts, after: Asked, around: Surroundings) -> UsermapFacts:
    rootless = around.engine.rootless
    owner = facts.owner_inside if rootless else None
    ranges, groups = (after.uid_map or None, after.gid_map or after.uid_map or None) if not rootless else (None, None)
    if rootless:
        ranges, groups = (
            _within_range(own, asked, after.userns_mode, word)
            for own, asked, word in (
                (facts.uid_map, after.uid_map, "uid"),
                (facts.gid_map, after.gid_map or after.uid_map, "gid"),
            )
        )
        own = outside_of(facts.uid_map, 0)
        owner = None if ranges is None else outside_of(_turned(ranges), own)
    return replace(
        facts,
        uid_map=ranges,
        gid_map=groups,
        root_is_host_uid=outside_of(ranges, 0),
        root_mapped=None if ranges is None else outside_of(ranges, 0) is not None,
        initial_namespace=False,
        below=False,
        range_shared_with=(),
        owner_inside=owner,
        setgroups=None if groups is None and rootless else "allow",  # its map is written by root, or newgidmap(1)
        mount_ids=None if facts.idmapped else (),
    )


def _idmapped(facts: UsermapFacts, after: Asked) -> tuple[MountIds, ...] | None:
    """The mounts with `idmap`, which has the container's own map; None if that, or a map that they name, is unknown."""
    if facts.uid_map is None or facts.gid_map is None or any("idmap=" in mount.options for mount in after.mounts):
        return None
    return tuple(
        MountIds(
            plain(mount.target),
            mount.writable,
            mount.kind == "bind",
            mount.kind == "bind" and runs_from("", "", plain(mount.source)).root,
            facts.uid_map,
            facts.gid_map,
        )
        for mount in after.mounts
        if "idmap" in mount.options.split(",")
    )


def _within_range(own: Ranges | None, asked: Ranges, mode: str, word: str) -> Ranges | None:
    """The map of a container of a rootless Podman, whose own map is `own`: all that is asked for is in terms of that.
    None: not known.
    """
    if not own:
        return None
    size = sum(length for _, _, length in own)
    kind = mode.partition(":")[0]
    if kind == "nomap":
        asked = ((0, 1, size - 1),)
    elif kind == "keep-id":
        kept = keep_id(mode).get(word, own[0][1])
        asked = ((0, 1, kept), (kept, 0, 1), (kept + 1, kept + 1, size - kept - 1))
    elif kind == "auto":
        return None
    found = []
    for inside, middle, length in asked:
        for first, outside, count in own:  # the kernel stores what is written in terms of the host's ids
            start, end = max(middle, first), min(middle + length, first + count)
            if start < end:
                found.append((inside + start - middle, outside + start - first, end - start))
    return tuple(found)


def _turned(ranges: Ranges) -> Ranges:
    return tuple((outside, inside, length) for inside, outside, length in ranges)


def _in_the_initial(facts: UsermapFacts) -> UsermapFacts:
    """In the initial user namespace, where each id maps to itself."""
    return replace(
        facts,
        uid_map=EVERY_ID,
        gid_map=EVERY_ID,
        root_is_host_uid=0,
        root_mapped=True,
        initial_namespace=True,
        below=False,
        range_shared_with=(),
        owner_inside=None,
        setgroups="allow",
        mount_ids=None if facts.idmapped else (),
    )


def _user(facts: UsermapFacts, after: Asked, engine: Engine) -> UsermapFacts:
    name, _, group = after.user.partition(":")
    uid = _id(name or "0")
    gid = _id(group) if group or uid != 0 else 0  # the image defines a user's group; root's is root
    if not name and not starts_as_root(after):
        uid, gid = facts.owner_inside, None
    elif after.account is not None and after.account.user == after.user:
        uid, gid = after.account.uid, after.account.gid
    outside = outside_of(facts.gid_map, gid)
    return replace(
        facts,
        uid_inside=uid,
        uid_outside=outside_of(facts.uid_map, uid),
        uid_effective=outside_of(facts.uid_map, uid),
        gid_inside=gid,
        gid_outside=outside,
        groups=() if outside is None else _groups(outside, facts, after, engine),
    )


def _moved(groups: tuple[int, ...], was: Ranges | None, now: Ranges | None) -> tuple[int, ...]:
    """The same groups inside, mapped outside with another map; unknown ones are left out."""
    back = tuple((outside, inside, length) for inside, outside, length in was or ())
    moved = (outside_of(now, outside_of(back, group)) for group in groups)
    return tuple(group for group in moved if group is not None)


def _groups(own: int, facts: UsermapFacts, after: Asked, engine: Engine) -> tuple[int, ...]:
    """Podman lists the primary group only if a user is asked for (libpod, container_internal_common.go)."""
    account = after.account if after.account is not None and after.account.user == after.user else None
    inside = (*(() if account is None else account.groups), *map(_id, after.groups))
    further = (outside_of(facts.gid_map, gid) for gid in inside)
    first = (own,) if after.user or after.userns_mode == "nomap" or not rules_of(engine).own_users else ()
    return tuple(dict.fromkeys((*first, *(gid for gid in further if gid is not None))))


def _id(name: str) -> int | None:
    if name == "root":
        return 0
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else None


def _owners(
    facts: UsermapFacts, before: Asked, after: Asked, around: Surroundings
) -> tuple[tuple[str, bool | None], ...]:
    """A namespace created together with the container belongs to its user namespace; the host's own never does."""
    modes = dict(OWN_MODES)
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
    if around.engine.rootless and rules_of(around.engine).rootlesskit and (kind == "net" or mode != "host"):
        return True  # everything it has belongs to RootlessKit's user namespace
    return False if mode == "host" else None if shared_mode(mode) else True
