"""What a relaunch would cut off, lose or break: told before, on real engines, and not told where there is nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.traps.scene import Scene
from rig.cli.hardened import QUICK
from rig.engine import Rig

on_docker = pytest.mark.parametrize(
    "scene", ["docker_rootful", pytest.param("docker_rootless", marks=pytest.mark.slow)], indirect=True
)
CUT_OFF = {"attached", "exec-sessions", "log", "no-healthcheck", "edited-files", "bind-replaced", "tmpfs"}
STRANGE = "203.0.113.7 by-hand"


def test_nothing_to_tell(scene: Scene, tmp_path: Path) -> None:
    """A healthcheck runs as an exec session of its own, and is no reason to warn."""
    (tmp_path / "file").write_text("x")
    scene.start(
        *("-v", f"{tmp_path}/file:/file:ro", "--health-cmd", "sleep 0.5", "--health-interval", "1s"),
        *("--health-timeout", "5s", "--add-host", "other:203.0.113.9"),
    )
    for _ in range(3):
        assert not CUT_OFF & set(scene.check().warnings)
        time.sleep(0.3)


def test_without_a_healthcheck(scene: Scene) -> None:
    scene.start("--no-healthcheck")
    assert "no-healthcheck" in scene.check().warnings
    scene.told("no health check", "warned of")


def test_what_ends_or_stays_behind(scene: Scene) -> None:
    scene.start("-i", "--tmpfs", "/fleeting", command=("sh", "-c", "echo printed; sleep 3600"))
    session = subprocess.Popen(
        scene.rig.command("exec", "trap", "sleep", "60"), env=scene.rig.env, stdin=subprocess.DEVNULL
    )
    try:
        while not scene.rig.inspect("trap")["ExecIDs"]:
            time.sleep(0.05)
        found = scene.check().warnings
    finally:
        session.kill()
        session.wait()
    assert {"attached", "exec-sessions", "log", "tmpfs"} <= set(found)
    assert found["exec-sessions"] == "1 exec session in it ends."
    scene.told("attached client, exec sessions, tmpfs contents, log history", "each warned of")


@pytest.mark.slow
@on_docker
def test_a_client_in_the_foreground(scene: Scene) -> None:
    """Podman does not say: there only an open input is known."""
    rig = scene.rig
    client = subprocess.Popen(
        rig.command("run", "--name", "trap", "busybox", *QUICK), env=rig.env, stdin=subprocess.DEVNULL
    )
    try:
        while scene.names(running=True) != ["trap"]:
            time.sleep(0.1)
        assert "attached" in scene.check().warnings
    finally:
        client.kill()
        client.wait()


@pytest.mark.parametrize(
    "path",
    ["/etc/hosts", *(pytest.param(path, marks=pytest.mark.slow) for path in ("/etc/resolv.conf", "/etc/hostname"))],
)
def test_files_edited_by_hand(scene: Scene, path: str) -> None:
    scene.start()
    assert "edited-files" not in scene.check().warnings
    line = "nameserver 203.0.113.7" if path == "/etc/resolv.conf" else STRANGE
    scene.rig.run("exec", "trap", "sh", "-c", f"echo '{line}' >> {path}; touch -t 203001010000 {path}")
    found = scene.check()
    assert path in found.warnings["edited-files"]
    assert found.blocks == {}  # they are not in the list of changes
    scene.told("/etc/hosts, resolv.conf, hostname edited", "not in the diff; warned of, by path")


@pytest.mark.slow
def test_a_network_that_was_connected_later_is_no_edit(scene: Scene) -> None:
    """Docker writes /etc/hosts anew then."""
    rig = scene.rig
    rig.run("network", "create", "trap-late")
    try:
        scene.start("--network", "trap-late")
        rig.run("network", "create", "trap-later")
        rig.run("network", "connect", "--alias", "late", "trap-later", "trap")
        assert "edited-files" not in scene.check().warnings
        assert scene.check().blocks == {}
    finally:
        scene.clear()
        rig.run("network", "rm", "trap-late", "trap-later", check=False)


def test_a_file_that_was_replaced(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old\n")
    (tmp_path / "folder").mkdir()
    scene.start("-v", f"{tmp_path}/file:/file:ro", "-v", f"{tmp_path}/folder:/folder:ro")
    assert "bind-replaced" not in scene.check().warnings
    (tmp_path / "new").write_text("new\n")
    (tmp_path / "new").replace(tmp_path / "file")  # as editors do
    assert scene.rig.run("exec", "trap", "cat", "/file") == "old"
    found = scene.check()
    assert f"{tmp_path}/file" in found.warnings["bind-replaced"]
    assert "folder" not in found.warnings["bind-replaced"].replace(str(tmp_path), "")
    scene.told("file bind replaced (new inode)", "warned of, by path")


def test_files_that_another_user_could_not_read(scene: Scene) -> None:
    scene.start("-v", "trap-data:/data")
    with data(scene.rig):
        unchanged = scene.check("trap", "no-new-privileges=on")
        found = scene.check("trap", "user=1000")
        assert not {"owners", "dac-override"} & set(unchanged.warnings)
        assert "/data/roots" in found.warnings["owners"]
        assert "/data/apps" not in found.warnings["owners"]
        # and so it is
        assert tries(scene.rig, "/data/roots", "--user", "1000") is False
        assert tries(scene.rig, "/data/apps", "--user", "1000") is True
    scene.told("other user: files unreadable", "warned of, by path; the kernel agrees")


def test_files_that_root_without_override_could_not_read(scene: Scene) -> None:
    scene.start("-v", "trap-data:/data")
    with data(scene.rig):
        found = scene.check("trap", "capabilities=none")
        assert "/data/apps" in found.warnings["dac-override"]
        assert "/data/roots" not in found.warnings["dac-override"]
        assert tries(scene.rig, "/data/apps", "--cap-drop", "ALL") is False
        assert tries(scene.rig, "/data/roots", "--cap-drop", "ALL") is True
        kept = scene.check("trap", "capabilities=DAC_OVERRIDE")
        assert "dac-override" not in kept.warnings
    scene.told("lost DAC_OVERRIDE: root can't read others' 0600 files", "warned of, by path; the kernel agrees")


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["podman_rootful"], indirect=True)
def test_files_that_another_user_namespace_could_not_read(scene: Scene) -> None:
    scene.start("-v", "trap-data:/data")
    with data(scene.rig):
        found = scene.check("trap", "userns=0:200000:65536").warnings["owners"]
        assert "/data/roots" in found
        assert "/data/apps" in found
        assert tries(scene.rig, "/data/roots", "--uidmap", "0:200000:65536") is False
    scene.told("other userns: files unreadable", "warned of, by path; the kernel agrees")


@contextmanager
def data(rig: Rig) -> Iterator[None]:
    """Private files of root and of user 1000 in the volume of the container."""
    script = "umask 077; echo x > /data/roots; echo x > /data/apps; chown 1000:1000 /data/apps; chmod 755 /data"
    rig.run("exec", "trap", "sh", "-c", script)
    try:
        yield
    finally:
        rig.remove("trap")
        rig.run("volume", "rm", "trap-data", check=False)


def tries(rig: Rig, path: str, *options: str) -> bool:
    """Whether such a container really reads the file."""
    done = subprocess.run(
        rig.command("run", "--rm", *options, "-v", "trap-data:/data", "busybox", "cat", path),
        env=rig.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or "Permission denied" in done.stderr, done.stderr
    return done.returncode == 0
