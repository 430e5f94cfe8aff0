"""The live view on real engines: what comes and goes is seen, and one engine's trouble is not another's.

Machines that take long to be read are fakes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.usecases.screen import Screen, named, watching
from stratascope.core.capture import Capture
from stratascope.core.container import Container, Engine, EngineKind, EngineState, Status
from stratascope.core.ground import Ground
from stratascope.core.layer import Verdict
from stratascope.core.ports import ContainerCapture, Event, EventKind, RawContainer, Wish
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.usecases.live.assembler import Assembler
from stratascope.usecases.live.engine_readings import SECOND_LOOK
from stratascope.usecases.live.live_view import STEADY, LiveView
from stratascope.usecases.live.predictions import Predictions
from stratascope.usecases.live.reader import Reach, Reader, Translations
from stratascope.value import replace
from stratascope.wiring.engines import find_engines
from stratascope.wiring.hardening import ConnectedEngine, connected


def state_of(snapshot: Snapshot, endpoint: str) -> EngineState:
    return next(engine.state for engine in snapshot.engines if engine.endpoint == endpoint)


@contextmanager
def opened(rig: Rig) -> Iterator[ConnectedEngine]:
    """The engine as the relaunch reads it."""
    engines = find_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"})
    try:
        yield connected(engines).accesses[0]
    finally:
        engines.close()


def test_containers_come_and_go(each_api: Rig) -> None:
    with watching(each_api) as (_, screen):
        screen.wait(lambda s: any(engine.state is EngineState.CONNECTED for engine in s.engines))
        with each_api.container(name="comes") as container:
            snapshot = screen.wait(lambda s: (c := named(s, "comes")) is not None and c.capture is not None)
            state = named(snapshot, "comes")
            assert state is not None
            assert state.container.pid == each_api.pid(container)
            each_api.run("stop", "-t", "0", container)
            stopped = screen.wait(
                lambda s: (c := named(s, "comes")) is not None and c.container.status is Status.EXITED
            )
            gone = named(stopped, "comes")
            assert gone is not None
            assert {layer.assessment.verdict for layer in gone.layers} == {Verdict.UNKNOWN}
        screen.wait(lambda s: named(s, "comes") is None)


def test_a_file_system_with_the_number_of_one_that_is_gone_is_not_the_hosts(each_api: Rig, tmp_path: Path) -> None:
    """Numbers of file systems without a disk are given out again, the lowest first."""
    options = ("--read-only", "--tmpfs", "/first", "--tmpfs", "/second")
    places = [tmp_path / str(number) for number in range(40)]
    try:
        for place in places:
            place.mkdir()
            subprocess.run(("mount", "-t", "tmpfs", "tmpfs", str(place)), check=True)
        numbers = {place.stat().st_dev for place in places}
        with opened(each_api) as engine, watching(each_api) as (_, screen):
            screen.wait(lambda s: any(each.state is EngineState.CONNECTED for each in s.engines))
            while places:
                subprocess.run(("umount", str(places.pop())), check=True)
            with ExitStack() as stack:  # numbers that others gave back meanwhile are used up first
                for count in range(40):
                    container = stack.enter_context(each_api.container(*options, name=f"reuses-{count}"))
                    root = Path(f"/proc/{each_api.pid(container)}/root")
                    if numbers & {(root / name).stat().st_dev for name in ("first", "second")}:
                        break
                else:
                    raise AssertionError("none has one of these numbers")
                name = f"reuses-{count}"
                seen = screen.wait(lambda s: (c := named(s, name)) is not None and c.capture is not None)
                for read in (named(seen, name), engine.read(container)):
                    assert read is not None
                    (facts,) = (layer.facts for layer in read.layers if isinstance(layer.facts, NamespacesFacts))
                    assert facts.host_paths == ()
    finally:
        for place in places:
            subprocess.run(("umount", str(place)), check=False)


@pytest.mark.parametrize("options", [("--pid", "host"), ("--network", "container:shared-with")])
def test_one_container_is_read_as_beside_all_others(any_engine: Rig, options: tuple[str, ...]) -> None:
    """What it shares with others decides what it can do to them."""
    with ExitStack() as stack:
        stack.enter_context(any_engine.container(name="shared-with"))
        container = stack.enter_context(any_engine.container(*options, name="sharing"))
        engine, (_, screen) = stack.enter_context(opened(any_engine)), stack.enter_context(watching(any_engine))

        def alike(snapshot: Snapshot) -> bool:
            """Whether both readings say the same; the window's own may be of an earlier moment."""
            beside, alone = named(snapshot, "sharing"), engine.read(container)
            if beside is None or alone is None or beside.matrix is None or alone.matrix is None:
                return False
            return {each.threat.id: each.outcome for each in beside.matrix.threats} == {
                each.threat.id: each.outcome for each in alone.matrix.threats
            }

        screen.wait(alike)


