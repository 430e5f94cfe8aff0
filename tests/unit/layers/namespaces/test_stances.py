"""What namespaces and mounts say to each need, as a table, and on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, AskedDevice, AskedMount
from stratascope.core.ground import NAMESPACES, Peers, Surroundings
from stratascope.core.threats.needs import (
    Access,
    Device,
    EngineSocket,
    HostFiles,
    HostFileSystem,
    HostProcesses,
    InspectHost,
    KernelFile,
    NamespaceHandle,
    Need,
    Node,
    ProcessesInSight,
    Resource,
    Room,
    RootWritable,
    SetUidExec,
    Shares,
    SignalRoot,
    StrongProcess,
)
from stratascope.core.threats.threat import Stance
from stratascope.layers.namespaces.layer import LAYER
from stratascope.layers.namespaces.mount_reach import MountReach
from stratascope.layers.namespaces.stances import NamespacePosture
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container, judged

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
REACH = MountReach(
    (
        ("/proc", "/proc", True),
        ("/sys", "/sys", False),
        ("/proc/sys", "/proc/sys", False),
        ("/proc/sysrq-trigger", "/proc/sysrq-trigger", False),
    ),
    ("/proc/kcore", "/proc/acpi", "/sys/firmware"),
    True,
    True,
    "/dev",
    "/",
    "/etc/hosts",
    "/etc/hosts",
)
BASE = NamespacePosture(
    tuple((kind, kind in ("time", "user")) for kind in NAMESPACES), False, REACH, "", (), (), False, "", ""
)
BOUND_PROC = replace(REACH, host_processes="/host/proc", kernel=(*REACH.kernel, ("/host/proc", "/proc", False)))
FIRST_PROCESS = replace(REACH, foreign_processes="/hp1", host_first="/hp1")
UNREAD_MOUNTS = replace(BASE, reach=None)
DISK = Room(Resource.DISK)


def read(path: str, **marks: bool) -> KernelFile:
    return KernelFile(path, Access.READ, **marks)


def write(path: str, **marks: bool) -> KernelFile:
    return KernelFile(path, Access.WRITE, **marks)


@pytest.mark.parametrize(
    ("need", "change", "stance"),
    [
        (Shares("pid"), {}, STOPS),
        (Shares("pid"), {"host": (("pid", True),)}, OPEN),
        (Shares("net"), {"host": (("net", None),)}, UNKNOWN),
        (Shares("cgroup"), {}, STOPS),
        (Shares("cgroup"), {"top_of_cgroup_tree": True}, UNKNOWN),
        (Shares("pid"), {"top_of_cgroup_tree": True}, STOPS),
        (ProcessesInSight(), {}, STOPS),
        (ProcessesInSight(), {"processes": True}, OPEN),
        (ProcessesInSight(), {"processes": None}, UNKNOWN),
        (Node("disk"), {}, STOPS),
        (HostProcesses(), {}, STOPS),
        (HostProcesses(), {"host": (("pid", True),)}, OPEN),
        (HostProcesses(), {"reach": BOUND_PROC}, OPEN),
        (HostProcesses(), {"reach": replace(REACH, foreign_processes="/p")}, UNKNOWN),
        (HostProcesses(shown=True), {"reach": FIRST_PROCESS}, OPEN),
        (HostProcesses(), {"reach": FIRST_PROCESS}, UNKNOWN),
        (ProcessesInSight(), {"reach": BOUND_PROC}, OPEN),
        (ProcessesInSight(), {"neighbours": True}, STOPS),
        (ProcessesInSight(neighbours=True), {"neighbours": True}, OPEN),
        (ProcessesInSight(neighbours=True), {"reach": BOUND_PROC}, STOPS),
        (StrongProcess(), {}, STOPS),
        (StrongProcess(), {"strong_neighbour": True}, OPEN),
        (StrongProcess(), {"strong_neighbour": None}, UNKNOWN),
        (StrongProcess(), {"host": (("pid", True),)}, OPEN),
        (StrongProcess(), {"reach": BOUND_PROC}, STOPS),  # read-only
        (
            StrongProcess(),
            {"reach": replace(BOUND_PROC, kernel=(*REACH.kernel, ("/host/proc", "/proc", True)))},
            OPEN,
        ),
        (Node("disk"), {"disk_node": "@mountinfo"}, OPEN),
        (Node("disk"), {"disk_node": "inspect:HostConfig.Devices"}, OPEN),
        (Node("memory"), {"disk_node": "@mountinfo"}, STOPS),
        (Node("memory"), {"memory_node": "inspect:HostConfig.Privileged"}, OPEN),
        (Node("log"), {}, STOPS),
        (Node("log"), {"log_node": "@mountinfo"}, OPEN),
        (Node("memory", made=True), {}, OPEN),
        (Node("memory", made=True), {"reach": replace(REACH, node_place="")}, STOPS),
        (RootWritable(), {}, OPEN),
        (RootWritable(), {"reach": replace(REACH, root_writable=False)}, STOPS),
        (RootWritable(), {"reach": replace(REACH, root_writable=None)}, UNKNOWN),
        (SetUidExec(), {}, OPEN),
        (SetUidExec(), {"reach": replace(REACH, root_set_uid=False)}, STOPS),
        (EngineSocket(), {}, STOPS),
        (EngineSocket(), {"socket": "/run/docker.sock"}, OPEN),
        (HostFiles(), {}, STOPS),
        (HostFiles(), {"host_files": ("/data",)}, OPEN),
        (HostFiles(set_uid=True), {}, STOPS),
        (HostFiles(set_uid=True), {"host_files": ("/data",)}, UNKNOWN),  # the host runs it through its own mount
        (HostFiles(set_uid=True), {"host_files": ("/data",), "set_uid_files": ("/data",)}, OPEN),
        # a mount whose own id map leaves out the disk's root
        (HostFiles(), {"host_files": ("/data",), "without_root": True}, UNKNOWN),
        (HostFiles(set_uid=True), {"host_files": ("/data",), "without_root": True}, STOPS),
        (HostFiles(system=True), {"host_files": ("/data",), "without_root": True}, STOPS),
        (
            HostFiles(set_uid=True),
            {"host_files": ("/data",), "set_uid_files": ("/data",), "without_root": None},
            UNKNOWN,
        ),
        (HostFiles(system=True), {"host_files": ("/data",)}, STOPS),
        (HostFiles(system=True), {"host_files": ("/host/etc",), "system_files": ("/host/etc",)}, OPEN),
        (HostFileSystem(), {}, OPEN),
        (HostFileSystem(), {"reach": replace(REACH, host_file_system="")}, STOPS),
        (HostFileSystem(writable=True), {}, OPEN),
        (HostFileSystem(writable=True), {"reach": replace(REACH, host_writable="")}, STOPS),
        (DISK, {}, OPEN),
        (DISK, {"reach": replace(REACH, disk_place="")}, STOPS),
        (write("/proc/sys/kernel/core_pattern"), {}, STOPS),
        (read("/proc/sys/kernel/core_pattern"), {}, OPEN),
        (write("/proc/sysrq-trigger"), {}, STOPS),
        (read("/proc/kcore"), {}, STOPS),
        (read("/proc/kmsg"), {}, OPEN),
        (write("/proc/kmsg"), {}, OPEN),
        (read("/sys/firmware"), {}, STOPS),
        (read("/sys/firmware/acpi/tables"), {}, STOPS),
        (read("/sys/kernel/rcu_expedited"), {}, OPEN),
        (write("/sys/kernel/rcu_expedited"), {}, STOPS),
        (read("/proc/kcore"), {"reach": replace(REACH, covered=())}, OPEN),
        (read("/sys/firmware"), {"reach": replace(REACH, kernel=REACH.kernel[:1])}, STOPS),  # no sysfs at all
        # another proc beside the own one gives back what is masked there
        (
            write("/proc/sysrq-trigger"),
            {"reach": replace(REACH, kernel=(*REACH.kernel, ("/host/proc", "/proc", True)))},
            OPEN,
        ),
        (
            write("/proc/sysrq-trigger"),
            {"reach": replace(REACH, kernel=(*REACH.kernel, ("/host/proc", "/proc", False)))},
            STOPS,
        ),
        (read("/proc/kcore"), {"reach": replace(REACH, kernel=(*REACH.kernel, ("/p", "/proc", False)))}, OPEN),
        (
            write("/proc/sys/kernel/core_pattern"),
            {"reach": replace(REACH, kernel=(*REACH.kernel, ("/s", "/proc/sys", True)))},
            OPEN,
        ),
    ],
)
def test_rule(need: Need, change: dict[str, Any], stance: Stance) -> None:
    assert judged(LAYER, need, replace(BASE, **change)).stance is stance


@pytest.mark.parametrize(
    "need",
    [
        RootWritable(),
        SetUidExec(),
        EngineSocket(),
        HostFiles(),
        HostFiles(set_uid=True),
        HostFileSystem(),
        DISK,
        read("/proc/kcore"),
        Node("disk", made=True),
        Node("disk"),
    ],
)
def test_unread_mounts_are_not_known(need: Need) -> None:
    assert judged(LAYER, need, UNREAD_MOUNTS).stance is UNKNOWN


@pytest.mark.parametrize(
    "need",
    [
        write("/proc/sys/kernel/core_pattern", fresh=True),
        write("/proc/sys/kernel/core_pattern", remounted=True),
        write("/proc/sys/kernel/core_pattern", copied=True),
        write("/dev/x"),
        InspectHost(),
        SignalRoot(),
        Device("b", 7, 0, "r"),
        Room(Resource.MEMORY),
    ],
)
def test_not_its_job(need: Need) -> None:
    assert LAYER.stance(need, BASE) is None


def test_what_undoes_it() -> None:
    assert judged(LAYER, Shares("pid"), BASE).hinges == {"namespace:pid"}
    assert judged(LAYER, read("/proc/kcore"), BASE).hinges == {"systempaths"}
    assert judged(LAYER, read("/proc/kcore"), BASE).source == "@mountinfo:/proc/kcore"


def apparmor(name: str) -> Capture:
    return recorded(f"lsm/apparmor/{name}")


def posture_of(process: Capture, asked: Asked | None = None, near: Surroundings | None = None) -> NamespacePosture:
    thing, surroundings = container(asked), near or around()
    facts = LAYER.decode(process, thing, surroundings)
    found = LAYER.posture(facts, LAYER.asked(thing), surroundings)
    assert isinstance(found, NamespacePosture)
    return found


def with_mount(line: str, name: str = "docker-default", parent: int = 153) -> Capture:
    process = apparmor(name)
    text = process.text("mountinfo")
    assert isinstance(text, str)
    return with_text(process, "mountinfo", f"{text}900 {parent} {line}\n")


def without_mounts(process: Capture, *targets: str) -> Capture:
    text = process.text("mountinfo")
    assert isinstance(text, str)
    kept = [line for line in text.splitlines() if line.split(" ")[4] not in targets]
    return with_text(process, "mountinfo", "\n".join(kept) + "\n")


@pytest.mark.parametrize(
    ("need", "default", "podman", "rootless", "privileged"),
    [
        (Shares("pid"), STOPS, STOPS, STOPS, STOPS),
        (Shares("cgroup"), STOPS, STOPS, STOPS, STOPS),
        (write("/proc/sys/kernel/core_pattern"), STOPS, STOPS, STOPS, OPEN),
        (write("/proc/sysrq-trigger"), STOPS, STOPS, STOPS, OPEN),
        (read("/proc/kcore"), STOPS, STOPS, STOPS, OPEN),
        (read("/sys/firmware"), STOPS, STOPS, STOPS, OPEN),
        (write("/sys/kernel/rcu_expedited"), STOPS, STOPS, STOPS, OPEN),
        (read("/proc/kmsg"), OPEN, OPEN, OPEN, OPEN),
        (Node("disk"), STOPS, STOPS, STOPS, OPEN),
        (Node("disk", made=True), OPEN, OPEN, OPEN, OPEN),
        (RootWritable(), OPEN, OPEN, OPEN, OPEN),
        (SetUidExec(), OPEN, OPEN, OPEN, OPEN),
        (EngineSocket(), STOPS, STOPS, STOPS, STOPS),
        (HostFiles(), STOPS, STOPS, STOPS, STOPS),
        (HostFileSystem(), OPEN, OPEN, OPEN, OPEN),
        (DISK, OPEN, OPEN, OPEN, OPEN),
    ],
)
def test_recorded(need: Need, default: Stance, podman: Stance, rootless: Stance, privileged: Stance) -> None:
    postures = (
        posture_of(apparmor("docker-default")),
        posture_of(apparmor("podman-default")),
        posture_of(apparmor("rootless-default"), near=around(rootless=True)),
        posture_of(apparmor("docker-privileged"), Asked(privileged=True)),
    )
    assert [judged(LAYER, need, posture).stance for posture in postures] == [default, podman, rootless, privileged]


def test_host_namespaces() -> None:
    posture = posture_of(apparmor("docker-hostns"))
    for kind in ("pid", "net", "ipc", "cgroup"):
        assert judged(LAYER, Shares(kind), posture).stance is OPEN
    assert judged(LAYER, ProcessesInSight(), posture).stance is OPEN


@pytest.mark.parametrize(
    ("text", "top"),
    [
        ("0::/\n", False),  # version 2, which has no such file
        ("0::/\n8:pids:/docker/x\n", False),
        ("8:pids:/docker/x\n9:name=systemd:/\n", True),
        ("nonsense", False),
    ],
)
def test_the_topmost_group_of_an_old_tree(text: str, top: bool) -> None:
    assert posture_of(with_text(apparmor("docker-default"), "cgroup", text)).top_of_cgroup_tree is top


def test_equal_containers_have_equal_postures() -> None:
    process = apparmor("docker-default")
    text = process.text("mountinfo")
    assert isinstance(text, str)
    other = with_text(replace(process, pid=77), "mountinfo", text.replace("352f002b52e2", "0123456789ab"))
    other = with_text(other, "ns/net", "net:[4026539999]")
    assert posture_of(other) == posture_of(process)
    assert hash(posture_of(other)) == hash(posture_of(process))


def test_processes_of_others() -> None:
    process = apparmor("docker-default")
    beside = posture_of(process, near=around(peers=Peers((("pid", ("db",)),))))
    assert (beside.neighbours, beside.processes) == (True, False)
    assert posture_of(process, Asked(pid_mode="host")).processes is True  # an engine in a PID namespace of its own
    unread = with_gap(process, "ns/pid", Gap(GapKind.DENIED, 13))
    assert posture_of(unread).processes is None


def test_kernel_files_through_a_bind_of_the_hosts_proc() -> None:
    posture = posture_of(with_mount("0:20 / /host/proc rw,nosuid,nodev,noexec - proc proc rw"))
    assert judged(LAYER, write("/proc/sysrq-trigger"), posture).stance is OPEN
    assert judged(LAYER, read("/proc/kcore"), posture).stance is OPEN
    assert judged(LAYER, HostFiles(), posture).stance is STOPS  # files of the kernel, not of the host


@pytest.mark.parametrize(
    ("line", "files", "set_uid", "socket"),
    [
        ("254:0 /srv/data /data rw,relatime - ext4 /dev/vda rw", OPEN, OPEN, STOPS),
        ("254:0 /srv/data /data rw,nosuid,relatime - ext4 /dev/vda rw", OPEN, UNKNOWN, STOPS),
        ("254:0 /srv/data /data ro,relatime - ext4 /dev/vda rw", STOPS, STOPS, STOPS),
        ("254:0 /srv/data /data rw,relatime - ext4 /dev/vda ro", STOPS, STOPS, STOPS),
        ("254:0 / /host rw,relatime - ext4 /dev/vda rw", OPEN, OPEN, STOPS),
        ("0:26 /docker.sock /docker.sock rw - tmpfs tmpfs rw", STOPS, STOPS, OPEN),
        ("0:26 /docker.sock /x ro - tmpfs tmpfs rw", STOPS, STOPS, OPEN),  # read-only does not close a socket
        ("0:26 / /run rw - tmpfs tmpfs rw", OPEN, OPEN, OPEN),
        ("254:0 /var/lib/docker/volumes/v/_data /v rw - ext4 /dev/vda rw", OPEN, OPEN, STOPS),  # no volume by its word
        ("0:814 /3 /dev/sda rw,relatime - tmpfs none rw", STOPS, STOPS, STOPS),
    ],
)
def test_host_paths(line: str, files: Stance, set_uid: Stance, socket: Stance) -> None:
    posture = posture_of(with_mount(line))
    needs = (HostFiles(), HostFiles(set_uid=True), EngineSocket())
    assert [judged(LAYER, need, posture).stance for need in needs] == [files, set_uid, socket]


@pytest.mark.parametrize(
    ("asked", "line", "disk", "memory"),
    [
        (Asked(), "", STOPS, STOPS),
        (Asked(privileged=True), "", OPEN, OPEN),
        (Asked(devices=(AskedDevice("/dev/sda", "/dev/x", "rwm"),)), "", OPEN, STOPS),
        (Asked(devices=(AskedDevice("/dev/loop0", "/dev/loop0", "r"),)), "", OPEN, STOPS),
        (Asked(devices=(AskedDevice("/dev/mem", "/dev/mem", "r"),)), "", STOPS, OPEN),
        (Asked(devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),)), "", STOPS, STOPS),
        (Asked(devices=(AskedDevice("/dev/vcs", "/dev/loop0", "rwm"),)), "", OPEN, STOPS),  # Podman's word for b 7:0
        (Asked(), "0:6 /sda /dev/sda rw - devtmpfs d rw", OPEN, STOPS),
        (Asked(), "0:814 /3 /dev/sda rw,relatime - tmpfs none rw", OPEN, STOPS),  # crun's, for a user namespace
        (Asked(mounts=(AskedMount("bind", "/dev", "/host", True),)), "0:6 / /host rw - devtmpfs d rw", OPEN, OPEN),
    ],
)
def test_device_nodes(asked: Asked, line: str, disk: Stance, memory: Stance) -> None:
    posture = posture_of(
        with_mount(line, parent=155 if "/dev/" in line else 153) if line else apparmor("docker-default"), asked
    )
    assert [judged(LAYER, Node(kind), posture).stance for kind in ("disk", "memory")] == [disk, memory]


def test_a_privileged_rootless_container_gets_no_nodes_of_the_hosts() -> None:
    posture = posture_of(apparmor("rootless-default"), Asked(privileged=True), around(rootless=True))
    assert judged(LAYER, Node("disk"), posture).stance is STOPS


@pytest.mark.parametrize(("has", "stance"), [(True, OPEN), (None, OPEN), (False, STOPS)])
def test_a_privileged_container_gets_the_kinds_that_the_host_has(has: bool | None, stance: Stance) -> None:
    features = () if has is None else (("devices_input", has),)
    surroundings = replace(around(), ground=replace(GROUND, features=features))
    posture = posture_of(apparmor("docker-default"), Asked(privileged=True), surroundings)
    assert judged(LAYER, Node("input"), posture).stance is stance


def read_only(process: Capture) -> Capture:
    """As `--read-only` makes it: the root and the engine's files read-only, /dev and /dev/shm not."""
    text = process.text("mountinfo")
    assert isinstance(text, str)
    for target in ("/", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"):
        text = text.replace(f" {target} rw,", f" {target} ro,")
    return with_text(process, "mountinfo", text)


def test_a_read_only_container() -> None:
    posture = posture_of(read_only(apparmor("docker-default")))
    assert judged(LAYER, RootWritable(), posture).stance is STOPS
    assert judged(LAYER, DISK, posture).stance is STOPS  # /dev and /dev/shm are small
    assert judged(LAYER, Node("memory", made=True), posture).stance is OPEN  # in /dev
    assert judged(LAYER, HostFileSystem(), posture).stance is OPEN  # /etc/hosts can still be named
    assert judged(LAYER, HostFileSystem(writable=True), posture).stance is STOPS


@pytest.mark.parametrize(
    ("line", "stance"),
    [
        ("0:90 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw,size=65536k", STOPS),
        ("254:0 /var/lib/docker/volumes/v/_data /v rw - ext4 /dev/vda rw", OPEN),
        ("254:0 /srv /srv rw - ext4 /dev/vda rw", OPEN),
        ("0:26 /x /x rw - tmpfs tmpfs rw", OPEN),  # a piece of the host's /run
    ],
)
def test_places_to_fill(line: str, stance: Stance) -> None:
    assert judged(LAYER, DISK, posture_of(read_only(with_mount(line)))).stance is stance


def test_no_file_of_the_host_in_sight() -> None:
    process = without_mounts(apparmor("docker-default"), "/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
    assert judged(LAYER, HostFileSystem(), posture_of(process)).stance is STOPS
    near = around(ground=replace(GROUND, mounts=()))
    assert judged(LAYER, HostFileSystem(), posture_of(apparmor("docker-default"), near=near)).stance is OPEN


def test_nothing_read_is_nothing_known() -> None:
    posture = posture_of(capture({}, denied=LAYER.wants))
    needs: tuple[Need, ...] = (Shares("pid"), ProcessesInSight(), EngineSocket(), HostFiles(), RootWritable())
    assert {judged(LAYER, need, posture).stance for need in needs} == {UNKNOWN}


@pytest.mark.parametrize(
    ("line", "host", "stance"),
    [
        ("0:20 /sys/vm /x rw - proc proc rw", (), OPEN),
        ("0:20 /sys/vm /x ro - proc proc rw", (), STOPS),
        ("0:20 /sys /x rw - proc proc rw", (), OPEN),
        ("0:20 / /x rw - proc proc rw", (), OPEN),
        ("0:20 /sys/kernel/panic /x rw - proc proc rw", (), OPEN),
        ("0:20 /sys/kernel/osrelease /x rw - proc proc rw", (), STOPS),  # nobody may write it
        ("0:20 /sys/net /x rw - proc proc rw", (), STOPS),  # shows those of its own network
        ("0:20 /sys/net /x rw - proc proc rw", (("net", True),), OPEN),
        ("0:20 /sys/net /x rw - proc proc rw", (("net", None),), UNKNOWN),
        ("0:20 /sys/kernel/hostname /x rw - proc proc rw", (), STOPS),
        ("0:20 /sys/kernel/shmmax /x rw - proc proc rw", (("ipc", True),), OPEN),
        ("0:20 /bus /x rw - proc proc rw", (), STOPS),
    ],
)
def test_settings_that_are_bound_in(line: str, host: tuple[tuple[str, bool | None], ...], stance: Stance) -> None:
    posture = posture_of(with_mount(line))
    posture = replace(posture, host=(*posture.host, *host))
    assert judged(LAYER, KernelFile("/proc/sys", Access.WRITE, by_uid=True, bound=True), posture).stance is stance


@pytest.mark.parametrize(
    ("line", "kind", "stance"),
    [
        ("0:4 uts:[4026531838] /x rw - nsfs nsfs rw", "uts", OPEN),
        ("0:4 uts:[4026531838] /x rw - nsfs nsfs rw", "ipc", STOPS),
        ("0:4 uts:[4026532999] /x rw - nsfs nsfs rw", "uts", STOPS),  # another container's
        ("0:4 nothing /x rw - nsfs nsfs rw", "uts", STOPS),
        ("8:1 uts:[4026531838] /x rw - ext4 /dev/sda1 rw", "uts", STOPS),  # a file that is called so
    ],
)
def test_files_that_stand_for_namespaces(line: str, kind: str, stance: Stance) -> None:
    assert judged(LAYER, NamespaceHandle(kind), posture_of(with_mount(line))).stance is stance


@pytest.mark.parametrize(
    "line",
    [
        "0:5 /null /etc/passwd rw - devtmpfs devtmpfs rw",
        "254:0 /usr/share/empty/.empty-directory /etc/secret ro - ext4 /dev/vda rw",
    ],
)
def test_a_mask_over_a_file_of_the_image_shows_nothing_of_the_host(line: str) -> None:
    posture = posture_of(with_mount(line))
    assert [judged(LAYER, need, posture).stance for need in (HostFiles(), HostFiles(system=True))] == [STOPS, STOPS]


def test_a_file_called_null_is_no_mask() -> None:
    posture = posture_of(with_mount("254:0 /srv/null /etc/passwd rw - ext4 /dev/vda rw"))
    assert judged(LAYER, HostFiles(), posture).stance is OPEN


def test_what_the_host_and_its_users_run() -> None:
    homes = posture_of(with_mount("254:0 /home/ann /x rw - ext4 /dev/vda rw"))
    assert [judged(LAYER, need, homes).stance for need in (HostFiles(users=True), HostFiles(system=True))] == [
        OPEN,
        STOPS,
    ]
    jobs = posture_of(with_mount("254:0 /etc/cron.daily /x rw - ext4 /dev/vda rw"))
    assert [judged(LAYER, need, jobs).stance for need in (HostFiles(users=True), HostFiles(system=True))] == [
        STOPS,
        OPEN,
    ]
    seen = posture_of(with_mount("254:0 /etc /x ro - ext4 /dev/vda rw"))
    assert judged(LAYER, HostFiles(system=True), seen).stance is STOPS


def test_what_covers_a_bind_mount_is_not_the_hosts() -> None:
    """A tmpfs that the container mounted over the host's proc shows nothing of it."""
    near = around(ground=replace(GROUND, file_systems=tuple(("ext4", "rw", "rw") for _ in GROUND.mounts)))
    asked = Asked(mounts=(AskedMount("bind", "/etc", "/x", True),))
    bound = with_mount("254:0 /etc /x rw - ext4 /dev/vda rw")
    assert judged(LAYER, HostFiles(system=True), posture_of(bound, asked, near)).stance is OPEN
    covered = with_mount("0:912 / /x rw - tmpfs none rw")
    assert judged(LAYER, HostFiles(system=True), posture_of(covered, asked, near)).stance is STOPS
    assert judged(LAYER, HostFiles(), posture_of(covered, asked, near)).stance is STOPS


def test_a_covered_proc_shows_no_processes() -> None:
    hosts = replace(BASE, host=tuple((kind, kind == "pid") for kind in NAMESPACES))
    assert judged(LAYER, HostProcesses(shown=True), hosts).stance is OPEN
    covered = replace(hosts, reach=replace(REACH, kernel=REACH.kernel[1:]))
    assert judged(LAYER, HostProcesses(shown=True), covered).stance is STOPS
    assert judged(LAYER, HostProcesses(), covered).stance is OPEN  # a PID is enough to trace it
