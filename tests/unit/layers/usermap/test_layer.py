"""Who root inside is: recorded containers of root, rootless, keep-id, userns-remap and --uidmap."""

from __future__ import annotations

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import NO_ENGINE, Asked, AskedDevice, AskedMount, EngineKind
from stratascope.core.ground import Peers, Surroundings
from stratascope.core.layer import Assessment, Rulers, Table, Verdict
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.layers.usermap.layer import LAYER
from stratascope.layers.usermap.stances import posture_of
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container

DENIED = Gap(GapKind.DENIED, 13)
FULL = "         0          0 4294967295\n"


def look(
    process: Capture, surroundings: Surroundings | None = None, asked: Asked | None = None
) -> tuple[UsermapFacts, Assessment]:
    thing, near = container(asked), surroundings or around()
    facts = LAYER.decode(process, thing, near)
    return facts, LAYER.assess(facts, LAYER.asked(thing), near)


def codes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.findings}


@pytest.mark.parametrize(
    ("name", "verdict", "root", "initial"),
    [
        ("docker-default", Verdict.OPEN, 0, True),
        ("docker-user1000", Verdict.WEAKENED, 0, True),
        ("docker-usernsremap", Verdict.ENFORCED, 231072, False),
        ("podman-uidmap", Verdict.ENFORCED, 200000, False),
        ("rootless-default", Verdict.WEAKENED, 1000, False),
        ("rootless-keepid", Verdict.WEAKENED, 100000, False),
    ],
)
def test_recorded(name: str, verdict: Verdict, root: int, initial: bool) -> None:
    facts, assessment = look(recorded(f"lsm/apparmor/{name}"), around(rootless=name.startswith("rootless")))
    assert assessment.verdict is verdict
    assert facts.root_is_host_uid == root
    assert facts.initial_namespace is initial
    assert facts.uid_map is not None
    assert len(translate(assessment.fact)) <= 45


def test_a_sandbox_has_no_engine_to_tell_of() -> None:
    _, assessment = look(recorded("lsm/apparmor/docker-default"), replace(around(), engine=NO_ENGINE))
    assert len(assessment.tabs) == 1


def test_ids_on_both_sides() -> None:
    facts, _ = look(recorded("lsm/apparmor/rootless-keepid"), around(rootless=True))
    assert facts.uid_map == ((0, 100000, 1000), (1000, 1000, 1), (1001, 101000, 64536))
    assert (facts.uid_inside, facts.uid_outside, facts.owner_inside) == (1000, 1000, 1000)


def test_rulers_have_every_range() -> None:
    lines = "".join(f"{number} {100000 + number} 1\n" for number in range(340))
    _, assessment = look(capture({"uid_map": lines, "gid_map": lines, "status": "Uid:\t1\t1\t1\t1\n"}))
    drawn = [view for view in assessment.tabs[0].views if isinstance(view, Rulers)]
    assert [len(view.ranges) for view in drawn] == [340, 340]


@pytest.mark.parametrize(("uid", "severity"), [(1000, Severity.MEDIUM), (100032, Severity.LOW)])
def test_rootless_docker_always_maps_its_own_user(uid: int, severity: Severity) -> None:
    near = around(rootless=True)
    docker = replace(near, engine=replace(near.engine, kind=EngineKind.DOCKER))
    status = "Uid:" + f"\t{uid}" * 4 + "\n"
    _, assessment = look(with_text(recorded("lsm/apparmor/rootless-default"), "status", status), docker)
    (found,) = (each for each in assessment.findings if each.code == "usermap.own-user")
    assert found.severity is severity
    assert ("This can't be changed" in translate(found.advice)) is (severity is Severity.LOW)


def test_shared_range() -> None:
    near = around(peers=Peers(uid_range=("db",)))
    facts, assessment = look(recorded("lsm/apparmor/podman-uidmap"), near)
    assert facts.range_shared_with == ("db",)
    assert assessment.verdict is Verdict.WEAKENED
    assert "usermap.shared-range" in codes(assessment)


def test_ordinary_user_still_knows_that_root_is_root() -> None:
    facts, assessment = look(with_gap(recorded("lsm/apparmor/docker-default"), "ns/user", DENIED))
    assert facts.initial_namespace is None
    assert assessment.verdict is Verdict.OPEN
    assert [gap.what for gap in assessment.gaps] == ["ns/user"]


@pytest.mark.parametrize("name", ["uid_map", "status"])
def test_unreadable_is_unknown(name: str) -> None:
    _, assessment = look(with_gap(recorded("lsm/apparmor/docker-default"), name, DENIED))
    assert assessment.verdict is Verdict.UNKNOWN
    assert name in {gap.what for gap in assessment.gaps}


