"""Traps that a relaunch would fall into: refused before anything changes, on real engines."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.traps.scene import Scene
from rig.cli.hardened import STAYS
from rig.engine import Rig

on_docker = pytest.mark.parametrize(
    "scene", ["docker_rootful", pytest.param("docker_rootless", marks=pytest.mark.slow)], indirect=True
)
on_podman = pytest.mark.parametrize(
    "scene", [pytest.param(kind, marks=pytest.mark.slow) for kind in ("podman_rootful", "podman_rootless")],
    indirect=True,
)  # fmt: skip
on_rootful = pytest.mark.parametrize(
    "scene", ["docker_rootful", pytest.param("podman_rootful", marks=pytest.mark.slow)], indirect=True
)


def test_an_ordinary_container_is_not_refused(scene: Scene) -> None:
    """Without this every other test of this file could pass for a wrong reason."""
    scene.start("-v", "trap-data:/data", "--restart", "always")
    assert scene.check("trap", "no-new-privileges=on").blocks == {}


def test_what_the_engine_itself_makes_is_nobodys_file(scene: Scene) -> None:
    """Each of these was refused as a file that the program wrote, or as a path that is gone."""
    docker = scene.rig.kind == "docker"
    cases = {
        "folder": ("--workdir", "/tmp/../job/dir") if docker else ("--workdir", "/tmp"),
        "init": ("--init",) if docker else ("--init", "--init-path", "/usr/bin/docker-init"),
        "local-time": ("-v", "/etc/localtime:/etc/localtime:ro") if docker else ("--tz", "local"),
        "user": ("--user", "4242:4343"),
        "user-alone": ("--user", "4242"),
        "host": ("-v", "/:/host"),
    }
    if not docker:
        cases |= {"terminals": ("--mount", "type=devpts,target=/own/pts"), "systemd": ("--systemd=always",)}
    found = {}
    for name, options in cases.items():
        scene.start(*options, name=f"trap-{name}")
        found[name] = scene.check(f"trap-{name}").blocks
        if name == "folder" and docker:
            scene.rig.run("exec", "trap-folder", "touch", "/job/dir/own")
            assert "/job/dir/own" in scene.check("trap-folder").blocks["writable-layer"]
    assert found == {name: {} for name in cases}
    scene.told("what the engine makes (--init, workdir, localtime, users, devpts, -v /:/host)", "not refused")


@on_podman
def test_a_user_that_was_added_by_hand(scene: Scene) -> None:
    """Podman's own entry is no reason to refuse, one that somebody adds after it is."""
    scene.start("--user", "4242")
    assert scene.check().blocks == {}
    scene.rig.run("exec", "--user", "0", "trap", "sh", "-c", "echo me:x:7:7::/:/bin/sh >> /etc/passwd")
    assert "/etc/passwd" in scene.check().blocks["writable-layer"]


def test_written_files(scene: Scene) -> None:
    scene.start("-v", "trap-data:/data", "--tmpfs", "/fleeting")
    scene.rig.run("exec", "trap", "sh", "-c", "touch /data/kept /fleeting/x /tmp/x /kept")
    found = scene.check()
    assert set(found.blocks) == {"writable-layer"}
    assert "/kept" in found.blocks["writable-layer"]
    assert "/data" not in found.blocks["writable-layer"]
    assert {"tmpfs", "passing-files"} <= set(found.warnings)
    assert "/tmp/x" in found.warnings["passing-files"]
    scene.told("writable layer lost", "refused, by path; a tmpfs and passing folders are warned of, volumes not")


def test_secrets_and_configs_that_compose_writes(scene: Scene) -> None:
    scene.start("--label", "com.docker.compose.project=p", "--label", "com.docker.compose.service=s")
    assert set(scene.check().blocks) == {"compose"}
    scene.rig.run("exec", "trap", "sh", "-c", "mkdir -p /run/secrets; echo x >/run/secrets/token; echo y >/app.conf")
    found = scene.check().blocks
    assert set(found) == {"compose", "compose-secrets", "writable-layer"}
    assert "/run/secrets/token" in found["compose-secrets"]
    assert "/app.conf" in found["writable-layer"]
    scene.told("Compose: inline configs and secrets of the environment", "refused, by path")
    scene.told("compose up deletes the original", "refused")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("com.docker.swarm.service.id=x", "swarm"),
        ("io.kubernetes.pod.name=x", "kubernetes"),
        ("PODMAN_SYSTEMD_UNIT=trap.service", "systemd"),
    ],
)
@on_docker
def test_other_owners(scene: Scene, label: str, code: str) -> None:
    scene.start("--label", label)
    assert code in scene.check().blocks
    scene.told(f"owned by {code}", "refused")


