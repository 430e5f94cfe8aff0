"""Containers watched: what comes is folded, kept once, and told while it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from rig.usecases.memory_access import MemoryNeeds
from stratascope.core.container import Container, Status
from stratascope.core.message import msg
from stratascope.core.observation.events import (
    Begin,
    Call,
    Event,
    Process,
)
from stratascope.core.observation.observation import Needs, NeedsError, Observation, ObserverRequest
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.observe import service as service_module
from stratascope.usecases.observe.service import ObservationService
from stratascope.value import replace

WEB = Container("docker", "a" * 64, "web", "nginx:1", Status.RUNNING, 7, 1.0, 1.0, command="nginx")
STATE = ContainerState(WEB, ())
WAIT = 30.0


class Line:
    """A stream that yields what the test puts into it, and fails where it is told to."""

    def __init__(self) -> None:
        self.events: queue.Queue[Event | Exception | None] = queue.Queue()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.events.get(timeout=WAIT)) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.events.put(None)


class Lines:
    """An observer whose streams are those of the test."""

    def __init__(self) -> None:
        self.line = Line()
        self.targets: list[ObserverRequest] = []

    def begin(self, target: ObserverRequest) -> Line:
        self.targets.append(target)
        return self.line


def watching(store: MemoryNeeds | None = None) -> tuple[ObservationService, Lines, threading.Event]:
    """A service, its observer, and what is set whenever something was taken in."""
    lines, told = Lines(), threading.Event()
    service = ObservationService(store or MemoryNeeds(), lambda: lines)
    service.changed = lambda container: told.set()
    return service, lines, told


def feed(lines: Lines, told: threading.Event, *events: Event) -> None:
    """Put them in and wait until each was taken."""
    for event in events:
        told.clear()
        lines.line.events.put(event)
        assert told.wait(WAIT)


START = (Begin(1.0, 1, "tracepoint"), Process(1.0, 7, 1, "there", "nginx", ""), Call(1.5, 7, "x86_64", 257, 3))


def test_told_while_it_comes_and_kept_at_the_end() -> None:
    """Before the end it counts for this program, after it for all; never twice."""
    store = MemoryNeeds()
    service, lines, told = watching(store)
    service.begin(STATE)
    feed(lines, told, *START)
    known, watched = service.known(WEB), service.watched(WEB)
    assert known is not None
    assert watched is not None
    assert watched.alive
    assert [call.uses for call in known.observation.calls] == [3]
    assert store.of(WEB) is None
    service.end(WEB)
    service.end(WEB)
    kept = store.of(WEB)
    assert kept is not None
    assert service.known(WEB) == kept
    assert [call.uses for call in kept.observation.calls] == [3]
    watched = service.watched(WEB)
    assert watched is not None
    assert not watched.alive
    assert lines.targets == [ObserverRequest(7, "", WEB.id)]


def test_it_is_kept_while_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a killed program loses little; added up at the end, it is no longer kept beside."""
    monkeypatch.setattr(service_module, "KEEPS", 0.02)
    store = MemoryNeeds()
    service, lines, told = watching(store)
    service.begin(STATE)
    feed(lines, told, *START)
    until = time.monotonic() + WAIT
    while not any(seen.calls for seen in store.watches.values()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert store.of(WEB) is None
    service.end(WEB)
    assert store.watches == {}
    time.sleep(0.1)
    assert store.watches == {}


def test_a_time_without_events_was_watched_too() -> None:
    """As long as there may be more; what is kept counts to the last event."""
    store = MemoryNeeds()
    service, lines, told = watching(store)
    service.begin(STATE)
    feed(lines, told, *START)
    first = service.watched(WEB)
    time.sleep(0.2)
    second = service.watched(WEB)
    assert first is not None
    assert second is not None
    assert second.observation.seen.seconds >= first.observation.seen.seconds + 0.2
    service.end(WEB)
    kept = store.of(WEB)
    assert kept is not None
    assert kept.observation.seen.seconds == 0.5


def test_a_second_life_is_added() -> None:
    """A container that is watched again, or was relaunched, adds to what was known."""
    store = MemoryNeeds()
    service, lines, told = watching(store)
    for _ in range(2):
        service.begin(STATE)
        feed(lines, told, *START)
        service.end(WEB)
    kept = store.of(WEB)
    assert kept is not None
    assert [call.uses for call in kept.observation.calls] == [6]


def test_one_observation_at_a_time() -> None:
    """Who asks twice gets the one that is under way."""
    service, lines, _ = watching()
    service.begin(STATE)
    service.begin(STATE)
    assert len(lines.targets) == 1
    service.close()


def test_an_observer_that_dies_loses_nothing_of_before() -> None:
    """What came is kept, and why no more did is told."""
    store = MemoryNeeds()
    service, lines, told = watching(store)
    service.begin(STATE)
    feed(lines, told, *START)
    lines.line.events.put(ProbeError(msg("It ended.")))
    assert service.wait(WEB, WAIT)
    watched, kept = service.watched(WEB), store.of(WEB)
    assert watched is not None
    assert watched.trouble == msg("It ended.")
    assert kept is not None


def test_nothing_seen_is_nothing_kept() -> None:
    """An observation that was refused at once leaves no file."""
    store = MemoryNeeds()
    service, lines, _ = watching(store)
    service.begin(STATE)
    lines.line.events.put(ProbeError(msg("Refused.")))
    assert service.wait(WEB, WAIT)
    assert store.of(WEB) is None


def test_a_full_disk_is_told() -> None:
    """By whoever ends it, and by the observation itself."""

    class Full(MemoryNeeds):
        def add(self, container: Container, observation: Observation, watch: str = "") -> Needs:
            raise NeedsError("no space")

    service, lines, told = watching(Full())
    service.begin(STATE)
    feed(lines, told, *START)
    lines.line.close()
    assert service.wait(WEB, WAIT)
    watched = service.watched(WEB)
    assert watched is not None
    assert watched.trouble is not None
    assert "no space" in str(watched.trouble.args)


def test_what_does_not_run_can_t_be_watched() -> None:
    """There is no process."""
    service, lines, _ = watching()
    with pytest.raises(ProbeError):
        service.begin(ContainerState(replace(WEB, pid=None, status=Status.EXITED), ()))
    assert lines.targets == []
