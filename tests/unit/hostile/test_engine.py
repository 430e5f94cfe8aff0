"""An engine that lies, drips or never ends costs itself: it is told as a state, and the other's containers stand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.engines.fake_engine import Answer, FakeEngine, Pieces
from rig.hostile.server import (
    ATTACKS,
    CHUNKED,
    CONTAINER,
    ID,
    OK,
    WHERE,
    flood,
    good,
    instead,
    said,
    without_end,
)
from stratascope.core.container import EngineState
from stratascope.core.ports import EngineError
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.engines.shared.rest_client import ANSWER_MAX, LIST_MAX
from stratascope.engines.shared.rest_engine import CONTAINERS_MAX, RestEngine
from stratascope.layers import all_layers
from stratascope.presentation import json_report
from stratascope.probe.local import LocalProber
from stratascope.usecases.live.engine_readings import NAMED_MAX
from stratascope.usecases.live.live_view import LiveView
from stratascope.usecases.live.reader import Reach, Reader
from stratascope.wiring.engines import assembler, find_engines, take_capture, translations

Start = Callable[[Answer], FakeEngine]


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestEngine, "timeout", (1.0, 0.3))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[FakeEngine] = []

    def begin(answer: Answer) -> FakeEngine:
        made.append(FakeEngine(tmp_path / f"{len(made)}.sock", answer))
        return made[-1]

    yield begin
    for server in made:
        server.close()


def report(*servers: FakeEngine) -> MachineCapture:
    """What `stratascope report --json` reads and prints, of these engines."""
    engines = find_engines((), {"STRATASCOPE_ENGINES": " ".join(server.endpoint for server in servers)})
    try:
        capture = take_capture(engines, translations())
    finally:
        engines.close()
    json.loads(json_report.render(assembler().snapshot(capture)))
    return capture


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("where", WHERE)
def test_a_report_ends_and_the_others_stand(start: Start, where: str, attack: str) -> None:
    liar, honest = start(instead(where, ATTACKS[attack])), start(good)
    capture = report(liar, honest)
    first, second = capture.engines
    assert second.state is EngineState.CONNECTED
    assert [each.raw.id for each in capture.containers if each.raw.engine == second.id] == [ID]
    harmless = where == f"/{ID}/json" and attack in ("less deep", "not found", "no JSON", "null")
    if where == "/_ping":
        harmless = attack in ("packed", "not found", "deep", "less deep", "wide", "elsewhere", "no JSON", "null")
    if not harmless:
        assert first.state is EngineState.UNREACHABLE
        assert first.message is not None
        assert [each for each in capture.containers if each.raw.engine == first.id] == []
    assert liar.sent < 3 * (64 << 20)


def test_more_containers_than_any_engine_has(start: Start) -> None:
    ids = [f"{number:064x}" for number in range(CONTAINERS_MAX + 1)]
    capture = report(start(instead("/containers/json", lambda _: (said([{"Id": each} for each in ids]),))))
    assert capture.engines[0].state is EngineState.UNREACHABLE
    assert capture.containers == ()


def test_containers_that_are_large_only_together(start: Start) -> None:
    """Each is within its bound; the sum is not."""
    ids = [f"{number:064x}" for number in range(40)]
    large = {**CONTAINER, "Large": "x" * (ANSWER_MAX // 4)}

    def answer(target: str) -> Iterator[bytes]:
        yield said([{"Id": each} for each in ids] if "/containers/json" in target else large)

    liar = start(lambda target: good(target) if target.endswith(("/_ping", "/info")) else answer(target))
    capture = report(liar)
    assert capture.engines[0].state is EngineState.UNREACHABLE
    assert liar.sent < LIST_MAX + 30 * ANSWER_MAX


def test_a_list_whose_containers_drip_ends_as_a_whole(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer keeps its own time, and all of them together would take a hundred times as long."""
    monkeypatch.setattr("stratascope.engines.shared.rest_engine.LIST_SECONDS", 1.0)
    ids = [f"{number:064x}" for number in range(1000)]

    def slow(target: str) -> Iterator[bytes]:
        time.sleep(0.1)
        yield said({**CONTAINER, "Id": target.split("/")[-2]})

    def answer(target: str) -> Pieces:
        if "/containers/json" in target:
            return (said([{"Id": each} for each in ids]),)
        return slow(target) if "/containers/" in target else good(target)

    liar = start(answer)
    assert report(liar).engines[0].state is EngineState.UNREACHABLE
    assert sum("/json" in target for target in liar.asked) < 200


def test_numbers_beyond_all_bounds(start: Start) -> None:
    odd = {**CONTAINER, "HostConfig": {"NanoCpus": 10**400, "Memory": 10**30}, "State": {"Pid": 10**40}}
    capture = report(start(instead(f"/{ID}/json", lambda _: (said(odd),))), start(good))
    assert [engine.state for engine in capture.engines] == [EngineState.CONNECTED] * 2
    told, _ = assembler().snapshot(capture).containers
    assert "out of range" in told.container.error


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (OK + b"\r\n", b'{"' * 3000),  # one event without end
        (OK + b"\r\n", b'{"a":' * 3000),
        (OK + b"\r\n", b"x" * 3000),
        (CHUNKED + b"ffffffffffff\r\n", b'{"x": ' + b" " * 3000),
        (CHUNKED + b"f" * 40 + b"\r\n", b""),
    ],
)
def test_a_stream_of_events_that_is_none_ends(start: Start, head: bytes, piece: bytes) -> None:
    server = start(instead("/events", lambda _: without_end(head, piece)))
    engines = find_engines((), {"STRATASCOPE_ENGINES": server.endpoint})
    try:
        with pytest.raises(EngineError):
            list(engines.ports[0].events())
    finally:
        engines.close()
    assert server.sent < 16 << 20


@pytest.mark.parametrize("exist", [False, True])
def test_events_of_ever_new_containers_are_bounded(start: Start, monkeypatch: pytest.MonkeyPatch, exist: bool) -> None:
    """Nothing grows with them, and the thread that follows them is still there. `exist`: it has an answer for each."""
    monkeypatch.setattr("stratascope.usecases.live.engine_readings.NAMED_BYTES", 1 << 20)

    def answer(target: str) -> Pieces:
        if target.partition("?")[0].endswith("/events"):
            return flood()
        return (said({**CONTAINER, "X": "x" * 9999}),) if exist and "/containers/0" in target else good(target)

    liar = start(answer)
    engines = find_engines((), {"STRATASCOPE_ENGINES": liar.endpoint})
    shared, prober = translations(), LocalProber()
    view = LiveView(engines.ports, Reader(all_layers(), shared, prober, lambda _: Reach(prober)), assembler(shared))
    seen = threading.Event()
    sizes: list[int] = []

    def look(snapshot: Snapshot) -> None:
        capture = view.capture()
        assert capture is not None
        sizes.append(sum(len(each.raw.inspect) for each in capture.containers))
        seen.set()

    view.start(look)
    try:
        assert seen.wait(60)
        deadline = time.monotonic() + 120
        while liar.sent < 4 << 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert liar.sent >= 4 << 20, "not followed"
        for known in view.engines:
            assert max(len(known.due), len(known.later), len(known.gone)) <= NAMED_MAX + 1
        assert max(sizes) < 32 << 20
    finally:
        view.stop()
        engines.close()
