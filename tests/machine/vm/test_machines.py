"""The program on real AppArmor and SELinux kernels under systemd, beside what the kernel told code that is not ours.

Each machine is booted once (`machine.py`); `guest.py` lists the containers. Slow: a machine takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.vm.machine import Json, Machine, NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]

LAYERS = ("namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap")
E, W, OPEN, U = "ENFORCED", "WEAKENED", "OPEN", "UNKNOWN"
# as root reads them, in the order of LAYERS; the design, section 6
VERDICTS = {
    "apparmor": {
        "d-default": (E, W, E, E, E, OPEN),
        "d-privileged": (W, W, OPEN, OPEN, W, OPEN),
        "d-host": (W, W, E, E, E, OPEN),
        "d-hard": (E, E, E, E, E, OPEN),
        "d-unconfined": (E, W, E, E, W, OPEN),
        "d-complain": (E, W, E, E, W, OPEN),
        "p-default": (E, W, E, E, E, OPEN),
        "p-privileged": (W, W, OPEN, OPEN, W, OPEN),
        "p-auto": (E, W, E, E, E, E),
    },
    "selinux": {
        "d-default": (E, W, E, E, W, OPEN),
        "d-privileged": (W, W, OPEN, OPEN, W, OPEN),
        "d-host": (W, W, E, E, W, OPEN),
        "d-hard": (E, E, E, E, W, OPEN),
        "d-disable": (E, W, E, E, W, OPEN),
        "d-spc": (E, W, E, E, W, OPEN),
        "p-default": (E, W, E, E, W, OPEN),
        "p-privileged": (W, W, OPEN, OPEN, W, OPEN),
        "p-auto": (E, W, E, E, W, E),
        "p-disable": (E, W, E, E, W, OPEN),
    },
}
# the ordinary user's own, rootless ones
ROOTLESS = {
    "apparmor": {
        "r-default": (E, W, E, E, OPEN, W),
        "r-limits": (E, E, E, E, OPEN, W),
        "r-keepid": (E, W, E, E, OPEN, W),
    },
    "selinux": {
        "r-default": (E, W, E, E, W, W),
        "r-limits": (E, E, E, E, W, W),
        "r-keepid": (E, W, E, E, W, W),
    },
}


@pytest.fixture(scope="module", params=("apparmor", "selinux"))
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """That machine, booted and recorded."""
    flavour: str = request.param
    try:
        yield boot(flavour, tmp_path_factory.mktemp(flavour))
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def verdicts(container: Json) -> tuple[str, ...]:
    return tuple(container["layers"][layer]["verdict"] for layer in LAYERS)


def facts(container: Json, layer: str) -> Json:
    found: Json = container["layers"][layer]["facts"]
    return found


def gaps(container: Json, layer: str) -> set[tuple[str, str, int | None]]:
    return {(gap["what"], gap["gap"], gap["errno"]) for gap in container["layers"][layer]["gaps"]}


def all_of(machine: Machine) -> dict[str, Json]:
    """Every container of the machine, as whoever sees the most of it reports it."""
    found = machine.containers("root") | machine.containers("user")
    return found | machine.containers("remap") if machine.flavour == "apparmor" else found


def test_every_container_started_and_was_found(machine: Machine) -> None:
    assert machine.truth["failed"] == {}
    found = all_of(machine)
    assert set(found) == set(machine.truth["containers"])
    for name, container in found.items():
        assert (container["id"], container["pid"], container["status"]) == (
            machine.facts_of(name)["id"],
            machine.facts_of(name)["pid"],
            "running",
        )


def test_verdicts_as_root(machine: Machine) -> None:
    found = {name: verdicts(container) for name, container in machine.containers("root").items()}
    assert found == VERDICTS[machine.flavour]


def test_verdicts_of_the_users_own(machine: Machine) -> None:
    found = {name: verdicts(container) for name, container in machine.containers("user").items()}
    assert found == ROOTLESS[machine.flavour]
    assert all(
        not container["layers"][layer]["gaps"] for container in machine.containers("user").values() for layer in LAYERS
    )


def test_landlock_and_securebits_are_read_beside_another_module(machine: Machine) -> None:
    """Whose part of the credentials may come before Landlock's."""
    for name, container in machine.containers("root").items():
        assert facts(container, "mac")["landlock"] is None, name
        assert facts(container, "capabilities")["securebits"] == [], name


