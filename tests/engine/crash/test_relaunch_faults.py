"""What goes wrong around a relaunch on real engines: refused or rolled back with a sentence, and the original runs."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.crash.scene import HARDEN, QUICK, Scene
from engine.crash.waiting import Waiting
from rig.engine import Rig
from rig.fixtures import Engines

NAME = "crash-fault"
SET = ("--set", "no-new-privileges=on")
ROOT_ONLY = '[ "$(id -u)" = 0 ]'


@pytest.fixture(params=["docker_rootful", "podman_rootful"])
def scene(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    found = Scene(engines.get(request.param), tmp_path)
    yield found
    found.clear()


def harden(scene: Scene, *words: str, name: str = NAME, watch: str = "1") -> tuple[int, dict[str, Any]]:
    code, out, err = scene.stratascope(
        "harden", name, "--json", "--yes", "--enforced-is-enough", "--watch", watch, *words
    )
    assert out, err
    return code, json.loads(out.splitlines()[-1])


def run(scene: Scene, *options: str, command: str = QUICK) -> str:
    """A container without volumes and restart policy."""
    made = scene.rig.run("run", "-d", "--name", NAME, *options, "busybox", "sh", "-c", command).splitlines()[-1]
    scene.originals[NAME] = made
    return made


def as_before(scene: Scene, original: str) -> None:
    assert scene.all(NAME) == {NAME: (original, True)}
    assert scene.journal.all() == ()


@pytest.mark.parametrize(
    ("options", "command", "words", "why"),
    [
        ((), f"{ROOT_ONLY} || exit 7; {QUICK}", ("--set", "user=1000"), "7"),
        (("--restart", "always"), f"{ROOT_ONLY} || exit 7; {QUICK}", ("--set", "user=1000"), ""),
        (
            (),
            "while dd if=/dev/zero of=/dev/null bs=48M count=1; do sleep 0.1; done; exit 9",
            (*SET, "--set", "memory=16m"),
            "",
        ),
    ],
    ids=["ends", "is restarted", "eats its memory"],
)
@pytest.mark.slow
def test_a_replacement_that_fails(
    scene: Scene, options: tuple[str, ...], command: str, words: tuple[str, ...], why: str
) -> None:
    original = run(scene, *options, command=command)
    code, last = harden(scene, *words, watch="4")
    assert (code, last["result"]) == (4, "rolled-back"), last
    assert why in last["why"]
    assert last["why"]
    as_before(scene, original)


@pytest.mark.slow
def test_a_replacement_that_is_unhealthy(docker_rootful: Rig, tmp_path: Path) -> None:
    """On Docker: Podman leaves healthchecks to systemd's timers, which are not here."""
    scene = Scene(docker_rootful, tmp_path)
    try:
        original = run(scene, "--health-cmd", ROOT_ONLY, "--health-interval", "1s", "--health-retries", "1")
        code, last = harden(scene, "--set", "user=1000", watch="4")
        assert (code, last["result"]) == (4, "rolled-back"), last
        assert "unhealthy" in last["why"]
        as_before(scene, original)
    finally:
        scene.clear()


def test_two_programs_at_once(docker_rootful: Rig, tmp_path: Path) -> None:
    scene = Scene(docker_rootful, tmp_path)
    try:
        run(scene)
        words = ("-m", "stratascope", "harden", NAME, "--json", "--yes", "--enforced-is-enough", "--watch", "3", *SET)
        both = [scene.python(*words) for _ in range(2)]
        ends = [child.communicate() for child in both]
        assert sorted(child.returncode for child in both) == [0, 3], ends
        refused = next(out for child, (out, _) in zip(both, ends, strict=True) if child.returncode == 3)
        last = json.loads(refused.splitlines()[-1])
        assert last["result"] == "refused"
        blocks = {item["code"] for item in last["blocks"]}
        assert "is working on this container right now" in last.get("why", "") or blocks & {"unfinished", "set-aside"}
        running = [number for number, runs in scene.all(NAME).values() if runs]
        assert len(running) == 1
    finally:
        scene.clear()


