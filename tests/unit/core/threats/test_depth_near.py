"""Judging with another container's answers at hand gives what judging alone gives, on all recorded containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.places import GOLDEN
from stratascope.core.ground import Ground, Surroundings, decode_ground
from stratascope.core.layer import Layer
from stratascope.core.snapshot import MachineCapture
from stratascope.core.threats import depth
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import Matrix, Posture
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.wiring.engines import assembler, demo_capture

Postures = tuple[tuple[Layer, Posture], ...]
GOLDEN = GOLDEN / "capture.json"


def postures(capture: MachineCapture) -> Iterator[Postures]:
    engines = {engine.id: engine for engine in capture.engines}
    ground = decode_ground(capture.host)
    for state in assembler().snapshot(capture).containers:
        if state.matrix is not None:
            around = Surroundings(ground, engines[state.container.engine])
            yield tuple(
                (layer, layer.posture(known.facts, known.asked, around))
                for layer, known in zip(all_layers(), state.layers, strict=True)
            )


def judged(wanted: tuple[tuple[Layer, Posture], ...], ground: Ground, like: Matrix | None = None) -> Matrix:
    """As for the first time: a catalogue of its own shares no cache."""
    return depth.judge((*all_threats(),), wanted, ground, like)


@pytest.mark.parametrize("capture", [demo_capture(), capture_file.load(GOLDEN)], ids=["demo", "golden"])
def test_the_quick_way_is_the_plain_way(capture: MachineCapture) -> None:
    ground = decode_ground(capture.host)
    known = tuple(dict.fromkeys(postures(capture)))
    assert len(known) > 1
    plain = [judged(wanted, ground) for wanted in known]
    for start in range(len(known)):
        catalogue = (*all_threats(),)
        like = depth.judge(catalogue, known[start], ground)
        for wanted, matrix in zip(known, plain, strict=True):
            assert depth.judge(catalogue, wanted, ground, like) == matrix
    assert len({matrix.exposure.worst for matrix in plain}) > 1


def test_what_no_layer_answers_otherwise_is_taken_over() -> None:
    capture = demo_capture()
    ground, catalogue = decode_ground(capture.host), (*all_threats(),)
    one, two = tuple(dict.fromkeys(postures(capture)))[:2]
    first = depth.judge(catalogue, one, ground)
    second = depth.judge(catalogue, (*two[:1], *one[1:]), ground, first)
    shared = sum(old is new for old, new in zip(first.threats, second.threats, strict=True))
    assert len(first.threats) // 2 < shared <= len(first.threats)


def test_other_layers_are_no_help() -> None:
    capture = demo_capture()
    ground = decode_ground(capture.host)
    wanted = next(postures(capture))
    assert judged(wanted, ground, judged(wanted[1:], ground)) == judged(wanted, ground)
