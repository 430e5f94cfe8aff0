"""Namespaces and the mount view, on recorded containers and on mounts of every kind."""

from __future__ import annotations

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.collector.names import DESCRIPTORS
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, AskedDevice, AskedMount
from stratascope.core.ground import NAMESPACES, Peers, Surroundings, decode_ground
from stratascope.core.layer import Assessment, Table, Verdict
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.layer import LAYER
from stratascope.layers.namespaces.stances import posture_of
from stratascope.layers.shared.host_paths import HostPath
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container

DENIED = Gap(GapKind.DENIED, 13)
DEFAULT = recorded("lsm/apparmor/docker-default")


def look(
    process: Capture, asked: Asked | None = None, surroundings: Surroundings | None = None
) -> tuple[NamespacesFacts, Assessment]:
    """As the window shows it; the findings are of what was read."""
    thing, near = container(asked), surroundings or around()
    facts = LAYER.decode(process, thing, near)
    return facts, LAYER.assessed(facts, LAYER.asked(thing), near)


def codes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.findings}


def with_mount(line: str, parent: int = 153) -> Capture:
    text = DEFAULT.text("mountinfo")
    assert isinstance(text, str)
    return with_text(DEFAULT, "mountinfo", f"{text}900 {parent} {line}\n")


@pytest.mark.parametrize(
    ("name", "verdict", "masked", "code"),
    [
        ("docker-default", Verdict.ENFORCED, 5, "namespaces.writable-root"),
        ("podman-default", Verdict.ENFORCED, 5, "namespaces.writable-root"),
        ("rootless-default", Verdict.ENFORCED, 5, "namespaces.writable-root"),
        ("docker-privileged", Verdict.WEAKENED, 0, "namespaces.unmasked"),
        ("docker-hostns", Verdict.OPEN, 5, "namespaces.host-pid"),
    ],
)
def test_recorded(name: str, verdict: Verdict, masked: int, code: str) -> None:
    facts, assessment = look(recorded(f"lsm/apparmor/{name}"))
    assert assessment.verdict is verdict
    assert facts.masked_paths == masked
    assert code in codes(assessment)
    assert len(translate(assessment.fact)) <= 45
    assert facts.time is not None
    assert facts.time.shared_with_host is True
    assert assessment.gaps == ()


def test_an_ordinary_user_is_told_what_the_engine_states_as_such() -> None:
    process = DEFAULT
    for kind in NAMESPACES:
        process = with_gap(process, f"ns/{kind}", DENIED)
    facts, assessment = look(process)
    assert (assessment.verdict, assessment.basis) == (Verdict.ENFORCED, Basis.ASKED)
    _, verified = look(process, surroundings=replace(around(), verified_only=True))
    assert (verified.verdict, verified.basis) == (Verdict.UNKNOWN, Basis.KERNEL)
    assert facts.net is None
    assert {gap.what for gap in assessment.gaps} == {f"ns/{kind}" for kind in NAMESPACES}
    assert all(gap.gap == DENIED for gap in assessment.gaps)


def test_asked_for_the_host_counts_where_the_kernel_is_silent() -> None:
    process = with_gap(with_gap(DEFAULT, "ns/net", DENIED), "ns/pid", DENIED)
    _, assessment = look(process, Asked(pid_mode="host", network_mode="host"))
    assert (assessment.verdict, assessment.basis) == (Verdict.OPEN, Basis.ASKED)
    texts = {finding.code: translate(finding.text) for finding in assessment.findings}
    assert texts["namespaces.host-net"].startswith("Asked for, not verified")


def test_host_of_another_namespace_is_the_engines() -> None:
    facts, assessment = look(DEFAULT, Asked(network_mode="host"))
    assert facts.net is not None
    assert facts.net.shared_with_host is False
    table = assessment.tabs[0].views[0]
    assert isinstance(table, Table)
    values = [translate(row.value) for row in table.rows]
    assert any(value.startswith("The engine's, not the host's") for value in values)


def test_drift_of_namespaces_root_and_masks() -> None:
    _, shared = look(recorded("lsm/apparmor/docker-hostns"), Asked(pid_mode="private"))
    assert "namespaces.drift-pid" in codes(shared)
    _, root = look(DEFAULT, Asked(read_only_root=True))
    assert "namespaces.drift-root" in codes(root)
    _, masks = look(recorded("lsm/apparmor/docker-privileged"), Asked(masked_paths=("/proc/keys",)))
    assert "namespaces.drift-masks" in codes(masks)


