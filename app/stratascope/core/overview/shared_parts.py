"""Who shares what: namespaces, ranges of host ids, networks, volumes, host paths and control groups, of all containers.

Pure, over a snapshot. What only one container has is left out, unless it is the host's own: that is shared with the
machine. Namespaces are compared by inode; where the inode could not be read, the engine's `container:OTHER` counts and
is marked `asked`. Containers on different machines share nothing.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from stratascope.core.container import Container, matching
from stratascope.core.ground import Ground
from stratascope.core.sharing import MODES, OF_CONTAINER, Sharing, sharing_of
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.value import Value

Key = tuple[str, str]
_GRAVE = ("pid", "net", "ipc", "user", "mnt", "uts", "time", "cgroup")
_NOT_SHOWN = frozenset({"user", "time", "mnt"})  # not shown if the host's: nearly all have it, and findings say so


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
    """One shared thing and the containers that have it. `name`: a namespace kind, a path, a volume, a network,
    `FIRST-LAST` of host uids, or a control group. `writers`: the containers that may write to it (paths, volumes).
    `asked`: stated by the engine only, not verified.
    """

    kind: SharedKind
    name: str
    engine: str  # the engine of a volume or network; empty for what engines share too
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
    """By `container:OTHER`, where one of the two namespaces could not be read."""
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
    """The same volume, or exactly the same host path; a path below another's is not compared."""
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
