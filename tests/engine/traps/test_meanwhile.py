"""What somebody else does meanwhile, and values that make no sense: on real engines, by the command line.

Exit code, a clear sentence, and the original as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.traps.between import Between, Happening
from engine.traps.scene import Scene, as_before, started_at

NO_NEW = ("--set", "no-new-privileges=on")


@contextmanager
def between(
    scene: Scene, folder: Path, before: dict[str, Happening], after: dict[str, Happening] | None = None
) -> Iterator[tuple[Scene, Between]]:
    """The same scene by another way to its engine."""
    way = Between(folder / "way.sock", scene.rig.socket, before, after)
    try:
        endpoint = f"unix://{folder / 'way.sock'}"
        yield Scene(scene.rig, scene.state, scene.monkeypatch, endpoint), way
    finally:
        way.close()


def rename_to_its_name() -> str:
    """The call that gives its name to the replacement."""
    return "/rename?name=trap HTTP"


def test_a_name_that_is_taken_meanwhile(scene: Scene, tmp_path: Path) -> None:
    """Between the two renames: the original is set aside, and the replacement has not got the name yet.

    The original runs again all the same, and gets its name back by `recover` once that is free.
    """
    rig = scene.rig
    original = scene.start("--restart", "always")
    taker: list[str] = []

    def take() -> None:
        taker.append(rig.run("create", "--name", "trap", "busybox").splitlines()[-1])

    with between(scene, tmp_path, {rename_to_its_name(): take}) as (other, way):
        code, last, _ = other.harden(*NO_NEW)
        assert way.happened == [rename_to_its_name()]
        assert (code, last["result"]) == (4, "rolled-back")
        aside = [name for name in scene.names(running=True) if name.startswith("trap.old-")]
        assert rig.inspect(aside[0])["Id"] == original
        assert last["why"] == (
            f"Another container took its name in the meantime, so it runs as {aside[0]}. "
            "Free the name, then run stratascope recover."
        )
        rig.run("rm", "-f", taker[0])
        code, _, err = other.run("recover")
        assert code == 0, err
    assert scene.names(running=False) == scene.names(running=True) == ["trap"]
    assert rig.inspect("trap")["Id"] == original
    assert scene.policy("trap") == "always"
    scene.told("name taken meanwhile", "exit 4; the original runs under another name, told; recover renames it")


@pytest.mark.parametrize("given_back", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_port_that_is_taken_meanwhile(scene: Scene, tmp_path: Path, given_back: bool) -> None:
    """By another container, after the original was stopped. It needs the same port to come back."""
    rig = scene.rig
    original = scene.start("-p", "127.0.0.1:18777:80")

    def take() -> None:
        rig.run("run", "-d", "--name", "trap-taker", "-p", "127.0.0.1:18777:80", "busybox")

    def give_back() -> None:
        rig.remove("trap-taker")

    after = {"/start": give_back} if given_back else {}
    with between(scene, tmp_path, {"/start": take}, after) as (other, way):
        code, last, _ = other.harden(*NO_NEW)
        assert len(way.happened) == 1 + given_back
        # as long as the port is taken the original can't start either: that is told as what it is
        assert (code, last["result"]) == ((4, "rolled-back") if given_back else (2, "unfinished"))
        if not given_back:
            assert "recover" in last["why"]
            give_back()
            assert other.run("recover")[0] == 0
    assert re.search(r"port", last["why"] + last["words"])
    assert rig.inspect("trap")["Id"] == original
    assert scene.names(running=False) == scene.names(running=True) == ["trap"]
    what = (
        "exit 4; rolled back"
        if given_back
        else "exit 2 (unfinished); told; recover brings the original back once it is free"
    )
    scene.told(f"port taken meanwhile{', then free again' if given_back else ''}", what)


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["docker_rootless", "podman_rootless"], indirect=True)
def test_limits_that_the_engine_ignores(scene: Scene) -> None:
    """Rootless on cgroup v1."""
    original = scene.start()
    started = started_at(scene)
    code, _, err = scene.harden(*NO_NEW, "--set", "memory=64m", "--set", "pids=50")
    assert code == 2
    assert "A rootless engine can't set limits on this machine" in err
    as_before(scene, original, started)
    scene.told("limits ignored on rootless cgroup v1", "exit 2: the toggle says so before anything is created")


OUT_OF_RANGE = (
    *("memory=0", "memory=-1", "memory=1k", "memory=99999999999999999999", "memory=lots", "memory="),
    *("pids=0", "pids=-3", "pids=1.5", "pids=99999999", "cpus=0", "cpus=-1", "cpus=nan", "cpus=1e9"),
    *("ulimit-nofile=-5", "ulimit-core=x", "user=0", "user=-1", "user=99999999999", "user=root", "capabilities=ALL"),
    *("capabilities=CAP_NOPE", "tmpfs=relative", "no-new-privileges=maybe", "nothing=1", "noequals"),
)


def test_values_out_of_range(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    """In this process: a start of the program for each would take half a minute."""
    from stratascope.__main__ import main

    original = scene.start()
    started = started_at(scene)
    for value in OUT_OF_RANGE:
        assert main(["harden", "trap", "--yes", "--set", value]) == 2, value
        out, err = capfd.readouterr()
        assert out == ""
        assert 10 < len(err) < 600, (value, err)
        assert "Traceback" not in err
    as_before(scene, original, started)
    scene.told("values out of range", f"{len(OUT_OF_RANGE)} values: exit 2, a sentence, nothing changed")


def test_a_profile_that_is_none(scene: Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from stratascope.__main__ import main

    contents = {
        "prose.json": b"this is no JSON",
        "list.json": b"[]",
        "other.json": b'{"defaultAction": "SCMP_ACT_NOPE"}',
        "binary.json": b"\xff\xfe\x00",
        "half.json": b'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [',
        "nothing-runs.json": b'{"defaultAction": "SCMP_ACT_ERRNO"}',
        "long.json": b" " * (1 << 20) + b"{}",
        "empty.json": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.json").mkdir()
    original = scene.start()
    started = started_at(scene)
    for name in (*contents, "folder.json", "missing.json"):
        assert main(["harden", "trap", "--yes", "--set", f"seccomp={tmp_path}/{name}"]) == 2, name
        out, err = capfd.readouterr()
        assert out == ""
        assert name in err
        assert "Traceback" not in err
    as_before(scene, original, started)
    scene.told("a profile file that is no JSON", f"{len(contents) + 2} files: exit 2, named, nothing changed")