def test_shared_with_other_containers() -> None:
    peers = Peers(namespaces=(("net", ("db", "proxy")),))
    facts, assessment = look(DEFAULT, surroundings=around(peers=peers))
    assert facts.net is not None
    assert facts.net.shared_with == ("db", "proxy")
    assert assessment.verdict is Verdict.WEAKENED


def test_own_as_host_falls_back_to_fixed_inodes() -> None:
    ground = replace(GROUND, namespaces=tuple((kind, 7) for kind in NAMESPACES), namespaces_from="own")
    facts, _ = look(recorded("lsm/apparmor/docker-hostns"), surroundings=around(ground=ground))
    assert facts.pid is not None
    assert facts.pid.shared_with_host is True


@pytest.mark.parametrize(
    ("line", "path", "verdict"),
    [
        ("254:0 / /host rw - ext4 /dev/vda rw", HostPath("/", "/host", True), Verdict.OPEN),
        ("254:0 / /host ro - ext4 /dev/vda rw", HostPath("/", "/host", False), Verdict.WEAKENED),
        ("254:0 /etc /host/etc rw - ext4 /dev/vda rw", HostPath("/etc", "/host/etc", True), Verdict.WEAKENED),
        ("254:0 /srv/site /www ro - ext4 /dev/vda rw", HostPath("/srv/site", "/www", False), Verdict.ENFORCED),
        ("254:0 /srv/site /www rw - ext4 /dev/vda rw", HostPath("/srv/site", "/www", True), Verdict.WEAKENED),
        ("254:0 /srv/site /www rw - ext4 /dev/vda ro", HostPath("/srv/site", "/www", False), Verdict.ENFORCED),
        ("254:3 /ann/.ssh /keys ro - ext4 /dev/vdb rw", HostPath("/home/ann/.ssh", "/keys", False), Verdict.WEAKENED),
        ("254:3 / /data ro - ext4 /dev/vdb rw", HostPath("/home", "/data", False), Verdict.WEAKENED),
        ("0:21 / /host/proc rw - proc proc rw", HostPath("/proc", "/host/proc", True), Verdict.WEAKENED),
        ("8:1 / /disk rw - ext4 /dev/sda1 rw", HostPath("/dev/sda1", "/disk", True), Verdict.WEAKENED),
    ],
)
def test_host_paths(line: str, path: HostPath, verdict: Verdict) -> None:
    facts, assessment = look(with_mount(line))
    assert facts.host_paths == (path,)
    assert assessment.verdict is verdict


_VOLUME = AskedMount("volume", "/var/lib/docker/volumes/db/_data", "/var/lib/db", True, volume="db")


def test_volumes_and_tmpfs_are_no_host_paths() -> None:
    for line in (
        "254:0 /var/lib/docker/volumes/db/_data /var/lib/db rw - ext4 /dev/vda rw",
        "0:99 / /tmp rw,nosuid - tmpfs tmpfs rw,size=65536k",
        "0:99 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k",
        "0:98 /0 /dev/console rw,nosuid,noexec - devpts devpts rw,mode=600",
    ):
        facts, assessment = look(with_mount(line), Asked(mounts=(_VOLUME,)))
        assert facts.host_paths == ()
        assert assessment.verdict is Verdict.ENFORCED


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (
            "254:0 /srv/volumes/db/_data /var/lib/db rw - ext4 /dev/vda rw",
            HostPath("/srv/volumes/db/_data", "/var/lib/db", True),
        ),
        ("0:33 / /trees rw - cgroup cgroup rw,devices", HostPath("cgroup", "/trees", True)),
        ("0:20 /sys /sysctls rw - proc proc rw", HostPath("/proc/sys", "/sysctls", True)),
        ("0:97 / /terminals rw - devpts devpts rw", HostPath("devpts", "/terminals", True)),
    ],
)
def test_what_only_looks_like_the_engines_own(line: str, path: HostPath) -> None:
    facts, assessment = look(with_mount(line))
    assert facts.host_paths == (path,)
    assert assessment.verdict is Verdict.WEAKENED


