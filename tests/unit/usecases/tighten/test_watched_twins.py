"""A twin that starts before the observer is ready is not taken for an observed one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from stratascope.core.container import Engine, EngineKind
from stratascope.core.observation.events import Event
from stratascope.core.observation.observation import ObserverRequest, Stream
from stratascope.i18n.translate import translate
from stratascope.usecases.tighten import watched_twins
from stratascope.usecases.tighten.watched_twins import WatchedTwins

ENGINE = Engine("podman", EngineKind.PODMAN, "unix:///p")


@dataclass
class Silent:
    """An observer that never gets ready, and its stream."""

    closed: threading.Event = field(default_factory=threading.Event)
    asked: list[ObserverRequest] = field(default_factory=list)

    def begin(self, target: ObserverRequest) -> Stream:
        self.asked.append(target)
        return self

    def __iter__(self) -> Iterator[Event]:
        self.closed.wait()
        yield from ()

    def close(self) -> None:
        self.closed.set()


def test_an_observer_that_is_late_has_observed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_twins, "ATTACH", 0.01)
    observer = Silent()
    twins = WatchedTwins(lambda: observer, ENGINE, None, (("/data", True),))
    with twins.observe("1") as witness:
        witness.attach("c", lambda: 1)
        witness.started("c")
        assert witness.refusals() == ()
    assert twins.seen() is None
    assert twins.why_not is not None
    assert translate(twins.why_not) == "The observer was not ready before it started."
    assert [each.places for each in observer.asked] == [(("/data", True),)]