@on_podman
def test_a_pod(scene: Scene) -> None:
    rig = scene.rig
    rig.run("pod", "create", "--name", "trap-pod", "--infra-command", "sleep 3600", "--infra-image", "busybox")
    try:
        scene.start("--pod", "trap-pod")
        assert set(scene.check().blocks) == {"pod"}
        infra = rig.inspect("trap")["Dependencies"][0]
        assert "infra" in scene.check(infra).blocks
        # why: the pod starts each member that it knows by id, so also one that is set aside
        rig.run("rename", "trap", "trap-aside")
        rig.run("stop", "-t", "0", "trap-aside")
        rig.run("pod", "restart", "trap-pod")
        assert "trap-aside" in scene.names(running=True)
    finally:
        rig.run("pod", "rm", "-f", "-t", "0", "trap-pod")
    scene.told("pod: restart starts the set-aside original", "seen; members and infra are refused")


@on_podman
def test_required_by_another(scene: Scene) -> None:
    rig = scene.rig
    original = scene.start()
    scene.start("--requires", "trap", name="trap-needs-it")
    found = scene.check().blocks
    assert len(found) == 1
    assert "trap-needs-it" in next(iter(found.values()))
    rig.run("rename", "trap", "trap-aside")
    rig.run("stop", "-t", "0", "trap-needs-it", "trap-aside")
    rig.run("start", "trap-needs-it")
    assert rig.inspect(original)["State"]["Running"]
    scene.told("podman start of a dependent starts the original", "seen; refused, by name")


@on_docker
def test_linked_from_another(scene: Scene) -> None:
    scene.start()
    scene.start("--link", "trap:alias", name="trap-linked")
    found = scene.check().blocks
    assert len(found) == 1
    assert "trap-linked" in next(iter(found.values()))
    assert scene.check("trap-linked").blocks == {}
    scene.rig.run("rename", "trap", "trap-aside")
    assert scene.rig.inspect("trap-linked")["HostConfig"]["Links"] == ["/trap-aside:/trap-linked/alias"]
    scene.told("a legacy link follows the rename", "seen; refused, by name")


def test_namespaces_shared_with_another(scene: Scene) -> None:
    scene.start()
    scene.start("--network", "container:trap", name="trap-inside")
    found = scene.check().blocks
    assert set(found) == {"dependents"}
    assert "trap-inside" in found["dependents"]
    scene.told("dependents share its namespaces", "refused, by name")


def test_what_is_set_aside_needs_nobody(scene: Scene) -> None:
    """The original of a hardened dependent was counted as one more that needs it."""
    scene.start()
    scene.start("--network", "container:trap", name="trap-inside")
    assert scene.harden("--set", "no-new-privileges=on", name="trap-inside")[0] == 0
    found = scene.check()
    assert set(found.blocks) == {"dependents"}
    assert ".old-" not in found.blocks["dependents"], "by labels, as this journal knows nothing"
    assert ".old-" in found.warnings["needed-aside"]
    code, last, err = scene.harden("--set", "no-new-privileges=on", "--with-dependents")
    blocks = {item["code"]: item["text"] for item in last.get("blocks", ())}
    # the dependent was relaunched before, so that one has its own way back, which is still a reason to refuse
    assert (code, set(blocks)) == (3, {"dependents"}), (last, err)
    assert ".old-" not in blocks["dependents"]
    assert scene.run("discard", "trap-inside")[0] == 0
    assert scene.harden("--set", "no-new-privileges=on", "--with-dependents")[0] == 0
    scene.told("an original that is set aside, of a dependent", "not counted; warned of")


def test_a_restart_loop(scene: Scene) -> None:
    """At each look it may be running, waiting to be started, or (Podman) between two starts."""
    scene.start("--restart", "always", command=("sh", "-c", "sleep 0.4; exit 1"))
    while scene.rig.inspect("trap")["RestartCount"] < 1:
        time.sleep(0.1)
    seen = set()
    for _ in range(4):
        blocks = scene.check().blocks
        assert blocks
        seen |= set(blocks)
        time.sleep(0.2)
    assert "restarting" in seen
    assert seen <= {"restarting", "not-running"}
    scene.told("restart loop", "refused at each of four looks")


@on_rootful
def test_paused(scene: Scene) -> None:
    scene.start()
    scene.rig.run("pause", "trap")
    assert set(scene.check().blocks) == {"paused"}
    scene.told("paused", "refused")


def test_removed_by_itself(scene: Scene) -> None:
    scene.start("--rm", "-v", "/nameless")
    assert set(scene.check().blocks) == {"auto-remove"}
    scene.told("--rm", "refused: there would be no way back")


@pytest.mark.slow
def test_a_deleted_image(scene: Scene) -> None:
    """Docker refuses to delete the image of one that runs, Podman that of any container."""
    rig = scene.rig
    image = "trap-image:latest"
    scene.start(name="trap-first")
    rig.run("commit", "trap-first", image)
    scene.start(image=image)
    digest = rig.inspect("trap")["Image"]
    assert "lost" not in scene.check().blocks
    if rig.kind == "podman":
        rig.run("rmi", image, check=False)
        assert rig.run("image", "inspect", digest)
        rig.remove("trap")
        rig.run("rmi", image)
        scene.told("image deleted", "can't happen: Podman keeps an image while a container uses it")
        return
    rig.run("stop", "-t", "0", "trap")
    rig.run("rmi", "-f", image)
    found = scene.check().blocks
    assert set(found) == {"lost", "not-running"}
    assert "trap-image" in found["lost"]
    scene.told("image deleted", "refused")


