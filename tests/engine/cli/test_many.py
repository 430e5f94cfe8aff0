"""Several containers by one command on real engines: all of them or none, whatever happens in the middle."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, QUICK, STAYS, Desk
from rig.fixtures import Engines, left_out

HARDEN = ("--set", "no-new-privileges=on")
REPLICAS = tuple(f"{NAME}-{number}" for number in (1, 2, 3))
IMAGE = f"{NAME}:many"
DATA = f"{NAME}-db"
# ends where its root can't be written
WRITES = ("sh", "-c", "mkdir -p /var/cache; date > /var/cache/started || exit 7; trap 'exit 0' TERM; sleep 3600 & wait")


@pytest.fixture
def desk(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(engines.get(request.param), tmp_path)
    yield found
    while left := found.all():
        found.rig.remove(*left)
        assert len(found.all()) < len(left)
    found.rig.run("rmi", IMAGE, check=False)


def start(desk: Desk, name: str, *options: str, command: tuple[str, ...] = QUICK) -> str:
    """From an image of their own: the engine may have containers of other tests."""
    desk.rig.run("tag", "busybox", IMAGE)
    return desk.rig.run("run", "-d", "--name", name, *options, IMAGE, *command).splitlines()[-1]


def service(desk: Desk) -> dict[str, str]:
    """Three replicas, and a database with a volume."""
    found = {name: start(desk, name) for name in REPLICAS}
    found[DATA] = start(desk, DATA, "-v", "/data")
    desk.rig.run("exec", DATA, "sh", "-c", "echo kept > /data/mark")
    return found


def many(desk: Desk, verb: str, *words: str) -> tuple[int, list[dict[str, Any]], dict[str, Any], str]:
    """Exit code, the last line of each container, and the one for all."""
    yes = ("--yes", "--enforced-is-enough") if verb == "harden" else ()
    code, out, err = desk.run(verb, "--json", "--watch", "0.5", *yes, *words)
    lines = [json.loads(line) for line in out.splitlines()]
    return code, [line for line in lines[:-1] if "result" in line], lines[-1] if lines else {}, err


def running(desk: Desk) -> dict[str, str]:
    return {name: number for name, (number, status) in desk.all().items() if status == "running"}


def hardened(desk: Desk) -> set[str]:
    return {
        name
        for name, number in running(desk).items()
        if "NoNewPrivs:\t1" in Path(f"/proc/{desk.rig.pid(number)}/status").read_text()
    }


def groups(desk: Desk) -> list[Path]:
    return list(Path(desk.environ["XDG_STATE_HOME"]).glob("stratascope/relaunches/*.group"))


@pytest.mark.parametrize("desk", left_out("docker_rootful", "podman_rootful"), indirect=True)
def test_all_that_share_an_image_and_back(desk: Desk) -> None:
    before = service(desk)
    code, each, last, err = many(desk, "harden", "--image", IMAGE, *HARDEN, "--dry-run")
    assert (code, last["result"], running(desk)) == (0, "possible", before), err
    code, each, last, err = many(desk, "harden", "--image", IMAGE, *HARDEN)
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert [item["name"] for item in last["containers"]] == [item["name"] for item in each] == [*REPLICAS, DATA]
    assert {item["name"]: item["replacement_id"] for item in each} == running(desk)
    assert hardened(desk) == set(before)
    assert not set(before.values()) & set(running(desk).values())
    assert all(item["toggles"][0]["outcome"] == "enforced" for item in each)
    desk.rig.run("exec", DATA, "grep", "-qx", "kept", "/data/mark")
    assert groups(desk) == []
    # one of them names the others, and takes them along where it is told to
    code, out, err = desk.run("undo", REPLICAS[1], "--dry-run")
    assert (code, f"{REPLICAS[0]}, {REPLICAS[2]}, {DATA}" in out) == (0, True), (out, err)
    code, each, last, err = many(desk, "undo", REPLICAS[1], "--group")
    assert (code, last["result"], running(desk)) == (0, "verified", before), (last, err)
    assert {item["result"] for item in last["containers"]} == {"verified"}
    desk.rig.run("exec", DATA, "grep", "-qx", "kept", "/data/mark")


@pytest.mark.parametrize("desk", left_out("docker_rootful", "podman_rootful"), indirect=True)
def test_one_that_fails_undoes_those_before(desk: Desk) -> None:
    before = {name: start(desk, name, command=WRITES if name == REPLICAS[1] else QUICK) for name in REPLICAS}
    words = (*REPLICAS, *HARDEN, "--set", "read-only-root=on")
    code, each, last, err = many(desk, "harden", *words)
    assert (code, last["result"]) == (4, "rolled-back"), (last, err)
    assert [item["result"] for item in last["containers"]] == ["rolled-back", "rolled-back", "refused"]
    assert "7" in each[1]["why"]
    assert ("later one failed" in each[0]["why"], "earlier one failed" in each[2]["why"]) == (True, True)
    assert (running(desk), set(desk.all())) == (before, set(before)), "and nothing is left set aside"
    assert groups(desk) == []
    code, each, last, err = many(desk, "harden", *words, "--keep-done")
    assert (code, [item["result"] for item in last["containers"]]) == (4, ["enforced", "rolled-back", "refused"])
    assert hardened(desk) == {REPLICAS[0]}
    assert running(desk)[REPLICAS[1]] == before[REPLICAS[1]]
    assert many(desk, "undo", REPLICAS[0])[0] == 0
    assert running(desk) == before


@pytest.mark.parametrize("desk", left_out("docker_rootful"), indirect=True)
def test_one_refusal_changes_nothing(desk: Desk) -> None:
    before = service(desk)
    desk.rig.run("exec", DATA, "touch", "/etc/mine")
    code, each, last, _ = many(desk, "harden", *REPLICAS, DATA, *HARDEN)
    assert (code, last["result"]) == (3, "refused")
    assert {item["name"]: [block["code"] for block in item["blocks"]] for item in each} == {
        **{name: [] for name in REPLICAS},
        DATA: ["writable-layer"],
    }
    assert running(desk) == before
    assert set(desk.all()) == set(before)
    code, _, err = desk.run("harden", REPLICAS[0], f"{NAME}-none", *HARDEN, "--yes")
    assert (code, running(desk)) == (2, before), err


@pytest.mark.slow
@pytest.mark.parametrize("desk", left_out("docker_rootful", "podman_rootful"), indirect=True)
def test_what_uses_its_namespaces_is_hardened_in_the_same_relaunch(desk: Desk) -> None:
    before = {NAME: start(desk, NAME)}
    side = before[f"{NAME}-side"] = start(desk, f"{NAME}-side", "--network", f"container:{NAME}")
    code, each, last, err = many(desk, "harden", f"{NAME}-side", NAME, *HARDEN)
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    now = running(desk)
    assert {item["name"]: item["replacement_id"] for item in each} == now
    assert now[f"{NAME}-side"] != side
    assert hardened(desk) == set(before)
    nets = {Path(f"/proc/{desk.rig.pid(number)}/ns/net").readlink() for number in now.values()}
    assert len(nets) == 1
    assert many(desk, "undo", NAME)[0] == 0
    assert running(desk) == before


@pytest.mark.slow
@pytest.mark.parametrize("desk", left_out("docker_rootful", "podman_rootful"), indirect=True)
def test_killed_in_the_middle_leaves_all_or_none(desk: Desk) -> None:
    """The moments are drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    before = {name: start(desk, name) for name in REPLICAS}
    for lines in (draw.randrange(1, 15), draw.randrange(15, 30), draw.randrange(30, 44)):
        _killed(desk, before, ("harden", "--yes", *REPLICAS, *HARDEN), lines, draw.random() * 0.1)
        now = running(desk)
        assert set(now) == set(before)
        assert hardened(desk) in (set(), set(before)), lines
        if now == before:
            assert set(desk.all()) == set(before), lines
            assert many(desk, "harden", *REPLICAS, *HARDEN)[0] == 0
        assert hardened(desk) == set(before)
        _killed(desk, before, ("undo", REPLICAS[0], "--group"), draw.randrange(2, 30), draw.random() * 0.1)
        if hardened(desk):  # it was killed before it began
            assert hardened(desk) == set(before)
            assert many(desk, "undo", REPLICAS[2], "--group")[0] == 0
        assert running(desk) == before
        for name in REPLICAS:
            assert desk.run("discard", name)[0] == 0
        assert set(desk.all()) == set(before)


