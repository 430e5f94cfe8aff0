"""A container that has ended, relaunched with what it lacked: it runs then, and where it does not all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, desk_at, start
from rig.engine import KINDS, Rig

LACKING = ("sh", "-c", "mkdir -p /made || exit 3; trap 'exit 0' TERM; sleep 3600 & wait")
HUNGRY = ("sh", "-c", "dd if=/dev/zero of=/dev/null bs=40M count=1 || exit 1; trap 'exit 0' TERM; sleep 3600 & wait")
STOPPED, RUNNING = "stopped", "running"


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found


def ended(desk: Desk, *options: str, command: tuple[str, ...] = LACKING) -> str:
    number = start(desk, *options, command=command)
    desk.rig.run("wait", NAME)
    return number


@pytest.mark.parametrize("any_engine", KINDS, indirect=True)
def test_it_runs_with_what_it_lacked_and_goes_back(desk: Desk) -> None:
    number = ended(desk, "--read-only")
    code, last, err = desk.harden("--set", "no-new-privileges=on")
    assert (code, [block["code"] for block in last["blocks"]]) == (3, ["not-running"]), err
    code, last, err = desk.harden("--set", "masked-paths=off")
    assert (code, last["result"]) == (4, "rolled-back"), err
    assert "It ended again" in last["blame"]
    assert desk.all() == {NAME: (number, STOPPED)}
    code, last, err = desk.harden("--set", "read-only-root=off")
    assert (code, last["result"], last["before"]) == (0, "enforced", None), err
    assert last["predicted"]["exposure"] == last["after"]["exposure"]
    aside = next(name for name in desk.all() if name != NAME)
    new = last["replacement_id"]
    assert desk.all() == {NAME: (new, RUNNING), aside: (number, STOPPED)}
    code, _, err = desk.run("undo", NAME)
    assert code == 0, err
    there = desk.all()
    assert there.pop(NAME) == (number, STOPPED)
    assert list(there.values()) == [(new, STOPPED)]
    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, err
    assert desk.all()[NAME] == (new, RUNNING)


@pytest.mark.slow
@pytest.mark.parametrize("any_engine", ["docker_rootful", "podman_rootful"], indirect=True)
def test_a_limit_that_it_exceeded(desk: Desk) -> None:
    ended(desk, "--memory", "24m", "--memory-swap", "24m", command=HUNGRY)
    code, last, err = desk.harden("--set", "memory=96m")
    assert (code, last["result"] in STAYS) == (0, True), err
    assert desk.all()[NAME] == (last["replacement_id"], RUNNING)


def test_what_was_started_meanwhile_is_left_alone(docker_rootful: Rig, tmp_path: Path) -> None:
    """Of one that runs again nobody knows that it lacks anything."""
    desk = Desk(docker_rootful, tmp_path)
    try:
        number = start(desk, "--read-only", command=("sh", "-c", "sleep 3600"))
        docker_rootful.run("kill", NAME)
        docker_rootful.run("wait", NAME)
        child = desk.popen("harden", NAME, "--json", "--set", "read-only-root=off")
        docker_rootful.run("start", NAME)
        out, _ = child.communicate()
        assert child.returncode == 3, out
        assert desk.all() == {NAME: (number, RUNNING)}
    finally:
        docker_rootful.run("rm", "-f", NAME)