@pytest.mark.slow
def test_a_network_made_anew(scene: Scene) -> None:
    rig = scene.rig
    rig.run("network", "create", "trap-net")
    try:
        scene.start("--network", "trap-net")
        assert scene.check().blocks == {}
        rig.run("network", "rm", "trap-net", check=False)
        assert "trap-net" in rig.run("network", "ls", "--format", "{{.Name}}").split()
        rig.run("stop", "-t", "0", "trap")
        rig.run("network", "rm", "trap-net", check=False)
        if "trap-net" in rig.run("network", "ls", "--format", "{{.Name}}").split():
            scene.told("network made anew under its name", "can't happen: the engine keeps it for its containers")
            return
        rig.run("network", "create", "trap-net")
        rig.run("start", "trap", check=False)
        assert scene.names(running=True) == []
        found = scene.check().blocks
        assert set(found) == {"network-replaced", "not-running"}
        assert "trap-net" in found["network-replaced"]
        scene.told("network made anew under its name", "only once it is stopped; it can't start again; refused")
    finally:
        scene.clear()
        rig.run("network", "rm", "trap-net", check=False)


def test_a_host_path_that_is_gone(scene: Scene, tmp_path: Path) -> None:
    folder = owned(scene.rig, tmp_path / "gone")
    scene.start("-v", f"{folder}:/data")
    assert scene.check().blocks == {}
    shutil.rmtree(folder)
    found = scene.check().blocks
    assert set(found) == {"bind-gone"}
    assert str(folder) in found["bind-gone"]
    assert not folder.exists()
    scene.told("bind source gone", "refused, by path")


@pytest.mark.slow
@on_rootful
def test_a_mount_that_is_not_shared_any_more(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    with mounted(scene.rig, folder):
        scene.start("-v", f"{folder}:/shared:rshared", name="trap-shared")
        scene.start("-v", f"{folder}:/shared:rslave")
        assert "not-shared" not in {**scene.check().blocks, **scene.check().warnings}
        inside(scene.rig, "mount", "--make-private", str(folder))
        for name in ("trap", "trap-shared"):
            found = scene.check(name)
            told = found.blocks if scene.rig.kind == "docker" else found.warnings
            assert str(folder) in told["not-shared"]
        scene.rig.run("stop", "-t", "0", "trap-shared")
        scene.rig.run("start", "trap-shared", check=False)
        starts = "trap-shared" in scene.names(running=True)
        assert starts is (scene.rig.kind == "podman")
        scene.clear()
    what = "warned of: Podman starts it without passing mounts on" if starts else "it can't start again; refused"
    scene.told("mount no longer shared", what)


def owned(rig: Rig, folder: Path) -> Path:
    """A folder that the engine's user owns."""
    folder.mkdir()
    if rig.user is not None:
        os.chown(folder, *rig.user[:2])
    return folder


def inside(rig: Rig, *command: str) -> None:
    """Run it in the engine's mount namespace."""
    pid = rig.daemon_pids()[0]
    subprocess.run(("nsenter", f"--mount=/proc/{pid}/ns/mnt", *command), check=True)


@contextmanager
def mounted(rig: Rig, folder: Path) -> Iterator[None]:
    """A shared mount there, in the engine's sight only."""
    inside(rig, "mount", "-t", "tmpfs", "trap", str(folder))
    try:
        inside(rig, "mount", "--make-shared", str(folder))
        yield
    finally:
        inside(rig, "umount", "--lazy", str(folder))


@pytest.mark.parametrize("scene", [pytest.param("podman_rootful", marks=pytest.mark.slow)], indirect=True)
def test_a_layer_beside_an_empty_volume_with_mapped_ids(scene: Scene) -> None:
    """Podman does not start what is made from such an image while the volume is empty."""
    ids = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")
    scene.start(*ids, "-v", "trap-data:/data:idmap")
    scene.rig.run("exec", "trap", "touch", "/kept")
    code, last, _ = scene.harden("--set", "no-new-privileges=on", "--commit-layer")
    assert (code, [item["code"] for item in last["blocks"]]) == (3, ["writable-layer"])
    assert "/data" in last["blocks"][0]["text"]
    scene.rig.run("exec", "trap", "touch", "/data/something")
    code, last, err = scene.harden("--set", "no-new-privileges=on", "--commit-layer")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert "kept" in scene.rig.run("exec", "trap", "ls", "/")
    scene.told(
        "writable layer compared with an empty volume with mapped ids", "refused, by path; carried over once it is not"
    )
