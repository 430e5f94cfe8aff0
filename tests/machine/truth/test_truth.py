"""Each fact of the report against what the test itself reads of the same process (`own_reading`)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from machine.truth import own_reading
from machine.truth.fleet import Fleet, report
from rig.engine import Rig

SECCOMP_MODES = {"0": "disabled", "1": "strict", "2": "filter"}


def differences(fleet: Fleet, found: dict[str, Any], true: dict[str, Any]) -> list[str]:
    """For each container: the facts that are not true."""
    assert set(found) == set(true) == set(fleet.pids)
    return [f"{name}: reported {found[name]}, true {true[name]}" for name in found if found[name] != true[name]]


def test_every_container_is_there_with_its_process(fleet: Fleet) -> None:
    assert {name: found["pid"] for name, found in fleet.report.items()} == fleet.pids
    assert {name: found["id"] for name, found in fleet.report.items()} == fleet.ids
    assert {found["status"] for found in fleet.report.values()} == {"running"}
    assert {found["engine"] for found in fleet.report.values()} == {fleet.rig.id}


def test_namespaces(fleet: Fleet) -> None:
    host = own_reading.host_namespaces()
    found, true = {}, {}
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "namespaces")
        found[name] = {kind: (facts[kind]["inode"], facts[kind]["shared_with_host"]) for kind in own_reading.KINDS}
        own = own_reading.namespaces(pid)
        true[name] = {kind: (own[kind], own[kind] == host[kind]) for kind in own_reading.KINDS}
    assert differences(fleet, found, true) == []
    assert true["host"]["pid"][1]
    assert not true["default"]["pid"][1]
    if fleet.rig.kind == "podman":
        shared = fleet.facts("pod", "namespaces")
        assert all("stack" in name or name.endswith("-infra") for name in shared["net"]["shared_with"])
        assert shared["net"]["shared_with"]
        assert shared["ipc"]["shared_with"]
        assert not shared["pid"]["shared_with"]
    joined = fleet.facts("joined", "namespaces")
    assert "default" in joined["pid"]["shared_with"]
    assert "default" in joined["net"]["shared_with"]


def test_root_masks_and_read_only_paths(fleet: Fleet) -> None:
    found, true = {}, {}
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "namespaces")
        found[name] = (facts["root_read_only"], set(facts["mounts"]["masked"]), set(facts["mounts"]["read_only"]))
        true[name] = (own_reading.read_only(pid, "/"), *own_reading.masked_and_read_only(pid))
        assert facts["masked_paths"] == len(found[name][1])
        assert facts["read_only_paths"] == len(found[name][2])
    assert differences(fleet, found, true) == []
    assert true["hard"][0]
    assert true["default"][1]
    assert not true["privileged"][1]


def test_masks_hide_what_they_should(fleet: Fleet) -> None:
    """As a process inside meets it: the masked file is empty, and can't be written into being."""
    masked = fleet.facts("default", "namespaces")["mounts"]["masked"]
    files = [path for path in masked if fleet.rig.run("exec", "default", "sh", "-c", f"[ -d {path} ] || echo file")]
    assert files
    assert fleet.rig.run("exec", "default", "cat", *files) == ""
    folders = [path for path in masked if path not in files]
    assert fleet.rig.run("exec", "default", "find", *folders, "-mindepth", "1") == ""
    if not fleet.rig.rootless:  # in a user namespace it asks for a right over the machine
        assert fleet.rig.said("privileged", "head", "-c", "40", "/proc/timer_list")


