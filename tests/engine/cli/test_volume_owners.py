"""Another user with the files of its own volumes: on real engines, there and back, on twins, and where not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, desk_at, start
from rig.engine import Rig

# Root's files, and some of others; then it goes on writing as whoever it is, and ends where it may not
WRITES = (
    "cd /own; [ -e data ] || { echo kept > data; mkdir -p below; echo kept > below/theirs; chown 7:7 below/theirs; "
    "chmod 4755 data; ln -s /etc/passwd link; }; trap 'exit 0' TERM; "
    "while :; do echo more >> log || exit 3; sleep 0.2; done"
)
CHANGED = ("--set", "user=1000:1001", "--set", "volume-owner=change")
Owners = dict[str, tuple[int, int, int]]


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found
    any_engine.run("rm", "-f", "other-user", check=False)
    any_engine.run("volume", "rm", "-f", "own-volume", check=False)


def own(desk: Desk, script: str = WRITES) -> str:
    """One that has made its files."""
    found = start(desk, "-v", "own-volume:/own", command=("sh", "-c", script))
    log = Path(f"/proc/{desk.rig.pid(NAME)}/root/own/log")
    deadline = time.monotonic() + 60
    while not log.exists():
        assert time.monotonic() < deadline, "no files in a minute"
        time.sleep(0.05)
    return found


def owners(desk: Desk) -> Owners:
    """By path, as the container counts."""
    pid = desk.rig.pid(NAME)
    top, found = Path(f"/proc/{pid}/root/own"), {}
    maps = [line.split() for line in Path(f"/proc/{pid}/uid_map").read_text().splitlines()]

    def inside(number: int) -> int:
        return next(int(a) + number - int(b) for a, b, n in maps if int(b) <= number < int(b) + int(n))

    for path in (top, *top.rglob("*")):
        state = path.lstat()
        found[str(path.relative_to(top))] = (inside(state.st_uid), inside(state.st_gid), state.st_mode)
    return found


def test_there_and_back(desk: Desk) -> None:
    original = own(desk)
    before = owners(desk)
    code, last, err = desk.harden(*CHANGED)
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert {item["id"]: item["outcome"] for item in last["toggles"]} == {"user": "enforced", "volume-owner": "enforced"}
    after = owners(desk)
    assert {path: each[:2] for path, each in after.items() if path != "below/theirs"} == {
        path: (1000, 1001) for path in before if path != "below/theirs"
    }
    assert after["below/theirs"] == before["below/theirs"]
    assert {path: each[2] for path, each in after.items()} == {path: each[2] for path, each in before.items()}
    assert desk.run("undo", NAME)[0] == 0
    assert desk.only_one_runs() == original
    written = {"log": (1000, 1001, before["log"][2])}  # since then, so it stays with who wrote it
    assert owners(desk) == before | written


@pytest.mark.slow
def test_what_fails_goes_back_with_its_owners(desk: Desk) -> None:
    """A program that ends as another user."""
    script = f"[ $(id -u) = 0 ] || exit 7; {WRITES}"
    original = own(desk, script)
    before = owners(desk)
    code, last, _ = desk.harden(*CHANGED)
    assert (code, last["result"]) == (4, "rolled-back")
    assert desk.only_one_runs() == original
    assert owners(desk) == before


def test_a_volume_of_another_container_stays(desk: Desk) -> None:
    """Also where that one does not run."""
    original = own(desk)
    desk.rig.run("create", "--name", "other-user", "-v", "own-volume:/there", "busybox", "true")
    before = owners(desk)
    code, _, err = desk.harden(*CHANGED)
    assert code == 2
    assert "Other containers also use these volumes" in err
    assert desk.only_one_runs() == original
    assert owners(desk) == before


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_a_folder_above_it_that_another_container_writes_to(desk: Desk, mode: str) -> None:
    """Which could put a link, or a name of a file elsewhere, in the way; not where it only reads."""
    own(desk)
    place = Path(desk.rig.run("volume", "inspect", "-f", "{{.Mountpoint}}", "own-volume"))
    desk.rig.run("create", "--name", "other-user", "-v", f"{place.parents[1]}:/there:{mode}", "busybox", "true")
    code, _, err = desk.harden(*CHANGED, "--dry-run")
    assert (code, "Other containers also use these volumes" in err) == ((2, True) if mode == "rw" else (0, False)), err


def test_an_id_mapped_volume_is_refused(podman_rootful: Rig, tmp_path: Path) -> None:
    """On the disk its files have the owners that it sees: none was changed, and that was called enforced."""
    desk = Desk(podman_rootful, tmp_path)
    try:
        own = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536", "-v", "own-volume:/own:idmap")
        original = start(desk, *own, command=("sh", "-c", WRITES))
        code, _, err = desk.harden(*CHANGED)
        assert code == 2
        assert "no file can be handed over" in err
        assert desk.only_one_runs() == original
    finally:
        podman_rootful.remove(NAME)
        podman_rootful.run("volume", "rm", "-f", "own-volume", check=False)


@pytest.mark.slow
@pytest.mark.parametrize("any_engine", ["docker_rootful", "podman_rootful"], indirect=True)
def test_tightened_with_its_volume(desk: Desk) -> None:
    """Root that writes to nothing but its own volume becomes nobody in particular; twins left no mark."""
    own(desk)
    before = owners(desk)
    out = desk.run("tighten", NAME, "--repeat", "1", "--dry-run", "--json")[1]
    trials = [json.loads(line) for line in out.splitlines() if "trial" in json.loads(line)]
    chosen = {item["id"]: item["value"] for item in json.loads(out.splitlines()[-1])["choices"]}
    assert chosen["user"] == "65534:65534", trials
    assert chosen["volume-owner"] == "change"
    assert owners(desk) == before
