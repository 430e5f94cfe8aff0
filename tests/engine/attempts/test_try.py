"""Threats tried on a copy, on real engines: as predicted, with nothing left of it, and the original unchanged."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.attempts.trying import tried
from engine.twins.stage import left, stage_of, tree
from machine.attempts.build import image
from rig.collector.asking import wait_for
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.attempts import build
from stratascope.core.ports import EnginePort, RawContainer
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.threat import Outcome
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.usecases.attempts.attempts import NotTriedError, threats
from stratascope.wiring.attempts import tries
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected, open_hardening

AT_LEAST = 90  # threats


@pytest.fixture(autouse=True)
def program() -> None:
    build.build(CHECKOUT)


@pytest.mark.parametrize(
    "options", [(), ("--cap-drop", "ALL", "--user", "1000", "--read-only")], ids=["plain", "least"]
)
def test_it_comes_as_predicted(
    any_engine: Rig, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_engine.container(*options, command=("sleep", "600")) as name:
        found = tried(any_engine, name, tmp_path, monkeypatch)
    assert [each for each in found if each.differs] == []
    assert sum(each.tried is not Tried.NOT_TRIED for each in found) >= AT_LEAST
    assert all(each.why is not None for each in found if each.tried is Tried.NOT_TRIED)
    assert left(any_engine) == []


def test_a_process_that_changed_itself(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its copy has what it has now, not what it was started with."""
    with each_api.container(command=("su", "app", "-s", "/bin/sh", "-c", "exec sleep 600")) as name:
        first = Path(f"/proc/{each_api.pid(name)}/cmdline")
        wait_for(lambda: first.read_text().startswith("sleep"))
        found = {
            each.threat: each for each in tried(each_api, name, tmp_path, monkeypatch, "drop-groups", "change-root")
        }
    assert found["drop-groups"].tried is Tried.STOPPED
    assert not any(each.differs for each in found.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a program of root's without capabilities")
def test_any_process_of_the_machine_is_one_to_enter(
    docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the kernel's alone, which hold all capabilities: one of root's that holds none."""
    weak = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "sleep", "600")
    options = ("-v", "/proc:/host-proc", "--cap-drop", "ALL")
    with docker_rootful.container(*options, command=("sleep", "600")) as name, subprocess.Popen(weak) as process:
        try:
            assert docker_rootful.said(name, "ls", f"/host-proc/{process.pid}/root/")
            (found,) = tried(docker_rootful, name, tmp_path, monkeypatch, "enter-host-process")
        finally:
            process.kill()
    assert (found.predicted, found.tried) == (Outcome.OPEN, Tried.OPEN)


def test_filters_of_its_own(one_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first process put a further filter on itself, which denies unshare."""
    one_engine.run("import", str(image()), "attempts:latest")
    alone = ("--security-opt", "seccomp=unconfined", "--cap-add", "SYS_ADMIN", "--entrypoint", "/attempts")
    one_engine.run("run", "-d", "--name", "try-filtered", *alone, "attempts:latest", "wait", "unshare")
    try:
        found = {each.threat: each for each in tried(one_engine, "try-filtered", tmp_path, monkeypatch)}
    finally:
        one_engine.remove("try-filtered")
    assert [each for each in found.values() if each.differs] == []
    assert sum(each.tried is not Tried.NOT_TRIED for each in found.values()) >= AT_LEAST
    trace = found["trace-child"]  # by ptrace, which the filter denies to x86_64 alone
    assert (trace.tried, trace.step) == (Tried.OPEN, "direct, i386")


def test_the_original_is_as_it_was(any_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program is not started again, and what it may write to is not written to."""
    stage_of(any_engine, tmp_path, monkeypatch)
    bound = tmp_path / "bound"
    bound.mkdir()
    bound.chmod(0o777)
    command = "echo started >>/bound/log; echo started >>/volume/log; exec sleep 600"
    mounts = ("-v", f"{bound}:/bound", "-v", f"try-{os.getpid()}:/volume", "-e", "LD_PRELOAD=/bound/log")
    try:
        with any_engine.container(*mounts, command=("sh", "-c", command)) as name:
            wait_for((bound / "log").exists)
            before = tree(bound)
            found = tried(any_engine, name, tmp_path, monkeypatch)
            assert tree(bound) == before
            assert any_engine.said(name, "ls", "/volume").split() == ["log"]
            assert any_engine.said(name, "cat", "/volume/log") == "started"
            state = json.loads(any_engine.run("inspect", "--type", "container", name))[0]
            assert state["State"]["Running"]
    finally:
        any_engine.run("volume", "rm", "-f", f"try-{os.getpid()}", check=False)
    assert [each for each in found if each.differs] == []
    assert left(any_engine) == []


def test_cancelled_it_leaves_nothing(one_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = stage_of(one_engine, tmp_path, monkeypatch)
    with one_engine.container(command=("sleep", "600")) as name, open_hardening((), stage.journal) as found:
        access, state = found.state(name)
        with pytest.raises(NotTriedError):
            list(tries(access, state, threats(()), lambda: True))
        events = tries(access, state, threats(()))
        next(event for event in events if not isinstance(event, AttemptOutcome))
        next(event for event in events if not isinstance(event, AttemptOutcome))
        events.close()  # type: ignore[attr-defined]
    assert left(one_engine) == []


def test_it_is_judged_beside_the_containers_of_all_engines(
    docker_rootless: Rig, podman_rootless: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which are read once, however often it is looked at; else beside those of its own engine. The range of ids is the
    same user's.
    """
    ends = (f"{rig.kind}={rig.endpoint}" for rig in (docker_rootless, podman_rootless))
    monkeypatch.setenv("STRATASCOPE_ENGINES", " ".join(ends))
    listed: list[str] = []

    def counted(port: EnginePort) -> Callable[[], tuple[RawContainer, ...]]:
        before = port.list

        def made() -> tuple[RawContainer, ...]:
            listed.append(port.id)
            return before()

        return made

    waits = ("sleep", "600")
    with (
        docker_rootless.container(name="try-beside", command=waits) as name,
        podman_rootless.container(name="try-other", command=waits),
        open_engines() as engines,
    ):
        access, alone = connected(engines).state(name)
        beside = access.beside_all()
        for port in engines.ports:
            monkeypatch.setattr(port, "list", counted(port))
        states = [beside.read(name) for _ in range(3)]
    assert sorted(listed) == sorted(port.id for port in engines.ports)
    assert "try-other" not in sharing_ids(alone)
    assert all("try-other" in sharing_ids(state) for state in states)


def sharing_ids(state: ContainerState | None) -> tuple[str, ...]:
    """The containers whose ids outside overlap with its own."""
    facts = None if state is None else state.facts_of(UsermapFacts)
    assert facts is not None
    assert facts.range_shared_with is not None
    return facts.range_shared_with
