"""What a relaunch must not lose, from the command line, on real engines: with all of it in one container.

That no option is lost is proven elsewhere, against the OCI configuration; this is about what lies outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.traps.scene import Scene

IMAGE = "localhost/trap-seeded:latest"
MARKS = ("/data/mark", "/nameless/mark")
ADDRESS, MAC = "10.203.7.77", "02:11:22:33:44:66"


@pytest.fixture
def original(scene: Scene) -> Iterator[str]:
    """With volumes of all kinds, one of them emptied, a network with fixed addresses, and an image whose name moves."""
    rig = scene.rig
    third = 1 + ["docker_rootful", "docker_rootless", "podman_rootful", "podman_rootless"].index(rig.name)
    address = ADDRESS.replace(".7.", f".{third}.")
    rig.run("network", "create", "--subnet", f"10.203.{third}.0/24", "trap-net")
    try:
        scene.start(name="trap-first")
        rig.run("exec", "trap-first", "sh", "-c", "mkdir /seed; echo seeded > /seed/file")
        rig.run("commit", "trap-first", IMAGE)
        scene.clear()
        number = scene.start(
            *("--restart", "always", "--network", "trap-net", "--ip", address, "--mac-address", MAC),
            *("--network-alias", "also", "--hostname", "kept", "-p", "127.0.0.1:18778:80"),
            *("-v", "trap-data:/data", "-v", "/nameless", "-v", "trap-seed:/seed"),
            image=IMAGE,
        )
        rig.run("exec", "trap", "sh", "-c", "cat /seed/file && rm /seed/file")
        rig.run("exec", "trap", "sh", "-c", "echo kept > /data/mark; echo kept > /nameless/mark")
        rig.run("tag", "busybox", IMAGE)  # the name means another image from now on
        yield number
    finally:
        scene.clear()
        rig.run("network", "rm", "trap-net", check=False)
        rig.run("rmi", IMAGE, check=False)


def test_nothing_is_lost_on_the_way_there_and_back(scene: Scene, original: str) -> None:
    rig = scene.rig
    before = rig.inspect(original)
    code, last, err = scene.harden("--set", "no-new-privileges=on")
    assert code == 0, (last, err)
    new = last["replacement_id"]
    after = rig.inspect("trap")
    assert after["Id"] == new != original
    assert after["Image"] == before["Image"]
    assert any(item["code"] == "differs" and "image" in item["text"] for item in last["warnings"]) or (
        rig.kind == "podman"  # which keeps to ids by itself
    )
    assert volumes(after) == volumes(before)
    assert len(volumes(after)) == 3
    data_is_there(scene)
    assert endpoint(after) == endpoint(before)
    assert endpoint(after)[1] == MAC
    assert rig.run("exec", "trap", "hostname") == "kept"
    scene.told("anonymous and named volumes", "the same ones; an emptied one is not seeded again")
    scene.told("image name moved meanwhile", "the id is used")
    scene.told("network aliases, fixed IP and MAC, host name, port still held", "kept; the original is stopped first")

    # a daemon that starts again, and what Podman's service for that would start at boot
    assert (scene.policy(original), scene.policy("trap")) == ("no", "always")
    rig.stop()
    rig.start()
    if rig.kind == "podman":
        started = rig.run("ps", "-a", "--filter", "restart-policy=always", "--format", "{{.Names}}").split()
        assert started == ["trap"]
        scene.told("restart=always: the set-aside original", "has the policy no; podman-restart would not start it")
    else:
        scene.told("restart=always: the set-aside original", "stayed down when the daemon came back")
    assert scene.names(running=True) == ["trap"]
    assert rig.inspect("trap")["Id"] == new
    data_is_there(scene)

    code, _, err = scene.run("undo", "trap", "--watch", "1")
    assert code == 0, err
    assert scene.names(running=True) == ["trap"]
    assert rig.inspect("trap")["Id"] == original
    assert (scene.policy(new), scene.policy("trap")) == ("no", "always")
    assert endpoint(rig.inspect("trap")) == endpoint(before)
    data_is_there(scene)

    # nobody but the one that is to be discarded has the nameless volume any more
    rig.run("rm", "-f", *rig.at_once, "trap")
    code, _, err = scene.run("discard", "trap")
    assert code == 0, err
    assert scene.names(running=False) == []
    left = set(rig.run("volume", "ls", "-q").split())
    assert set(volumes(before).values()) <= left
    name = volumes(before)["/nameless"]
    assert rig.run("run", "--rm", "-v", f"{name}:/v", "busybox", "cat", "/v/mark") == "kept"
    rig.run("volume", "rm", name, check=False)  # Podman removes a nameless one with any container of --rm
    scene.told("removal with -v deletes volumes", "discard leaves them, nameless ones too")


def volumes(inspect: dict[str, Any]) -> dict[str, str]:
    """Target to name."""
    return {mount["Destination"]: mount["Name"] for mount in inspect["Mounts"] if mount["Type"] == "volume"}


def endpoint(inspect: dict[str, Any]) -> tuple[str, str, bool]:
    """Address, MAC, and whether it has its alias; the old short id must not be one of the new."""
    found = inspect["NetworkSettings"]["Networks"]["trap-net"]
    own = inspect["Id"][:12]
    assert {name for name in found["Aliases"] if len(name) == 12} <= {own}
    return found["IPAddress"], found["MacAddress"], "also" in found["Aliases"]


def data_is_there(scene: Scene) -> None:
    assert scene.rig.run("exec", "trap", "cat", *MARKS).split() == ["kept", "kept"]
    assert scene.rig.run("exec", "trap", "ls", "/seed") == ""