def test_labels_are_the_kernels(machine: Machine) -> None:
    for name, container in all_of(machine).items():
        mac, truth = facts(container, "mac"), machine.facts_of(name)
        assert mac["system"] == machine.flavour, name
        if machine.flavour == "selinux":
            assert truth["label"] == mac["label"] + "\0", name
            assert mac["mode"] == "permissive", name
            assert truth["ps_label"] == mac["label"], name
        else:
            written = mac["label"] if mac["label"] == "unconfined" else f"{mac['label']} ({mac['mode']})"
            assert truth["label"].rstrip("\n") == written == truth["ps_label"], name


def test_known_labels(machine: Machine) -> None:
    found = {name: facts(container, "mac") for name, container in all_of(machine).items()}
    if machine.flavour == "apparmor":
        assert (found["d-default"]["label"], found["d-default"]["mode"]) == ("docker-default", "enforce")
        assert (found["d-complain"]["label"], found["d-complain"]["mode"]) == ("vm-complain", "complain")
        assert (found["d-privileged"]["label"], found["d-privileged"]["mode"]) == ("unconfined", "unconfined")
        assert found["p-default"]["label"].startswith("containers-default-")
        assert (found["r-default"]["label"], found["r-default"]["mode"]) == ("crun", "unconfined")
    else:
        types = {name: mac["type"] for name, mac in found.items()}
        assert {name for name, kind in types.items() if kind == "spc_t"} == {
            "d-privileged", "d-host", "d-disable", "d-spc", "p-privileged", "p-disable",
        }  # fmt: skip
        assert {kind for kind in types.values() if kind != "spc_t"} == {"container_t"}


def test_selinux_enforcing(machine: Machine) -> None:
    if machine.flavour != "selinux":
        assert machine.report("root")["ground"]["selinux"] == ""
        return
    report = machine.report("enforcing")
    assert report["ground"]["selinux"] == "enforcing"
    found = {item["name"]: item["layers"]["mac"] for item in report["containers"]}
    assert found["d-default"]["verdict"] == found["d-hard"]["verdict"] == E
    assert {found[name]["verdict"] for name in ("d-privileged", "d-host", "d-disable", "d-spc")} == {W}
    assert found["d-disable"]["findings"] == ["mac.unconfined"]
    assert found["d-default"]["findings"] == []
    own = machine.containers("enforcing-user")
    assert {item["layers"]["mac"]["verdict"] for item in own.values()} == {E}


def test_a_type_that_selinux_only_warns_about(machine: Machine) -> None:
    if machine.flavour != "selinux":
        return
    truth = machine.truth
    assert (truth["read_enforced"], truth["read_permissive_type"]) == (False, True)
    enforced = {item["name"]: item["layers"]["mac"]["facts"] for item in machine.report("enforcing")["containers"]}
    assert (enforced["d-default"]["mode"], enforced["d-default"]["permissive_type"]) == ("enforcing", False)
    assert {each["permissive_type"] for each in enforced.values()} == {False}
    for name in ("permissive-type", "permissive-type-user"):
        report = machine.report(name)
        assert report["ground"]["selinux"] == "enforcing"
        for item in report["containers"]:
            mac, soft = item["layers"]["mac"], facts(item, "mac")["type"] == "container_t"
            assert facts(item, "mac")["permissive_type"] is soft, item["name"]
            assert ("mac.permissive-type" in mac["findings"]) is soft
            assert mac["verdict"] == W
            assert not any(state["stances"].get("mac") == "stops" for state in item["threats"].values() if soft), item[
                "name"
            ]


def test_namespaces_are_the_kernels(machine: Machine) -> None:
    host = machine.truth["host"]
    for name, container in all_of(machine).items():
        found, truth = facts(container, "namespaces"), machine.facts_of(name)["namespaces"]
        assert {kind: found[kind]["inode"] for kind in truth} == truth, name
        expected = {kind: truth[kind] == host[kind] for kind in truth}
        assert {kind: found[kind]["shared_with_host"] for kind in truth} == expected, name
        assert found["masked_paths"] == machine.facts_of(name)["masked"], name
    shared = facts(all_of(machine)["d-host"], "namespaces")
    assert [kind for kind in ("pid", "ipc", "net", "uts", "mnt") if shared[kind]["shared_with_host"]] == ["pid", "ipc"]


