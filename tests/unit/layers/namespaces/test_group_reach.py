"""Which trees of control groups a process may write, by what its mounts show of them; and what that allows."""

from __future__ import annotations

import pytest

from stratascope.core.ground import NAMESPACES
from stratascope.core.threats.needs import GroupFile, GroupUse
from stratascope.core.threats.threat import Stance
from stratascope.layers.namespaces.layer import LAYER
from stratascope.layers.namespaces.mount_reach import GroupReach, Shown, Tree, group_reach, tree_for
from stratascope.layers.namespaces.stances import NamespacePosture
from stratascope.linux.cgroup import parse_memberships
from stratascope.linux.mounts import parse_mountinfo
from unit.layers.surroundings import judged

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
LIMIT, LEAVE, AGENT = GroupUse.LIMIT, GroupUse.LEAVE, GroupUse.AGENT
OLD = "9:name=systemd:/docker/x\n8:pids:/docker/x\n5:devices:/docker/x\n2:cpu,cpuacct:/docker/x\n0::/docker/x\n"
NEW = "0::/docker/x\n"


def reach(memberships: str, *mounts: str) -> GroupReach:
    lines = "".join(f"{100 + place} 1 0:{place} {mount}\n" for place, mount in enumerate(mounts))
    return group_reach(parse_mountinfo(lines), parse_memberships(memberships))


@pytest.mark.parametrize(
    ("memberships", "mount", "shown"),
    [
        (OLD, "/ /x rw - cgroup cgroup rw,pids", Shown.TOP),
        (OLD, "/docker /x rw - cgroup cgroup rw,pids", Shown.ABOVE),
        (OLD, "/docker/x /x rw - cgroup cgroup rw,cpu,cpuacct", Shown.OWN),
        (OLD, "/docker/xy /x rw - cgroup cgroup rw,devices", Shown.BESIDE),
        (OLD, "/ /x rw - cgroup cgroup rw,xattr,name=systemd", Shown.TOP),
        (NEW, "/ /x rw - cgroup2 cgroup rw", Shown.TOP),
        (NEW, "/docker/x /x rw - cgroup2 cgroup rw", Shown.OWN),
        ("0::/../x\n", "/.. /x rw - cgroup2 cgroup rw", Shown.TOP),
        (OLD, "/ /x ro - cgroup cgroup rw,pids", None),
        (OLD, "/ /x rw - cgroup cgroup rw,memory", None),  # no controller of this process's
        (OLD, "/ /x rw - tmpfs tmpfs rw", None),
    ],
)
def test_what_a_mount_shows(memberships: str, mount: str, shown: Shown | None) -> None:
    assert [tree.shown for tree in reach(memberships, mount).trees] == ([] if shown is None else [shown])


@pytest.mark.parametrize(
    ("memberships", "mount", "controller", "use", "hosts", "found"),
    [
        (OLD, "/ /x rw - cgroup cgroup rw,pids", "pids", LEAVE, False, True),
        (OLD, "/ /x rw - cgroup cgroup rw,pids", "pids", LIMIT, False, True),
        (OLD, "/ /x rw - cgroup cgroup rw,pids", "devices", LEAVE, False, False),
        (OLD, "/docker /x rw - cgroup cgroup rw,pids", "pids", LEAVE, False, False),
        (OLD, "/docker /x rw - cgroup cgroup rw,pids", "pids", LIMIT, False, True),
        (OLD, "/docker/x /x rw - cgroup cgroup rw,pids", "pids", LIMIT, False, True),
        (OLD, "/docker/x /x rw - cgroup cgroup rw,pids", "", AGENT, True, False),
        (OLD, "/ /x rw - cgroup cgroup rw,pids", "", AGENT, False, True),
        (OLD, "/ /x rw - cgroup2 cgroup rw", "pids", LEAVE, True, False),  # that tree has no controllers
        (NEW, "/ /x rw - cgroup2 cgroup rw", "pids", LEAVE, False, True),
        (NEW, "/ /x rw - cgroup2 cgroup rw,nsdelegate", "pids", LEAVE, False, False),
        (NEW, "/ /x rw - cgroup2 cgroup rw,nsdelegate", "pids", LEAVE, True, True),
        (NEW, "/docker/x /x rw - cgroup2 cgroup rw,nsdelegate", "memory", LIMIT, False, False),
        (NEW, "/ /x rw - cgroup2 cgroup rw", "", AGENT, True, False),  # version 2 has no such file
    ],
)
def test_what_a_tree_allows(
    memberships: str, mount: str, controller: str, use: GroupUse, hosts: bool, found: bool
) -> None:
    assert (tree_for(reach(memberships, mount), controller, use, hosts=hosts) is not None) is found


def own_namespace(host: bool | None) -> tuple[tuple[str, bool | None], ...]:
    return tuple((kind, host if kind == "cgroup" else False) for kind in NAMESPACES)


OLD_TREES = GroupReach((), ("pids",), None)


@pytest.mark.parametrize(
    ("need", "groups", "host", "stance"),
    [
        (GroupFile("pids", LEAVE), GroupReach((Tree("/x", ("pids",), Shown.TOP),), ("pids",), None), False, OPEN),
        (GroupFile("pids", LEAVE), OLD_TREES, False, STOPS),
        (GroupFile("pids", LEAVE), GroupReach((Tree("/x", (), Shown.TOP),), (), True), None, UNKNOWN),
        (GroupFile("pids", LEAVE), None, False, UNKNOWN),
        (GroupFile("pids", LIMIT, fresh=True), OLD_TREES, False, OPEN),
        (GroupFile("pids", LEAVE, fresh=True), OLD_TREES, False, STOPS),
        (GroupFile("pids", LEAVE, fresh=True), OLD_TREES, True, OPEN),
        (GroupFile("pids", LIMIT, fresh=True), GroupReach((), (), True), False, STOPS),
        (GroupFile("pids", LIMIT, fresh=True), GroupReach((), (), False), False, OPEN),
        (GroupFile("pids", LIMIT, fresh=True), GroupReach((), (), None), False, UNKNOWN),
    ],
)
def test_rule(need: GroupFile, groups: GroupReach | None, host: bool | None, stance: Stance) -> None:
    posture = NamespacePosture(own_namespace(host), False, None, "", (), (), False, "", "", groups=groups)
    assert judged(LAYER, need, posture).stance is stance
