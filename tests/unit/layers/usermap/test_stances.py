"""What identity says to each need, as a table, and on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.collector.names import DESCRIPTORS
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked
from stratascope.core.ground import Peers, Surroundings
from stratascope.core.threats.needs import (
    Access,
    Capability,
    EngineSocket,
    EngineUser,
    GroupFile,
    GroupUse,
    HostFiles,
    HostRoot,
    InspectContainer,
    InspectHost,
    KernelFile,
    LowPort,
    Need,
    NewUserNamespace,
    Node,
    OtherIds,
    RegainByExec,
    RootInside,
    RootWritable,
    Setting,
    SetUidExec,
    SharedIds,
    Shares,
    SignalRoot,
    Unlocked,
    Where,
)
from stratascope.core.threats.threat import Stance
from stratascope.layers.usermap.layer import LAYER
from stratascope.layers.usermap.stances import OnDisk, UsermapPosture
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.permissions import Writable
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container, judged

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
DMESG = Setting("kernel.dmesg_restrict", ("1",))
KINDS = ("mnt", "net", "uts", "ipc", "pid", "cgroup")
OWNED = tuple((kind, True) for kind in KINDS)
# Root in the machine's first user namespace; an ordinary user there; root of a user namespace of its own
ROOT = UsermapPosture(
    initial=True,
    host_root=True,
    root_inside=True,
    root_mapped=True,
    over_root_files=True,
    held=0xA80425FB,
    ids=2,
    setgroups="allow",
    shared=False,
    engine_user=False,
    socket=True,
    owners=OWNED,
    rootless=False,
    low_ports=False,
    settings=((DMESG, True),),
    root_directory=True,
)
USER = replace(ROOT, host_root=False, root_inside=False, held=0, socket=False, root_directory=False)
OWN = replace(ROOT, initial=False, host_root=False, over_root_files=False, socket=False)
NOTHING = replace(
    ROOT,
    initial=None,
    host_root=None,
    root_inside=None,
    root_mapped=None,
    over_root_files=None,
    held=None,
    ids=None,
    setgroups=None,
    shared=None,
    engine_user=None,
    socket=None,
    owners=tuple((kind, None) for kind in KINDS),
    low_ports=None,
    root_directory=None,
)
ADMIN = Capability(("CAP_SYS_ADMIN",), Where.INITIAL)
LOG = Capability(("CAP_SYSLOG",), Where.INITIAL, DMESG)
KMSG = KernelFile("/proc/kmsg", Access.READ)
SYSRQ = KernelFile("/proc/sysrq-trigger", Access.WRITE)
PATTERN = KernelFile("/proc/sys/kernel/core_pattern", Access.WRITE, by_uid=True)


_WHOLE: dict[str, Any] = {"below": True, "host_root": True}


def bits(*names: str) -> int:
    return CapabilitySet.of(names).bits


@pytest.mark.parametrize(
    ("need", "root", "user", "own", "nothing"),
    [
        (ADMIN, OPEN, OPEN, STOPS, UNKNOWN),
        (replace(ADMIN, where=Where.OWN), OPEN, OPEN, OPEN, OPEN),
        (replace(ADMIN, where=Where.MNT_OWNER), OPEN, OPEN, OPEN, UNKNOWN),
        (replace(ADMIN, where=Where.NET_OWNER), OPEN, OPEN, OPEN, UNKNOWN),
        (LowPort(), OPEN, OPEN, OPEN, UNKNOWN),
        (LOG, OPEN, OPEN, STOPS, UNKNOWN),
        (KMSG, OPEN, STOPS, STOPS, UNKNOWN),
        (SYSRQ, OPEN, STOPS, STOPS, UNKNOWN),
        (PATTERN, OPEN, STOPS, STOPS, UNKNOWN),
        (replace(PATTERN, fresh=True), OPEN, STOPS, STOPS, UNKNOWN),
        (replace(PATTERN, remounted=True), OPEN, STOPS, STOPS, UNKNOWN),
        (replace(KMSG, anyone=True), OPEN, OPEN, OPEN, OPEN),
        (HostRoot(), OPEN, STOPS, STOPS, UNKNOWN),
        (Node("disk"), OPEN, STOPS, UNKNOWN, UNKNOWN),
        (Node("log"), OPEN, OPEN, OPEN, OPEN),  # mode 0644
        (HostRoot(capable=True), OPEN, STOPS, STOPS, UNKNOWN),
        (EngineUser(), STOPS, STOPS, STOPS, UNKNOWN),
        (SignalRoot(), OPEN, STOPS, STOPS, UNKNOWN),
        (InspectHost(), OPEN, OPEN, STOPS, UNKNOWN),
        (InspectContainer(), OPEN, UNKNOWN, STOPS, UNKNOWN),
        (InspectContainer(traced=True), OPEN, OPEN, STOPS, UNKNOWN),
        (SharedIds(), OPEN, OPEN, STOPS, UNKNOWN),
        (OtherIds(), OPEN, OPEN, OPEN, UNKNOWN),
        (OtherIds(group=True), OPEN, OPEN, OPEN, UNKNOWN),
        (RootWritable(), OPEN, STOPS, OPEN, UNKNOWN),
        (SetUidExec(), OPEN, OPEN, OPEN, UNKNOWN),
        (EngineSocket(), OPEN, STOPS, STOPS, UNKNOWN),
        (HostFiles(), OPEN, UNKNOWN, UNKNOWN, UNKNOWN),
        (HostFiles(set_uid=True), OPEN, STOPS, STOPS, UNKNOWN),
        (HostFiles(system=True), OPEN, STOPS, STOPS, UNKNOWN),
    ],
)
def test_rule(need: Need, root: Stance, user: Stance, own: Stance, nothing: Stance) -> None:
    assert [judged(LAYER, need, posture).stance for posture in (ROOT, USER, OWN, NOTHING)] == [root, user, own, nothing]


@pytest.mark.parametrize(
    ("need", "base", "change", "stance"),
    [
        # a capability makes up for another uid where the kernel has it so, and only over ids that are mapped
        (SYSRQ, USER, {"held": bits("DAC_OVERRIDE")}, OPEN),
        (SYSRQ, USER, {"held": bits("DAC_READ_SEARCH")}, STOPS),
        (KMSG, USER, {"held": bits("DAC_READ_SEARCH")}, OPEN),
        (PATTERN, USER, {"held": bits("DAC_OVERRIDE")}, STOPS),
        (SYSRQ, OWN, {"held": bits("DAC_OVERRIDE")}, STOPS),
        (SYSRQ, OWN, {"held": bits("DAC_OVERRIDE"), "over_root_files": True}, OPEN),
        (PATTERN, OWN, {"host_root": True}, OPEN),  # the host's root is mapped into it
        (PATTERN, OWN, {"host_root": None}, STOPS),  # no id of the map is the host's root
        (PATTERN, OWN, {"host_root": None, "over_root_files": None}, UNKNOWN),
        (Node("disk"), OWN, {"rootless": True}, STOPS),  # only the host's own nodes can be passed in
        (Node("disk"), USER, {"held": bits("DAC_OVERRIDE")}, OPEN),
        (Node("disk"), USER, {"disk_group": True}, UNKNOWN),
        # a mount with an id map of its own
        (HostFiles(set_uid=True), OWN, {"on_disk": OnDisk(None, None)}, UNKNOWN),
        (HostFiles(system=True), OWN, {"on_disk": OnDisk(None, None)}, UNKNOWN),
        (HostFiles(set_uid=True), OWN, {"on_disk": OnDisk(root=True)}, OPEN),
        (HostFiles(set_uid=True, made=True), OWN, {"on_disk": OnDisk(root=True)}, OPEN),
        (HostFiles(system=True), OWN, {"on_disk": OnDisk(root=True)}, STOPS),
        (HostFiles(system=True), OWN, {"on_disk": OnDisk(root=True, system_root=True)}, OPEN),
        (HostFiles(), OWN, {"on_disk": OnDisk(root=True)}, OPEN),
        (
            HostFiles(system=True),
            OWN,
            {"on_disk": OnDisk(over_root=True, over_system_root=True), "held": bits("CHOWN")},
            STOPS,
        ),
        (HostFiles(system=True), OWN, {"on_disk": OnDisk(over_system_root=True), "held": bits("DAC_OVERRIDE")}, OPEN),
        (HostFiles(set_uid=True), OWN, {"on_disk": OnDisk(over_root=True), "held": bits("CHOWN", "FOWNER")}, UNKNOWN),
        (HostFiles(system=True), USER, {"held": bits("DAC_OVERRIDE")}, OPEN),
        (SignalRoot(), USER, {"held": bits("KILL")}, OPEN),
        (SignalRoot(), OWN, {"held": bits("KILL")}, STOPS),
        (RootWritable(), USER, {"root_directory": True}, OPEN),
        (RootWritable(), USER, {"root_directory": None}, UNKNOWN),
        # owners and modes of what is bound in
        (HostFiles(), USER, {"bound": Writable(somewhere=True)}, OPEN),
        (HostFiles(), ROOT, {"bound": Writable(somewhere=False)}, STOPS),
        (HostFiles(), ROOT, {"held": 0}, UNKNOWN),
        (HostFiles(), ROOT, {"held": 0, "bound": Writable(somewhere=True)}, OPEN),
        (HostFiles(set_uid=True), ROOT, {"held": 0}, UNKNOWN),
        (HostFiles(set_uid=True), ROOT, {"held": 0, "bound": Writable(somewhere=True, placing=True)}, OPEN),
        (HostFiles(set_uid=True), ROOT, {"held": 0, "bound": Writable(somewhere=True, placing=False)}, STOPS),
        (HostFiles(set_uid=True), USER, {"bound": Writable(somewhere=True, placing=True)}, STOPS),
        (HostFiles(system=True), ROOT, {"held": 0}, OPEN),
        (HostFiles(system=True), ROOT, {"held": 0, "bound": Writable(roots=False)}, STOPS),
        (HostFiles(system=True), USER, {"bound": Writable(roots=True)}, OPEN),
        (HostFiles(users=True), ROOT, {}, OPEN),
        (HostFiles(users=True), ROOT, {"held": 0}, UNKNOWN),
        (HostFiles(users=True), USER, {}, UNKNOWN),
        (HostFiles(users=True), USER, {"bound": Writable(users=True)}, OPEN),
        (HostFiles(users=True), ROOT, {"bound": Writable(users=False)}, STOPS),
        (HostFiles(users=True), OWN, {"rootless": True, "engine_user": True, "bound": Writable(users=True)}, OPEN),
        (HostFiles(), USER, {"held": bits("DAC_OVERRIDE")}, OPEN),
        (HostFiles(set_uid=True), USER, {"held": bits("CHOWN", "FOWNER")}, UNKNOWN),
        (
            HostFiles(set_uid=True),
            USER,
            {"held": bits("CHOWN", "FOWNER"), "bound": Writable(somewhere=True, placing=True)},
            OPEN,
        ),
        (HostFiles(set_uid=True), USER, {"held": bits("CHOWN")}, STOPS),
        (HostFiles(set_uid=True, made=True), USER, {"held": bits("CHOWN", "FOWNER")}, STOPS),  # its own it would be
        (HostFiles(set_uid=True, made=True), ROOT, {}, OPEN),
        (GroupFile("pids", GroupUse.LEAVE), ROOT, {}, OPEN),
        (GroupFile("pids", GroupUse.LEAVE), USER, {}, STOPS),
        (GroupFile("pids", GroupUse.LEAVE), USER, {"held": bits("DAC_OVERRIDE")}, OPEN),
        (GroupFile("pids", GroupUse.LEAVE), OWN, {}, STOPS),
        (GroupFile("pids", GroupUse.LEAVE), OWN, {"engine_user": True, "delegates": True}, UNKNOWN),
        (HostFiles(set_uid=True), OWN, {"held": bits("CHOWN", "FOWNER")}, STOPS),
        (InspectContainer(), USER, {"held": bits("CHOWN")}, UNKNOWN),  # the other one may run under that uid, too
        (InspectContainer(), USER, {"held": bits("SYS_PTRACE")}, UNKNOWN),  # that is another way
        (InspectContainer(), ROOT, {"others_ids": False}, STOPS),
        (InspectContainer(), USER, {"others_ids": True}, OPEN),
        (InspectContainer(neighbours=True), USER, {"neighbours_ids": True, "others_ids": False}, OPEN),
        (InspectContainer(neighbours=True), ROOT, {"neighbours_ids": False}, UNKNOWN),  # another process may have them
        (InspectContainer(), OWN, {"shared": True}, OPEN),  # containers of a rootless engine
        (InspectContainer(), ROOT, {"root_inside": None}, UNKNOWN),
        # settings of the host under which nothing is asked for
        (LOG, OWN, {"settings": ((DMESG, False),)}, OPEN),
        (LOG, OWN, {"settings": ((DMESG, None),)}, UNKNOWN),
        (LOG, ROOT, {"settings": ((DMESG, None),)}, OPEN),
        # owners
        (replace(ADMIN, where=Where.NET_OWNER), OWN, {"owners": (("net", False),)}, STOPS),
        (replace(ADMIN, where=Where.UTS_OWNER), OWN, {"owners": (("net", True),)}, UNKNOWN),
        (LowPort(), OWN, {"owners": (("net", False),)}, STOPS),
        (LowPort(), OWN, {"owners": (("net", False),), "low_ports": None}, UNKNOWN),
        (LowPort(), OWN, {"owners": (("net", False),), "low_ports": True}, OPEN),
        # ids
        (OtherIds(), OWN, {"ids": 1}, STOPS),
        (OtherIds(group=True), OWN, {"ids": 1}, OPEN),
        (OtherIds(group=True), OWN, {"setgroups": "deny"}, STOPS),
        (OtherIds(), OWN, {"setgroups": "deny"}, OPEN),
        (SetUidExec(), OWN, {"root_mapped": False}, STOPS),
        (EngineUser(), OWN, {"engine_user": True}, OPEN),
        (EngineSocket(), OWN, {"socket": True}, OPEN),
        # in a user namespace below the container's
        (Unlocked(), OWN, {}, OPEN),
        (Unlocked(), OWN, {"below": True}, STOPS),
        (replace(PATTERN, remounted=True), OWN, {"below": True, "host_root": True}, STOPS),
        (replace(PATTERN, copied=True), OWN, {"below": True, "host_root": True}, STOPS),
        (replace(PATTERN, copied=True), OWN, {"host_root": True}, OPEN),
        (replace(KMSG, copied=True), OWN, _WHOLE | {"whole": (("proc", False),)}, OPEN),  # nothing covers it
        (replace(PATTERN, fresh=True), OWN, {"below": True, "host_root": True}, STOPS),
        (replace(PATTERN, fresh=True), OWN, _WHOLE | {"whole": (("proc", False),)}, STOPS),
        (replace(PATTERN, fresh=True), OWN, _WHOLE | {"whole": (("sysfs", True),)}, STOPS),
        (replace(PATTERN, fresh=True), OWN, _WHOLE | {"whole": (("proc", True),)}, OPEN),
        (replace(KMSG, fresh=True), OWN, _WHOLE | {"whole": (("proc", False),)}, OPEN),
        (KernelFile("/sys/fs/cgroup/x", Access.WRITE, fresh=True), OWN, {"below": True, "host_root": True}, OPEN),
        (PATTERN, OWN, {"below": True, "host_root": True}, OPEN),  # below /proc/sys the host's uid decides
        (RootWritable(), OWN, {"root_directory": None, "below": True, "container_root": True}, OPEN),
        (RootWritable(), OWN, {"root_directory": None, "below": True, "container_root": False}, STOPS),
        (RootWritable(), OWN, {"root_directory": None, "below": True, "container_root": None}, UNKNOWN),
        (NewUserNamespace(), OWN, {}, OPEN),
        (NewUserNamespace(), OWN, {"unmapped": True}, STOPS),
        (RootInside(), OWN, {"own_root": False}, STOPS),
        (RootInside(), OWN, {"own_root": None}, UNKNOWN),
        (replace(ADMIN, where=Where.CGROUP_OWNER), OWN, {"owners": (("cgroup", False),)}, STOPS),
    ],
)
def test_exception(need: Need, base: UsermapPosture, change: dict[str, Any], stance: Stance) -> None:
    assert judged(LAYER, need, replace(base, **change)).stance is stance


@pytest.mark.parametrize("need", [Shares("pid"), RegainByExec(), Node("disk", made=True)])
def test_not_its_job(need: Need) -> None:
    assert LAYER.stance(need, ROOT) is None


def test_what_undoes_it() -> None:
    assert judged(LAYER, ADMIN, OWN).hinges == {"userns"}
    assert judged(LAYER, HostRoot(), OWN).hinges == {"userns"}
    assert judged(LAYER, HostRoot(), USER).hinges == {"user"}
    assert judged(LAYER, RootWritable(), USER).hinges == {"user"}


def posture_of(process: Capture, surroundings: Surroundings) -> UsermapPosture:
    facts = LAYER.decode(process, container(), surroundings)
    found = LAYER.posture(facts, LAYER.asked(container()), surroundings)
    assert isinstance(found, UsermapPosture)
    return found


def apparmor(name: str) -> Capture:
    return recorded(f"lsm/apparmor/{name}")


def test_posture_of_real_containers() -> None:
    default = posture_of(apparmor("docker-default"), around())
    assert replace(default, settings=ROOT.settings, low_ports=False) == ROOT
    user = posture_of(apparmor("docker-user1000"), around())
    assert (user.initial, user.host_root, user.root_inside, user.held) == (True, False, False, 0)
    remapped = posture_of(apparmor("docker-usernsremap"), around())
    assert (remapped.initial, remapped.host_root, remapped.root_inside) == (False, False, True)
    assert remapped.over_root_files is False
    rootless = posture_of(apparmor("rootless-default"), around(rootless=True))
    assert (rootless.initial, rootless.engine_user, rootless.socket) == (False, True, True)
    assert rootless.owners == OWNED
    kept = posture_of(apparmor("rootless-keepid"), around(rootless=True))
    assert (kept.root_inside, kept.root_mapped, kept.engine_user) == (False, True, True)


def test_equal_containers_are_judged_once() -> None:
    process = apparmor("docker-default")
    first = posture_of(process, around())
    second = posture_of(with_text(replace(process, pid=77), "ns/net", "net:[4026539999]"), around())
    assert first == second
    assert hash(first) == hash(second)


def test_the_persons_own_uid() -> None:
    mine = around(ground=replace(GROUND, reader_uid=1000))
    assert posture_of(apparmor("docker-user1000"), mine).engine_user is True
    assert posture_of(apparmor("docker-default"), mine).engine_user is False
    roots = around(ground=replace(GROUND, reader_uid=0))
    assert posture_of(apparmor("docker-default"), roots).engine_user is False
    near = around(rootless=True)
    unknown = Surroundings(near.ground, replace(near.engine, daemon_uid=None))
    assert posture_of(apparmor("rootless-default"), unknown).engine_user is True  # the id that its map has alone
    assert posture_of(apparmor("docker-user1000"), unknown).engine_user is None


def test_owners_of_shared_namespaces() -> None:
    process = apparmor("rootless-default")
    host = dict(GROUND.namespaces)["net"]
    shares_net = with_text(process, "ns/net", f"net:[{host}]")
    assert dict(posture_of(shares_net, around(rootless=True)).owners)["net"] is False
    with_other = Peers((("net", ("db",)),))
    assert dict(posture_of(process, around(rootless=True, peers=with_other)).owners)["net"] is None
    same_engine = Peers((("net", ("db",)), ("user", ("db", "web"))))
    assert dict(posture_of(process, around(rootless=True, peers=same_engine)).owners)["net"] is True
    told = with_text(shares_net, "owner:net", "user:[4026531837]")
    assert dict(posture_of(told, around(rootless=True, peers=same_engine)).owners)["net"] is False
    own = process.text("ns/user")
    assert isinstance(own, str)
    told = with_text(process, "owner:net", own)
    assert dict(posture_of(told, around(rootless=True, peers=with_other)).owners)["net"] is True
    unread = with_gap(process, "ns/net", Gap(GapKind.DENIED, 13))
    assert dict(posture_of(unread, around(rootless=True)).owners)["net"] is None


def below(process: Capture, asked: Asked, near: Surroundings) -> UsermapPosture:
    facts = LAYER.decode(process, container(asked), near)
    found = LAYER.posture(facts, LAYER.asked(container(asked)), near)
    assert isinstance(found, UsermapPosture)
    return found


def mapped(process: Capture, line: str, parents: str | None = None) -> Capture:
    found = with_text(with_text(process, "uid_map", f"{line}\n"), "gid_map", f"{line}\n")
    if parents is None:
        return found
    return replace(found, readings=(*found.readings, Reading("parents:user", "ioctl", parents)))


INITIAL = "user:[4026531837]"


@pytest.mark.parametrize(
    ("line", "parents", "asked", "rootless", "expected"),
    [
        ("0 0 4294967295", "", Asked(), False, False),
        ("0 0 1", INITIAL, Asked(), False, True),  # unshare -Ur
        ("0 0 1", None, Asked(), False, True),
        ("0 0 4294967295", INITIAL, Asked(), False, True),  # a map of all
        ("0 100000 65536", INITIAL, Asked(), False, False),  # userns-remap
        ("0 200000 65536", INITIAL, Asked(uid_map=((0, 200000, 65536),)), False, False),
        ("0 200000 65536", None, Asked(uid_map=((0, 200000, 65536),)), False, False),
        ("0 200000 1", None, Asked(uid_map=((0, 200000, 65536),)), False, True),
        ("0 200000 1", None, Asked(uid_map=((0, 200000, 1),)), False, False),
        ("0 200000 65536", f"user:[4026532100] {INITIAL}", Asked(uid_map=((0, 200000, 65536),)), False, True),
        ("0 300000 1", None, Asked(userns_mode="auto"), False, True),
        ("0 300000 1", None, Asked(userns_mode="auto:size=1"), False, False),
        ("0 1000 1", INITIAL, Asked(), True, False),  # an owner without a range of its own
        ("0 1000 1", None, Asked(), True, False),
        ("0 1000 1", f"user:[4026532100] {INITIAL}", Asked(), True, True),
        ("0 1000 1", f"user:[4026532100] {INITIAL}", Asked(userns_mode="keep-id"), True, False),
        ("0 1000 1", f"user:[7] user:[4026532100] {INITIAL}", Asked(userns_mode="keep-id"), True, True),
    ],
)
def test_whether_it_left_the_containers_user_namespace(
    line: str, parents: str | None, asked: Asked, rootless: bool, expected: bool
) -> None:
    process = mapped(apparmor("rootless-default" if rootless else "docker-default"), line, parents)
    assert below(process, asked, around(rootless=rootless)).below is expected


def test_what_nobody_may_read_of_a_namespace_below() -> None:
    """Its namespaces may be its own or the container's; the number of its PIDs tells of one kind."""
    process = mapped(apparmor("docker-default"), "0 0 1")
    for kind in KINDS:
        process = with_gap(process, f"ns/{kind}", Gap(GapKind.DENIED, 13))
    near = around(ground=replace(GROUND, first_processes=True))
    status = process.text("status")
    assert isinstance(status, str)
    lines = [line for line in status.splitlines() if not line.startswith("NSpid:")]
    for pids, own in (("7 1", False), ("7 2 1", True)):
        told = with_text(process, "status", "\n".join([*lines, "NSpid:\t" + "\t".join(pids.split())]) + "\n")
        owners = dict(below(told, Asked(), near).owners)
        assert owners["uts"] is None
        assert owners["pid"] in (own, None)