def test_damaged_map_is_a_gap() -> None:
    facts, assessment = look(with_text(recorded("lsm/apparmor/docker-default"), "uid_map", "0 0\n"))
    assert facts.uid_map is None
    assert assessment.verdict is Verdict.UNKNOWN


def test_a_reader_inside_a_user_namespace_knows_nothing_of_the_host() -> None:
    ground = replace(GROUND, initial_user_namespace=False)
    _, assessment = look(recorded("lsm/apparmor/podman-uidmap"), around(ground=ground))
    assert assessment.verdict is Verdict.UNKNOWN
    assert assessment.findings == ()


def test_no_root_inside() -> None:
    texts = {
        "uid_map": "1000 200000 10\n",
        "gid_map": "1000 200000 10\n",
        "status": "Uid:\t200000\t200000\t200000\t200000\n",
    }
    facts, assessment = look(capture(texts))
    assert facts.root_mapped is False
    assert facts.uid_inside == 1000
    assert assessment.verdict is Verdict.ENFORCED


def test_another_map_than_asked_for() -> None:
    process = recorded("lsm/apparmor/docker-default")
    assert "usermap.drift-map" in codes(look(process, asked=Asked(uid_map=((0, 200000, 65536),)))[1])
    assert "usermap.drift-map" in codes(look(process, asked=Asked(userns_mode="auto"))[1])


def test_drift_of_a_process() -> None:
    first = capture({"uid_map": FULL, "gid_map": FULL})
    other = capture({"uid_map": "0 1000 1\n", "gid_map": FULL})
    assert [drift.field for drift in LAYER.drift(first, other)] == ["usermap.uid_map"]
    assert LAYER.drift(first, first) == ()


@pytest.mark.parametrize(
    ("uids", "found"), [("7\t7\t7\t7", []), ("0\t0\t0\t0", ["usermap.uid"]), ("7\t7\t0\t7", ["usermap.uid"])]
)
def test_root_beside_a_first_process_that_is_not(uids: str, found: list[str]) -> None:
    maps = {"uid_map": FULL, "gid_map": FULL}
    first = capture({**maps, "status": "Uid:\t7\t7\t7\t7\nGid:\t0\t0\t0\t0\n"})
    other = capture({**maps, "status": f"Uid:\t{uids}\nGid:\t0\t0\t0\t0\n"})
    assert [drift.field for drift in LAYER.drift(first, other)] == found
    assert LAYER.drift(other, first) == ()


@pytest.mark.parametrize(
    ("ids", "outside", "told"),
    [
        ("13\t13\t0\t13", 0, "0 on the host, which it can become again; now it is 13"),
        ("0\t13\t13\t13", 0, "0 on the host, which it can become again; now it is 13"),
        ("13\t13\t13\t13", 13, "13 on the host"),
        ("0\t0\t0\t0", 0, "0 on the host"),
    ],
)
def test_root_that_it_may_become_again_counts_as_root(ids: str, outside: int, told: str) -> None:
    facts, assessment = look(capture({"uid_map": FULL, "gid_map": FULL, "status": f"Uid:\t{ids}\nGid:\t0\t0\t0\t0\n"}))
    assert facts.uid_outside == outside
    texts = [
        translate(row.value)
        for tab in assessment.tabs
        for view in tab.views
        if isinstance(view, Table)
        for row in view.rows
    ]
    assert any(told in text for text in texts), texts


def test_root_inside_that_it_may_become_again() -> None:
    text = "Uid:\t100013\t100013\t100000\t100013\nGid:\t100000\t100000\t100000\t100000\n"
    facts, _ = look(capture({"uid_map": "0 100000 65536\n", "gid_map": "0 100000 65536\n", "status": text}))
    assert (facts.uid_inside, facts.uid_outside, facts.uid_effective) == (0, 100000, 100013)


@pytest.mark.parametrize(
    ("source", "mode", "lets_in"),
    [
        ("/run/docker.sock", 0o666, True),  # the engine's own, whose mode is known
        ("/var/run/docker.sock", 0o600, False),
        ("/run/user/1000/docker.sock", 0o666, None),  # another one's
        ("/run/podman/podman.sock", 0o600, None),
    ],
)
def test_the_permissions_of_another_socket_are_not_known(source: str, mode: int, lets_in: bool | None) -> None:
    asked = Asked(mounts=(AskedMount("bind", source, "/sock", True),))
    near = around()
    near = replace(near, engine=replace(near.engine, daemon_uid=0, socket_mode=mode, socket_group="root"))
    text = "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nCapEff:\t0\nCapPrm:\t0\n"
    facts, _ = look(capture({"uid_map": FULL, "gid_map": FULL, "status": text}), near, asked)
    assert posture_of(facts, LAYER.asked(container()), near).socket is lets_in