def _killed(desk: Desk, before: dict[str, str], words: tuple[str, ...], lines: int, moment: float) -> None:
    child = desk.popen(words[0], "--json", "--watch", "0.2", *words[1:])
    assert child.stdout is not None
    for _ in range(lines):
        child.stdout.readline()
    time.sleep(moment)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    code, out, err = desk.run("recover")
    assert code == 0, (out, err)
    assert set(running(desk)) == set(before), (lines, out)
    assert groups(desk) == [], (lines, out)


@pytest.mark.slow
@pytest.mark.parametrize("desk", left_out("docker_rootful"), indirect=True)
def test_one_of_a_kind_is_tried_for_all(desk: Desk) -> None:
    before = {name: start(desk, name) for name in REPLICAS}
    before[DATA] = start(desk, DATA, command=("sleep", "3600"))
    code, out, err = desk.run(
        "tighten", *before, "--repeat", "1", "--yes", "--enforced-is-enough", "--watch", "0.5", "--json"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, lines[-1]["result"]) == (0, "enforced"), (lines[-1], err)
    assert {line["name"] for line in lines if "trial" in line} == {REPLICAS[0], DATA}
    each = {line["name"]: line for line in lines[:-1] if "result" in line}
    assert set(each) == set(before) == hardened(desk)
    assert each[REPLICAS[2]]["choices"] == each[REPLICAS[0]]["choices"] != []
    assert desk.run("undo", DATA, "--group", "--watch", "0")[0] == 0
    assert running(desk) == before


def test_nothing_named_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from stratascope.__main__ import main

    for words in (["harden"], ["undo"], ["tighten"]):
        assert main(words) == 2
        assert "--project" in capsys.readouterr().err
