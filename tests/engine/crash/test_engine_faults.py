"""What goes wrong with real engines in the middle of a relaunch: they hang, they die, and the machine with them.

A relaunch waits before one of its calls (`dying.py wait`), something is done to the engine, and it goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.crash.engine_death import kill_engine
from engine.crash.scene import HARDEN, LINGERING, Point, Scene
from engine.crash.waiting import Waiting
from rig.cli.hardened import STAYS
from rig.engine import Rig
from rig.fixtures import Engines

CREATE, STOP, START = HARDEN.index("create"), HARDEN.index("stop"), HARDEN.index("start")
WATCH = HARDEN.index("write started") + 1
BOTH = ("docker_rootful", "podman_rootful")


@pytest.fixture(params=BOTH)
def scene(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    found = Scene(engines.get(request.param), tmp_path)
    yield found
    found.clear()


@pytest.mark.parametrize("number", [CREATE, STOP, START], ids=["create", "stop", "start"])
@pytest.mark.slow
def test_an_engine_that_hangs(scene: Scene, number: int) -> None:
    relaunch = Waiting(scene, number, LINGERING, patience=1.5)
    scene.rig.freeze()
    try:
        relaunch.go_on()
        ended = relaunch.ended()
    finally:
        scene.rig.thaw()
    assert ended["ending"] == "unfinished"
    assert "did not answer" in ended["why"]
    assert "stratascope recover" in ended["why"]
    relaunch.recovered()


@pytest.mark.parametrize("number", [STOP, WATCH], ids=["stop", "watch"])
@pytest.mark.slow
def test_an_engine_that_dies(scene: Scene, number: int) -> None:
    relaunch = Waiting(scene, number)
    kill_engine(scene.rig)
    try:
        relaunch.go_on()
        ended = relaunch.ended()
        kept = scene.journal.all()
        code, _, err = scene.stratascope("recover")
        assert scene.journal.all() == kept
    finally:
        scene.rig.start()
    assert ended["ending"] == "unfinished"
    assert "stratascope recover" in ended["why"]
    assert code == 2
    assert relaunch.name in err
    assert "does not answer" in err
    relaunch.recovered()


@pytest.mark.parametrize("how", ["killed", "lives"])
@pytest.mark.slow
def test_an_engine_that_is_back_at_once(scene: Scene, how: str) -> None:
    """It was restarted while the replacement was watched; connections from before are dead."""
    relaunch, goes_on = Waiting(scene, WATCH), False
    kill_engine(scene.rig)
    scene.rig.start()
    if how == "killed":
        relaunch.child.kill()
        relaunch.child.communicate()
    else:
        relaunch.go_on()
        ending = relaunch.ended()["ending"]
        goes_on = ending in STAYS  # the engine started it again by then
        assert goes_on or ending in ("unfinished", "rolled-back")
    relaunch.recovered(goes_on=goes_on)


@pytest.mark.parametrize(
    "number",
    [number for number, what in enumerate(HARDEN) if what.startswith("write") and what != "write intent"],
    ids=[what for what in HARDEN if what.startswith("write")][1:],
)
@pytest.mark.slow
def test_a_machine_that_loses_its_power(docker_rootful: Rig, tmp_path: Path, number: int) -> None:
    """Podman starts nothing again by itself; Docker starts what restarts always, which must not be two of them."""
    scene = Scene(docker_rootful, tmp_path)
    try:
        relaunch = Waiting(scene, number)
        relaunch.child.kill()
        relaunch.child.communicate()
        kill_engine(scene.rig, machine=True)
        scene.rig.start()
        time.sleep(1)
        running = [name for name, (_, runs) in scene.all(relaunch.name).items() if runs]
        assert len(running) <= 1, running
        relaunch.recovered(goes_on=number > HARDEN.index("write verified"))
    finally:
        scene.clear()


def test_recover_leaves_alone_what_a_living_program_works_on(docker_rootful: Rig, tmp_path: Path) -> None:
    scene = Scene(docker_rootful, tmp_path)
    try:
        relaunch = Waiting(scene, STOP)
        code, out, err = scene.stratascope("recover")
        assert (code, out) == (0, "")
        assert f"{relaunch.name}: another window or command is working on it right now" in err
        code, out, err = scene.stratascope("report", relaunch.name)
        assert (code, err) == (0, ""), "with the machine's sandboxes, since it has a name"
        assert relaunch.name in out
        code, out, err = scene.stratascope("harden", relaunch.name, "--yes", "--set", "no-new-privileges=on")
        assert code == 3, (out, err)
        relaunch.go_on()
        assert relaunch.ended()["ending"] in STAYS
        assert scene.wrong_with(relaunch.name, goes_on=True) == []
    finally:
        scene.clear()


@pytest.mark.slow
def test_commands_that_only_look_put_right_too(docker_rootful: Rig, tmp_path: Path) -> None:
    scene = Scene(docker_rootful, tmp_path)
    capture = tmp_path / "capture.json"
    try:
        for number, words in ((START, ("report", "--json")), (STOP, ("engines", "--json"))):
            point = Point("harden", "at", number)
            assert scene.stratascope("report", "--json", "--save-capture", str(capture))[0] == 0
            scene.kill((point,))
            assert scene.stratascope("report", "--json", "--from-capture", str(capture))[2] == ""
            assert len(scene.entry(point.container)) == 1
            code, out, err = scene.stratascope(*words)
            assert code == 0
            assert json.loads(out)
            assert f"{point.container}: an interrupted relaunch was undone" in err
            assert scene.wrong(point) == []
            assert scene.stratascope(*words)[2] == ""
    finally:
        scene.clear()


@pytest.mark.slow
def test_a_report_does_not_fail_for_it(docker_rootful: Rig, tmp_path: Path) -> None:
    """The replacement's name is taken away, so that there is no way back for now."""
    scene = Scene(docker_rootful, tmp_path)
    point = Point("harden", "at", HARDEN.index("rename"))
    thief = "crash-thief"
    try:
        scene.kill((point,))
        scene.rig.run("run", "-d", "--name", thief, "busybox")
        scene.rig.run("rename", thief, point.container)
        code, out, err = scene.stratascope("report", "--json")
        assert code == 0
        assert json.loads(out)
        assert "can't be repaired now" in err
        assert scene.stratascope("recover")[0] == 2
        scene.rig.run("rm", "-f", point.container)
        assert scene.stratascope("recover")[0] == 0
        assert scene.wrong(point) == []
    finally:
        scene.rig.run("rm", "-f", thief, check=False)
        scene.clear()


@pytest.mark.slow
def test_an_engine_of_that_name_elsewhere_is_another_one(docker_rootful: Rig, tmp_path: Path) -> None:
    """What it does not know was not removed there: the journal stays for the one that does."""
    scene = Scene(docker_rootful, tmp_path)
    point = Point("harden", "at", STOP)
    try:
        scene.kill((point,))
        (entry,) = scene.entry(point.container)
        link = tmp_path / "other.sock"
        link.symlink_to(scene.rig.socket)
        elsewhere = {**scene.environ, "STRATASCOPE_ENGINES": f"{scene.rig.kind}=unix://{link}"}
        scene.environ, environ = elsewhere, scene.environ
        assert scene.stratascope("recover")[0] == 0, "the same engine by another address"
        assert scene.wrong(point) == []
        scene.environ = environ
        assert entry.endpoint != f"unix://{link}"
    finally:
        scene.clear()
