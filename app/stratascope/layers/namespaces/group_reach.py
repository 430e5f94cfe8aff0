"""Which control group trees a process may write to through its mounts, and what part of them it sees.

A bind mount of /sys/fs/cgroup shows groups above the process's own, and so a way out of all limits and device rules. A
mount's root in mountinfo, compared with the process's own path in /proc/PID/cgroup, says which part of the tree it
shows: both are relative to the reader's cgroup namespace (cgroup_namespaces(7)), and so comparable. Decided against
going by paths below /sys/fs/cgroup: a bind mount may be anywhere.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.threats.needs import GroupUse
from stratascope.linux.cgroup import Membership
from stratascope.linux.mounts import Mount
from stratascope.value import Value

_TREES = frozenset({"cgroup", "cgroup2"})


class Shown(StrEnum):
    """The part of its tree that a mount shows."""

    TOP = "top"  # all of it
    ABOVE = "above"  # from a group between the root and its own
    OWN = "own"
    BESIDE = "beside"  # not including its own group


class Tree(Value):
    """A writable mount of a tree. `controllers` is empty for v2."""

    place: str
    controllers: tuple[str, ...]
    shown: Shown


class GroupReach(Value):
    """The visible trees, and which controllers are in which version; see `group_reach`."""

    trees: tuple[Tree, ...]
    old: tuple[str, ...]  # controllers on v1; all others are on v2
    delegated: bool | None  # whether v2 restricts writes across a cgroup namespace (nsdelegate); None: unknown


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
    """The tree that allows that use. `hosts`: the process is in the host's cgroup namespace.

    On v2 with nsdelegate, a cgroup namespace of its own prevents it: cgroup_procs_write_permission and
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
    # "/.." is above the root of the reader's own cgroup namespace; only the initial one has nothing above
    if root == "/" or not root.strip("/."):
        return Shown.TOP
    if root == own:
        return Shown.OWN
    return Shown.ABOVE if own.startswith(f"{root}/") else Shown.BESIDE
