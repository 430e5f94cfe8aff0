"""A relaunch that fails without a word: what breaks it is found on twins, on real engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig

# It needs one capability, and says nothing when it has not got it
MUTE = ("sh", "-c", "chown 7:7 /w 2>/dev/null || exit 3; trap 'exit 0' TERM; sleep 3600 & wait")
WANTED = ("--set", "no-new-privileges=on", "--set", "capabilities=none", "--set", "ulimit-core=0")


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def test_what_breaks_it_is_found_and_what_works_works(desk: Desk) -> None:
    original = start(desk, "--tmpfs", "/w", command=MUTE)
    code, last, err = desk.harden(*WANTED)
    assert (code, last["result"], last["suspects"]) == (4, "rolled-back", []), (last, err)
    assert "half of them" not in last["blame"]
    assert last["search"]["breaks"] == ["capabilities"], last["search"]
    chosen = {item["id"]: item["value"] for item in last["search"]["works_with"]}
    assert set(chosen) == {"no-new-privileges", "ulimit-core"}
    assert list(desk.all()) == [NAME], "no twin is left"
    assert desk.only_one_runs() == original
    code, last, err = desk.harden(*(word for item in chosen.items() for word in ("--set", "=".join(item))))
    assert (code, last["result"], last["search"]) == (0, "enforced", None), (last, err)


def test_for_people_the_command_that_works_is_told(desk: Desk) -> None:
    start(desk, "--tmpfs", "/w", command=MUTE)
    code, out, err = desk.run("harden", NAME, "--yes", "--watch", "1", *WANTED)
    assert code == 4, (out, err)
    assert "It does not work with capabilities." in out
    assert "--set no-new-privileges=on --set ulimit-core=0" in out
    code, out, _ = desk.run("harden", NAME, "--yes", "--watch", "1", "--no-search", *WANTED)
    assert (code, "twin" in out) == (4, False)


def test_where_there_is_no_twin_it_is_said_why(desk: Desk) -> None:
    start(desk, "--tmpfs", "/w", "--uts", "host", command=MUTE)
    code, last, _ = desk.harden(*WANTED)
    assert (code, last["search"]["breaks"]) == (4, [])
    assert "No copy of it" in last["search"]["why"]
    assert "host name" in last["search"]["why"]