def test_a_network_that_is_joined_later_is_seen(any_engine: Rig) -> None:
    networks = ("later-one", "later-two")

    def joined(expected: set[str], snapshot: Snapshot) -> bool:
        state = named(snapshot, "joins")
        return state is not None and set(state.container.networks) == expected

    for name in networks:
        any_engine.run("network", "create", name)
    try:
        with any_engine.container("--network", networks[0], name="joins"), watching(any_engine) as (_, screen):
            for word, expected in (("connect", networks), ("disconnect", networks[:1])):
                time.sleep(2 * SECOND_LOOK)  # so that no earlier event has it read again
                any_engine.run("network", word, networks[1], "joins")
                screen.wait(partial(joined, set(expected)))
    finally:
        any_engine.run("network", "rm", *networks)


@contextmanager
def session(rig: Rig, container: str, *options: str) -> Iterator[int]:
    """A privileged exec session that sleeps: its PID."""
    seconds = str(10**8 + os.getpid())  # no other test's sleeps as long
    words = ("exec", *options, "--privileged", container, "sleep", seconds)
    command = subprocess.Popen(rig.command(*words), env=rig.env, stdin=subprocess.DEVNULL)
    try:
        yield sleeper(seconds, command.pid)
    finally:
        command.wait()


@pytest.mark.parametrize("detached", [True, False])
def test_a_privileged_session_raises_the_exposure_until_it_ends(any_engine: Rig, detached: bool) -> None:
    """Each within two seconds, as the kernel has it: the engine's command line takes its own time."""
    hard = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    options = ("-d",) if detached else ()
    with any_engine.container(*hard, name="hardened"), watching(any_engine) as (_, screen):
        before = screen.wait(lambda s: (c := named(s, "hardened")) is not None and c.matrix is not None)
        time.sleep(1.0)  # the second look at its start is over
        with session(any_engine, "hardened", *options) as pid:
            began = time.monotonic()
            raised = screen.wait(lambda s: (c := named(s, "hardened")) is not None and bool(c.raising))
            seen = time.monotonic() - began
            time.sleep(2 * SECOND_LOOK)  # so is that at the session's
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            after = screen.wait(lambda s: (c := named(s, "hardened")) is not None and not c.processes)
            gone = time.monotonic() - began
        first, then, last = (hardened(snapshot) for snapshot in (before, raised, after))
        assert exposure(then) > exposure(first) == exposure(last)
        assert [process.kind for process in then.raising] == ["exec"]
        assert first.findings == last.findings
        assert (seen < 2.0, gone < 2.0) == (True, True), (seen, gone)


def test_the_end_of_a_session_is_seen_while_the_engine_hangs(each_api: Rig) -> None:
    with each_api.container("--cap-drop", "ALL", name="hardened"), watching(each_api) as (_, screen):
        with session(each_api, "hardened", "-d") as pid:
            screen.wait(lambda s: (c := named(s, "hardened")) is not None and bool(c.raising))
        each_api.freeze()
        try:
            os.kill(pid, signal.SIGKILL)
            screen.wait(lambda s: (c := named(s, "hardened")) is not None and not c.processes)
        finally:
            each_api.thaw()


def hardened(snapshot: Snapshot) -> ContainerState:
    found = named(snapshot, "hardened")
    assert found is not None
    return found


def exposure(state: ContainerState) -> float:
    assert state.matrix is not None
    return state.matrix.exposure.worst


def sleeper(seconds: str, command: int) -> int:
    """The PID of whoever sleeps for so long, once it runs: of all processes, since the engine's own child it is not."""
    while True:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes() == f"sleep\0{seconds}\0".encode() and int(path.parent.name) != command:
                    return int(path.parent.name)
        time.sleep(0.02)


