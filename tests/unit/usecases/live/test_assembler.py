"""One container that can't be assessed costs itself: the others are as they were, and the log says what happened."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from rig.places import CHECKOUT
from stratascope import bounded_cache
from stratascope.core.capture import GapKind
from stratascope.core.container import Container
from stratascope.core.layer import Layer, Tab, Verdict
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.usecases.live.assembler import Assembler
from stratascope.value import replace
from stratascope.wiring.engines import translations

DEMO = CHECKOUT / "resources" / "demo" / "demo.json"


@pytest.fixture(scope="module")
def machine() -> MachineCapture:
    return capture_file.load(DEMO)


def assembled(machine: MachineCapture, layers: tuple[Layer, ...]) -> Snapshot:
    return Assembler(layers, translations()).snapshot(machine)


def broken(step: str, victim: str) -> tuple[Layer, ...]:
    """The layers, of which one fails in that step for that container."""
    first, *others = all_layers()
    met: list[Any] = []

    def decode(capture: Any, container: Container, around: Any) -> Any:
        facts = first.decode(capture, container, around)
        if container.name == victim:
            met.append(facts)
            if step == "decode":
                raise ZeroDivisionError(step)
        return facts

    def of_victim(facts: Any) -> bool:
        return any(facts is each for each in met)

    def draw() -> tuple[Tab, ...]:
        raise ZeroDivisionError(step)

    def assess(facts: Any, asked: Any, around: Any) -> Any:
        if step == "assess" and of_victim(facts):
            raise ZeroDivisionError(step)
        found = first.assess(facts, asked, around)
        return replace(found, draw=draw) if step == "draw" and of_victim(facts) else found

    def posture(facts: Any, asked: Any, around: Any) -> Any:
        return ("its own", first.posture(facts, asked, around)) if of_victim(facts) else ("", first.posture(
            facts, asked, around))  # fmt: skip

    def stance(need: Any, posture: Any) -> Any:
        if step == "stance" and posture[0]:
            raise ZeroDivisionError(step)
        return first.stance(need, posture[1])

    return (replace(first, decode=decode, assess=assess, posture=posture, stance=stance), *others)


@pytest.mark.parametrize("step", ["decode", "assess", "stance"])
def test_a_fault_costs_that_container_alone(
    step: str, machine: MachineCapture, caplog: pytest.LogCaptureFixture
) -> None:
    usual = assembled(machine, all_layers()).containers
    victim = next(state for state in usual if state.matrix is not None).container.name
    with caplog.at_level(logging.ERROR):
        found = assembled(machine, broken(step, victim))
    for state, before in zip(found.containers, usual, strict=True):
        if state.container.name != victim:
            assert [layer.assessment for layer in state.layers] == [layer.assessment for layer in before.layers]
            assert (state.gap, state.processes, state.findings) == (before.gap, before.processes, before.findings)
            assert (state.matrix is None) == (before.matrix is None)
            if state.matrix is not None and before.matrix is not None:
                assert state.matrix.exposure == before.matrix.exposure
            continue
        assert state.gap is not None
        assert (state.gap.kind, state.gap.detail) == (GapKind.UNPARSED, f"ZeroDivisionError: {step}")
        assert {layer.assessment.verdict for layer in state.layers} == {Verdict.UNKNOWN}
        assert state.matrix is None
    (entry,) = caplog.records
    assert victim in entry.getMessage()
    assert entry.exc_info is not None
    caplog.clear()


def test_views_that_can_t_be_made_are_left_out(machine: MachineCapture, caplog: pytest.LogCaptureFixture) -> None:
    usual = assembled(machine, all_layers()).containers
    victim = next(state for state in usual if state.matrix is not None).container.name
    with caplog.at_level(logging.ERROR):
        found = assembled(machine, broken("draw", victim))
        (state,) = (state for state in found.containers if state.container.name == victim)
        assert state.layers[0].assessment.tabs == ()
        assert state.layers[1].assessment.tabs
    assert caplog.records
    caplog.clear()


def test_an_answer_of_the_engine_that_changes_nothing_leaves_the_state_the_same_object(machine: MachineCapture) -> None:
    """As after each health check: nothing is judged again, and no row is built again."""
    made = Assembler(all_layers(), translations())
    before = made.snapshot(machine)
    told = [replace(each, raw=replace(each.raw, inspect=each.raw.inspect + " ")) for each in machine.containers]
    after = made.snapshot(replace(machine, containers=tuple(told)))
    assert all(one is other for one, other in zip(before.containers, after.containers, strict=True))


def test_who_shares_with_whom_is_known_after_the_machine_was_read_again(machine: MachineCapture) -> None:
    """Its facts are then the same, but not the same object; what was not read since is compared with what was."""
    made = Assembler(all_layers(), translations())
    made.snapshot(machine)
    bounded_cache.forget()
    again = [
        replace(each, found=replace(each.found)) if at % 2 and each.found is not None else each
        for at, each in enumerate(machine.containers)
    ]
    later = replace(machine, host=replace(machine.host), containers=tuple(again))
    found, fresh = made.snapshot(later), assembled(later, all_layers())
    for state, new in zip(found.containers, fresh.containers, strict=True):
        assert [layer.assessment for layer in state.layers] == [layer.assessment for layer in new.layers]
        assert state.matrix == new.matrix
