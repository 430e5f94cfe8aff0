"""`denials` where there is nothing to watch, or nobody may: what is said all the same, on real engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.engine import Rig
from rig.ordinary import as_user

FULL = "touch: /x: Read-only file system"
SAYS = ("sh", "-c", f"trap 'exit 0' TERM; echo '{FULL}' >&2; sleep 3600 & wait")


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    yield from _desk(each_api, tmp_path)


@pytest.fixture
def watching(hybrid_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    yield from _desk(hybrid_engine, tmp_path)


@pytest.fixture
def theirs(podman_rootless: Rig, tmp_path: Path) -> Iterator[Desk]:
    yield from _desk(podman_rootless, tmp_path)


def _desk(rig: Rig, state: Path) -> Iterator[Desk]:
    found = Desk(rig, state)
    yield found
    for name in found.all():
        rig.run("rm", "-f", name)


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_that_restarts_all_the_time_is_answered_at_once(desk: Desk) -> None:
    start(desk, "--restart", "always", "--read-only", command=("sh", "-c", f"echo '{FULL}' >&2; sleep 0.5; exit 3"))
    while int(desk.rig.run("inspect", "--format", "{{.RestartCount}}", NAME)) < 1:
        pass
    code, out, err = desk.run("denials", NAME, "--json")  # whether or not it happens to run at this moment
    assert code == 0, err
    (told,) = lines(out)
    assert told["ended"]["state"] == "restarting"
    assert told["ended"]["restarts"] >= 1
    assert (told["ended"]["cause"]["layer"], told["ended"]["cause"]["certain"]) == ("namespaces", False)


def test_one_that_ends_while_it_is_watched(watching: Desk) -> None:
    ask = "while [ ! -e /w/ask ]; do chown 7:7 /w; sleep 0.2; done; chown 7:7 /w/ask || exit 4"
    start(watching, "--tmpfs", "/w", "--cap-drop", "CHOWN", command=("sh", "-c", ask))
    child = watching.popen("denials", NAME, "--json")
    with child:
        assert child.stdout is not None
        first = child.stdout.readline()  # it is watched by now
        watching.rig.run("exec", NAME, "touch", "/w/ask")
        *refused, last = lines(first + child.stdout.read())
    assert child.returncode == 0
    assert {each["layer"] for each in refused if each["syscall"].startswith("chown")} == {"capabilities"}
    assert (last["ended"]["state"], last["ended"]["exit_code"]) == ("exited", 4)
    assert last["ended"]["cause"]["layer"] == "capabilities"
    assert last["ended"]["cause"]["certain"], "the observer saw it"
    assert last["ended"]["cause"]["remedies"][0]["opens"] is not None, "by what it was when it ran"


def test_without_root_its_log_is_a_guess_and_root_a_sentence(theirs: Desk) -> None:
    start(theirs, "--read-only", command=SAYS)
    done = as_user("denials", NAME, endpoint=f"podman={theirs.rig.endpoint}")
    assert done.returncode == 2, "it was not watched"
    guess = done.stdout
    assert guess.startswith("What is known without watching it:")
    assert "This is a guess. The last line of its log points to it." in guess
    assert FULL in guess
    assert "root" in done.stderr or "password" in done.stderr
    done = as_user("denials", NAME, "--json", endpoint=f"podman={theirs.rig.endpoint}")
    assert done.returncode == 2
    (told,) = lines(done.stdout)
    assert told["unwatched"]["state"] == "running"
    assert (told["unwatched"]["cause"]["layer"], told["unwatched"]["cause"]["certain"]) == ("namespaces", False)


def test_without_root_and_without_a_word_that_is_said(theirs: Desk) -> None:
    start(theirs)
    done = as_user("denials", NAME, endpoint=f"podman={theirs.rig.endpoint}")
    assert done.returncode == 2
    assert "nothing is known about refusals" in done.stdout
    assert done.stderr