@pytest.mark.parametrize(
    ("mode", "group", "gid", "lets_in"),
    [
        (0o660, "docker", 1000, None),  # which number that group has is not known
        (0o660, "docker", 0, False),
        (0o660, "root", 0, True),
        (0o660, "root", 1000, False),
        (0o660, "998", 998, True),
        (0o600, "root", 0, False),
        (0o666, "root", 1000, True),
        (None, None, 1000, None),
    ],
)
def test_socket_by_owner_group_and_others(mode: int | None, group: str | None, gid: int, lets_in: bool | None) -> None:
    near = around()
    engine = replace(near.engine, daemon_uid=0, socket_mode=mode, socket_group=group)
    process = apparmor("docker-user1000")
    status = process.text("status")
    assert isinstance(status, str)
    lines = [line for line in status.splitlines() if not line.startswith(("Gid:", "Groups:"))]
    ids = "\t".join([str(gid)] * 4)
    process = with_text(process, "status", "\n".join([*lines, f"Gid:\t{ids}", f"Groups:\t{gid}"]) + "\n")
    assert posture_of(process, Surroundings(near.ground, engine)).socket is lets_in


@pytest.mark.parametrize(
    ("line", "capture_of", "lets_in"),
    [
        ("s 0:0 0 0 660 0:26:7 /x/docker.sock", "docker-default", True),
        ("s 0:0 0 998 660 0:26:7 /x/docker.sock", "docker-user1000", False),
        ("s 0:0 1000 0 600 0:26:7 /x/docker.sock", "docker-user1000", True),
        ("s 0:0 0 0 666 0:26:7 /x/docker.sock", "docker-user1000", True),
        ("s 0:0 0 0 666 0:26:7 /x/own.sock", "docker-user1000", None),  # no engine's by its name
    ],
)
def test_sockets_of_engines_by_what_was_read_of_them(line: str, capture_of: str, lets_in: bool | None) -> None:
    process = apparmor(capture_of)
    process = replace(process, readings=(*process.readings, Reading("root:special", "/proc/7/root", f"{line}\n")))
    assert posture_of(process, around()).socket is lets_in