@pytest.mark.parametrize(
    ("line", "sockets"),
    [
        ("0:26 /docker.sock /var/run/docker.sock rw - tmpfs tmpfs rw", ("/var/run/docker.sock",)),
        ("0:26 /docker.sock /odd ro - tmpfs tmpfs rw", ("/odd",)),
        ("0:26 / /run rw - tmpfs tmpfs rw", ("/run/docker.sock",)),
        ("0:26 /podman /x rw - tmpfs tmpfs rw", ("/x/podman.sock",)),
        ("254:0 / /host ro - ext4 /dev/vda rw", ()),  # /run is another file system: not in this bind
    ],
)
def test_engine_sockets(line: str, sockets: tuple[str, ...]) -> None:
    facts, assessment = look(with_mount(line))
    assert facts.engine_sockets == sockets
    assert ("namespaces.engine-socket" in codes(assessment)) is bool(sockets)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("0:77 / /host ro - overlay overlay rw", True),  # the host's root directory
        ("0:77 /etc /host/etc rw - overlay overlay rw", True),
        ("0:88 / /host/etc rw - overlay overlay rw", True),  # an overlay of its own, on the host's /etc
        ("0:99 / /image rw - overlay overlay rw", False),  # --mount type=image
    ],
)
def test_an_overlay_of_the_host_is_a_path_of_the_host(line: str, seen: bool) -> None:
    text = (
        "20 1 0:77 / / rw - overlay overlay rw\n30 20 0:88 / /etc rw - overlay overlay rw\n"
        "40 20 0:99 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw\n"
        "41 20 0:98 / /run/containerd/io.containerd.runtime.v2.task/moby/ab/rootfs rw - overlay overlay rw\n"
    )
    ground = replace(GROUND, mounts=decode_ground(capture({"/proc/self/mountinfo": text})).mounts)
    assert [device for device, _, _ in ground.mounts] == ["0:77", "0:88"]
    facts, _ = look(with_mount(line), surroundings=around(ground=ground))
    assert facts.mounts is not None
    assert bool(facts.mounts.host_paths) is seen


@pytest.mark.parametrize(
    ("endpoint", "sockets"),
    [
        ("ssh://build/run/docker.sock", ("/host/run/docker.sock",)),
        ("ssh://build/run/other/docker.sock", ("/host/run/other/docker.sock",)),
        ("ssh://build", ("/host/run/docker.sock",)),
        ("tcp://build:2376", ("/host/run/docker.sock",)),
    ],
)
def test_a_parent_of_the_socket_of_an_engine_elsewhere(endpoint: str, sockets: tuple[str, ...]) -> None:
    near = around()
    near = replace(near, engine=replace(near.engine, endpoint=endpoint))
    facts, _ = look(with_mount("0:26 / /host/run rw - tmpfs tmpfs rw"), surroundings=near)
    assert facts.engine_sockets == sockets


def test_root_in_reserve_is_root() -> None:
    """setresuid(2): the real and the saved uid may be taken again without a capability."""
    text = DEFAULT.text("status")
    assert isinstance(text, str)
    for ids, root in (("13\t13\t0\t13", True), ("0\t13\t13\t13", True), ("13\t13\t13\t13", False)):
        lines = [f"Uid:\t{ids}" if line.startswith("Uid:") else line for line in text.split("\n")]
        assert look(with_text(DEFAULT, "status", "\n".join(lines)))[0].host_root is root


def test_read_only_asked_but_writable_below() -> None:
    process = with_mount("254:0 /srv /x/y rw - ext4 /dev/vda rw")
    asked = Asked(mounts=(AskedMount("bind", "/srv", "/x", writable=False),))
    assert "namespaces.drift-read-only" in codes(look(process, asked)[1])


def test_shared_propagation_and_devices() -> None:
    facts, assessment = look(with_mount("254:0 /srv /x ro shared:5 - ext4 /dev/vda rw"))
    assert facts.propagation == "shared"
    assert "namespaces.shared-propagation" in codes(assessment)
    process = with_mount("254:0 /srv /x ro shared:5 - ext4 /dev/vda rw")
    facts, assessment = look(process, surroundings=around(ground=replace(GROUND, peer_groups=(3, 5))))
    assert "namespaces.shared-propagation" in codes(assessment)
    # among containers alone: it appears nowhere on the host
    facts, assessment = look(process, surroundings=around(ground=replace(GROUND, peer_groups=(3,))))
    assert (facts.propagation, "namespaces.shared-propagation" in codes(assessment)) == ("private", False)
    facts, _ = look(with_mount("0:6 /fuse /dev/fuse rw - devtmpfs dev rw", 155))
    assert facts.devices == ("/dev/fuse",)


