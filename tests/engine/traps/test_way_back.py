"""The way back where a part of it was lost: the original, the replacement, the journal; and over several relaunches."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from engine.traps.scene import Scene

NO_NEW, NO_CAPS = ("--set", "no-new-privileges=on"), ("--set", "capabilities=none")


def hardened(scene: Scene, *words: str) -> dict[str, Any]:
    code, last, err = scene.harden(*(words or NO_NEW))
    assert code == 0, (last, err)
    return last


def undone(scene: Scene) -> dict[str, Any]:
    code, out, err = scene.run("undo", "trap", "--watch", "1")
    assert code == 0, (out, err)
    return scene.rig.inspect("trap")


def aside(scene: Scene) -> str:
    (name,) = [name for name in scene.names(running=False) if name != "trap"]
    return name


def start(scene: Scene) -> str:
    return scene.start("--restart", "always", "-v", "trap-data:/data", "-e", "KEPT=yes", "--hostname", "kept")


def test_an_original_that_was_removed_is_created_again(scene: Scene) -> None:
    original = start(scene)
    before = scene.rig.inspect("trap")
    new = hardened(scene)["replacement_id"]
    scene.rig.run("rm", aside(scene))
    found = undone(scene)
    assert found["Id"] not in (original, new)
    assert "no-new-privileges" not in (found["HostConfig"]["SecurityOpt"] or [])
    assert [each["Name"] for each in found["Mounts"]] == [each["Name"] for each in before["Mounts"]]
    assert found["Config"]["Hostname"] == "kept"
    assert "KEPT=yes" in found["Config"]["Env"]
    assert (scene.policy("trap"), scene.policy(new)) == ("always", "no")
    assert scene.names(running=True) == ["trap"]
    # and forth again, as after any undo
    assert undone(scene)["Id"] == new
    scene.told("docker rm of the original that is set aside", "undo creates it again from the journal")


def test_a_replacement_that_was_removed_gives_way(scene: Scene) -> None:
    original = start(scene)
    hardened(scene)
    scene.rig.remove("trap")
    assert undone(scene)["Id"] == original
    assert scene.policy("trap") == "always"
    assert scene.names(running=False) == scene.names(running=True) == ["trap"]
    assert scene.run("undo", "trap")[0] == 2  # nothing is left to undo
    scene.told("the replacement was removed", "undo starts the original again, under its name and policy")


def test_a_journal_that_was_lost(scene: Scene) -> None:
    original = start(scene)
    new = hardened(scene)["replacement_id"]
    shutil.rmtree(scene.state)
    assert undone(scene)["Id"] == original
    assert (scene.policy("trap"), scene.policy(new)) == ("always", "no")
    shutil.rmtree(scene.state)
    code, out, err = scene.run("discard", "trap")
    assert code == 0, (out, err)
    assert scene.names(running=False) == ["trap"]
    assert scene.rig.inspect("trap")["Id"] == original
    scene.told("the state directory was lost", "undo and discard go by the labels of the replacement")


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True], ids=["journal", "labels"])
def test_the_first_original_is_kept_over_several_relaunches(scene: Scene, lost: bool) -> None:
    original = start(scene)
    hardened(scene)
    first_aside = aside(scene)
    second = hardened(scene, *NO_CAPS)["replacement_id"]
    third = hardened(scene, "--set", "read-only-root=on")["replacement_id"]
    assert second != third
    assert aside(scene) == first_aside
    assert scene.rig.inspect(first_aside)["Id"] == original
    assert scene.rig.inspect("trap")["HostConfig"]["ReadonlyRootfs"]
    if lost:
        shutil.rmtree(scene.state)
    assert undone(scene)["Id"] == original
    assert scene.rig.inspect(aside(scene))["Id"] == third
    assert (scene.policy("trap"), scene.policy(third)) == ("always", "no")
    scene.told("hardened several times", "undo goes back to the first original; those between are removed")


def test_a_second_relaunch_that_fails_leaves_the_first_one(scene: Scene) -> None:
    chown = "mkdir -p /run/own && chown 1 /run/own || exit 1; trap 'exit 0' TERM; sleep 3600 & wait"
    original = scene.start(command=("sh", "-c", chown))
    first = hardened(scene)["replacement_id"]
    code, last, _ = scene.harden(*NO_CAPS)
    assert (code, last["result"]) == (4, "rolled-back")
    assert scene.rig.inspect("trap")["Id"] == first
    assert scene.names(running=True) == ["trap"]
    assert undone(scene)["Id"] == original


def test_what_another_journal_undid_stands_in_nobodys_way(scene: Scene) -> None:
    original = start(scene)
    new = hardened(scene)["replacement_id"]
    other = Scene(scene.rig, scene.state.parent / "other", scene.monkeypatch)
    assert undone(other)["Id"] == original
    code, out, _ = scene.run("undo", "trap", "--watch", "1", "--json")
    assert (code, '"refused"' in out) == (3, True)
    assert scene.rig.inspect("trap")["Id"] == original
    assert scene.run("recover")[0] == 0
    assert other.run("discard", "trap")[0] == 0
    assert new not in scene.rig.run("ps", "-aq", "--no-trunc")
    hardened(scene)
