"""Which trees of control groups a process may write through its mounts, and what of them it sees.

A bind of /sys/fs/cgroup shows groups above the own one, and so a way out of all limits and device rules. Which
part of a tree a mount shows is its root in mountinfo, beside the process's own path in /proc/PID/cgroup: both are
written as the reader's cgroup namespace has them (cgroup_namespaces(7)), so they can be compared. Decided against going
by paths below /sys/fs/cgroup: a bind may lie anywhere.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.threats.needs import GroupUse
from stratascope.linux.cgroup import Membership
from stratascope.linux.mounts import Mount
from stratascope.value import Value

_TREES = frozenset({"cgroup", "cgroup2"})


class Shown(StrEnum):
    """Which part of its tree a mount shows."""

    TOP = "top"  # all of it
    ABOVE = "above"  # a group between the topmost and the own one
    OWN = "own"
    BESIDE = "beside"  # without the own group


class Tree(Value):
    """A writable mount of a tree. `controllers` is empty for version 2."""

    place: str
    controllers: tuple[str, ...]
    shown: Shown


class GroupReach(Value):
    """Trees in sight, and how the machine's controllers are spread; see `group_reach`."""

    trees: tuple[Tree, ...]
    old: tuple[str, ...]  # controllers of version 1; all others are version 2's
    delegated: bool | None  # whether version 2 keeps a cgroup namespace to its own (nsdelegate); None: not known


def group_reach(seen: tuple[Mount, ...], memberships: tuple[Membership, ...]) -> GroupReach:
    """From the visible mounts and the lines of /proc/PID/cgroup."""
    trees: list[Tree] = []
    delegated: bool | None = None
    for mount in seen:
        if mount.fs_type not in _TREES:
            continue
        second = mount.fs_type == "cgroup2"
        words = frozenset(mount.super_options.split(","))
        if second:
            delegated = "nsdelegate" in words
        if mount.read_only:
            continue
        line = next((line for line in memberships if _is_of(line, words, second=second)), None)
        if line is not None:
            trees.append(Tree(mount.target, line.controllers, _shown(mount.root, line.path)))
    old = [name for line in memberships if line.hierarchy for name in line.controllers]
    return GroupReach(tuple(trees), tuple(old), delegated)


def tree_for(reach: GroupReach, controller: str, use: GroupUse, *, hosts: bool) -> Tree | None:
    """The tree that allows that use; `hosts`: it is in the host's cgroup namespace.

    In version 2 with nsdelegate a cgroup namespace of its own ends it: cgroup_procs_write_permission and
    cgroup_file_write, kernel/cgroup/cgroup.c.
    """
    for tree in reach.trees:
        if use is GroupUse.AGENT:
            if tree.controllers and tree.shown is Shown.TOP:
                return tree
            continue
        if controller in tree.controllers or (not tree.controllers and controller not in reach.old):
            free = bool(tree.controllers) or hosts or reach.delegated is False
            if free and (tree.shown is Shown.TOP or (use is GroupUse.LIMIT and tree.shown is not Shown.BESIDE)):
                return tree
    return None


def _is_of(line: Membership, words: frozenset[str], *, second: bool) -> bool:
    if second:
        return line.hierarchy == 0
    return line.hierarchy != 0 and bool(line.controllers) and words.issuperset(line.controllers)


def _shown(root: str, own: str) -> Shown:
    # "/.." is above the root of the reader's own cgroup namespace, and only the machine's first has none
    if root == "/" or not root.strip("/."):
        return Shown.TOP
    if root == own:
        return Shown.OWN
    return Shown.ABOVE if own.startswith(f"{root}/") else Shown.BESIDE
