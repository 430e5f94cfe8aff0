"""Whom a container's files belong to on the disk below mounts with id maps of their own: said, and really written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from machine.truth.fleet import report
from rig.engine import Rig

_OWN = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")


def _shared(rig: Rig, owner: int = 0) -> Path:
    """A folder of that user of the host: one whose owner a mount does not map is closed there (EACCES)."""
    folder = rig.folder / f"idmapped-{owner}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    os.chown(folder, owner, owner)
    return folder


def _written(rig: Rig, name: str, folder: Path, how: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The owner of a set-uid file that it makes there, as the host sees it, and what the report says of it."""
    with rig.container(*_OWN, "-v", f"{folder}:/shared:{how}", *options, name=name) as container:
        rig.run("exec", container, "sh", "-c", f"cp /bin/busybox /shared/{name} && chmod 4755 /shared/{name}")
        made = (folder / name).stat()
        assert made.st_mode & 0o4000
        return made.st_uid, report(rig, "--privileged", name)[name]


def _told(rig: Rig) -> None:
    """Skips where this kernel does not tell (before Linux 6.15)."""
    name = "idmap-told"
    with rig.container(*_OWN, "-v", f"{_shared(rig)}:/shared:idmap", name=name):
        facts = report(rig, "--privileged", name)[name]["layers"]["usermap"]["facts"]
    assert facts["idmapped"]
    if facts["mount_ids"] is None:
        pytest.skip("this kernel tells no id maps of mounts")


def test_root_inside_is_root_on_the_disk(podman_rootful: Rig) -> None:
    rig = podman_rootful
    _told(rig)
    owner, found = _written(rig, "idmap-root", _shared(rig), "idmap")
    assert owner == 0, "the kernel's own word"
    (mount,) = found["layers"]["usermap"]["facts"]["mount_ids"]
    assert (mount["target"], mount["uid_map"]) == ("/shared", [[0, 200000, 65536]])
    threat = found["threats"]["plant-set-uid-on-host"]
    assert (threat["outcome"], threat["stances"]["usermap"]) == ("open", "LETS_THROUGH"), threat


def test_a_volume_of_its_own_makes_it_nobody_elsewhere(podman_rootful: Rig) -> None:
    """Its volume has an id map, the folder of the host has none: there it is an ordinary user."""
    rig = podman_rootful
    _told(rig)
    folder = _shared(rig)
    owner, found = _written(rig, "idmap-volume", folder, "rw", "-v", "idmap-data:/data:idmap")
    assert owner == 200000, "the kernel's own word"
    (mount,) = found["layers"]["usermap"]["facts"]["mount_ids"]
    assert (mount["target"], mount["of_host"]) == ("/data", False)
    threat = found["threats"]["plant-set-uid-on-host"]
    assert threat["stances"]["usermap"] == "STOPS", threat


def test_root_inside_is_somebody_else_on_the_disk(podman_rootful: Rig) -> None:
    rig = podman_rootful
    _told(rig)
    owner, found = _written(rig, "idmap-other", _shared(rig, 5000), "idmap=uids=@5000-0-1000;gids=@5000-0-1000")
    assert owner == 5000, "the kernel's own word"
    (mount,) = found["layers"]["usermap"]["facts"]["mount_ids"]
    assert mount["uid_map"] == [[5000, 200000, 1000]]
    threat = found["threats"]["plant-set-uid-on-host"]
    assert threat["stances"]["usermap"] == "STOPS", threat


def test_root_of_the_host_is_nobody_there(podman_rootful: Rig) -> None:
    """Without a user namespace, and a mount whose id map leaves out the disk's root: EACCES, EOVERFLOW."""
    rig = podman_rootful
    _told(rig)
    folder, name = _shared(rig), "idmap-away"
    how = "idmap=uids=5000-0-1000;gids=5000-0-1000"
    with rig.container("-v", f"{folder}:/shared:{how}", name=name) as container:
        assert "denied" in rig.said(container, "sh", "-c", "touch /shared/away 2>&1; echo tried")
        found = report(rig, "--privileged", name)[name]
    assert not (folder / "away").exists()
    assert found["layers"]["namespaces"]["facts"]["without_root"] == ["/shared"]
    threat = found["threats"]["plant-set-uid-on-host"]
    assert (threat["outcome"], threat["stances"]["namespaces"]) == ("stopped", "STOPS"), threat