@pytest.mark.parametrize(
    ("line", "capture_of", "stance"),
    [
        ("b 7:0 1000 0 0 0:6:94 /dev/x", "docker-user1000", OPEN),  # an owner can change the mode
        ("b 7:0 0 0 662 0:6:94 /dev/x", "docker-user1000", STOPS),
        ("b 7:0 0 6 660 0:6:94 /dev/x", "docker-default", OPEN),
        ("b 7:0 0 6 660 0:6:94 /dev/x", "docker-user1000", STOPS),
        ("b 7:0 0 0 664 0:6:94 /dev/x", "docker-user1000", OPEN),
        ("b 7:0 0 6 660 0:6:94 /dev/x", "rootless-default", STOPS),
        ("b 7:0 1000 0 600 0:6:94 /dev/x", "rootless-default", OPEN),
    ],
)
def test_device_nodes_by_what_was_read_of_them(line: str, capture_of: str, stance: Stance) -> None:
    process = apparmor(capture_of)
    process = replace(process, readings=(*process.readings, Reading("root:special", "/proc/7/root", f"{line}\n")))
    near = around(rootless=capture_of.startswith("rootless"))
    assert judged(LAYER, Node("disk"), posture_of(process, near)).stance is stance


@pytest.mark.parametrize(("mode", "read", "write"), [(664, OPEN, STOPS), (662, STOPS, OPEN), (660, STOPS, STOPS)])
def test_modes_of_device_nodes_for_reading_and_writing(mode: int, read: Stance, write: Stance) -> None:
    process = apparmor("docker-user1000")
    line = f"b 7:0 0 0 {mode} 0:6:94 /dev/x\n"
    process = replace(process, readings=(*process.readings, Reading("root:special", "/proc/7/root", line)))
    posture = posture_of(process, around())
    assert judged(LAYER, Node("disk"), posture).stance is read
    assert judged(LAYER, Node("disk", access="w"), posture).stance is write