def test_a_hanging_engine_blocks_no_other_and_comes_back(docker_rootful: Rig, podman_rootful: Rig) -> None:
    with docker_rootful.container(name="held"), watching(docker_rootful, podman_rootful) as (watch, screen):
        well = screen.wait(
            lambda s: (c := named(s, "held")) is not None and c.matrix is not None and len(s.engines) == 2
        )
        docker_rootful.freeze()
        try:
            with podman_rootful.container(name="meanwhile"):
                screen.wait(lambda s: (c := named(s, "meanwhile")) is not None and c.capture is not None)
            hanging = screen.wait(lambda s: state_of(s, docker_rootful.endpoint) is EngineState.UNREACHABLE)
            before, held = named(well, "held"), named(hanging, "held")
            assert before is not None
            assert held is not None, "its containers stay on screen"
            assert [each.assessment.fact for each in held.layers] == [each.assessment.fact for each in before.layers]
            assert (held.matrix, held.first_exposure) == (before.matrix, before.first_exposure)
            assert state_of(hanging, podman_rootful.endpoint) is EngineState.CONNECTED
        finally:
            docker_rootful.thaw()
        watch.refresh()
        screen.wait(lambda s: state_of(s, docker_rootful.endpoint) is EngineState.CONNECTED)


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
    while set(threading.enumerate()) - before:
        time.sleep(0.05)


class Machine:
    """A prober; while its gate is shut it takes as long as ssh to a machine that does not answer."""

    def __init__(self) -> None:
        self.gate, self.asked, self.reads = threading.Event(), threading.Event(), 0
        self.gate.set()

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        self.reads += 1
        self.asked.set()
        self.gate.wait()
        return Capture(0, ())

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        return ()

    def close(self) -> None:
        """Nothing to end."""


class Port:
    """An engine that is well and has no containers; while its gate is shut it gives no answer."""

    shell: tuple[str, ...] = ()
    top = None

    def __init__(self, name: str = "far") -> None:
        self.id = name
        self.gate, self._closed = threading.Event(), threading.Event()
        self.gate.set()

    def describe(self) -> Engine:
        self.gate.wait()
        return Engine(self.id, EngineKind.DOCKER, "ssh://far", state=EngineState.CONNECTED)

    def list(self) -> tuple[RawContainer, ...]:
        return ()

    def inspect(self, container: str) -> RawContainer:
        raise AssertionError(container)

    def exported(self, container: str) -> Iterator[bytes]:
        return iter(())

    def events(self) -> Iterator[Event]:
        self._closed.wait()
        yield from ()

    def close(self) -> None:
        self._closed.set()


@pytest.mark.parametrize("slow", ["the engine's", "this one"])
def test_whoever_asks_does_not_wait_for_a_machine_that_is_being_read(slow: str) -> None:
    local, far = Machine(), Machine()
    machine = far if slow == "the engine's" else local
    shared = Translations({})
    watch = LiveView((Port(),), Reader((), shared, local, lambda _: Reach(far)), Assembler((), shared))
    screen = Screen()
    watch.start(screen.publish)
    try:
        screen.wait(lambda snapshot: bool(snapshot.listed))
        machine.gate.clear()
        machine.asked.clear()
        watch.refresh()
        assert machine.asked.wait()
        reads = machine.reads
        watch.refresh()  # whoever waited would wait for ever: the gate is shut
        watch.focus(("far", "ab"))
        machine.gate.set()
        while machine.reads == reads:  # what was asked for in the midst of a reading is read once more
            time.sleep(0.01)
    finally:
        machine.gate.set()
        watch.stop()


def test_an_engine_that_has_not_answered_yet_is_named() -> None:
    slow, quick, shared = Port("slow"), Port("quick"), Translations({})
    slow.gate.clear()
    watch = LiveView((slow, quick), Reader((), shared, Machine(), lambda _: Reach(Machine())), Assembler((), shared))
    screen = Screen()
    watch.start(screen.publish)
    try:
        screen.wait(lambda snapshot: snapshot.listed == {"quick"} and snapshot.asking == ("slow",))
        slow.gate.set()
        assert screen.wait(lambda snapshot: snapshot.listed == {"slow", "quick"}).asking == ()
    finally:
        slow.gate.set()
        watch.stop()


