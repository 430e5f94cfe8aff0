"""Two real machines, replayed: what the layers make of an AppArmor and of an SELinux host under systemd.

The captures are our own `report --save-capture`, made by `guest.py` as root; `test_machines.py` makes them anew and
compares them with the kernel. Here the facts in them are written out by hand.
"""

from __future__ import annotations

import json

import pytest

from machine.vm.machine import Json
from rig.places import CAPTURES
from stratascope.core.container import EngineState
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation import json_report
from stratascope.state import capture_file
from stratascope.wiring.engines import assembler

CAPTURES = CAPTURES / "machines"
LAYERS = ("namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap")
E, W, OPEN = "ENFORCED", "WEAKENED", "OPEN"


def replayed(flavour: str) -> Snapshot:
    return assembler().snapshot(capture_file.load(CAPTURES / f"{flavour}.json"))


@pytest.fixture(scope="module")
def apparmor() -> dict[str, Json]:
    """The containers of the JSON report, by name."""
    return {item["name"]: item for item in json_report.document(replayed("apparmor"))["containers"]}


@pytest.fixture(scope="module")
def selinux() -> dict[str, Json]:
    """The same of the other machine, where SELinux enforces."""
    return {item["name"]: item for item in json_report.document(replayed("selinux"))["containers"]}


def verdicts(container: Json) -> tuple[str, ...]:
    return tuple(container["layers"][layer]["verdict"] for layer in LAYERS)


def facts(container: Json, layer: str) -> Json:
    found: Json = container["layers"][layer]["facts"]
    return found


def test_verdicts_under_apparmor(apparmor: dict[str, Json]) -> None:
    assert {name: verdicts(container) for name, container in apparmor.items()} == {
        "d-default": (E, W, E, E, E, OPEN),
        "d-complain": (E, W, E, E, W, OPEN),
        "r-default": (E, W, E, E, OPEN, W),
    }


def test_verdicts_under_selinux(selinux: dict[str, Json]) -> None:
    assert {name: verdicts(container) for name, container in selinux.items()} == {
        "d-default": (E, W, E, E, E, OPEN),
        "d-host": (W, W, E, E, W, OPEN),
        "r-default": (E, W, E, E, E, W),
    }


def test_labels(apparmor: dict[str, Json], selinux: dict[str, Json]) -> None:
    assert {
        name: (mac["system"], mac["label"], mac["mode"])
        for name, container in apparmor.items()
        for mac in (facts(container, "mac"),)
    } == {
        "d-default": ("apparmor", "docker-default", "enforce"),
        "d-complain": ("apparmor", "vm-complain", "complain"),
        "r-default": ("apparmor", "crun", "unconfined"),
    }
    types = {name: (facts(c, "mac")["type"], facts(c, "mac")["mode"]) for name, c in selinux.items()}
    assert types == {
        "d-default": ("container_t", "enforcing"),
        "d-host": ("spc_t", "enforcing"),
        "r-default": ("container_t", "enforcing"),
    }
    for container in selinux.values():
        mac = facts(container, "mac")
        assert mac["label"] == f"system_u:system_r:{mac['type']}:{mac['level']}"
    # an engine that chose a label got it
    assert (
        facts(selinux["d-default"], "mac")["label"] == selinux["d-default"]["layers"]["mac"]["asked"]["selinux_label"]
    )
    assert selinux["d-default"]["layers"]["mac"]["findings"] == []
    assert selinux["d-host"]["layers"]["mac"]["findings"] == ["mac.unconfined"]
    assert apparmor["d-complain"]["layers"]["mac"]["findings"] == ["mac.not-enforcing"]


def test_limits_of_control_groups_version_2(apparmor: dict[str, Json]) -> None:
    docker, rootless = facts(apparmor["d-default"], "cgroup"), facts(apparmor["r-default"], "cgroup")
    scope = f"docker-{apparmor['d-default']['id']}.scope"
    assert docker["path"] == docker["pids_from"] == f"/system.slice/{scope}"
    assert (docker["version"], docker["memory_max"], docker["pids_max"], docker["cpu_cores"]) == (
        "v2",
        None,
        2357,
        None,
    )
    text = {item["code"]: item["text"] for item in apparmor["d-default"]["findings"]}["cgroup.pids-by-default"]
    assert text == f"Its limit of 2357 processes was not asked for: it is the systemd default, set on {scope}."
    # Podman asks for its limit itself; crun sets it on the inner group too
    assert rootless["path"].startswith("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-")
    assert rootless["path"] == rootless["pids_from"]
    assert rootless["path"].endswith(f"libpod-{apparmor['r-default']['id']}.scope/container")
    assert rootless["pids_max"] == 2048
    assert "cgroup.pids-by-default" not in apparmor["r-default"]["layers"]["cgroup"]["findings"]


def test_namespaces(selinux: dict[str, Json]) -> None:
    shared = {
        name: [kind for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts") if own[kind]["shared_with_host"]]
        for name, container in selinux.items()
        for own in (facts(container, "namespaces"),)
    }
    assert shared == {"d-default": ["user"], "d-host": ["ipc", "pid", "user"], "r-default": []}


def test_rootless(apparmor: dict[str, Json]) -> None:
    usermap = facts(apparmor["r-default"], "usermap")
    assert usermap["uid_map"] == [[0, 1000, 1], [1, 100000, 65536]]
    assert (usermap["root_is_host_uid"], usermap["owner_inside"], usermap["initial_namespace"]) == (1000, 0, False)
    assert apparmor["r-default"]["engine"] == "podman-rootless"


@pytest.mark.parametrize(("flavour", "selinux_mode"), [("apparmor", ""), ("selinux", "enforcing")])
def test_ground_and_engines(flavour: str, selinux_mode: str) -> None:
    snapshot = replayed(flavour)
    ground = snapshot.ground
    assert flavour in (ground.lsms or ())
    assert (ground.apparmor, ground.selinux) == (flavour == "apparmor", selinux_mode)
    assert (ground.cgroup_layout, ground.namespaces_from, ground.reader_uid) == ("v2", "PID 1", 0)
    assert [(e.id, e.state, e.rootless, e.daemon_uid) for e in snapshot.engines] == [
        ("docker", EngineState.CONNECTED, False, 0),
        ("podman-rootless", EngineState.CONNECTED, True, 1000),
    ]
    states: tuple[ContainerState, ...] = snapshot.containers
    assert all(state.gap is None and state.members_from == "cgroup" for state in states)


@pytest.mark.parametrize("flavour", ["apparmor", "selinux"])
def test_the_record_is_small_and_of_no_other_place(flavour: str) -> None:
    path = CAPTURES / f"{flavour}.json"
    assert path.stat().st_size < 150_000
    capture = capture_file.load(path)
    assert json.loads(capture_file.dumps(capture)) == json.loads(path.read_text())
