"""`--commit-layer` and `--with-dependents` on real engines.

What a container wrote is carried over, and what needs it comes along.
"""

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

from rig.cli.hardened import IMAGES, NAME, QUICK, STAYS, Desk, start
from rig.engine import Rig
from rig.fixtures import Engines, left_out

SIDE, TAIL = f"{NAME}-side", f"{NAME}-tail"
HARDEN = ("--set", "no-new-privileges=on")


@pytest.fixture
def desk(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(engines.get(request.param), tmp_path)
    yield found
    while left := found.all():
        found.rig.remove(*left)  # Podman leaves those that others need, which are gone the next time
        assert len(found.all()) < len(left)
    assert found.images() == []


def running(desk: Desk) -> dict[str, str]:
    return {name: number for name, (number, status) in desk.all().items() if status == "running"}


def follow(desk: Desk, name: str, *options: str, command: tuple[str, ...] = QUICK) -> str:
    return desk.rig.run("run", "-d", "--name", name, *options, "busybox", *command).strip().splitlines()[-1]


def holds(desk: Desk, files: dict[str, str]) -> None:
    """By the status: Podman's client may lose what a short command prints."""
    for path, text in files.items():
        desk.rig.run("exec", NAME, "grep", "-qx", text, path)


def namespace(rig: Rig, container: str, kind: str) -> str:
    return str(Path(f"/proc/{rig.pid(container)}/ns/{kind}").readlink())


def blocks(last: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(item["code"], item["remedy"]) for item in last["blocks"]]


@pytest.mark.parametrize("desk", left_out("docker_rootful"), indirect=True)
def test_what_it_wrote_is_carried_over(desk: Desk) -> None:
    original = start(desk, "-v", "/nameless", "-e", "SECRET=not-to-be-seen", "--label", "kept=1")
    run = desk.rig.run
    run("exec", NAME, "sh", "-c", "echo one > /etc/one; echo v > /nameless/f; mkdir /opt; echo two > /opt/two")
    code, last, err = desk.harden(*HARDEN, "--commit-layer")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert "writable-layer" in [item["code"] for item in last["warnings"]]
    new = desk.only_one_runs()
    assert new == last["replacement_id"] != original
    holds(desk, {"/etc/one": "one", "/opt/two": "two", "/nameless/f": "v"})
    (image,) = desk.images()
    assert desk.rig.inspect(new)["Config"]["Image"] == image
    old, now = desk.rig.inspect(original), desk.rig.inspect(new)
    assert [item["Name"] for item in now["Mounts"]] == [item["Name"] for item in old["Mounts"]]
    for key in ("Cmd", "Entrypoint", "User", "WorkingDir"):
        assert now["Config"][key] == old["Config"][key]

    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert (code, desk.only_one_runs()) == (0, original), err
    assert desk.images() == [image]
    assert desk.run("discard", NAME)[0] == 0
    assert (list(desk.all()), desk.images()) == ([NAME], [])


@pytest.mark.parametrize("desk", left_out(), indirect=True)
def test_it_can_be_hardened_again_while_its_image_is_on_this_engine_only(desk: Desk) -> None:
    original, run = start(desk), desk.rig.run
    run("exec", NAME, "sh", "-c", "echo one > /etc/one")
    code, last, _ = desk.harden(*HARDEN)
    assert (code, blocks(last)) == (3, [("writable-layer", "commit-layer")])
    assert desk.only_one_runs() == original
    code, last, err = desk.harden(*HARDEN, "--commit-layer")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    new, (image,) = desk.only_one_runs(), desk.images()
    assert desk.run("discard", NAME)[0] == 0
    assert desk.images() == [image]
    # what it writes now is in the way once more
    run("exec", NAME, "sh", "-c", "echo three > /etc/three")
    assert blocks(desk.harden("--set", "capabilities=none")[1]) == [("writable-layer", "commit-layer")]
    code, last, err = desk.harden("--set", "capabilities=none", "--commit-layer")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    holds(desk, {"/etc/one": "one", "/etc/three": "three"})
    assert len(desk.images()) == 2

    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert (code, desk.only_one_runs()) == (0, new), err
    assert desk.run("discard", NAME)[0] == 0
    assert (list(desk.all()), desk.images()) == ([NAME], [image])
    desk.rig.remove(NAME)
    run("rmi", image)


@pytest.mark.parametrize("desk", left_out(), indirect=True)
def test_a_failure_leaves_no_image(desk: Desk) -> None:
    command = ("sh", "-c", "test ! -e /etc/one || touch /again || exit 9; trap 'exit 0' TERM; sleep 3600 & wait")
    original = start(desk, command=command)
    desk.rig.run("exec", NAME, "touch", "/etc/one")
    code, last, _ = desk.harden("--set", "read-only-root=on", "--commit-layer")
    assert (code, last["result"]) == (4, "rolled-back")
    assert "9" in last["why"]
    assert (desk.only_one_runs(), list(desk.all()), desk.images()) == (original, [NAME], [])


@pytest.mark.parametrize("desk", left_out("podman_rootless"), indirect=True)
def test_what_uses_its_namespaces_comes_along(desk: Desk) -> None:
    rig = desk.rig
    original = start(desk)
    side = follow(desk, SIDE, "--network", f"container:{NAME}", "--restart", "always")
    # Not the first process there, so that a signal ends it; a child of its own would outlive it where there are no
    # cgroups, and rootless Docker waits for that
    options = ("--pid", f"container:{SIDE}", "--volumes-from", NAME)
    tail = follow(desk, TAIL, *options, command=("sleep", "3600"))
    before = {NAME: original, SIDE: side, TAIL: tail}
    code, last, err = desk.harden(*HARDEN, "--with-dependents")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    new = running(desk)
    assert set(new) == set(before)
    assert not set(new.values()) & set(before.values())
    assert namespace(rig, SIDE, "net") == namespace(rig, NAME, "net")
    assert namespace(rig, TAIL, "pid") == namespace(rig, SIDE, "pid")
    assert rig.inspect(SIDE)["HostConfig"]["NetworkMode"] == f"container:{new[NAME]}"
    assert rig.inspect(SIDE)["HostConfig"]["RestartPolicy"]["Name"] == "always"
    for name, number in before.items():
        assert rig.inspect(number)["HostConfig"]["RestartPolicy"]["Name"] in ("no", ""), name
    code, _, err = desk.run("undo", SIDE, "--watch", "1")
    assert (code, running(desk)) == (0, before), err
    assert namespace(rig, SIDE, "net") == namespace(rig, NAME, "net")
    assert namespace(rig, TAIL, "pid") == namespace(rig, SIDE, "pid")
    assert rig.inspect(SIDE)["HostConfig"]["RestartPolicy"]["Name"] == "always"
    code, _, err = desk.run("discard", NAME)
    assert code == 0, err
    assert set(desk.all()) == set(before)


@pytest.mark.parametrize("desk", left_out(), indirect=True)
def test_one_that_cannot_come_along_is_named(desk: Desk) -> None:
    original = start(desk)
    side = follow(desk, SIDE, "--network", f"container:{NAME}", "--rm")
    code, last, _ = desk.harden(*HARDEN, "--with-dependents", "--dry-run")
    assert (code, blocks(last)) == (3, [("dependents", None)])
    assert f"{SIDE} needs it" in last["blocks"][0]["text"]
    assert blocks(desk.harden(*HARDEN)[1]) == [("dependents", None), ("dependents", None)]
    desk.rig.remove(SIDE)
    side = follow(desk, SIDE, "--network", f"container:{NAME}")
    desk.rig.run("exec", SIDE, "touch", "/etc/written")
    assert blocks(desk.harden(*HARDEN, "--with-dependents")[1]) == [("dependents", "commit-layer")]
    assert running(desk) == {NAME: original, SIDE: side}
    code, last, err = desk.harden(*HARDEN, "--with-dependents", "--commit-layer")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    desk.rig.run("exec", SIDE, "ls", "/etc/written")
    assert namespace(desk.rig, SIDE, "net") == namespace(desk.rig, NAME, "net")
    assert [name.rpartition(":")[0] for name in desk.images()] == [f"{IMAGES}{SIDE}"], "the other one wrote nothing"
    assert ("set-aside", None) in blocks(desk.harden(*HARDEN)[1])
    # one more has come to need it since: the way back would leave that one behind
    late = follow(desk, TAIL, "--network", f"container:{NAME}")
    code, out, _ = desk.run("undo", NAME, "--watch", "1", "--json")
    assert (code, TAIL in json.loads(out.splitlines()[-1])["why"]) == (3, True)
    assert running(desk)[TAIL] == late
    desk.rig.remove(TAIL)
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    assert running(desk) == {NAME: original, SIDE: side}
    assert desk.run("discard", NAME)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("desk", ["docker_rootful"], indirect=True)
def test_what_is_linked_comes_along(desk: Desk) -> None:
    original = start(desk)
    side = follow(desk, SIDE, "--link", f"{NAME}:peer")
    code, last, _ = desk.harden(*HARDEN)
    assert (code, blocks(last)) == (3, [("linked", "with-dependents")])
    assert "linked" in last["blocks"][0]["text"]
    code, last, err = desk.harden(*HARDEN, "--with-dependents")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    address = desk.rig.inspect(NAME)["NetworkSettings"]["IPAddress"]
    assert f"{address}\tpeer" in desk.rig.said(SIDE, "cat", "/etc/hosts")
    assert desk.rig.inspect(SIDE)["HostConfig"]["Links"] == [f"/{NAME}:/{SIDE}/peer"]
    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert (code, running(desk)) == (0, {NAME: original, SIDE: side}), err
    address = desk.rig.inspect(NAME)["NetworkSettings"]["IPAddress"]
    assert f"{address}\tpeer" in desk.rig.said(SIDE, "cat", "/etc/hosts")
    assert desk.run("discard", NAME)[0] == 0
    assert set(desk.all()) == {NAME, SIDE}


@pytest.mark.slow
@pytest.mark.parametrize("desk", ["podman_rootful", "podman_rootless"], indirect=True)
def test_what_requires_it_comes_along(desk: Desk) -> None:
    start(desk)
    follow(desk, SIDE, "--requires", NAME)
    code, last, _ = desk.harden(*HARDEN)
    assert (code, blocks(last)) == (3, [("required", "with-dependents")])
    code, last, err = desk.harden(*HARDEN, "--with-dependents")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    new = running(desk)
    assert desk.rig.inspect(SIDE)["Dependencies"] == [new[NAME]]
    desk.rig.run("stop", "-t", "1", SIDE, NAME)
    desk.rig.run("start", SIDE)
    assert running(desk) == new, "it starts the replacement, and not the original"
    assert desk.run("discard", NAME)[0] == 0
    assert set(desk.all()) == {NAME, SIDE}


@pytest.mark.parametrize("desk", left_out(), indirect=True)
def test_killed_in_the_middle_and_recovered(desk: Desk) -> None:
    """The moment is drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    start(desk)
    follow(desk, SIDE, "--network", f"container:{NAME}")
    for name in (NAME, SIDE):
        desk.rig.run("exec", name, "touch", "/etc/written")
    words = ("harden", NAME, "--json", "--yes", "--watch", "3", *HARDEN, "--commit-layer", "--with-dependents")
    child = desk.popen(*words)
    assert child.stdout is not None
    for _ in range(draw.randrange(1, 14)):
        child.stdout.readline()
    time.sleep(draw.random() * 0.2)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    code, _, err = desk.run("recover")
    assert code == 0, err
    now = running(desk)
    assert set(now) == {NAME, SIDE}
    assert namespace(desk.rig, SIDE, "net") == namespace(desk.rig, NAME, "net")
    for name in now:
        desk.rig.run("exec", name, "ls", "/etc/written")
    assert desk.run("recover")[0] == 0
    assert running(desk) == now
    aside = set(desk.all()) - set(now)
    assert len(aside) in (0, 2)
    if aside:
        assert desk.run("undo", NAME, "--watch", "1")[0] == 0
        assert desk.run("discard", NAME)[0] == 0
    assert set(desk.all()) == {NAME, SIDE}
    # A commit that was under way at the kill is finished by the engine after `recover` looked for its image.
    for image in desk.images():
        desk.rig.run("rmi", image)