class Slow(Port):
    """One whose stream of events takes a while to begin, as where an SDK is loaded for it on a busy machine."""

    def __init__(self) -> None:
        super().__init__()
        self.begins, self.ids = threading.Event(), ["first"]

    def list(self) -> tuple[RawContainer, ...]:
        return tuple(RawContainer(self.id, number, "{}") for number in self.ids)

    def events(self) -> Iterator[Event]:
        self.begins.wait()
        return super().events()


def test_what_happens_before_the_stream_of_events_begins_is_found() -> None:
    port, shared = Slow(), Translations({EngineKind.DOCKER: _told})
    watch = LiveView((port,), Reader((), shared, Machine(), lambda _: Reach(None)), Assembler((), shared))
    screen = Screen()
    watch.start(screen.publish)
    try:
        screen.wait(lambda snapshot: {state.container.id for state in snapshot.containers} == {"first"})
        time.sleep(2 * SECOND_LOOK)  # no look is put off any more
        port.ids.append("meanwhile")
        port.begins.set()
        screen.wait(lambda snapshot: {state.container.id for state in snapshot.containers} == {"first", "meanwhile"})
    finally:
        port.begins.set()
        watch.stop()


class Checked(Slow):
    """One whose answer has another text at each event, as after each health check."""

    def __init__(self) -> None:
        super().__init__()
        self.happens, self.inspected = threading.Semaphore(0), 0

    def inspect(self, container: str) -> RawContainer:
        self.inspected += 1
        return RawContainer(self.id, container, "{}" + " " * self.inspected)

    def events(self) -> Iterator[Event]:
        while not self._closed.is_set():
            if self.happens.acquire(timeout=0.1):
                yield Event(EventKind.CHANGED, "first")


def test_an_answer_that_changes_nothing_shown_makes_no_snapshot() -> None:
    port, shared = Checked(), Translations({EngineKind.DOCKER: _told})
    watch = LiveView((port,), Reader((), shared, Machine(), lambda _: Reach(None)), Assembler((), shared))
    screen = Screen()
    watch.start(screen.publish)
    try:
        screen.wait(lambda snapshot: bool(snapshot.listed))
        time.sleep(3 * SECOND_LOOK)  # no look is put off any more
        known = len(screen.snapshots)
        port.happens.release()
        while port.inspected < 2:
            time.sleep(0.01)
        time.sleep(STEADY + SECOND_LOOK)
        assert len(screen.snapshots) == known
        watch.refresh()  # somebody waits for an answer
        while len(screen.snapshots) == known:
            time.sleep(0.01)
    finally:
        watch.stop()


def test_one_of_which_something_did_not_answer_in_time_is_read_again_without_an_event() -> None:
    class Late(Reader):
        until = inf

        def due(self, key: tuple[str, str]) -> float:
            return self.until

    port, shared = Checked(), Translations({EngineKind.DOCKER: _told})
    reader = Late((), shared, Machine(), lambda _: Reach(None))
    watch, screen = LiveView((port,), reader, Assembler((), shared)), Screen()
    watch.start(screen.publish)
    try:
        screen.wait(lambda snapshot: bool(snapshot.listed))
        time.sleep(3 * SECOND_LOOK)
        assert port.inspected == 0
        reader.until = time.monotonic() + 3 * SECOND_LOOK
        port.happens.release()
        while port.inspected < 3:  # at once, when it has settled, and then
            time.sleep(0.01)
        assert time.monotonic() >= reader.until
    finally:
        watch.stop()


def test_what_does_not_run_is_predicted_once_it_is_looked_at() -> None:
    port, shared = Slow(), Translations({EngineKind.DOCKER: _told})
    port.ids.append("other")
    port.begins.set()

    def predict(container: Container, engine: Engine, ground: Ground) -> ContainerState:
        return ContainerState(replace(container, status=Status.PREDICTED), ())

    reader = Reader((), shared, Machine(), lambda _: Reach(None))
    watch = LiveView((port,), reader, Assembler((), shared), predictions=Predictions(predict))
    screen = Screen()
    watch.start(screen.publish)
    try:
        first = screen.wait(lambda snapshot: len(snapshot.containers) == 2)
        assert not [state for state in first.containers if state.as_started is not None]
        watch.focus(("far", "first"))
        screen.wait(lambda snapshot: [state.as_started is not None for state in snapshot.containers] == [True, False])
    finally:
        watch.stop()


def _told(raw: RawContainer, engine: Engine) -> Container:
    return Container(raw.engine, raw.id, raw.id, "image", Status.EXITED, None, 0.0, 0.0)
