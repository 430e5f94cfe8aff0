"""What days of use leave behind: after an engine that came and went, stalled, and had ever other containers, the live
view holds as many descriptors, threads and bytes as at the start.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.engines.fake_engine import FakeEngine, Pieces
from rig.hostile.server import CONTAINER, ID, good, said
from stratascope import bounded_cache
from stratascope.core.container import EngineState
from stratascope.core.snapshot import Snapshot
from stratascope.engines.shared.rest_engine import RestEngine
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.live import live_view
from stratascope.usecases.live.live_view import LiveView
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.wiring.engines import assembler, find_engines, translations

RESTARTS, BATCHES, BATCH, STALLS = 100, 50, 20, 20
# the server is in this process too: a kept connection has two ends here, and a thread
MORE_DESCRIPTORS, MORE_THREADS, MORE_BYTES = 10, 4, 4 << 20


class Held:
    """Descriptors, threads, and bytes of Python's objects."""

    def __init__(self) -> None:
        bounded_cache.forget()  # bounded by itself (tests/unit/test_bounded_cache.py)
        gc.collect()
        self.descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of this very moment
        self.threads = threading.active_count()
        self.bytes = tracemalloc.get_traced_memory()[0]

    def check(self, before: Held) -> None:
        assert self.descriptors <= before.descriptors + MORE_DESCRIPTORS
        assert self.threads <= before.threads + MORE_THREADS
        assert self.bytes <= before.bytes + MORE_BYTES


class Watched:
    """A live view of these engines, and its last picture."""

    def __init__(self, endpoints: str) -> None:
        self.engines = find_engines((), {"STRATASCOPE_ENGINES": endpoints})
        shared, prober = translations(), LocalProber()
        reader = Reader(all_layers(), shared, prober, lambda _: Reach(prober))
        self._view = LiveView(self.engines.ports, reader, assembler(shared))
        self._picture = threading.Condition()
        self._last: Snapshot | None = None
        self._view.start(self._take)

    def _take(self, snapshot: Snapshot) -> None:
        with self._picture:
            self._last = snapshot
            self._picture.notify_all()

    def until(self, what: Callable[[Snapshot], bool]) -> None:
        with self._picture:
            assert self._picture.wait_for(lambda: self._last is not None and what(self._last), 120)

    def close(self) -> None:
        self._view.stop()
        self.engines.close()


def names(snapshot: Snapshot) -> set[str]:
    return {state.container.id for state in snapshot.containers}


def connected(snapshot: Snapshot) -> bool:
    return [engine.state for engine in snapshot.engines] == [EngineState.CONNECTED]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(RestEngine, "timeout", (1.0, 0.2))
    monkeypatch.setattr(live_view, "PAUSES", (0.02,))
    monkeypatch.setattr(live_view, "HEARTBEAT", 0.1)
    tracemalloc.start()
    yield
    tracemalloc.stop()


def silent(_: str) -> Iterator[bytes]:
    time.sleep(0.4)
    yield from ()


class Engine:
    """One on a socket that may be started anew, whose containers change, and that may fall silent."""

    def __init__(self, path: Path) -> None:
        self.path, self.ids, self.stalled = path, [ID], False
        self.server = FakeEngine(path, self.answer)

    def again(self) -> None:
        self.server.close()
        self.path.unlink()
        self.server = FakeEngine(self.path, self.answer)

    def followed(self) -> None:
        """Until whoever watches has noticed that this is another one, and follows it."""
        deadline = time.monotonic() + 120
        while not any("/events" in target for target in self.server.asked):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def answer(self, target: str) -> Pieces:
        path = target.partition("?")[0]
        if self.stalled:
            return silent(target)
        if path.endswith("/events"):
            return self.events()
        if path.endswith("/containers/json"):
            return (said([{"Id": each} for each in self.ids]),)
        known = next((each for each in self.ids if f"/{each}/" in path), "")
        return (said({**CONTAINER, "Id": known, "Name": f"/{known[:12]}"}),) if known else good(target)

    def events(self) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        told = self.ids
        while not self.stalled:
            time.sleep(0.01)
            if told is not self.ids:
                lines = [
                    *(b'{"status":"destroy","id":"%s"}\n' % each.encode() for each in told),
                    *(b'{"status":"start","id":"%s"}\n' % each.encode() for each in self.ids),
                ]
                told, text = self.ids, b"".join(lines)
                yield b"%x\r\n%s\r\n" % (len(text), text)


def test_restarts_strangers_and_stalls_leave_nothing(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "engine.sock")
    watched = Watched(engine.server.endpoint)
    try:
        for number in range(3):  # what is loaded, made and kept once
            engine.ids = [f"{number + 1:064x}"]
            engine.again()
            watched.until(lambda snapshot: connected(snapshot) and names(snapshot) == set(engine.ids))
        before = Held()
        for _ in range(RESTARTS):
            engine.again()
            engine.followed()
        for batch in range(BATCHES):
            engine.ids = [f"{batch * BATCH + number + 1000:064x}" for number in range(BATCH)]
            watched.until(lambda snapshot: names(snapshot) == set(engine.ids))
        engine.ids = [ID]
        watched.until(lambda snapshot: names(snapshot) == {ID})
        for _ in range(STALLS):
            engine.stalled = True
            watched.until(lambda snapshot: not connected(snapshot))
            engine.stalled = False
            watched.until(connected)
        time.sleep(1.0)  # the server's own threads end
        Held().check(before)
    finally:
        watched.close()
        engine.server.close()


@pytest.mark.slow
def test_a_real_engine_that_is_started_again_and_again(docker_rootful: Rig) -> None:
    watched = Watched(f"docker={docker_rootful.endpoint}")
    try:
        for number in range(12):
            docker_rootful.stop()
            watched.until(lambda snapshot: not connected(snapshot))
            docker_rootful.start()
            watched.until(connected)
            if number == 1:
                before = Held()
        Held().check(before)
    finally:
        watched.close()
