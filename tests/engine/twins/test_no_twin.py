"""What can't be copied without touching it has no twin, and the reason is a sentence; nothing is made for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from engine.twins.stage import Stage, stage_of
from rig.engine import Rig
from stratascope.core.relaunch.trial import Works
from stratascope.i18n.translate import translate

ALONE = "exec sleep 3600"  # without a PID namespace and control groups nobody would end a child with its parent
CASES = (
    (("--privileged",), "privileged"),
    (("--network", "host"), "network"),
    (("--pid", "host"), "processes"),
    (("--uts", "host"), "host name"),
    (("--device", "/dev/kmsg"), "devices"),
    (("--cap-add", "SYS_TIME"), "CAP_SYS_TIME"),
    (("-v", "{folder}/socket:/socket"), "socket"),
    (("-v", "{folder}:/folder:ro"), "There is a socket below"),
)


@pytest.fixture
def stage(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_of(each_api, tmp_path, monkeypatch)


@pytest.mark.parametrize(("options", "said"), CASES, ids=[said for _, said in CASES])
def test_it_is_said_why(stage: Stage, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        (tmp_path / "socket").chmod(0o777)
        given = (word.replace("{folder}", str(tmp_path)) for word in options)
        with stage.container(*given, command=ALONE) as name:
            there = stage.there()
            found = stage.tried(name)
            assert (found.works, found.why and said in translate(found.why)) == (Works.REFUSED, True), found
            assert stage.there() == there
            assert stage.journal.twins() == ()


@pytest.mark.slow
def test_a_choice_may_make_it_possible(stage: Stage) -> None:
    """Its own processes instead of the host's."""
    with stage.container("--pid", "host", command=ALONE) as name:
        found = stage.tried(name, choices=("pid=private",))
        assert found.works is Works.YES, found


def test_a_volume_that_is_mounted_by_options_has_none_in_docker(
    docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, name = stage_of(docker_rootful, tmp_path, monkeypatch), "twin-mounted"
    options = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m")
    stage.rig.run("volume", "create", *options, name)
    try:
        with stage.container("-v", f"{name}:/data") as container:
            there = stage.there()
            found = stage.tried(container)
            assert (found.works, found.why and "options" in translate(found.why)) == (Works.REFUSED, True), found
            assert stage.there() == there
    finally:
        stage.rig.run("volume", "rm", "-f", name, check=False)
