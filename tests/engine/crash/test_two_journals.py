"""Two users harden one container at once, each with a journal of their own; and one of them cleans up after the other.

The second one is tried in a network namespace of its own too: there it sees nothing of the first one but what the
engine says, as if it were on another machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.crash.scene import HARDEN, POINTS, Point, Scene, points
from rig.cli.hardened import STAYS
from rig.engine import Rig
from stratascope.core.relaunch.transaction import Stage

# With the replacement made; before the original stops; before the names change; before it starts; while it is watched
MOMENTS = ("write created", "write stopping", "write stopped", "write renamed", "write verified")
ELSEWHERE = ("unshare", "--net", "--")


@pytest.fixture
def scenes(each_api: Rig, tmp_path: Path) -> tuple[Scene, Scene]:
    return Scene(each_api, tmp_path / "one"), Scene(each_api, tmp_path / "two")


def harden(scene: Scene, name: str, *before: str) -> tuple[int, dict[str, object]]:
    words = (
        "-m",
        "stratascope",
        "harden",
        name,
        "--yes",
        "--json",
        "--enforced-is-enough",
        "--watch",
        "0",
        "--set",
        "no-new-privileges=on",
    )
    child = scene.python(*words, before=before)
    out, err = child.communicate()
    return child.returncode, json.loads(out.splitlines()[-1]) if out else {"why": err}


@pytest.mark.slow
@pytest.mark.parametrize("before", [(), ELSEWHERE], ids=["by-the-kernel", "by-the-engine"])
def test_only_one_of_two_goes_on(scenes: tuple[Scene, Scene], before: tuple[str, ...]) -> None:
    one, two = scenes
    try:
        for moment in MOMENTS:
            name = f"crash-two-{moment.rpartition(' ')[2]}"
            one.start(name)
            first = one.python(
                str(Path(__file__).parent / "dying.py"), "wait", str(HARDEN.index(moment)), "harden", name
            )
            assert first.stdout is not None
            while first.stdout.readline() != "here\n":
                pass
            code, last = harden(two, name, *before)
            out, err = first.communicate("\n")
            assert (code, last.get("result", "refused")) == (3, "refused"), (moment, last)
            assert json.loads(out.splitlines()[-1])["ending"] in STAYS, (moment, out, err)
            assert one.wrong_with(name, goes_on=True) == [], moment
            assert two.entry(name) == ()
    finally:
        one.clear()


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["harden", "undo"])
def test_what_a_crash_left_is_put_right_by_another_user(scenes: tuple[Scene, Scene], verb: str) -> None:
    """And what the one whose relaunch it was makes of it afterwards."""
    one, two = scenes
    marked = {"harden": HARDEN.index("create"), "undo": POINTS["undo"].index("rename")}[verb]
    last = POINTS[verb].index("write verified")
    chosen = [point for point in points(verb) if point.how == "at" and marked <= point.number < last][::8]
    try:
        for point in chosen:
            one.kill_one(point)
            if Point(verb, "at", point.number).goes_on:
                continue
            code, out, err = two.stratascope("recover")
            assert (code, err) == (0, ""), point.name
            assert point.container in out, point.name
            there = one.all(point.container)
            assert [name for name, (_, runs) in there.items() if runs] == [point.container], (point.name, there)
            assert (there[point.container][0] == one.originals[point.container]) is (verb == "harden"), point.name
            assert one.policy(point.container) == "always", point.name
            assert not any(name.startswith("stratascope-") for name in there), (point.name, there)
            assert two.entry(point.container) == ()
            assert one.stratascope("recover")[0] == 0
            assert one.wrong(point) == [], point.name
            assert all(item.stage is Stage.DONE for item in one.entry(point.container))
    finally:
        one.clear()


@pytest.mark.slow
def test_what_is_alive_is_left_alone_by_another_users_recover(scenes: tuple[Scene, Scene]) -> None:
    one, two = scenes
    try:
        one.start("crash-two-alive")
        words = ("wait", str(HARDEN.index("write verified")), "harden", "crash-two-alive")
        first = one.python(str(Path(__file__).parent / "dying.py"), *words)
        assert first.stdout is not None
        while first.stdout.readline() != "here\n":
            pass
        before = one.all("crash-two-alive")
        assert two.stratascope("recover") == (0, "", "")
        assert one.all("crash-two-alive") == before
        out, _ = first.communicate("\n")
        assert json.loads(out.splitlines()[-1])["ending"] in STAYS
    finally:
        one.clear()
