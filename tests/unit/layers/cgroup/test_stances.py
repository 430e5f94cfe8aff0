"""What control groups say to each need, as a table, and on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, AskedDevice, Engine, EngineKind, LogKeeping
from stratascope.core.ground import Surroundings
from stratascope.core.threats.needs import Device, Need, Node, Resource, Room, Shares
from stratascope.core.threats.threat import Stance
from stratascope.i18n.translate import translate
from stratascope.layers.cgroup.facts import predict
from stratascope.layers.cgroup.layer import LAYER
from stratascope.layers.cgroup.stances import CgroupPosture
from stratascope.layers.shared.devices import is_block, passes
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container, judged

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
PROCESSES, MEMORY, CPU = Room(Resource.PROCESSES), Room(Resource.MEMORY), Room(Resource.CPU)
LOCKED, PRIORITY, LOG = Room(Resource.LOCKED_MEMORY), Room(Resource.PRIORITY), Room(Resource.LOG)
DEFAULT_RULES = ("c *:* m", "b *:* m", "c 1:3 rwm", "c 136:* rwm")
ALL = ("a *:* rwm",)
BASE = CgroupPosture(True, False, True, True, DEFAULT_RULES, True, False)
DISK, MEM = Device("b", None, None, "r"), Device("c", 1, 1, "r")


@pytest.mark.parametrize(
    ("need", "change", "stance"),
    [
        (PROCESSES, {}, OPEN),
        (PROCESSES, {"processes": False}, STOPS),
        (PROCESSES, {"processes": None}, UNKNOWN),
        (PROCESSES, {"processes": False, "by_user": True}, STOPS),
        (MEMORY, {}, OPEN),
        (MEMORY, {"memory": False}, STOPS),
        (MEMORY, {"memory": None}, UNKNOWN),
        (replace(MEMORY, lifted=True), {"memory": False, "above": ((Resource.MEMORY, True),)}, OPEN),
        (replace(MEMORY, lifted=True), {"memory": False, "above": ((Resource.MEMORY, False),)}, UNKNOWN),
        (replace(MEMORY, lifted=True), {"memory": False, "above": ((Resource.MEMORY, None),)}, UNKNOWN),
        (replace(PROCESSES, lifted=True), {"by_user": True}, STOPS),  # RLIMIT_NPROC is another limit
        (LOCKED, {}, STOPS),
        (LOCKED, {"locked_memory": True}, OPEN),
        (LOCKED, {"locked_memory": None}, UNKNOWN),
        (PRIORITY, {}, STOPS),
        (PRIORITY, {"priority": True}, OPEN),
        (PRIORITY, {"priority": None}, UNKNOWN),
        (LOG, {}, UNKNOWN),
        (LOG, {"log": LogKeeping.UNLIMITED}, OPEN),
        (LOG, {"log": LogKeeping.LIMITED}, STOPS),
        (LOG, {"log": LogKeeping.JOURNAL}, STOPS),
        (LOG, {"log": LogKeeping.ELSEWHERE}, UNKNOWN),
        (CPU, {}, OPEN),
        (CPU, {"cpu": False}, STOPS),
        (CPU, {"cpu": None}, UNKNOWN),
        (DISK, {}, STOPS),
        (DISK, {"rules": ALL}, OPEN),
        (DISK, {"rules": (*DEFAULT_RULES, "b 8:0 r")}, OPEN),
        (DISK, {"rules": (*DEFAULT_RULES, "b 8:0 m")}, STOPS),
        (DISK, {"rules": (*DEFAULT_RULES, "c 8:0 rwm")}, STOPS),
        (DISK, {"rules": None}, UNKNOWN),
        (DISK, {"rules": ALL, "rootless": True}, OPEN),
        (MEM, {}, STOPS),
        (MEM, {"rules": ("c 1:1 rw",)}, OPEN),
        (MEM, {"rules": ("c 1:* w",)}, STOPS),
        (replace(MEM, access="m"), {}, OPEN),  # making a node is allowed to every container, opening it is not
        (Device("b", 7, 0, "m"), {}, OPEN),
        (Device("b", 7, 0, "r"), {}, STOPS),
        (Device("b", 7, 0, "r"), {"rules": ("b 7:* r",)}, OPEN),
        (Device("b", 7, 0, "r"), {"rules": ("b 7:* w",)}, STOPS),
        (Device("b", 7, 0, "w"), {"rules": ("b 7:* w",)}, OPEN),
        (Device("b", 7, 0, "rw"), {"rules": ("b 7:0 r", "b 7:0 w")}, STOPS),  # one rule must allow it in full
        (DISK, {"verified": False}, STOPS),
        # rules of version 1 are a file that SYS_ADMIN may write to; those of version 2 a program
        (replace(DISK, opened=True), {"rule_files": True}, OPEN),
        (replace(DISK, opened=True), {"rule_files": False}, STOPS),
        (replace(DISK, opened=True), {"rule_files": None}, UNKNOWN),
        (replace(DISK, opened=True), {"rule_files": False, "rules": ALL}, OPEN),
        (DISK, {"rule_files": True}, STOPS),
        (DISK, {"verified": False, "rules": ALL}, OPEN),
    ],
)
def test_rule(need: Need, change: dict[str, Any], stance: Stance) -> None:
    assert judged(LAYER, need, replace(BASE, **change)).stance is stance


@pytest.mark.parametrize("need", [Shares("pid"), Node("disk"), Room(Resource.DISK)])
def test_not_its_job(need: Need) -> None:
    assert LAYER.stance(need, BASE) is None


def test_what_was_asked_is_not_called_verified() -> None:
    for rules in (DEFAULT_RULES, ALL):
        ruling = judged(LAYER, DISK, replace(BASE, rules=rules, verified=False))
        assert "not verified" in translate(ruling.reason)
        assert ruling.source.startswith("inspect:")
    assert judged(LAYER, DISK, BASE).source.startswith("@")


def posture_of(process: Capture, surroundings: Surroundings, asked: Asked | None = None) -> CgroupPosture:
    thing = container(asked)
    facts = LAYER.decode(process, thing, surroundings)
    found = LAYER.posture(facts, LAYER.asked(thing), surroundings)
    assert isinstance(found, CgroupPosture)
    return found


def apparmor(name: str) -> Capture:
    return recorded(f"lsm/apparmor/{name}")


def v1(**files: str) -> Capture:
    texts = {
        "cgroup": "9:pids:/docker/x\n5:memory:/docker/x\n4:devices:/docker/x\n3:cpu:/docker/x\n",
        "status": "Name:\tsh\nUid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n",
    }
    return capture(texts | {name.replace("__", ":"): text for name, text in files.items()})


def test_posture_of_real_containers() -> None:
    default = posture_of(apparmor("docker-default"), around())
    assert (default.processes, default.memory, default.cpu) == (True, True, True)
    assert (default.verified, default.rule_files) == (False, False)
    limited = posture_of(apparmor("docker-limits"), around())
    assert (limited.processes, limited.memory, limited.cpu) == (False, False, False)
    rootless = posture_of(apparmor("rootless-default"), around(rootless=True))
    assert judged(LAYER, DISK, rootless).stance is OPEN
    busier = with_text(replace(apparmor("docker-default"), pid=77), "cgroup:v2:0:pids.current", "30\n")
    assert posture_of(busier, around()) == default


@pytest.mark.parametrize(
    ("limit", "current", "enough"),
    [("100", "1", False), ("601", "1", True), ("600", "1", False), ("max", "1", True), ("2048", "1500", False)],
)
def test_room_for_processes(limit: str, current: str, enough: bool) -> None:
    files = {"cgroup__pids__0__pids.max": f"{limit}\n", "cgroup__pids__0__pids.current": f"{current}\n"}
    assert posture_of(v1(**files), around()).processes is enough


def test_a_parents_room_counts() -> None:
    files = {
        "cgroup__pids__0__pids.max": "max\n",
        "cgroup__pids__0__pids.current": "1\n",
        "cgroup__pids__1__pids.max": "2000\n",
        "cgroup__pids__1__pids.current": "1990\n",
    }
    assert posture_of(v1(**files), around()).processes is False


def limited_user(uid: int, soft: str, hard: str, effective: str, namespace: str = "4026531837") -> Capture:
    line = f"Max processes             {soft:<20} {hard:<20} processes \n"
    return v1(
        status=f"Name:\tsh\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{effective}\n",
        limits=f"Limit                     Soft Limit           Hard Limit           Units     \n{line}",
        **{
            "ns/user": f"user:[{namespace}]",
            "cgroup__pids__0__pids.max": "max\n",
            "cgroup__pids__0__pids.current": "1\n",
        },
    )


@pytest.mark.parametrize(
    ("process", "by_user"),
    [
        (limited_user(1000, "100", "100", "0"), True),
        (limited_user(1000, "100", "unlimited", "0"), False),  # it may raise the soft one itself
        (limited_user(0, "100", "100", "0"), False),  # the host's root is exempt
        (limited_user(1000, "100", "100", "1000000"), False),  # SYS_RESOURCE
        (limited_user(100000, "100", "100", "1000000", "4026532000"), True),  # which counts nothing in here
        (limited_user(1000, "4096", "4096", "0"), False),
    ],
)
def test_the_users_own_limit(process: Capture, by_user: bool) -> None:
    posture = posture_of(process, around())
    assert posture.by_user is by_user
    assert judged(LAYER, PROCESSES, posture).stance is (STOPS if by_user else OPEN)


def test_an_unread_limit_of_the_user_leaves_it_open() -> None:
    process = with_gap(limited_user(1000, "100", "100", "0"), "limits", Gap(GapKind.DENIED, 13))
    assert judged(LAYER, PROCESSES, posture_of(process, around())).stance is UNKNOWN


def with_limits(memlock: str, nice: str, rtprio: str) -> Capture:
    lines = (("Max locked memory", memlock), ("Max nice priority", nice), ("Max realtime priority", rtprio))
    text = "".join(f"{name:<25} {0:<20} {hard:<20} units\n" for name, hard in lines)
    return with_text(
        v1(), "limits", f"Limit                     Soft Limit           Hard Limit           Units\n{text}"
    )


@pytest.mark.parametrize(
    ("memlock", "nice", "rtprio", "locked", "priority"),
    [
        ("8388608", "0", "0", STOPS, STOPS),
        ("unlimited", "0", "0", OPEN, STOPS),
        (str(GROUND.memory_total), "20", "0", OPEN, STOPS),  # a nice value of 0, and as much as there is
        ("65536", "21", "0", STOPS, OPEN),
        ("65536", "0", "1", STOPS, OPEN),
    ],
)
def test_limits_that_need_no_capability(memlock: str, nice: str, rtprio: str, locked: Stance, priority: Stance) -> None:
    posture = posture_of(with_limits(memlock, nice, rtprio), around())
    assert [judged(LAYER, need, posture).stance for need in (LOCKED, PRIORITY)] == [locked, priority]


def test_limits_as_wide_as_the_machine_are_none() -> None:
    files = {
        "cgroup__memory__0__memory.limit_in_bytes": f"{GROUND.memory_total}\n",
        "cgroup__cpu__0__cpu.cfs_quota_us": "200000\n",
        "cgroup__cpu__0__cpu.cfs_period_us": "100000\n",
    }
    posture = posture_of(v1(**files), around())
    assert (posture.memory, posture.cpu) == (True, True)
    files["cgroup__memory__0__memory.limit_in_bytes"] = "1048576\n"
    files["cgroup__cpu__0__cpu.cfs_quota_us"] = "150000\n"
    posture = posture_of(v1(**files), around())
    assert (posture.memory, posture.cpu) == (False, False)


def test_a_cpuset_of_fewer_cpus() -> None:
    process = with_text(apparmor("docker-default"), "cgroup:v2:0:cpuset.cpus.effective", "0\n")
    assert posture_of(process, around()).cpu is False


def test_device_rules_of_version_1_are_the_kernels() -> None:
    read = posture_of(v1(**{"cgroup__devices__0__devices.list": "b 8:0 rw\n"}), around(), Asked(privileged=False))
    assert (read.verified, read.rule_files) == (True, True)
    assert judged(LAYER, DISK, read).stance is OPEN
    unread = posture_of(v1(), around())
    assert judged(LAYER, DISK, unread).stance is UNKNOWN


@pytest.mark.parametrize(
    ("asked", "disk", "memory"),
    [
        (Asked(), STOPS, STOPS),
        (Asked(privileged=True), OPEN, OPEN),
        (Asked(devices=(AskedDevice("/dev/sda1", "/dev/x", "r"),)), OPEN, STOPS),
        (Asked(devices=(AskedDevice("/dev/loop3", "/dev/loop3", "rwm"),)), OPEN, STOPS),
        (Asked(devices=(AskedDevice("/dev/sda1", "/dev/x", "m"),)), STOPS, STOPS),
        (Asked(devices=(AskedDevice("/dev/mem", "/dev/mem", "rwm"),)), STOPS, OPEN),
        (Asked(devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),)), STOPS, STOPS),
        (Asked(devices=(AskedDevice("/dev/vg0/data", "/dev/x", "rwm"),)), OPEN, STOPS),
        # rules alone are enough, with a node that it makes itself
        (Asked(device_rules=("a *:* rwm",)), OPEN, OPEN),
        (Asked(device_rules=("b 8:* r",)), OPEN, STOPS),
        (Asked(device_rules=("c 1:1 rw",)), STOPS, OPEN),
        (Asked(device_rules=("c 10:* rwm", "nonsense", "b 8:0")), STOPS, STOPS),
        (Asked(device_rules=None), UNKNOWN, UNKNOWN),
        (Asked(device_rules=None, privileged=True), OPEN, OPEN),
    ],
)
def test_device_rules_of_version_2_are_as_asked(asked: Asked, disk: Stance, memory: Stance) -> None:
    posture = posture_of(apparmor("docker-default"), around(), asked)
    assert (judged(LAYER, DISK, posture).stance, judged(LAYER, MEM, posture).stance) == (disk, memory)


def test_podman_sets_no_rules_beside_a_user_namespace() -> None:
    """In groups of version 1, whose rules can be read."""
    mapped, plain = Asked(userns_mode="auto"), Asked(userns_mode="host")
    podman = replace(around(), engine=Engine("podman", EngineKind.PODMAN, "unix:///p"))
    facts = LAYER.decode(v1(**{"cgroup__devices__0__devices.list": "b *:* m\nc 1:3 rwm\n"}), container(), podman)
    predicted = predict(facts, plain, mapped, podman)
    assert predicted is not None
    assert predicted.devices == ("a *:* rwm",)
    back = predict(predicted, mapped, plain, podman)
    assert back is not None
    assert back.devices is not None
    assert not passes(back.devices, DISK)
    docker = predict(facts, plain, mapped, around())
    assert docker is not None
    assert docker.devices == facts.devices


@pytest.mark.parametrize(
    ("node", "block"),
    [
        *(
            (f"/dev/{name}", True)
            for name in ("sda1", "nvme0n1p2", "loop7", "dm-3", "md127", "sr0", "fd0", "mmcblk0boot0")
        ),
        *((f"/dev/{name}", True) for name in ("drbd0", "bcache0p1", "pmem0", "pmem0.1s", "dasda1", "ublkb0", "nbd0p1")),
        *(
            (f"/dev/{name}", True)
            for name in ("vg0/data", "mapper/vg0-data", "zvol/tank/vm", "disk/by-id/x", "block/8:0")
        ),
        *(
            (f"/dev/{name}", False)
            for name in ("null", "fuse", "kvm", "ttyS0", "net/tun", "dri/card0", "bus/usb/001/002")
        ),
        *((f"/dev/{name}", False) for name in ("snd/timer", "input/event0", "vfio/vfio", "nvidia0", "video0", "nvme0")),
    ],
)
def test_names_of_block_devices(node: str, block: bool) -> None:
    assert is_block(node) is block


def test_prediction_without_the_rules_that_were_asked_for() -> None:
    facts = LAYER.decode(v1(**{"cgroup__devices__0__devices.list": "a *:* rwm\n"}), container(), around())
    with_rules = Asked(device_rules=("a *:* rwm",))
    predicted = predict(facts, with_rules, Asked(), around())
    assert predicted is not None
    assert predicted.devices is not None
    assert not passes(predicted.devices, DISK)
    kept = predict(facts, with_rules, replace(with_rules, devices=(AskedDevice("/dev/x", "", "r"),)), around())
    assert kept is not None
    assert kept.devices is not None
    assert passes(kept.devices, DISK)


def test_nothing_read_is_nothing_known() -> None:
    posture = posture_of(capture({}, denied=("cgroup", "status", "limits")), around())
    assert {judged(LAYER, need, posture).stance for need in (PROCESSES, MEMORY, CPU, DISK, LOCKED, PRIORITY)} == {
        UNKNOWN
    }


def test_limits_of_the_groups_above_stay_when_the_own_one_is_lifted() -> None:
    texts = {"cgroup:pids:0:pids.max": "50", "cgroup:pids:0:pids.current": "1", "cgroup:pids:1:pids.max": "max"}
    after = replace(PROCESSES, lifted=True)
    for above, stance in (("max", OPEN), ("100", UNKNOWN)):
        process = capture({**dict(_texts(v1())), **texts, "cgroup:pids:1:pids.max": above})
        posture = posture_of(process, around())
        assert judged(LAYER, PROCESSES, posture).stance is STOPS
        assert judged(LAYER, after, posture).stance is stance


def _texts(process: Capture) -> list[tuple[str, str]]:
    return [(reading.name, reading.text or "") for reading in process.readings]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("", OPEN),
        ("8:0 rbps=1048576 wbps=max riops=max wiops=max\n", OPEN),  # it may write
        ("8:0 rbps=max wbps=max riops=max wiops=100\n", OPEN),  # it may read
        ("8:0 rbps=1048576 wbps=1048576 riops=max wiops=max\n", UNKNOWN),  # of which disks it uses
    ],
)
def test_how_fast_it_reads_and_writes(limits: str, expected: Stance) -> None:
    process = with_text(apparmor("docker-default"), "cgroup:v2:0:io.max", limits)
    assert judged(LAYER, Room(Resource.DISK_RATE), posture_of(process, around())).stance is expected


def test_version_1_limits_nothing_that_a_file_system_writes_later() -> None:
    texts = {"cgroup": "3:blkio:/docker/x\n2:memory:/docker/x\n"}
    for word in ("read", "write"):
        texts[f"cgroup:blkio:0:blkio.throttle.{word}_bps_device"] = "8:0 1048576\n"
    posture = posture_of(capture(texts), around())
    assert judged(LAYER, Room(Resource.DISK_RATE), posture).stance is OPEN