def on_a_small_disk(scene: Scene, state: Path, room: int) -> tuple[int, str, str]:
    """`harden` with so many bytes of room for the journal, in a mount namespace of its own."""
    words = (
        sys.executable,
        "-m",
        "stratascope",
        "harden",
        NAME,
        "--json",
        "--yes",
        "--enforced-is-enough",
        "--watch",
        "0",
        *SET,
    )
    script = f"mount -t tmpfs -o size={room} tmpfs {shlex.quote(str(state))} && exec {shlex.join(words)}"
    done = subprocess.run(
        ("unshare", "--mount", "--propagation", "private", "sh", "-c", script),
        env={**scene.environ, "XDG_STATE_HOME": str(state)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_full_disk_under_the_journal(docker_rootful: Rig, tmp_path: Path) -> None:
    """Of all sizes up to one that is enough: never is it left between the two."""
    scene = Scene(docker_rootful, tmp_path)
    state = tmp_path / "small"
    state.mkdir()
    codes = []
    try:
        original = run(scene)
        for room in range(4096, 20 * 4096, 4096 * 3):
            code, out, _ = on_a_small_disk(scene, state, room)
            codes.append(code)
            if code == 0:
                break
            last = json.loads(out.splitlines()[-1])
            assert re.search(r"journal can('t| no longer) be written", last["why"])
            assert "No space left on device" in last["words"]
            as_before(scene, original)
        assert codes[0] == 3
        assert codes[-1] == 0
        assert set(codes) <= {0, 3, 4}
    finally:
        scene.clear()


@pytest.mark.parametrize("restart", ["always", "no"])
@pytest.mark.slow
def test_an_original_that_ends_by_itself(scene: Scene, restart: str) -> None:
    """Just before it would be stopped. A job that is done is left alone; what always restarts runs again."""
    number = HARDEN.index("restart_policy") + (restart != "no")  # no policy to set, one call less
    relaunch = Waiting(scene, number, restart=restart)
    original = scene.originals[relaunch.name]
    os.kill(scene.rig.pid(original), signal.SIGKILL)
    while scene.all(relaunch.name)[relaunch.name][1]:
        time.sleep(0.1)
    relaunch.go_on()
    ended = relaunch.ended()
    assert (ended["ending"], ended["why"]) == (
        "rolled-back",
        "It ended by itself in the meantime, so it was left alone.",
    )
    assert scene.all(relaunch.name) == {relaunch.name: (original, restart == "always")}
    assert scene.policy(original) == restart
    assert scene.journal.all() == ()


@pytest.mark.parametrize("who", ["original", "replacement"])
@pytest.mark.slow
def test_somebody_else_removes_one(scene: Scene, who: str) -> None:
    number = HARDEN.index("stop" if who == "original" else "write started") + (who == "replacement")
    relaunch = Waiting(scene, number)
    victim = scene.originals[relaunch.name] if who == "original" else relaunch.name
    scene.rig.run("rm", "-f", *scene.rig.at_once, victim)
    relaunch.go_on()
    ended = relaunch.ended()
    assert ended["ending"] == "rolled-back"
    assert "someone else removed it" in ended["why"]
    if who == "original":
        assert scene.all(relaunch.name) == {}
        assert scene.entry(relaunch.name) == ()
    else:
        assert scene.wrong_with(relaunch.name, goes_on=False) == []


def test_an_original_that_is_pruned_while_its_replacement_is_watched(scene: Scene) -> None:
    """By a nightly job, say: the way back would end with no container at all."""
    relaunch = Waiting(scene, HARDEN.index("write started") + 1)
    aside = next(name for name in scene.all(relaunch.name) if name != relaunch.name)
    scene.rig.run("rm", aside)
    relaunch.child.kill()
    relaunch.child.communicate()
    code, out, err = scene.stratascope("recover")
    assert (code, err) == (0, ""), out
    there = scene.all(relaunch.name)
    assert [(name, runs) for name, (_, runs) in there.items()] == [(relaunch.name, True)]
    assert there[relaunch.name][0] != scene.originals[relaunch.name]


# SIGHUP as in a terminal: these tests may run below a nohup
TYPED = """import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from stratascope.__main__ import main
sys.exit(main(sys.argv[1:]))"""


@pytest.mark.parametrize(
    ("name", "number"), [("docker_rootful", signal.SIGINT), ("podman_rootful", signal.SIGINT),
                         ("docker_rootful", signal.SIGHUP)],
)  # fmt: skip
def test_control_c(engines: Engines, name: str, number: signal.Signals, tmp_path: Path) -> None:
    """Or a terminal that goes away. The moment is drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    scene = Scene(engines.get(name), tmp_path)
    try:
        original = run(scene)
        child = scene.python(
            "-c", TYPED, "harden", NAME, "--json", "--yes", "--enforced-is-enough", "--watch", "3", *SET
        )
        assert child.stdout is not None
        for _ in range(random.Random(seed).randrange(1, 11)):  # up to the line that says that it is watched
            child.stdout.readline()
        child.send_signal(number)
        out, err = child.communicate()
        last = json.loads(out.splitlines()[-1])
        assert (child.returncode, last["result"], last["why"]) == (4, "rolled-back", "Cancelled."), err
        as_before(scene, original)
    finally:
        scene.clear()