def test_damaged_text_is_a_gap() -> None:
    process = capture({"ns/net": "net:[oops]", "mountinfo": "nonsense"}, denied=("ns/pid",))
    facts, assessment = look(process)
    assert assessment.verdict is Verdict.UNKNOWN
    kinds = {gap.what: gap.gap.kind for gap in facts.gaps}
    assert kinds["ns/net"] is GapKind.UNPARSED
    assert kinds["mountinfo"] is GapKind.UNPARSED
    assert kinds["ns/pid"] is GapKind.DENIED
    assert kinds["ns/uts"] is GapKind.ABSENT


def test_drift_of_a_process() -> None:
    other = with_text(DEFAULT, "ns/net", "net:[4026531840]")
    assert [drift.field for drift in LAYER.drift(DEFAULT, other)] == ["namespaces.net"]
    assert LAYER.drift(DEFAULT, with_gap(DEFAULT, "ns/net", DENIED)) == ()


def as_user(process: Capture, uid: int) -> Capture:
    text = process.text("status")
    assert isinstance(text, str)
    ids = "\t".join([str(uid)] * 4)
    lines = [f"Uid:\t{ids}" if line.startswith("Uid:") else line for line in text.split("\n")]
    return with_text(process, "status", "\n".join(lines))


def worst(assessment: Assessment, code: str) -> Severity:
    return min((found.severity for found in assessment.findings if found.code == code), key=list(Severity).index)


@pytest.mark.parametrize(
    ("line", "as_root", "as_other"),
    [
        ("254:0 / /host rw - ext4 /dev/vda rw", Severity.CRITICAL, Severity.HIGH),
        ("254:0 / /host ro - ext4 /dev/vda rw", Severity.HIGH, Severity.MEDIUM),
        ("254:0 /etc /x rw - ext4 /dev/vda rw", Severity.CRITICAL, Severity.MEDIUM),
        ("254:0 /etc/ssl/private /x rw - ext4 /dev/vda rw", Severity.HIGH, Severity.MEDIUM),
        ("254:3 /ann/.ssh /keys rw - ext4 /dev/vdb rw", Severity.HIGH, Severity.HIGH),
    ],
)
def test_a_host_path_is_as_bad_as_who_holds_it(line: str, as_root: Severity, as_other: Severity) -> None:
    process = with_mount(line)
    assert worst(look(as_user(process, 0))[1], "namespaces.host-path") is as_root
    assert worst(look(as_user(process, 999))[1], "namespaces.host-path") is as_other


def test_selinux_keeps_root_from_the_hosts_etc() -> None:
    process = as_user(with_mount("254:0 /etc /x rw - ext4 /dev/vda rw"), 0)
    enforcing = around(ground=replace(GROUND, selinux="enforcing"))
    assert worst(look(process, surroundings=enforcing)[1], "namespaces.host-path") is Severity.HIGH


def test_the_socket_of_an_ordinary_users_engine_gives_no_more_than_that_user_has() -> None:
    rootful = with_mount("0:26 /docker.sock /x.sock rw - tmpfs tmpfs rw")
    assert worst(look(rootful)[1], "namespaces.engine-socket") is Severity.CRITICAL
    users = with_mount("0:26 /user/1000/podman/podman.sock /x.sock rw - tmpfs tmpfs rw")
    assert worst(look(users)[1], "namespaces.engine-socket") is Severity.HIGH
    roots = with_mount("0:26 /user/0/podman/podman.sock /x.sock rw - tmpfs tmpfs rw")
    assert worst(look(roots)[1], "namespaces.engine-socket") is Severity.CRITICAL