@pytest.mark.parametrize(
    ("groups", "device", "may"),
    [("6", "/dev/sda", True), ("1000", "/dev/sda", False), ("", "/dev/sda", False), ("6", "/dev/fuse", False)],
)
def test_a_group_may_open_a_disk_that_was_passed_in(groups: str, device: str, may: bool) -> None:
    asked = Asked(devices=(AskedDevice(device, device, "rwm"),))
    text = f"Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t{groups}\n"
    facts, _ = look(capture({"uid_map": FULL, "gid_map": FULL, "status": text}), None, asked)
    assert posture_of(facts, LAYER.asked(container()), around()).disk_group is may


def test_a_mount_with_its_own_id_map_is_seen() -> None:
    line = "200 100 0:26 / /host/etc rw,relatime,idmapped - ext4 /dev/vda rw\n"
    facts = look(capture({"uid_map": FULL, "mountinfo": line}))[0]
    assert (facts.idmapped, facts.mount_ids) == (True, None)
    facts = look(capture({"uid_map": FULL, "mountinfo": line.replace(",idmapped", "")}))[0]
    assert (facts.idmapped, facts.mount_ids) == (False, ())


@pytest.mark.parametrize(
    ("flags", "uids", "uid", "on_disk", "over", "shown"),
    [
        ("rw", "0 200000 65536", 200000, True, True, "Root inside is root there (0)"),
        ("ro", "0 200000 65536", 200000, False, False, "Root inside is root there (0)"),
        ("rw", "0 200000 65536", 201000, False, True, "Root inside is root there (0)"),
        ("rw", "5000 200000 65536", 200000, False, False, "Root inside is user 5000 there"),
        ("rw", "0 900000 65536", 200000, False, False, "Root inside can't create files there"),
        ("rw", None, 200000, None, False, "Not readable"),
        ("rw", "0 200000", 200000, None, False, "Not readable"),
    ],
)
def test_whose_files_they_are_on_the_disk(
    flags: str, uids: str | None, uid: int, on_disk: bool | None, over: bool, shown: str
) -> None:
    """Of a container with the range from 200000 on, and one mount whose map is `uids`."""
    texts = {
        "uid_map": "0 200000 65536\n",
        "gid_map": "0 200000 65536\n",
        "mountinfo": f"200 100 0:26 / /data {flags},relatime,idmapped - ext4 /dev/vda rw\n",
        "status": f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nGroups:\t\n",
    }
    if uids is not None:
        texts["mnt:idmaps"] = f"200 uid {uids}\n200 gid 0 200000 65536\n"
    facts, assessment = look(capture(texts))
    posture = posture_of(facts, LAYER.asked(container()), around())
    assert (posture.on_disk.root, posture.on_disk.over_root) == (on_disk, over)
    (table,) = [view for view in assessment.tabs[0].views if isinstance(view, Table)]
    assert translate(table.rows[-1].value) == shown


@pytest.mark.parametrize(
    ("root", "kind", "source", "of_host", "system"),
    [
        ("/srv/data", "bind", "/srv/data", True, False),
        ("/etc", "bind", "/etc", True, True),
        ("/v/volumes/data/_data", "volume", "/v/volumes/data/_data", False, False),
        ("/v/volumes/data/_data", "bind", "/v/volumes/data/_data", True, False),  # a folder that is called so
        ("/etc", "volume", "/v/volumes/data/_data", True, True),  # a volume that is itself a bind
    ],
)
def test_a_volume_of_its_own_is_no_place_of_the_host(
    root: str, kind: str, source: str, of_host: bool, system: bool
) -> None:
    texts = {
        "uid_map": "0 200000 65536\n",
        "gid_map": "0 200000 65536\n",
        "mountinfo": f"200 100 254:0 {root} /data rw,relatime,idmapped - ext4 /dev/vda rw\n",
        "status": "Uid:\t200000\t200000\t200000\t200000\nGid:\t0\t0\t0\t0\nGroups:\t\n",
        "mnt:idmaps": "200 uid 0 200000 65536\n200 gid 0 200000 65536\n",
    }
    facts, _ = look(capture(texts), None, Asked(mounts=(AskedMount(kind, source, "/data", True),)))
    on_disk = posture_of(facts, LAYER.asked(container()), around()).on_disk
    assert (on_disk.root, on_disk.over_root) == (of_host, of_host)
    assert (on_disk.system_root, on_disk.over_system_root) == (system, system)


def test_maps_that_came_later_are_not_known() -> None:
    """What is read as root is kept; a mount that was made since then has no map in it."""
    lines = "".join(f"{mount} 100 0:26 / /{mount} rw,idmapped - ext4 /dev/vda rw\n" for mount in (200, 201))
    maps = "200 uid 0 0 1\n200 gid 0 0 1\n"
    assert look(capture({"uid_map": FULL, "mountinfo": lines, "mnt:idmaps": maps}))[0].mount_ids is None
