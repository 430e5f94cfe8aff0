"""What containers share: namespaces, ranges of host ids, networks, volumes, host paths and control groups.

A layer sees one container only, and gets its `Peers` from here; the rest is for people, over a snapshot. What only one
container has is left out, unless it is the host's own: that is shared with the machine. Namespaces are compared by
inode; if the inode could not be read, the requested `container:OTHER` counts and is marked `asked`. Containers on
different machines share nothing.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from stratascope.collector.names import NETWORK_INODE
from stratascope.core.capture import Capture, or_none
from stratascope.core.container import Container, matching
from stratascope.core.ground import NAMESPACES, Ground, Neighbour, Peers, inode_of
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.machine import parse_number
from stratascope.linux.namespace import FULL, Namespace, parse_idmap
from stratascope.linux.process import Ids, parse_status
from stratascope.value import Value

Key = tuple[str, str]
_GRAVE = ("pid", "net", "ipc", "user", "mnt", "uts", "time", "cgroup")
_NOT_SHOWN = frozenset({"user", "time", "mnt"})  # the host's own: usual, or reported by findings


class SharedKind(StrEnum):
    """What is shared, worst first."""

    HOST = "host"  # a namespace of the host itself
    NAMESPACE = "namespace"
    PATH = "path"  # a folder or file of the host
    VOLUME = "volume"
    IDS = "ids"  # host uids
    NETWORK = "network"
    CGROUP = "cgroup"


class Shared(Value):
    """One shared resource and the containers that have it. `name`: a namespace kind, a path, a volume, a network,
    `FIRST-LAST` of host uids, or a control group. `writers`: the containers that may write to it (paths, volumes).
    `asked`: stated by the engine only, not verified.
    """

    kind: SharedKind
    name: str
    engine: str  # the engine of a volume or network; empty for resources shared across engines
    containers: tuple[Key, ...]
    writers: tuple[Key, ...] = ()
    asked: bool = False


def shared_parts(snapshot: Snapshot) -> tuple[Shared, ...]:
    """Everything shared: worst kind first, then by number of containers."""
    machines: dict[int, tuple[Ground, list[ContainerState]]] = {}
    for state in snapshot.containers:
        ground = snapshot.ground_of(state.container.engine)
        machines.setdefault(id(ground), (ground, []))[1].append(state)
    found: list[Shared] = []
    for ground, states in machines.values():
        sharing = {state.key: _sharing(state) for state in states}
        found += _namespaces(states, sharing, ground)
        found += _asked(states, sharing)
        found += _mounts(states)
        found += _ids(states, sharing)
        found += _by_engine(states)
    return tuple(sorted(found, key=_worst_first))


def _worst_first(shared: Shared) -> tuple[int, int, int, str]:
    of_namespace = shared.kind in (SharedKind.HOST, SharedKind.NAMESPACE)
    grave = _GRAVE.index(shared.name) if of_namespace and shared.name in _GRAVE else 0
    return list(SharedKind).index(shared.kind), grave, -len(shared.containers), shared.name


def _sharing(state: ContainerState) -> Sharing:
    return Sharing() if state.capture is None or state.gap is not None else sharing_of(state.capture)


def _namespaces(states: list[ContainerState], sharing: dict[Key, Sharing], ground: Ground) -> list[Shared]:
    own: dict[tuple[str, int], list[Key]] = defaultdict(list)
    hosts: dict[str, list[Key]] = defaultdict(list)
    for state in states:
        for kind, inode in sharing[state.key].namespaces:
            if inode in (ground.namespace(kind), ground.network_inode):
                if kind not in _NOT_SHOWN:
                    hosts[kind].append(state.key)
            else:
                own[kind, inode].append(state.key)
    found = [Shared(SharedKind.HOST, kind, "", tuple(keys)) for kind, keys in hosts.items()]
    return found + [
        Shared(SharedKind.NAMESPACE, kind, "", tuple(keys)) for (kind, _), keys in own.items() if len(keys) > 1
    ]


def _asked(states: list[ContainerState], sharing: dict[Key, Sharing]) -> list[Shared]:
    """Sharing by the requested `container:OTHER`, if one of the two namespaces could not be read."""
    found: list[Shared] = []
    of_engine: dict[str, list[Container]] = defaultdict(list)
    for state in states:
        of_engine[state.container.engine].append(state.container)
    for kind, field in MODES:
        groups: dict[Key, dict[Key, None]] = {}
        for state in states:
            mode = getattr(state.container.asked, field)
            if not mode.startswith(OF_CONTAINER):
                continue
            owner = next(iter(matching(mode.removeprefix(OF_CONTAINER), of_engine[state.container.engine])), None)
            if owner is None or all(kind in dict(sharing[key].namespaces) for key in (owner.key, state.key)):
                continue
            groups.setdefault(owner.key, {owner.key: None})[state.key] = None
        found += [Shared(SharedKind.NAMESPACE, kind, "", tuple(keys), asked=True) for keys in groups.values()]
    return found


def _mounts(states: list[ContainerState]) -> list[Shared]:
    """Shared volumes and host paths; only equal paths count, not a path below another one."""
    who: dict[tuple[SharedKind, str, str], dict[Key, bool]] = defaultdict(dict)
    for state in states:
        for mount in state.container.asked.mounts:
            if mount.volume:
                place = (SharedKind.VOLUME, mount.volume, state.container.engine)
            elif mount.kind == "bind" and mount.source:
                place = (SharedKind.PATH, mount.source, "")
            else:
                continue
            who[place][state.key] = who[place].get(state.key, False) or mount.writable
    return [
        Shared(kind, name, engine, tuple(keys), tuple(key for key, writes in keys.items() if writes))
        for (kind, name, engine), keys in who.items()
        if len(keys) > 1
    ]


def _ids(states: list[ContainerState], sharing: dict[Key, Sharing]) -> list[Shared]:
    """Containers mapped to exactly the same range of host uids."""
    who: dict[tuple[int, int], list[Key]] = defaultdict(list)
    for state in states:
        for first, length in sharing[state.key].uid_ranges:
            if length > 1:
                who[first, length].append(state.key)
    return [
        Shared(SharedKind.IDS, f"{first}-{first + length - 1}", "", tuple(keys))
        for (first, length), keys in who.items()
        if len(keys) > 1
    ]


def _by_engine(states: list[ContainerState]) -> list[Shared]:
    who: dict[tuple[SharedKind, str, str], list[Key]] = defaultdict(list)
    for state in states:
        engine = state.container.engine
        for name in state.container.networks:
            who[SharedKind.NETWORK, name, engine].append(state.key)
        parent = state.container.asked.cgroup_parent
        if parent:
            who[SharedKind.CGROUP, parent, ""].append(state.key)
    return [Shared(kind, name, engine, tuple(keys)) for (kind, name, engine), keys in who.items() if len(keys) > 1]


OF_CONTAINER = "container:"  # prefix of a namespace mode: the namespace of that container
OWN_MODES = (  # kinds of namespaces, and the fields of `Asked` that select them
    ("pid", "pid_mode"),
    ("ipc", "ipc_mode"),
    ("uts", "uts_mode"),
    ("net", "network_mode"),
    ("cgroup", "cgroupns_mode"),
)
MODES = (*OWN_MODES, ("user", "userns_mode"))  # with the user namespace, which owns all others
_ADMIN = CapabilitySet.of(("CAP_SYS_ADMIN",)).bits


class Sharing(Value):
    """What can be compared between containers: namespace inodes (for the network, the world-readable inode of
    /proc/PID/net/dev) and host uid ranges as (first, length).
    """

    namespaces: tuple[tuple[str, int], ...] = ()
    uid_ranges: tuple[tuple[int, int], ...] = ()
    permitted: int | None = None
    filtered: bool | None = None  # whether a seccomp filter is installed
    ids: tuple[int, int] | None = None  # see `Neighbour`


class Sharer(Value):
    """One container in the comparison."""

    container: Container
    sharing: Sharing
    ground: Ground


WANTS = (*(f"ns/{kind}" for kind in NAMESPACES), "uid_map", NETWORK_INODE, "status")  # what it reads


def sharing_of(capture: Capture) -> Sharing:
    """What this process can share; unreadable parts are left out."""
    inodes = tuple((kind, inode) for kind in NAMESPACES if (inode := inode_of(capture.text(f"ns/{kind}"))) is not None)
    uid_map = or_none(capture.decoded("uid_map", parse_idmap)) or ()
    network = or_none(capture.decoded(NETWORK_INODE, parse_number))
    if network is not None:
        inodes = (*(pair for pair in inodes if pair[0] != Namespace.NET), (Namespace.NET.value, network))
    # a map of full length means the initial user namespace: ids are not mapped
    status = or_none(capture.decoded("status", parse_status))
    return Sharing(
        inodes,
        tuple((part.outside, part.length) for part in uid_map if part.length < FULL),
        None if status is None else status.permitted,
        None if status is None or status.seccomp is None else status.seccomp != 0,
        None
        if status is None or status.uids is None or status.gids is None
        else (_one(status.uids), _one(status.gids)),
    )


def _one(ids: Ids) -> int:
    return ids.real if ids.real == ids.effective == ids.saved else -1


def peers_of(sharers: tuple[Sharer, ...]) -> tuple[Peers, ...]:
    """For each container, in order, the names of those that share with it. Machines are kept apart."""
    answers = [Peers()] * len(sharers)
    machines: dict[int, list[int]] = defaultdict(list)
    for place, sharer in enumerate(sharers):
        machines[id(sharer.ground)].append(place)
    for places in machines.values():
        groups = _namespace_groups(sharers, places)
        overlaps, requested = _uid_overlaps(sharers, places), _requested_groups(sharers, places)
        for place in places:
            around_it = [(kind, groups.get((kind, inode))) for kind, inode in sharers[place].sharing.namespaces]
            shared = tuple(
                [(kind, names) for kind, group in around_it if group and (names := _others(sharers, group, place))]
            )
            if not shared and place not in overlaps and place not in requested:
                continue
            asked = dict(requested.get(place, ()))
            around = {*(dict(around_it).get("pid") or ()), *asked.get("pid", [])} - {place}
            answers[place] = Peers(
                shared,
                _others(sharers, overlaps.get(place, []), place),
                tuple((kind, _others(sharers, group, place)) for kind, group in asked.items()),
                tuple(_neighbour_of(sharers[at]) for at in sorted(around)),
                tuple(
                    inode for at in sorted(around) for kind, inode in sharers[at].sharing.namespaces if kind == "mnt"
                ),
            )
    return tuple(answers)


def neighbour(
    name: str,
    permitted: int | None,
    *,
    initial: bool | None,
    filtered: bool | None,
    ids: tuple[int, int] | None,
) -> Neighbour:
    """Make a `Neighbour`. `initial`: it is in the initial user namespace; `filtered`: a seccomp filter is installed.

    As strong as root: SYS_ADMIN in the initial user namespace, and no filter that could block its use.
    """
    parts = (
        initial,
        None if permitted is None else bool(permitted & _ADMIN),
        None if filtered is None else not filtered,
    )
    return Neighbour(name, permitted, False if False in parts else None if None in parts else True, ids)


def _neighbour_of(sharer: Sharer) -> Neighbour:
    sharing = sharer.sharing
    user = dict(sharing.namespaces).get("user")
    initial = None if user is None else sharer.ground.is_hosts("user", user)
    # read from inside a user namespace, they are not the host's
    ids = None if sharer.ground.initial_user_namespace is False else sharing.ids
    return neighbour(sharer.container.name, sharing.permitted, initial=initial, filtered=sharing.filtered, ids=ids)


def _others(sharers: tuple[Sharer, ...], places: list[int], own: int) -> tuple[str, ...]:
    return tuple([sharers[place].container.name for place in places if place != own])


def _namespace_groups(sharers: tuple[Sharer, ...], places: list[int]) -> dict[tuple[str, int], list[int]]:
    """Containers by namespace, of those that several are in, without the host's own: layers report those themselves."""
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    ground = sharers[places[0]].ground  # of one machine
    hosts = {(kind, inode) for kind in NAMESPACES for inode in (ground.namespace(kind), ground.network_inode)}
    for place in places:
        for each in sharers[place].sharing.namespaces:
            groups[each].append(place)
    return {each: group for each, group in groups.items() if len(group) > 1 and each not in hosts}


