"""Killed at moments that nobody chose: the program in `harden`, `tighten` and `undo`, and the engine beneath it; and a
disk beneath the engine that fills up.

`test_crash_points` dies at every call and every writing; here the command line itself runs, with its plan, evidence and
twins. The seed is printed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.crash.engine_death import kill_engine
from engine.crash.scene import Scene
from rig.cli.hardened import STAYS
from rig.fixtures import Engines
from stratascope.core.relaunch.transaction import Stage

pytestmark = pytest.mark.slow
KEPT = "/var/lib/kept"
KEPT_ON_A_VOLUME = ("--set", f"volume={KEPT}", "--set", "no-new-privileges=on")
BRIEF = ("--json", "--watch", "1")
WORDS = {
    "harden": (*BRIEF, "--yes", "--enforced-is-enough", *KEPT_ON_A_VOLUME),
    "tighten": (*BRIEF, "--yes", "--enforced-is-enough", "--repeat", "1"),
    "undo": BRIEF,
}
BOTH = ("docker_rootful", "podman_rootful")


@pytest.fixture(params=BOTH)
def scene(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    found = Scene(engines.get(request.param), tmp_path)
    yield found
    found.clear()


def begin(scene: Scene, verb: str, name: str) -> subprocess.Popen[str]:
    return scene.python("-m", "stratascope", verb, name, *WORDS[verb])


def prepare(scene: Scene, verb: str, name: str) -> None:
    """One that may be hardened, or that is on its way back."""
    scene.start(name)
    scene.keep(name)
    if verb == "undo":
        code, out, err = scene.stratascope("harden", name, *WORDS["harden"])
        assert code == 0, (out, err)


def duration(scene: Scene, verb: str) -> float:
    """Seconds that it takes where nobody kills it."""
    name = f"whole-{verb}"
    prepare(scene, verb, name)
    begun = time.monotonic()
    child = begin(scene, verb, name)
    out, err = child.communicate()
    assert json.loads(out.splitlines()[-1])["result"] in STAYS, (out, err)
    took = time.monotonic() - begun
    assert wrong(scene, name) == []
    return took


def unfinished(scene: Scene, name: str) -> bool:
    """Whether the journal says that a person has to be told."""
    left = [item for item in scene.entry(name) if item.stage is not Stage.DONE]
    return bool(left or scene.journal.twins() or scene.journal.groups())


def wrong(scene: Scene, name: str) -> list[str]:
    """What is not as it should be: one runs, under its name, with all its data, and whatever else there is is known."""
    there, entries = scene.all(name), scene.entry(name)
    running = [called for called, (_, runs) in there.items() if runs]
    if running != [name]:
        return [f"running: {running}, there: {sorted(there)}"]
    found = []
    data = [file.read_text() if file.exists() else "gone" for file in (*scene.data(name), scene.kept(name))]
    if data != ["kept", "kept", "kept"]:
        found.append(f"its data: {data}")
    if unfinished(scene, name):
        found.append(f"unfinished: {[item.stage.value for item in entries]}, {scene.journal.twins()}")
    known = {member.old_aside for item in entries for member in item.members}
    # undone with its data in a volume: one like the original took its place, and the original stays beside it
    known |= {called for called, (number, _) in there.items() if number == scene.originals[name]}
    if strange := set(there) - known - {name}:
        found.append(f"left: {sorted(strange)}")
    policies = {called: scene.policy(called) for called in there}
    if policies != {called: "always" if called == name else "no" for called in there}:
        found.append(f"restart policies: {policies}")
    images = scene.rig.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    return found + [f"left: {each}" for each in images if each.startswith(f"localhost/stratascope/{name}:")]


def recovered(scene: Scene, name: str, when: str) -> None:
    """`recover` says what it did, and all is well; it then says no more."""
    told = unfinished(scene, name)
    code, out, err = scene.stratascope("recover")
    assert code == 0, (when, out, err)
    assert not told or name in out + err, (when, out, err)
    assert wrong(scene, name) == [], (when, out, err)
    assert scene.stratascope("recover") == (0, "", ""), when


def drawn() -> random.Random:
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    return random.Random(seed)


@pytest.mark.parametrize(("verb", "times"), [("harden", 8), ("tighten", 6), ("undo", 6)])
def test_the_program_is_killed(scene: Scene, verb: str, times: int) -> None:
    """Twenty moments in all; after the last one it can be hardened, and undone, as if nothing had been."""
    draw, whole = drawn(), duration(scene, verb)
    for turn in range(times):
        name, moment = f"killed-{verb}-{turn}", draw.random() * whole
        prepare(scene, verb, name)
        child = begin(scene, verb, name)
        time.sleep(moment)
        child.kill()
        child.communicate()
        recovered(scene, name, f"{name} at {moment:.2f} of {whole:.2f} s")
    has_volume = any(mount["Destination"] == KEPT for mount in scene.rig.inspect(name)["Mounts"])
    plain = (*BRIEF, "--yes", "--enforced-is-enough", "--set", "ulimit-core=0")
    for words in (("harden", name, *(plain if has_volume else WORDS["harden"])), ("undo", name, *BRIEF)):
        code, out, err = scene.stratascope(*words)
        assert code == 0, (words, out, err)
        assert wrong(scene, name) == []


def test_the_engine_is_killed(scene: Scene) -> None:
    """At five moments; the program ends by itself and says what to do."""
    draw = drawn()
    wholes = {verb: duration(scene, verb) for verb in ("harden", "undo")}
    for turn, verb in enumerate(("harden", "undo", "harden", "undo", "harden")):
        name, moment = f"beneath-{verb}-{turn}", draw.random() * wholes[verb]
        prepare(scene, verb, name)
        child = begin(scene, verb, name)
        time.sleep(moment)
        kill_engine(scene.rig)
        try:
            out, err = child.communicate()
        finally:
            scene.rig.start()
        last = json.loads(out.splitlines()[-1]) if out.strip() else {}
        when = f"{name} at {moment:.2f} of {wholes[verb]:.2f} s"
        assert last.get("result") in STAYS or last.get("why") or err, (when, out, err)
        recovered(scene, name, when)


def test_a_disk_that_is_full_beneath_the_new_volume(scene: Scene) -> None:
    """The engine can't copy the data there: rolled back, told, and nothing of it is left."""
    form = "{{.DockerRootDir}}/volumes" if scene.rig.kind == "docker" else "{{.Store.VolumePath}}"
    place = scene.rig.run("info", "--format", form)
    inside = ("nsenter", f"--mount=/proc/{scene.rig.daemon_pids()[0]}/ns/mnt", "--")
    subprocess.run((*inside, "mkdir", "-p", place), check=True)
    subprocess.run((*inside, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place), check=True)
    name = "full-disk"
    try:
        scene.start(name)
        scene.keep(name)
        scene.rig.run("exec", name, "sh", "-c", f"head -c 4000000 /dev/urandom > {KEPT}/large")
        original = scene.originals[name]
        code, out, err = scene.stratascope("harden", name, *WORDS["harden"])
        last = json.loads(out.splitlines()[-1])
        assert (code, last["result"]) == (4, "rolled-back"), (last, err)
        assert "no space left" in (last["why"] + last["words"] + last["log"]).lower(), last
        assert wrong(scene, name) == []
        assert scene.all(name) == {name: (original, True)}
        assert (scene.kept(name).parent / "large").stat().st_size == 4000000
        assert not [each for each in scene.rig.run("volume", "ls", "-q").split() if each.startswith(f"{name}-")]
        assert scene.stratascope("recover") == (0, "", "")
    finally:
        scene.clear()
        scene.originals.clear()
        subprocess.run((*inside, "umount", "-l", place), check=True)
