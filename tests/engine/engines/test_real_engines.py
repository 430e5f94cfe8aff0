"""The adapters on the four kinds of real engines."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.container import EngineKind, EngineState, Status
from stratascope.core.ports import EngineError, Event, EventKind, NoSuchContainerError
from stratascope.core.runtime_flaws import build_of, unchanged
from stratascope.engines.discovery import discover
from stratascope.engines.open import open_engine, translators
from stratascope.engines.podman.engine import PodmanEngine
from stratascope.engines.shared.rest_engine import RestEngine


@pytest.fixture
def engine(any_engine: Rig) -> Iterator[RestEngine]:
    (endpoint,) = discover(any_engine.environ)
    opened = open_engine(endpoint)
    assert isinstance(opened, RestEngine)
    yield opened
    opened.close()


class Listener:
    """Reads events in a thread, as the program does."""

    def __init__(self, engine: RestEngine) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.error: EngineError | None = None
        self._engine = engine
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        try:
            for event in self._engine.events():
                self.events.put(event)
        except EngineError as error:
            self.error = error

    def wait(self, kind: EventKind, container: str) -> None:
        while self.events.get() != Event(kind, container):
            pass


def test_what_it_says_of_itself(any_engine: Rig, engine: RestEngine) -> None:
    found = engine.describe()
    assert found.state is EngineState.CONNECTED
    assert found.kind == any_engine.kind
    assert found.rootless == any_engine.rootless
    assert found.daemon_uid == (any_engine.user[0] if any_engine.user else 0)
    assert found.version[0].isdigit()
    assert found.facts.kernel
    assert found.facts.storage_driver in ("overlay2", "overlay", "vfs", "fuse-overlayfs")
    assert "CAP_CHOWN" in found.facts.default_capabilities
    assert found.facts.cgroup_version in ("1", "2")
    assert found.facts.runtime in ("runc", "crun")
    runtime = build_of(found.facts.runtime, found.facts.runtimes)
    assert runtime is not None
    words = subprocess.run((runtime.program, "--version"), capture_output=True, text=True, check=True).stdout
    assert f"version {runtime.version}\n" in words
    assert runtime.commit in words
    assert not unchanged(runtime), "Debian's"
    assert bool(found.facts.network_helper) == any_engine.rootless
    assert found.facts.seccomp_profile not in ("", "unconfined")


def test_list_and_inspect(any_engine: Rig, engine: RestEngine) -> None:
    began = time.time()
    with (
        any_engine.container("-e", "PASSWORD=hunter2", "--cap-drop", "ALL", "-l", "a=<b>") as running,
        any_engine.container(start=False) as created,
    ):
        raws = {raw.id: raw for raw in engine.list()}
        assert {running, created} <= raws.keys()
        assert "hunter2" not in "".join(raw.inspect for raw in raws.values())
        about = engine.describe()
        found = translators()[about.kind](raws[running], about)
        assert found.status is Status.RUNNING
        assert found.pid == any_engine.pid(running)
        assert found.asked.capabilities == ()
        assert dict(found.labels)["a"] == "<b>"
        assert began - 1 < found.started < time.time() + 1
        other = translators()[about.kind](raws[created], about)
        assert (other.status, other.pid) == (Status.CREATED, None)
        assert engine.inspect(running).inspect == raws[running].inspect
    with pytest.raises(NoSuchContainerError):
        engine.inspect(running)


def test_how_a_volume_was_made(any_engine: Rig, engine: RestEngine) -> None:
    bound = ("-o", "type=none", "-o", "o=bind", "-o", "device=/etc")
    try:
        any_engine.run("volume", "create", *bound, "bound")
        any_engine.run("volume", "create", "ordinary")
        found = engine.volume("bound")
        assert (found["o"], found["device"]) == ("bind", "/etc")
        assert "device" not in engine.volume("ordinary")
        assert engine.volume("absent/../x") == {}
    finally:
        any_engine.run("volume", "rm", "-f", "bound", "ordinary", check=False)


def test_events_while_containers_come_and_go(any_engine: Rig, engine: RestEngine) -> None:
    listener = Listener(engine)
    time.sleep(0.5)
    with any_engine.container() as container:
        listener.wait(EventKind.CHANGED, container)
    listener.wait(EventKind.REMOVED, container)
    engine.close()
    listener.thread.join()
    assert listener.error is None


def test_a_frozen_engine_is_unreachable_in_time_and_comes_back(
    any_engine: Rig, engine: RestEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.describe().state is EngineState.CONNECTED
    monkeypatch.setattr(RestEngine, "timeout", (1.0, 1.0))
    any_engine.freeze()
    try:
        found = engine.describe()
    finally:
        any_engine.thaw()
    assert found.state is EngineState.UNREACHABLE
    while engine.describe().state is not EngineState.CONNECTED:
        pass  # it has the questions of before to answer first


def test_a_restarted_engine_is_heard_again(any_engine: Rig, engine: RestEngine) -> None:
    listener = Listener(engine)
    time.sleep(0.5)
    any_engine.stop()
    listener.thread.join()
    assert engine.describe().state is EngineState.STOPPED
    any_engine.start()
    assert engine.describe().state is EngineState.CONNECTED
    again = Listener(engine)
    time.sleep(0.5)
    with any_engine.container() as container:
        again.wait(EventKind.CHANGED, container)
    engine.close()
    again.thread.join()


def test_several_threads(any_engine: Rig, engine: RestEngine) -> None:
    with any_engine.container() as container:
        found: list[bool] = []
        threads = [
            threading.Thread(target=lambda: found.append(container in {raw.id for raw in engine.list()}))
            for _ in range(4)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 4


def test_podman_tells_what_its_kernel_enforces(podman_rootless: Rig) -> None:
    (endpoint,) = discover(podman_rootless.environ)
    assert endpoint.kind is EngineKind.PODMAN
    opened = open_engine(endpoint)
    assert isinstance(opened, PodmanEngine)
    with podman_rootless.container("--cap-drop", "ALL") as container:
        rows = opened.top(container, ("hpid", "pid", "capbnd", "seccomp"))
        assert rows == ((str(podman_rootless.pid(container)), "1", "none", "filter"),)
    with pytest.raises(NoSuchContainerError):
        opened.top(container, ("pid",))
    opened.close()


def test_the_answers_are_whole(any_engine: Rig, engine: RestEngine) -> None:
    with any_engine.container() as container:
        value = json.loads(engine.inspect(container).inspect)
        assert value["Id"] == container
        assert Path(f"/proc/{value['State']['Pid']}").exists()
