"""The live view on real engines: what comes and goes is seen, and one engine's trouble is not another's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rig import Rig
from stratascope import wiring
from stratascope.core.container import EngineState, Status
from stratascope.core.layer import Verdict
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.usecases.watch import Watch


class Screen:
    """Stands for the window: keeps the last snapshot, and waits for one that looks as wanted."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self._arrived = threading.Condition()

    def publish(self, snapshot: Snapshot) -> None:
        with self._arrived:
            self.snapshots.append(snapshot)
            self._arrived.notify_all()

    def wait(self, wanted: Callable[[Snapshot], bool], seconds: float = 20.0) -> Snapshot:
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                if self.snapshots and wanted(self.snapshots[-1]):
                    return self.snapshots[-1]
                left = end - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    last = self.snapshots[-1] if self.snapshots else None
                    raise AssertionError(f"never seen in {seconds} s; last: {last and last.engines}")


@contextmanager
def watching(*rigs: Rig) -> Iterator[tuple[Watch, Screen]]:
    engines = wiring.find_engines((), {"STRATASCOPE_ENGINES": " ".join(f"{r.kind}={r.endpoint}" for r in rigs)})
    shared = wiring.translations()
    watch = Watch(engines.ports, engines.reader(shared), wiring.assembler(shared))
    screen = Screen()
    watch.start(screen.publish)
    try:
        yield watch, screen
    finally:
        watch.stop()
        engines.close()


def named(snapshot: Snapshot, name: str) -> ContainerState | None:
    return next((state for state in snapshot.containers if state.container.name == name), None)


def state_of(snapshot: Snapshot, endpoint: str) -> EngineState:
    return next(engine.state for engine in snapshot.engines if engine.endpoint == endpoint)


def test_containers_come_and_go(any_engine: Rig) -> None:
    with watching(any_engine) as (_, screen):
        screen.wait(lambda s: any(engine.state is EngineState.CONNECTED for engine in s.engines))
        with any_engine.container(name="comes") as container:
            snapshot = screen.wait(lambda s: (c := named(s, "comes")) is not None and c.capture is not None)
            state = named(snapshot, "comes")
            assert state is not None
            assert state.container.pid == any_engine.pid(container)
            any_engine.run("stop", "-t", "0", container)
            stopped = screen.wait(
                lambda s: (c := named(s, "comes")) is not None and c.container.status is Status.EXITED
            )
            gone = named(stopped, "comes")
            assert gone is not None
            assert {layer.assessment.verdict for layer in gone.layers} == {Verdict.UNKNOWN}
        screen.wait(lambda s: named(s, "comes") is None)


def test_an_exec_session_with_more_rights_appears_as_drift(docker_rootful: Rig) -> None:
    with (
        docker_rootful.container("--cap-drop", "ALL", name="drifting") as container,
        watching(docker_rootful) as (_, screen),
    ):
        screen.wait(lambda s: (c := named(s, "drifting")) is not None and c.capture is not None)
        docker_rootful.run("exec", "-d", "--privileged", container, "sleep", "600")
        snapshot = screen.wait(lambda s: (c := named(s, "drifting")) is not None and any(p.drift for p in c.processes))
        state = named(snapshot, "drifting")
        assert state is not None
        assert "capabilities.effective" in state.processes[0].drift


def test_a_hanging_engine_blocks_no_other_and_comes_back(docker_rootful: Rig, podman_rootful: Rig) -> None:
    with docker_rootful.container(name="held"), watching(docker_rootful, podman_rootful) as (watch, screen):
        screen.wait(lambda s: named(s, "held") is not None and len(s.engines) == 2)
        docker_rootful.freeze()
        try:
            with podman_rootful.container(name="meanwhile"):
                screen.wait(lambda s: (c := named(s, "meanwhile")) is not None and c.capture is not None, 5.0)
            hanging = screen.wait(lambda s: state_of(s, docker_rootful.endpoint) is EngineState.UNREACHABLE, 40.0)
            assert named(hanging, "held") is not None, "its containers stay on screen"
            assert state_of(hanging, podman_rootful.endpoint) is EngineState.CONNECTED
        finally:
            docker_rootful.thaw()
        watch.refresh()
        screen.wait(lambda s: state_of(s, docker_rootful.endpoint) is EngineState.CONNECTED, 30.0)


def test_an_engine_that_dies_and_returns(podman_rootless: Rig) -> None:
    with watching(podman_rootless) as (_, screen):
        screen.wait(lambda s: state_of(s, podman_rootless.endpoint) is EngineState.CONNECTED)
        podman_rootless.stop()
        try:
            screen.wait(lambda s: state_of(s, podman_rootless.endpoint) is not EngineState.CONNECTED)
        finally:
            podman_rootless.start()
        screen.wait(lambda s: state_of(s, podman_rootless.endpoint) is EngineState.CONNECTED)
        with podman_rootless.container(name="after"):
            screen.wait(lambda s: named(s, "after") is not None)


def test_stop_ends_all_threads(docker_rootful: Rig) -> None:
    before = set(threading.enumerate())
    with watching(docker_rootful) as (_, screen):
        screen.wait(lambda s: bool(s.engines))
    end = time.monotonic() + 5.0
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
