"""Of a container of which some processes were not read, nothing is claimed that would have to hold for all of them."""

from __future__ import annotations

from stratascope.core.layer import Verdict
from stratascope.core.snapshot import ContainerState, MachineCapture
from stratascope.core.threats.threat import Stance
from stratascope.layers import all_layers
from stratascope.presentation import json_report, text_report
from stratascope.presentation.ground import process_line
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture

RECORD = demo_capture()


def states(capture: MachineCapture) -> list[ContainerState]:
    return [state for state in assembler().snapshot(capture).containers if state.matrix is not None]


def with_unread(count: int) -> MachineCapture:
    containers = tuple(
        item if item.found is None else replace(item, found=replace(item.found, unread=count))
        for item in RECORD.containers
    )
    return replace(RECORD, containers=containers)


def test_what_a_layer_stops_or_enforces_is_not_known_and_what_is_open_stays_open() -> None:
    before, after = states(RECORD), states(with_unread(3))
    assert before
    assert {layer.assessment.verdict for state in before for layer in state.layers} > {Verdict.ENFORCED, Verdict.OPEN}
    for old, new in zip(before, after, strict=True):
        for was, now in zip(old.layers, new.layers, strict=True):
            assert now.facts == was.facts
            is_open = was.assessment.verdict is Verdict.OPEN
            assert now.assessment.verdict is (Verdict.OPEN if is_open else Verdict.UNKNOWN)
            assert "processes" in {gap.what for gap in now.assessment.gaps}
        assert old.matrix is not None
        assert new.matrix is not None
        rulings = [answer for threat in new.matrix.threats for route in threat.routes for answer in route.rulings]
        assert Stance.STOPS not in {answer.ruling.stance for answer in rulings}
        assert new.matrix.exposure.worst >= old.matrix.exposure.worst
        assert new.unread == 3


def test_it_is_told_once_in_a_sentence_and_counted() -> None:
    snapshot = assembler().snapshot(with_unread(3000))
    state = next(state for state in snapshot.containers if state.matrix is not None)
    assert [finding.code for finding in state.findings].count("capabilities.unread-processes") == 1
    text = text_report.render(snapshot, all_layers(), text_report.Style(details=True))
    assert "At least 3000 of its processes were not read" in " ".join(text.split())
    assert "Not all of its processes were read" in " ".join(
        text_report.render(snapshot, all_layers(), text_report.Style()).split()
    )
    assert f"{len(state.processes) + 3001} processes" in process_line(state)
    assert '"processes_unread": 3000' in "".join(json_report.render(snapshot))


def test_nothing_changes_where_all_were_read() -> None:
    assert states(with_unread(0)) == states(RECORD)