def test_limits_are_the_kernels(machine: Machine) -> None:
    for name, container in all_of(machine).items():
        found, truth = facts(container, "cgroup"), machine.facts_of(name)
        assert (found["version"], found["path"]) == ("v2", truth["cgroup"]), name
        assert (found["memory_max"], found["pids_max"]) == (truth["memory_max"], truth["pids_max"]), name
        quota, period = truth["cpu_max"] or ("max", "100000")
        assert found["cpu_cores"] == (None if quota == "max" else int(quota) / int(period)), name
    hard = facts(all_of(machine)["d-hard"], "cgroup")
    assert (hard["memory_max"], hard["pids_max"], hard["cpu_cores"]) == (64 << 20, 50, 0.5)


def test_the_default_of_systemd_is_named(machine: Machine) -> None:
    container, truth = machine.containers("root")["d-default"], machine.facts_of("d-default")
    found = facts(container, "cgroup")
    assert str(found["pids_max"]) == truth["pids_of_unit"] == machine.truth["default_tasks"]
    finding = next(item for item in container["findings"] if item["code"] == "cgroup.pids-by-default")
    assert "systemd" in finding["text"]
    assert truth["pids_of_unit"] in finding["text"]
    assert "cgroup.pids-by-default" not in container["layers"]["cgroup"]["findings"] or found["pids_from"].endswith(
        ".scope"
    )
    # asked for, so nobody's default
    assert "cgroup.pids-by-default" not in all_of(machine)["d-hard"]["layers"]["cgroup"]["findings"]
    assert "cgroup.pids-by-default" not in all_of(machine)["r-limits"]["layers"]["cgroup"]["findings"]


def test_capabilities_and_seccomp_are_the_kernels(machine: Machine) -> None:
    for name, container in all_of(machine).items():
        status = machine.facts_of(name)["status"]
        found = facts(container, "capabilities")
        assert found["effective"] == f"0x{status['CapEff']}", name
        assert found["bounding"] == f"0x{status['CapBnd']}", name
        assert found["no_new_privs"] == (status["NoNewPrivs"] == "1"), name
        mode = {"0": "disabled", "2": "filter"}[status["Seccomp"]]
        assert facts(container, "seccomp")["mode"] == mode, name


def test_id_maps_are_the_kernels(machine: Machine) -> None:
    for name, container in all_of(machine).items():
        truth = machine.facts_of(name)
        found = facts(container, "usermap")
        assert found["uid_map"] == truth["uid_map"], name
        assert found["initial_namespace"] == (truth["namespaces"]["user"] == machine.truth["host"]["user"]), name
        assert found["uid_outside"] == int(truth["status"]["Uid"].split()[1]), name
    assert facts(all_of(machine)["r-default"], "usermap")["owner_inside"] == 0
    assert facts(all_of(machine)["r-keepid"], "usermap")["owner_inside"] == 1000


def test_remapped_daemon(machine: Machine) -> None:
    if machine.flavour != "apparmor":
        assert "d-remap" not in machine.truth["containers"]
        return
    report = machine.report("remap")
    assert [(engine["state"], engine["facts"]["userns_remap"]) for engine in report["engines"]] == [("connected", True)]
    container = machine.containers("remap")["d-remap"]
    # the only one of its daemon: nobody shares its range
    assert verdicts(container) == (E, W, E, E, E, E)
    assert facts(container, "usermap")["root_is_host_uid"] == machine.facts_of("d-remap")["uid_map"][0][1] > 0


def test_the_user_may_not_use_dockers_socket(machine: Machine) -> None:
    assert "docker" not in machine.truth["groups"]
    docker = machine.engines("user")["docker"]
    assert docker["state"] == "denied"
    assert "group docker" in docker["message"]
    assert "equivalent to root" in docker["message"]
    assert [docker["socket_mode"][1:], "root", docker["socket_group"]] == machine.truth["socket"]


def test_engines_behind_idle_sockets(machine: Machine) -> None:
    before = machine.engines("engines-idle-user")
    assert before["docker"]["state"] == "stopped"
    # no socket of Podman's listens: the program started the service, as this user
    own = before["podman-rootless"]
    if own["state"] != "connected":  # on a machine so slow that its first start takes longer than we wait
        assert (own["state"], own["message"].split(".")[0]) == (
            "stopped",
            "Podman is installed, but its service can't be started",
        )
    else:
        assert (own["rootless"], own["daemon_uid"]) == (True, 1000)
    # systemd starts dockerd for the first word on its socket
    assert machine.truth["activated"] in ("active", "activating")
    docker = machine.engines("engines-socket-root")["docker"]
    if docker["state"] != "connected":  # on a machine so slow that dockerd takes longer than we wait
        assert docker["state"] == "unreachable"
        assert "did not answer within" in docker["message"]
    assert machine.truth["leftover_services"] == []