def test_host_paths_sockets_and_devices(fleet: Fleet) -> None:
    pid, rig = fleet.pids["mounts"], fleet.rig
    facts = fleet.facts("mounts", "namespaces")
    paths = {path["target"]: path for path in facts["host_paths"]}
    assert set(paths) == {"/var/run/docker.sock", "/host/local", "/rig"}
    sources = {"/var/run/docker.sock": rig.socket, "/host/local": Path("/usr/local"), "/rig": rig.folder / "shared"}
    for target, path in paths.items():
        assert path["source"] == str(sources[target])
        assert path["writable"] is not own_reading.read_only(pid, target)
        assert Path(f"/proc/{pid}/root{target}").samefile(sources[target])
    assert (paths["/rig"]["writable"], paths["/host/local"]["writable"]) == (True, False)
    assert facts["engine_sockets"] == ["/var/run/docker.sock"]
    assert stat.S_ISSOCK(Path(f"/proc/{pid}/root/var/run/docker.sock").stat().st_mode)
    inside = Path(f"/proc/{pid}/root/dev/fuse").stat()
    assert inside.st_rdev == os.makedev(10, 229)
    bound = inside.st_dev == Path("/dev/fuse").stat().st_dev  # rootless engines bind the node, others make one
    assert facts["devices"] == (["/dev/fuse"] if bound else [])
    asked = fleet.report["mounts"]["layers"]["namespaces"]["asked"]["devices"]
    assert [device["source"] for device in asked] == ["/dev/fuse"]
    for name in fleet.pids.keys() - {"mounts"}:
        other = fleet.facts(name, "namespaces")
        assert (name, other["engine_sockets"], other["host_paths"]) == (name, [], [])


@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful"])
def test_the_whole_file_tree_of_the_host(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    for mode, writable in (("rw", True), ("ro", False)):
        with rig.container("-v", f"/:/tree:{mode}", name=f"tree-{mode}") as container:
            pid = rig.pid(container)
            found = report(rig, f"tree-{mode}")[f"tree-{mode}"]["layers"]["namespaces"]
            path = next(path for path in found["facts"]["host_paths"] if path["target"] == "/tree")
            assert (path["source"], path["writable"]) == ("/", writable)
            assert own_reading.read_only(pid, "/tree") is not writable
            assert found["verdict"] == ("OPEN" if writable else "WEAKENED")


def test_control_groups(fleet: Fleet) -> None:
    fields = ("version", "path", "memory_max", "pids_max", "cpu_cores")
    found = {name: {key: fleet.facts(name, "cgroup")[key] for key in fields} for name in fleet.pids}
    for name, each in found.items():
        each["io"] = _limits_of_disks(fleet.facts(name, "cgroup")["io"])
    assert differences(fleet, found, {name: own_reading.cgroup(pid) for name, pid in fleet.pids.items()}) == []
    if not fleet.rig.rootless:
        hard = found["hard"]
        assert (hard["memory_max"], hard["pids_max"], hard["cpu_cores"]) == (64 << 20, 50, 0.5)
        if fleet.rig.kind == "podman":  # Docker sets no such limit on this machine
            assert [limit[1:] for limit in hard["io"]] == [("wbps", 1 << 20)]


def _limits_of_disks(facts: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    fields = ("read_bytes", "write_bytes", "read_operations", "write_operations")
    pairs = tuple(zip(own_reading.IO_LIMITS, fields, strict=True))
    return sorted(
        (each["device"], word, each[name]) for each in facts for word, name in pairs if each[name] is not None
    )


def test_a_group_that_is_not_its_own_is_called_so(fleet: Fleet) -> None:
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "cgroup")
        assert facts["own"] is (fleet.ids[name] in own_reading.cgroup(pid)["path"])


def test_control_group_sources_are_files(fleet: Fleet) -> None:
    facts = fleet.facts("default", "cgroup")
    sources = dict(facts["sources"])
    for key in ("memory_max", "cpu_cores", "cpuset", "cpu_weight"):
        assert sources[key].startswith("/sys/fs/cgroup/")
    weight = Path(sources["cpu_weight"])
    assert int(weight.read_text()) == facts["cpu_weight"]
    assert Path(sources["cpuset"]).read_text().strip() == facts["cpuset"]


def test_capabilities(fleet: Fleet) -> None:
    found, true = {}, {}
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "capabilities")
        own = own_reading.capabilities(pid)
        found[name] = ({key: facts[key] for key in own}, facts["effective_names"], facts["no_new_privs"])
        true[name] = (own, own_reading.effective_names(pid), own_reading.status(pid)["NoNewPrivs"] == "1")
    assert differences(fleet, found, true) == []
    assert true["hard"][1:] == ([], True)
    assert "CAP_SYS_ADMIN" in true["sysadmin"][1]


