"""The program killed at every engine call and journal write of a relaunch on a real engine, and `recover`.

Afterwards exactly one container runs, under the right name and with its restart policy, volumes and data; nothing else
is left but what the journal has as set aside; and a second `recover` changes nothing.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.crash.scene import ENDED, FILLED, POINTS, Point, Scene, points
from rig.engine import KINDS, Rig
from rig.fixtures import Engines

ROOTFUL = [name for name in KINDS if name.endswith("rootful")]
VERBS = ("harden", "undo", *ENDED, *FILLED)
BUSY = 60.0  # seconds in which another one has put a container right
SETTLED = 3.0  # seconds after which an engine has done what was under way


@pytest.fixture
def scene(any_engine: Rig, tmp_path: Path) -> Iterator[Scene]:
    found = Scene(any_engine, tmp_path)
    yield found
    found.clear()


def told(scene: Scene, point: Point, mended: bool) -> list[str]:
    """What is wrong with that point's container; printed, too."""
    wrong = scene.wrong(point)
    kept = "replacement" if point.goes_on is (point.verb in ("harden", "repair", "fill")) else "original"
    words = "; ".join(wrong) or f"the {kept} has its place, {'mended' if mended else 'was whole'}"
    sys.stdout.write(f"{scene.rig.name:16} {point.name:32} {words}\n")
    return wrong


def recovered(scene: Scene, chosen: tuple[Point, ...]) -> None:
    """All of them killed, and one `recover` for all, as after a crash of the machine."""
    scene.kill(chosen)
    code, out, err = scene.stratascope("recover")
    assert (code, err) == (0, "")
    mended = {line.partition(":")[0] for line in out.splitlines()}
    wrong = {point.name: told(scene, point, point.container in mended) for point in chosen}
    assert not any(wrong.values()), wrong
    before = [scene.all(point.container) for point in chosen]
    assert scene.stratascope("recover") == (0, "", "")
    assert [scene.all(point.container) for point in chosen] == before
    assert not any(scene.wrong(point) for point in chosen)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.slow
def test_killed_at_every_point(scene: Scene, verb: str) -> None:
    recovered(scene, tuple(point for point in points(verb) if point.how == "at"))


def at_once(rig: Rig, state: Path, chosen: tuple[Point, ...]) -> None:
    """Killed while the engine is still at it, and recovered at once, each with a journal of its own.

    Side by side, but for what was verified before: another one's `recover` would take that back, as its journal alone
    says so.
    """
    scenes = {point: Scene(rig, state / point.container) for point in chosen}

    def one(point: Point) -> list[str]:
        scenes[point].kill_one(point)
        until = time.monotonic() + BUSY
        code, out, err = scenes[point].stratascope("recover")
        # the `recover` of another scene, which runs beside this one, puts right what any dead program left
        while code == 0 and "is working on it right now" in err and time.monotonic() < until:
            time.sleep(1)
            code, out, err = scenes[point].stratascope("recover")
        assert (code, err) == (0, ""), point.name
        first = told(scenes[point], point, bool(out))
        time.sleep(SETTLED)
        return first or scenes[point].wrong(point)

    try:
        with ThreadPoolExecutor(3) as pool:
            undone = [point for point in chosen if not point.goes_on]
            wrong = dict(zip([point.name for point in undone], pool.map(one, undone), strict=True))
        wrong |= {point.name: one(point) for point in chosen if point.goes_on}
        assert not any(wrong.values()), wrong
    finally:
        for scene in scenes.values():
            scene.clear()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in FILLED])
@pytest.mark.slow
def test_killed_in_every_call_and_recovered_at_once(any_engine: Rig, tmp_path: Path, verb: str) -> None:
    at_once(any_engine, tmp_path, tuple(point for point in points(verb) if point.how == "in"))


@pytest.mark.parametrize("name", ROOTFUL)
def test_points_drawn_anew_each_time(engines: Engines, name: str, tmp_path: Path) -> None:
    """The seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    every = [point for verb in VERBS if verb not in FILLED for point in points(verb)]
    scene = Scene(engines.get(name), tmp_path / "at")
    try:
        recovered(scene, tuple(draw.sample([point for point in every if point.how == "at"], 3)))
    finally:
        scene.clear()
    at_once(engines.get(name), tmp_path / "in", (draw.choice([point for point in every if point.how == "in"]),))


@pytest.mark.parametrize("verb", VERBS)
def test_no_point_is_left_out(docker_rootful: Rig, tmp_path: Path, verb: str) -> None:
    """Run through, a relaunch passes exactly the points that are listed."""
    scene = Scene(docker_rootful, tmp_path)
    try:
        whole = Point(verb, "at", 99)
        scene.start_ended(whole.container) if verb in ENDED else scene.start(whole.container)
        if verb in FILLED:
            scene.keep(whole.container)
        child = scene.dying(whole)
        out, err = child.communicate()
        assert (child.returncode, err) == (0, "")
        assert tuple(out.splitlines()) == POINTS[verb]
        if verb in FILLED:
            assert scene.wrong_filled(whole.container, goes_on=True, back=verb == "unfill") == []
        elif verb in ENDED:
            assert scene.wrong_ended(whole.container, goes_on=True, back=verb == "back") == []
        else:
            assert scene.wrong_with(whole.container, goes_on=True, undone=verb == "undo") == []
    finally:
        scene.clear()
