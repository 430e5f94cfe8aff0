"""Containers that do not run are shown as they would start, once somebody looked at them, and no sooner."""

from __future__ import annotations

import logging
import threading

import pytest

from rig.usecases.screen import Screen
from stratascope.core.capture import GapKind
from stratascope.core.container import Container, Engine, Status
from stratascope.core.ground import Ground
from stratascope.core.layer import Bars, Table, Verdict
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.threat import Basis
from stratascope.presentation import json_report
from stratascope.presentation.takeover import taking_over
from stratascope.usecases.live.predictions import Predictions
from stratascope.usecases.live.recorded import RecordedView
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot
from stratascope.wiring.views import predictions

NAME = "nightly-report"  # the demo's container that was created and never started


def named(snapshot: Snapshot, name: str = NAME) -> ContainerState:
    return next(each for each in snapshot.containers if each.container.name == name)


class Counting:
    """Predicts nothing but that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, container: Container, engine: Engine, ground: Ground) -> ContainerState:
        self.asked.append(container.name)
        return ContainerState(replace(container, status=Status.PREDICTED), ())


def test_only_what_was_looked_at_and_does_not_run() -> None:
    asked, snapshot = Counting(), demo_snapshot()
    ahead = Predictions(asked)
    assert ahead.added(snapshot) is snapshot
    for state in snapshot.containers:
        ahead.look_at(state.key)
    found = ahead.added(snapshot)
    assert asked.asked == [NAME]
    assert [each.as_started is not None for each in found.containers] == [
        each.container.name == NAME for each in snapshot.containers
    ]
    assert named(found).judged is named(found).as_started
    assert named(snapshot).judged is named(snapshot)


def test_it_is_predicted_once_until_something_changes() -> None:
    asked, snapshot = Counting(), demo_snapshot()
    ahead, state = Predictions(asked), named(snapshot)
    assert ahead.look_at(state.key)
    assert not ahead.look_at(state.key)
    first, again = ahead.added(snapshot), ahead.added(snapshot)
    assert named(first) is named(again), "lists keep their rows by it"
    read_anew = replace(snapshot, containers=tuple(replace(each, unread=0) for each in snapshot.containers))
    assert named(ahead.added(read_anew)).as_started is named(first).as_started
    assert len(asked.asked) == 1
    changed = replace(state, container=replace(state.container, asked=replace(state.container.asked, privileged=True)))
    ahead.added(replace(snapshot, containers=(changed,)))
    ahead.added(replace(snapshot, containers=(changed,), ground=replace(snapshot.ground, kernel="7.0")))
    assert len(asked.asked) == 3
    ahead.added(replace(snapshot, containers=()))
    ahead.added(snapshot)
    assert len(asked.asked) == 4, "nothing is kept of what is gone"


@pytest.mark.parametrize("why", ["its inspect was not understood", "a kernel of its own", "no engine"])
def test_what_can_t_be_predicted_stays_as_it_is(why: str) -> None:
    asked, snapshot = Counting(), demo_snapshot()
    state = named(snapshot)
    assert state.gap is not None
    kinds = {"its inspect was not understood": GapKind.UNPARSED, "a kernel of its own": GapKind.FOREIGN}
    state = replace(state, gap=replace(state.gap, kind=kinds.get(why, state.gap.kind)))
    engines = () if why == "no engine" else snapshot.engines
    ahead = Predictions(asked)
    ahead.look_at(state.key)
    found = ahead.added(replace(snapshot, containers=(state,), engines=engines))
    assert found.containers == (state,)
    assert asked.asked == []


def test_a_fault_of_ours_costs_the_prediction_alone(caplog: pytest.LogCaptureFixture) -> None:
    def failing(container: Container, engine: Engine, ground: Ground) -> ContainerState:
        raise KeyError(container.name)

    snapshot = demo_snapshot()
    ahead = Predictions(failing)
    ahead.look_at(named(snapshot).key)
    with caplog.at_level(logging.ERROR):
        assert ahead.added(snapshot).containers == snapshot.containers
        ahead.added(snapshot)
    assert len(caplog.records) == 1, "it is not tried again at each picture"
    caplog.clear()


def test_all_of_it_is_told_as_predicted() -> None:
    snapshot = demo_snapshot()
    ahead = predictions()
    ahead.look_at(named(snapshot).key)
    shown = ahead.added(snapshot)
    state = named(shown)
    would = state.as_started
    assert would is not None
    assert would.would_start
    assert not state.would_start
    assert would.matrix is not None
    assert {item.ruling.basis for each in would.matrix.threats for item in each.weakest.rulings} == {Basis.PREDICTED}
    assert {layer.assessment.basis for layer in would.layers} == {Basis.PREDICTED}
    assert {finding.source for finding in would.findings} == {"inspect:HostConfig"}
    views = [view for layer in would.layers for tab in layer.assessment.tabs for view in tab.views]
    rows = [row for view in views if isinstance(view, Table) for row in view.rows]
    bars = [bar for view in views if isinstance(view, Bars) for bar in view.bars]
    assert rows
    assert bars
    sources = {row.source for row in rows} | {bar.source for bar in bars}
    assert not [source for source in sources if "/proc/" in source]
    assert {row.basis for row in rows} | {bar.basis for bar in bars} == {Basis.PREDICTED}
    # itself it is what it was: it can take over nothing, and reports are as ever
    assert state.matrix is None
    assert {layer.assessment.verdict for layer in state.layers} == {Verdict.UNKNOWN}
    assert json_report.document(shown) == json_report.document(snapshot)
    assert taking_over(shown.containers) == taking_over(snapshot.containers)


def test_a_capture_tells_it_too() -> None:
    snapshot, screen = demo_snapshot(), Screen()
    gate = threading.Event()

    def read() -> Snapshot:
        gate.wait()
        return snapshot

    view = RecordedView((("demo", read),), predictions())
    view.start(screen.publish)
    try:
        view.focus(named(snapshot).key)
        gate.set()
        screen.wait(lambda shown: bool(shown.containers) and named(shown).as_started is not None)
    finally:
        gate.set()
        view.stop()
