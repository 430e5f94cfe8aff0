"""Hardening from inside the sandbox: proven on the host, undone by another start of the program, owners asked there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import manifest
import pytest

from machine.flatpak.desk_session import Session
from machine.flatpak.sandbox_report import COMMAND
from rig.engine import Rig

pytestmark = [pytest.mark.flatpak, pytest.mark.engines]

JOURNAL = f".var/app/{manifest.APP}"


def last(session: Session, *words: str, status: int) -> dict[str, Any]:
    """The end of what the command says as JSON."""
    for _ in range(3):
        done = session.run(session.sandboxed(*words, "--json"), check=False, timeout=200)
        if "does not answer now" not in done.stderr:  # a busy machine
            break
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_harden_and_undo(granted: Session, kind: str, docker_rootful: Rig, podman_rootless: Rig) -> None:
    """Each command is a sandbox of its own: what the first wrote down is what the others know."""
    rig = docker_rootful if kind == "docker" else podman_rootless
    choices = ["--set", "no-new-privileges=on"] if kind == "docker" else ["--preset", "recommended"]
    with rig.container("--stop-timeout", "1", name="hardened") as original:
        ended = last(granted, "harden", "hardened", *choices, "--yes", "--watch", "1", status=1)
        assert ended["result"] == "enforced"
        assert rig.inspect("hardened")["Id"] == ended["replacement_id"] != original
        status = Path(f"/proc/{rig.pid('hardened')}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        entries = [path for path in (granted.home / JOURNAL).rglob("*.json") if path.parent.name == "relaunches"]
        assert len(entries) == 1
        assert not (granted.home / ".local/state/stratascope").exists()

        # Without access it can still be undone: the way back asks nothing of the kernel, and says what it could not see
        granted.revoke()
        last(granted, "undo", "hardened", "--watch", "1", status=0)
        assert rig.inspect("hardened")["Id"] == original
        status = Path(f"/proc/{rig.pid('hardened')}/status").read_text()
        assert "NoNewPrivs:\t0" in status
        granted.grant()
        granted.run(granted.sandboxed("discard", "hardened"))
        assert [path for path in (granted.home / JOURNAL).rglob("*.json") if path.parent.name == "relaunches"] == []


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_threats_are_tried_in_a_copy(granted: Session, kind: str, docker_rootful: Rig, podman_rootless: Rig) -> None:
    """The program of the attempts is built by the manifest; nothing is left of the copies."""
    rig = docker_rootful if kind == "docker" else podman_rootless
    every = ("ps", "--all", "--format", "{{.Names}}")
    with rig.container("--memory", "64m", name="tried"):
        before = rig.run(*every)
        done = granted.run(granted.sandboxed("try", "tried", "--all", "--json"), check=False, timeout=200)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr[-2000:]
        tried = [row for row in rows if row["tried"] != "not-tried"]
        assert len(tried) >= 90
        assert [row for row in tried if row["predicted"] not in (row["tried"], "unknown")] == []
        assert rig.run(*every) == before


@pytest.fixture
def project(session: Session, docker_rootful: Rig) -> Iterator[Path]:
    """A project of Compose's in the home of the session's user, up and running."""
    if subprocess.run(("docker", "compose", "version"), capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    folder = session.home / "project"
    folder.mkdir()
    file = folder / "compose.yaml"
    file.write_text("services:\n  shop:\n    image: busybox\n    stop_grace_period: 1s\n    command: sleep 3600\n")
    for path in (folder, file):
        os.chown(path, session.uid, session.gid)
    compose = ("docker", "--host", "unix:///run/docker.sock", "compose", "-f", str(file))
    session.run(session.words(*compose, "up", "-d", "--pull", "never"))
    yield folder
    session.run(session.words(*compose, "down", "-t", "1"), check=False)
    shutil.rmtree(folder)


def test_compose_is_asked_on_the_host_where_its_files_are_within_reach(session: Session, project: Path) -> None:
    choose = ("harden", "project-shop-1", "--set", "no-new-privileges=on", "--yes", "--watch", "1")
    refused = last(session, *choose, status=3)
    assert [block["code"] for block in refused["blocks"]] == ["confined"]
    session.grant()
    try:
        refused = last(session, *choose, status=3)
        (block,) = refused["blocks"]
        assert block["code"] == "compose"
        give = f"flatpak override --user --filesystem={project} {manifest.APP}"
        assert "has no access to the files" in block["text"]
        assert give in json.dumps(block)
        session.run(session.words(*give.split()))
        ended = last(session, *choose, status=1)
        assert ended["result"] == "enforced"
        override = project / "compose.override.yaml"
        assert "no-new-privileges" in override.read_text()
        assert override.stat().st_uid == session.uid
        session.revoke()  # the access to the folder goes with it: nothing may be half undone
        done = session.run(session.sandboxed("undo", "project-shop-1", "--watch", "1"), check=False)
        assert done.returncode == 3
        assert COMMAND in done.stderr + done.stdout
        assert override.exists()
        session.grant()
        session.run(session.words(*give.split()))
        last(session, "undo", "project-shop-1", "--watch", "1", status=0)
        assert not override.exists()
    finally:
        session.revoke()


def test_rights_that_are_told_are_the_ones_that_count(session: Session) -> None:
    """The words of the program are Flatpak's own: the override that they make is in effect."""
    session.run(session.words(*COMMAND.split()))
    shown = session.run(session.words("flatpak", "override", "--user", "--show", manifest.APP)).stdout
    assert "org.freedesktop.Flatpak=talk" in shown
    info = session.run(session.sandboxed("-c", "cat /.flatpak-info", command="sh")).stdout
    assert "org.freedesktop.Flatpak=talk" in info
    session.revoke()