def test_ids_seen_from_inside_a_user_namespace_are_not_the_hosts() -> None:
    nested = around(ground=replace(GROUND, initial_user_namespace=False))
    posture = posture_of(apparmor("docker-default"), nested)
    assert (posture.host_root, posture.engine_user, posture.socket) == (None, None, None)
    assert judged(LAYER, HostRoot(), posture).stance is UNKNOWN


def test_free_ports_of_the_hosts_network() -> None:
    host = dict(GROUND.namespaces)["net"]
    process = with_text(apparmor("rootless-default"), "ns/net", f"net:[{host}]")
    for start, stance in (("1024", STOPS), ("80", OPEN)):
        ground = replace(GROUND, sysctls=(("net.ipv4.ip_unprivileged_port_start", start),))
        assert judged(LAYER, LowPort(), posture_of(process, around(rootless=True, ground=ground))).stance is stance
    assert judged(LAYER, LowPort(), posture_of(process, around(rootless=True))).stance is UNKNOWN


def test_nothing_read_is_nothing_known() -> None:
    posture = posture_of(capture({}, denied=(*LAYER.wants,)), around())
    needs: tuple[Need, ...] = (ADMIN, HostRoot(), PATTERN, SharedIds(), OtherIds(), EngineSocket(), InspectContainer())
    assert {judged(LAYER, need, posture).stance for need in needs} == {UNKNOWN}