def test_sockets_that_systemd_listens_on(machine: Machine) -> None:
    user, root = machine.engines("engines-user"), machine.engines("engines-root")
    assert user["podman-rootless"]["state"] == "connected"
    assert user["podman-rootless"]["endpoint"] == "unix:///run/user/1000/podman/podman.sock"
    assert user["docker"]["state"] == "denied"
    assert {name: engine["state"] for name, engine in root.items()} == {"docker": "connected", "podman": "connected"}
    assert root["podman"]["endpoint"] == "unix:///run/podman/podman.sock"
    assert (root["docker"]["facts"]["apparmor"], root["docker"]["facts"]["selinux"]) == (
        machine.flavour == "apparmor",
        machine.flavour == "selinux",
    )


def test_what_the_user_is_denied_of_roots_containers(machine: Machine) -> None:
    root, user = machine.containers("root"), machine.containers("docker-group")
    names = [name for name in root if name.startswith("d-")]
    assert names
    for name in names:
        assert verdicts(user[name]) == verdicts(root[name]), name
        assert facts(user[name], "mac")["label"] == facts(root[name], "mac")["label"]
        assert facts(user[name], "usermap")["uid_map"] == facts(root[name], "usermap")["uid_map"]
        assert facts(user[name], "cgroup")["pids_max"] == facts(root[name], "cgroup")["pids_max"]
        # what of the namespaces the kernel tells everyone is none of these
        denied = {(f"ns/{kind}", "DENIED", 13) for kind in ("mnt", "ipc", "uts", "cgroup", "time", "user")}
        assert gaps(user[name], "namespaces") == {*denied, ("fd", "DENIED", 13)}, name
        assert user[name]["layers"]["namespaces"]["basis"] == "asked", name
        assert facts(user[name], "namespaces")["masked_paths"] == facts(root[name], "namespaces")["masked_paths"]
        unknown = [threat for threat, state in user[name]["threats"].items() if state["outcome"] == "unknown"]
        known_to_root = [threat for threat in unknown if root[name]["threats"][threat]["outcome"] != "unknown"]
        assert len(known_to_root) <= 3, (name, known_to_root)
        wrong = {
            threat: state["outcome"]
            for threat, state in user[name]["threats"].items()
            if state["outcome"] not in ("unknown", root[name]["threats"][threat]["outcome"])
            and threat not in ("be-engine-user", "enter-same-user-process")  # they are about whoever asks
        }
        assert wrong == {}, name


def test_read_through_pipes(machine: Machine) -> None:
    ways = machine.report("piped")
    local, sudo = ways["local"]["readings"], ways["sudo"]["readings"]
    assert (ways["local"]["uid"], ways["sudo"]["uid"], ways["nsenter"]["uid"]) == ("0", "1000", "0")
    assert local["ns/net"] == f"net:[{machine.facts_of('d-default')['namespaces']['net']}]"
    assert ways["nsenter"]["readings"] == local
    assert {name for name in sudo if sudo[name] != local[name]} == {name for name in local if name.startswith("ns/")}
    assert all(value == ["DENIED", 13] for name, value in sudo.items() if name.startswith("ns/"))
    # in a PID namespace of its own there is no such process: no other's is read in its place
    assert ways["inner"]["readings"] == {"": ["GONE", 2]}
    assert "password" in ways["refused"]["failed"]


@pytest.mark.parametrize("level", ["1", "2", "4"])
def test_hidden_processes_are_denied_and_not_gone(machine: Machine, level: str) -> None:
    containers, roots = machine.containers(f"hidepid-{level}"), machine.containers("root")
    for name, container in containers.items():
        if name.startswith("r-"):
            assert verdicts(container) == ROOTLESS[machine.flavour][name]  # one's own are not hidden
            continue
        for layer in LAYERS:
            found = {gap["gap"] for gap in container["layers"][layer]["gaps"]}
            assert found == {"DENIED"}, (name, layer)
            # what the engine states stands in, and is called so
            seen, read = container["layers"][layer], roots[name]["layers"][layer]
            assert (seen["verdict"], seen["basis"]) in ((U, "kernel"), (U, "asked"), (read["verdict"], "asked")), name
    assert {"d-default", "r-default"} <= set(containers)


def test_the_record_that_is_kept(machine: Machine) -> None:
    assert (machine.out / "capture.json").stat().st_size < 150_000
    assert Path(machine.out / "kept.exit").read_text().startswith("0\n")
