"""Who shares what with whom: namespaces by inode, ranges of host uids, over all containers of one machine.

It needs all containers at once, which no layer sees; a layer is handed its own container's `Peers`.
"""

from __future__ import annotations

from collections import defaultdict

from stratascope.core.capture import Capture, or_none
from stratascope.core.container import Container
from stratascope.core.ground import NAMESPACES, Ground, Peers, inode_of
from stratascope.linux.idmap import FULL, parse_idmap
from stratascope.value import Value


class Sharing(Value):
    """What of one container can be compared with others: namespace inodes, (first, length) of host uids."""

    namespaces: tuple[tuple[str, int], ...] = ()
    uid_ranges: tuple[tuple[int, int], ...] = ()


class Sharer(Value):
    """One container in the comparison."""

    container: Container
    sharing: Sharing
    ground: Ground


def sharing_of(capture: Capture) -> Sharing:
    """What this process can share; unreadable parts are left out."""
    inodes = tuple((kind, inode) for kind in NAMESPACES if (inode := inode_of(capture.text(f"ns/{kind}"))) is not None)
    uid_map = or_none(capture.decoded("uid_map", parse_idmap)) or ()
    # a map of the full length is the initial user namespace's: every uid is itself
    return Sharing(inodes, tuple((part.outside, part.length) for part in uid_map if part.length < FULL))


def peers_of(sharers: tuple[Sharer, ...]) -> tuple[Peers, ...]:
    """For each container, in order, the names of those that share with it. Machines are kept apart."""
    answers = [Peers()] * len(sharers)
    machines: dict[int, list[int]] = defaultdict(list)
    for place, sharer in enumerate(sharers):
        machines[id(sharer.ground)].append(place)
    for places in machines.values():
        groups = _namespace_groups(sharers, places)
        overlaps = _uid_overlaps(sharers, places)
        for place in places:
            shared = tuple(
                (kind, names)
                for kind, inode in sharers[place].sharing.namespaces
                if (names := _others(sharers, groups.get((kind, inode), []), place))
            )
            answers[place] = Peers(shared, _others(sharers, overlaps.get(place, []), place))
    return tuple(answers)


def _others(sharers: tuple[Sharer, ...], places: list[int], own: int) -> tuple[str, ...]:
    return tuple(sharers[place].container.name for place in places if place != own)


def _namespace_groups(sharers: tuple[Sharer, ...], places: list[int]) -> dict[tuple[str, int], list[int]]:
    """Containers by namespace; the host's own namespaces are another fact, and left out."""
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place in places:
        ground = sharers[place].ground
        for kind, inode in sharers[place].sharing.namespaces:
            if inode != ground.namespace(kind):
                groups[kind, inode].append(place)
    return groups


def _uid_overlaps(sharers: tuple[Sharer, ...], places: list[int]) -> dict[int, list[int]]:
    """Containers whose ranges of host uids meet: one sweep over the sorted distinct sets of ranges."""
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