@pytest.mark.parametrize(
    ("uid", "lsms", "severity"),
    [
        (0, ("capability", "yama"), Severity.CRITICAL),
        (0, ("capability", "apparmor"), Severity.HIGH),
        (0, None, Severity.HIGH),
        (999, ("capability", "yama"), Severity.HIGH),
    ],
)
def test_root_among_the_hosts_processes(uid: int, lsms: tuple[str, ...] | None, severity: Severity) -> None:
    process = as_user(recorded("lsm/apparmor/docker-hostns"), uid)
    _, assessment = look(process, surroundings=around(ground=replace(GROUND, lsms=lsms)))
    assert worst(assessment, "namespaces.host-pid") is severity


def test_no_masks_matter_less_without_root_outside() -> None:
    process = recorded("lsm/apparmor/docker-privileged")
    assert worst(look(as_user(process, 0))[1], "namespaces.unmasked") is Severity.HIGH
    assert worst(look(as_user(process, 1000))[1], "namespaces.unmasked") is Severity.MEDIUM
    # without a security module core_pattern can be written: tried in a real container (systempaths=unconfined)
    alone = around(ground=replace(GROUND, lsms=("capability", "yama")))
    assert worst(look(as_user(process, 0), surroundings=alone)[1], "namespaces.unmasked") is Severity.CRITICAL