def test_seccomp(fleet: Fleet) -> None:
    profiles = {"privileged": "unconfined", "sysadmin": "unconfined"}
    found, true = {}, {}
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "seccomp")
        found[name] = (facts["mode"], facts["filters"], facts["profile"])
        own = own_reading.status(pid)
        true[name] = (SECCOMP_MODES[own["Seccomp"]], int(own["Seccomp_filters"]), profiles.get(name, "default"))
    assert differences(fleet, found, true) == []


def test_access_control(fleet: Fleet) -> None:
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "mac")
        try:
            label = Path(f"/proc/{pid}/attr/current").read_text().rstrip("\n\0")
        except OSError:  # EINVAL: no module gives labels
            assert (facts["system"], facts["label"]) == ("none", None)
            continue
        apparmor = Path("/sys/module/apparmor/parameters/enabled")
        active = apparmor.exists() and apparmor.read_text().strip() == "Y"
        assert facts["system"] == ("apparmor" if active else "selinux")
        assert label.startswith(facts["label"])


def test_user_namespace(fleet: Fleet) -> None:
    found, true = {}, {}
    initial = own_reading.host_namespaces()["user"]
    for name, pid in fleet.pids.items():
        facts = fleet.facts(name, "usermap")
        found[name] = [facts[key] for key in ("uid_map", "gid_map", "root_is_host_uid", "initial_namespace")]
        uids = own_reading.id_map(pid, "uid")
        own = own_reading.namespaces(pid)["user"] == initial
        true[name] = [uids, own_reading.id_map(pid, "gid"), own_reading.on_host(uids, 0), own]
        assert facts["uid_outside"] == int(own_reading.status(pid)["Uid"].split()[0])
    assert differences(fleet, found, true) == []
    if "mapped" in true and not fleet.rig.rootless:
        assert true["mapped"][2] == 200000


def test_verdicts_of_the_clear_cases(fleet: Fleet) -> None:
    rootless, podman = fleet.rig.rootless, fleet.rig.kind == "podman"
    shared_net = fleet.facts("host", "namespaces")["net"]["shared_with_host"]
    expected = {
        ("hard", "namespaces"): "ENFORCED",
        ("host", "namespaces"): "OPEN" if shared_net else "WEAKENED",
        ("mounts", "namespaces"): "WEAKENED",
        ("privileged", "namespaces"): "WEAKENED",
        ("default", "capabilities"): "ENFORCED",
        ("hard", "capabilities"): "ENFORCED",
        ("sysadmin", "capabilities"): "WEAKENED" if rootless else "OPEN",
        ("privileged", "capabilities"): "WEAKENED" if rootless else "OPEN",
        ("default", "seccomp"): "ENFORCED",
        ("hard", "seccomp"): "ENFORCED",
        ("sysadmin", "seccomp"): "OPEN",
        ("privileged", "seccomp"): "OPEN",
        ("default", "usermap"): "WEAKENED" if rootless else "OPEN",
        ("hard", "usermap"): "WEAKENED",
    }
    if not rootless:
        limits = own_reading.cgroup(fleet.pids["default"])
        count = sum(limits[key] is not None for key in ("memory_max", "pids_max"))
        expected["default", "cgroup"] = ("OPEN", "WEAKENED", "ENFORCED")[count]
        expected["hard", "cgroup"] = "ENFORCED"
        if podman:
            expected["mapped", "usermap"] = "ENFORCED"
    if fleet.facts("default", "mac")["system"] == "none":
        expected |= {(name, "mac"): "OPEN" for name in fleet.pids}
    assert {key: fleet.verdict(*key) for key in expected} == expected


def test_findings_name_the_clear_cases(fleet: Fleet) -> None:
    assert "namespaces.engine-socket" in fleet.codes("mounts")
    assert "seccomp.no-filter" in fleet.codes("sysadmin")
    assert "seccomp.no-filter" not in fleet.codes("default")
    if not fleet.rig.rootless:
        assert "capabilities.sys-admin" in fleet.codes("sysadmin")
    sources = {finding["source"] for found in fleet.report.values() for finding in found["findings"]}
    read = [source.partition(":")[0] for source in sources if source.startswith("/proc/")]
    assert read
    assert [path for path in read if not os.path.lexists(path)] == []