def test_wants_the_owners_with_privilege() -> None:
    assert set(LAYER.privileged_wants) == {"root:special", "mnt:idmaps", *(f"owner:{kind}" for kind in KINDS)}


def test_a_folder_that_leads_to_the_hosts_root_directory() -> None:
    """Anybody may write to /tmp there; to what root runs only root, to a rootless engine's person's home that one."""
    line = "3 d r 0:0 host /\n"
    root = posture_of(with_text(apparmor("docker-default"), DESCRIPTORS, line), around())
    assert (root.bound.somewhere, root.bound.roots, root.bound.users) == (True, True, None)
    own = posture_of(with_text(apparmor("rootless-default"), DESCRIPTORS, line), around(rootless=True))
    assert (own.bound.somewhere, own.bound.roots, own.bound.users) == (True, False, True)


def test_a_folder_of_a_file_system_that_is_mounted_no_more() -> None:
    """Whose it is, was not read: the host's root may write there, of others it is not known."""
    ground = replace(GROUND, mounts=(("8:1", "/", "/"),))
    line = "3 d rw 8:1 else /\n"
    root = posture_of(with_text(apparmor("docker-default"), DESCRIPTORS, line), around(ground=ground))
    assert "part" in root.open_outside
    assert judged(LAYER, HostFiles(), root).stance is OPEN
    elsewhere = posture_of(with_text(apparmor("docker-default"), DESCRIPTORS, line), around())
    assert "part" not in elsewhere.open_outside