def test_a_disk_is_told_apart_from_other_devices() -> None:
    disk = Asked(devices=(AskedDevice("/dev/nvme0n1p2", "/dev/x", "rwm"),))
    assert "namespaces.disks" in codes(look(as_user(DEFAULT, 0), disk)[1])
    assert worst(look(as_user(DEFAULT, 0), disk)[1], "namespaces.disks") is Severity.HIGH
    assert worst(look(as_user(DEFAULT, 1000), disk)[1], "namespaces.disks") is Severity.MEDIUM  # its groups count
    assert "namespaces.disks" not in codes(
        look(DEFAULT, Asked(devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rw"),)))[1]
    )


SPECIAL = "b 7:0 0 0 600 0:6:9 /srv/harmless\ns 0:0 0 998 660 0:26:5 /srv/plain\ns 0:0 0 0 666 0:26:6 /srv/other\n"


def with_special(text: str, options: str = "rw") -> Capture:
    process = with_mount(f"254:0 /srv/data /srv {options} - ext4 /dev/vda rw")
    return replace(process, readings=(*process.readings, Reading("root:special", "/proc/7/root", text)))


def test_sockets_and_nodes_by_what_they_are() -> None:
    near = around()
    near = replace(near, engine=replace(near.engine, socket_file="0:26:5"))
    facts, _ = look(with_special(SPECIAL), surroundings=near)
    assert facts.engine_sockets == ("/srv/plain",)  # linked there
    assert facts.devices == ("/srv/harmless",)
    assert facts.mounts is not None
    assert facts.mounts.nodes == ("disk",)
    usual = replace(near, ground=replace(GROUND, sockets=(("0:26:6", "/run/crio/crio.sock"),)))
    assert look(with_special(SPECIAL), surroundings=usual)[0].engine_sockets == ("/srv/plain", "/srv/other")


def test_an_empty_file_system_that_is_predicted_hides_what_was_below() -> None:
    """As --tmpfs /var/run does in place of the mount of /var/run/docker.sock."""
    near = around()
    near = replace(near, engine=replace(near.engine, socket_file="0:26:5"))
    process = with_mount("0:0 / /srv rw,nosuid - tmpfs tmpfs rw")
    special = replace(process, readings=(*process.readings, Reading("root:special", "/proc/7/root", SPECIAL)))
    assert look(special, surroundings=near)[0].engine_sockets == ()
    held = with_mount("0:57 / /srv rw,nosuid - tmpfs tmpfs rw")  # a real one, in which they were found
    special = replace(held, readings=(*held.readings, Reading("root:special", "/proc/7/root", SPECIAL)))
    assert look(special, surroundings=near)[0].engine_sockets == ("/srv/plain",)


def test_a_node_opens_nothing_where_devices_have_no_effect() -> None:
    assert look(with_special(SPECIAL, "rw,nodev"))[0].devices == ()
    assert look(with_special(SPECIAL, "ro"))[0].devices == ("/srv/harmless",)


@pytest.mark.parametrize(
    ("line", "false"),
    [
        ("0:6 /null /proc/latency_stats rw,nosuid - devtmpfs devtmpfs rw", False),
        ("0:90 / /proc/scsi ro,relatime - tmpfs tmpfs ro", False),
        ("0:22 /sys/kernel/core_pattern /proc/latency_stats rw - proc proc rw", True),
        ("254:0 /root/x /proc/latency_stats rw - ext4 /dev/vda1 rw", True),
        ("0:90 / /proc/scsi rw,relatime - tmpfs tmpfs rw", True),
        ("254:0 /root/x /srv rw - ext4 /dev/vda1 rw", False),
    ],
)
def test_a_mask_that_hides_nothing(line: str, *, false: bool) -> None:
    _, assessment = look(with_mount(line, 154), Asked(masked_paths=("/proc/latency_stats", "/proc/scsi")))
    assert ("namespaces.false-mask" in codes(assessment)) is false
    wanted = AskedMount("bind", "/root/x", "/proc/latency_stats", True)
    _, assessment = look(with_mount(line, 154), Asked(masked_paths=("/proc/latency_stats",), mounts=(wanted,)))
    assert "namespaces.false-mask" not in codes(assessment), "somebody asked for that"


_AWAY, _HERE = "900 uid 5000 0 1000\n900 gid 0 0 1\n", "900 uid 0 200000 1000\n900 gid 0 200000 1000\n"


@pytest.mark.parametrize(
    ("maps", "more", "alone", "set_uid"),
    [
        (_AWAY, "", True, False),
        (_HERE, "", False, True),
        ("", "", None, True),  # not read
        (_AWAY, "901 153 8:1 /srv /more rw - ext4 /dev/sda1 rw\n", False, False),
        ("", "901 153 8:1 /srv /more rw - ext4 /dev/sda1 rw\n", False, True),
    ],
)
def test_a_mount_in_which_nobody_is_the_disk_s_root(maps: str, more: str, alone: bool | None, set_uid: bool) -> None:
    process = with_mount("8:1 /etc /host rw,idmapped - ext4 /dev/sda1 rw")
    text = process.text("mountinfo")
    process = with_text(process, "mountinfo", f"{text}{more}")
    process = with_text(process, "mnt:idmaps", maps) if maps else process
    asked = Asked(mounts=(AskedMount("bind", "/etc", "/host", True), AskedMount("bind", "/srv", "/more", True)))
    facts, _ = look(process, asked)
    posture = posture_of(facts, LAYER.asked(container(asked)), around())
    assert facts.without_root == (() if set_uid else ("/host",))
    assert facts.ids_unread == (() if maps else ("/host",))
    assert "/host" in posture.host_files
    assert posture.without_root is alone
    assert ("/host" in posture.set_uid_files) is ("/host" in posture.system_files) is set_uid


def test_descriptors_that_could_not_be_read_are_told_and_decide_nothing() -> None:
    barred = with_gap(DEFAULT, DESCRIPTORS, DENIED)
    (facts, found), (before, known) = look(barred), look(DEFAULT)
    assert [(gap.what, gap.gap) for gap in facts.gaps if gap not in before.gaps] == [("fd", DENIED)]
    assert (found.verdict, found.findings) == (known.verdict, known.findings)
    near, asked = around(), LAYER.asked(container(None))
    assert posture_of(facts, asked, near) == posture_of(before, asked, near)
    gone = with_gap(DEFAULT, DESCRIPTORS, Gap(GapKind.GONE))
    assert look(gone)[0].gaps == before.gaps


@pytest.mark.parametrize(("access", "written"), [("rw", ("/(3)",)), ("r", ())])
def test_a_folder_of_the_hosts_whose_mount_is_gone(access: str, written: tuple[str, ...]) -> None:
    """It leads to what was mounted, not to all of the host's files, nor to its /dev."""
    near = around(ground=replace(GROUND, mounts=(("8:77", "/", "/data"),)))
    asked = LAYER.asked(container(None))
    before = posture_of(look(DEFAULT, surroundings=near)[0], asked, near)
    facts, found = look(with_text(DEFAULT, DESCRIPTORS, f"3 d {access} 8:77 else /\n"), surroundings=near)
    held = posture_of(facts, asked, near)
    assert held.host_files == (*before.host_files, *written)
    assert (held.system_files, held.kinds) == (before.system_files, before.kinds)
    assert "namespaces.descriptor" in codes(found)
    other = look(with_text(DEFAULT, DESCRIPTORS, f"3 d {access} 8:78 else /\n"), surroundings=near)[0]
    assert posture_of(other, asked, near) == before