def _requested_groups(sharers: tuple[Sharer, ...], places: list[int]) -> dict[int, list[tuple[str, list[int]]]]:
    """Namespace groups by the requested `container:OTHER`: the container that owns the namespace and all that joined
    it.
    """
    found: dict[int, list[tuple[str, list[int]]]] = defaultdict(list)
    joined: dict[int, tuple[str, ...]] = {}  # of each request, which many containers have in common
    for place in places:
        asked = sharers[place].container.asked
        if id(asked) not in joined:
            modes = [getattr(asked, field) for _, field in MODES]
            joined[id(asked)] = tuple(modes) if any(mode.startswith(OF_CONTAINER) for mode in modes) else ()
    joining = [place for place in places if joined[id(sharers[place].container.asked)]]
    for at, (kind, _) in enumerate(MODES):
        groups: dict[int, set[int]] = defaultdict(set)
        for place in joining:
            mode = joined[id(sharers[place].container.asked)][at]
            if mode.startswith(OF_CONTAINER):
                owner = _named(mode.removeprefix(OF_CONTAINER), sharers[place].container.engine, sharers, places)
                if owner is not None:
                    groups[owner] |= {owner, place}
        for group in groups.values():
            for place in group:
                found[place].append((kind, sorted(group)))
    return found


def _named(word: str, engine: str, sharers: tuple[Sharer, ...], places: list[int]) -> int | None:
    """The container of that engine with this name or beginning of an id."""
    of_engine = [place for place in places if sharers[place].container.engine == engine]
    found = matching(word, [sharers[place].container for place in of_engine])
    return next((place for place in of_engine if sharers[place].container in found), None)


def _uid_overlaps(sharers: tuple[Sharer, ...], places: list[int]) -> dict[int, list[int]]:
    """Containers with overlapping ranges of host uids: one sweep over the sorted distinct sets of ranges."""
    owners: dict[tuple[tuple[int, int], ...], list[int]] = defaultdict(list)
    for place in places:
        if sharers[place].sharing.uid_ranges:
            owners[sharers[place].sharing.uid_ranges].append(place)
    meets: dict[tuple[tuple[int, int], ...], set[tuple[tuple[int, int], ...]]] = {key: {key} for key in owners}
    edges = sorted((first, first + length, key) for key in owners for first, length in key)
    open_now: list[tuple[int, tuple[tuple[int, int], ...]]] = []
    for first, end, key in edges:
        open_now = [(other_end, other) for other_end, other in open_now if other_end > first]
        for _, other in open_now:
            meets[key].add(other)
            meets[other].add(key)
        open_now.append((end, key))
    return {
        place: sorted(member for other in meets[key] for member in owners[other])
        for key, group in owners.items()
        for place in group
    }
