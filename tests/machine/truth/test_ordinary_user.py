"""What someone who is not root gets to see: what can be read, decoded; what can't, told as what the engine states."""

from __future__ import annotations

import json

import pytest

from machine.truth import own_reading
from rig.engine import Rig
from rig.ordinary import as_user, seen_by_user, socket_for

# What the kernel tells everyone about any process: proc(5)
OPEN_TO_ALL = ("capabilities", "seccomp")


@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful"])
def test_containers_of_root(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    options = ("--memory", "64m", "--pids-limit", "50", "--read-only")
    with socket_for(rig), rig.container(*options, name="of-root") as container:
        pid = rig.pid(container)
        layers = seen_by_user(rig)["of-root"]["layers"]
    own = {key: layers["capabilities"]["facts"][key] for key in ("effective", "bounding")}
    assert own["effective"] == own["bounding"]
    assert len(layers["capabilities"]["facts"]["effective_names"]) == bin(int(own["effective"], 16)).count("1") > 5
    assert layers["seccomp"]["facts"]["mode"] == "filter"
    assert layers["cgroup"]["facts"]["memory_max"] == 64 << 20
    namespaces = layers["namespaces"]
    denied = {gap["what"] for gap in namespaces["gaps"] if (gap["gap"], gap["errno"]) == ("DENIED", 13)}
    assert denied >= {f"ns/{kind}" for kind in ("cgroup", "ipc", "mnt", "uts")}
    told = {kind: fact["shared_with_host"] for kind in own_reading.KINDS if (fact := namespaces["facts"][kind])}
    assert told == {"net": False, "pid": False}, "by what the kernel tells everyone"
    assert namespaces["basis"] == "asked"
    assert namespaces["asked"]["root_read_only"] is True
    assert pid > 0
    for layer in layers.values():
        denied_one = any(gap["gap"] == "DENIED" for gap in layer["gaps"])
        if denied_one and layer["verdict"] == "ENFORCED" and layer["basis"] == "kernel":
            assert layer in [layers[key] for key in OPEN_TO_ALL]


@pytest.mark.parametrize("name", ["docker_rootless", "podman_rootless"])
def test_containers_of_ones_own(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    with rig.container("--cap-drop", "ALL", "--read-only", name="of-mine") as container:
        pid = rig.pid(container)
        layers = seen_by_user(rig)["of-mine"]["layers"]
        own = own_reading.namespaces(pid)
        facts = layers["namespaces"]["facts"]
        assert {kind: facts[kind]["inode"] for kind in own} == own
        assert facts["root_read_only"] is True
        assert set(facts["mounts"]["masked"]) == own_reading.masked_and_read_only(pid)[0]
        assert layers["usermap"]["facts"]["uid_map"] == own_reading.id_map(pid, "uid")
        denied = [gap["what"] for layer in layers.values() for gap in layer["gaps"] if gap["gap"] == "DENIED"]
        assert denied == []


def test_a_socket_that_is_closed_to_one(docker_rootful: Rig) -> None:
    with socket_for(docker_rootful, 0o600):
        done = as_user("engines", "--json", endpoint=f"docker={docker_rootful.endpoint}")
        asked = as_user("report", "--engine", "docker", endpoint=f"docker={docker_rootful.endpoint}")
    assert done.returncode == 0, done.stderr
    engine = json.loads(done.stdout)[0]
    assert engine["state"] == "denied"
    assert engine["message"]
    assert asked.returncode == 2
    assert engine["message"].split()[0] in asked.stdout
