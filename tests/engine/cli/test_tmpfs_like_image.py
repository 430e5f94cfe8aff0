"""A tmpfs in the place of a folder of the image: owner, mode and content are as they were, as far as the engine can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk
from rig.engine import Rig

IMAGE = "localhost/stratascope-test-places:1"
MADE = (
    "mkdir -p /srv/theirs /srv/roots /srv/filled; echo kept > /srv/filled/seed; "
    "chown 7:8 /srv/theirs; chmod 2750 /srv/theirs; chmod 700 /srv/roots"
)
# The program's name says that it passes, too: how long it lies there decides whether a poll sees it
WORKS = (
    "trap 'exit 0' TERM; cp /bin/busybox /srv/roots/busybox.pid && /srv/roots/busybox.pid true || exit 5; "
    "rm /srv/roots/busybox.pid; "
    "while :; do touch /srv/theirs/a.pid /srv/roots/a.pid || exit 6; sleep 0.2; done"
)
PLACES = ("srv/theirs", "srv/roots")


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(any_engine, tmp_path)
    any_engine.run("run", "--name", f"{NAME}-base", "busybox", "sh", "-c", MADE)
    any_engine.run("commit", f"{NAME}-base", IMAGE)
    yield found
    for name in found.all():
        any_engine.run("rm", "-f", name)
    any_engine.run("rmi", "-f", IMAGE, check=False)


def places(desk: Desk) -> dict[str, tuple[int, int, int]]:
    root = Path(f"/proc/{desk.rig.pid(NAME)}/root")
    found = {place: (root / place).stat() for place in PLACES}
    return {place: (state.st_uid, state.st_gid, state.st_mode & 0o7777) for place, state in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("any_engine", ["docker_rootful", "podman_rootful"], indirect=True)
def test_owner_and_mode(desk: Desk) -> None:
    """As root, and as the user who then has what was root's. Podman has no owner but root and that user."""
    podman = desk.rig.kind == "podman"
    desk.rig.run("run", "-d", "--name", NAME, IMAGE, "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
    before = places(desk)
    assert before == {"srv/theirs": (7, 8, 0o2750), "srv/roots": (0, 0, 0o700)}
    tmpfs = ("--set", "tmpfs=/srv/theirs,/srv/roots")
    assert desk.harden(*tmpfs)[0] == 0
    assert places(desk) == {**before, **({"srv/theirs": (0, 0, 0o1777)} if podman else {})}
    assert desk.run("undo", NAME)[0] == 0
    assert desk.run("discard", NAME)[0] == 0
    assert desk.harden(*tmpfs, "--set", "user=1000:1001")[0] == 0
    assert places(desk)["srv/roots"] == (1000, 1001, 0o700)


@pytest.mark.parametrize("any_engine", ["docker_rootful", "podman_rootful"], indirect=True)
def test_learned(desk: Desk) -> None:
    """Where it has pid files and sockets alone; programs that it runs from there can be run."""
    desk.rig.run("run", "-d", "--name", NAME, IMAGE, "sh", "-c", WORKS)
    out = desk.run("tighten", NAME, "--repeat", "1", "--dry-run", "--json")[1]
    trials = [json.loads(line) for line in out.splitlines() if "trial" in json.loads(line)]
    chosen = {item["id"]: item["value"] for item in json.loads(out.splitlines()[-1])["choices"]}
    assert {"/srv/theirs", "/srv/roots"} <= set(chosen["tmpfs"].split(",")), trials
    assert chosen.get("read-only-root") == "on", trials
