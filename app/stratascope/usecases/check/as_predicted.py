"""Marks everything about a container that exists but is not running as predicted: none of it was read. Pure.

The source given is its inspect JSON. A path in /proc would claim that a process was read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from stratascope.core.layer import Assessment, Bars, BitGrid, Layer, Rulers, Tab, Table, View
from stratascope.core.snapshot import LayerState
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Basis, Ruling
from stratascope.value import replace

SOURCE = "inspect:HostConfig"


@cache
def ruling(layer: Layer) -> Layer:
    """The layer with its rulings marked as predicted. Cached per layer, so that like containers are judged once."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        found = layer.stance(need, posture)
        return None if found is None else replace(found, source=SOURCE, basis=Basis.PREDICTED)

    return replace(layer, stance=stance)


def placed(states: tuple[LayerState, ...]) -> tuple[LayerState, ...]:
    """The layers with findings and views marked as predicted."""
    return tuple(replace(state, assessment=_assessed(state.assessment)) for state in states)


def _assessed(known: Assessment) -> Assessment:
    findings = tuple(replace(finding, source=SOURCE) for finding in known.findings)
    gaps = tuple(replace(gap, source=SOURCE) for gap in known.gaps)
    return replace(known, basis=Basis.PREDICTED, findings=findings, gaps=gaps, draw=partial(_drawn, known.draw))


def _drawn(draw: Callable[[], tuple[Tab, ...]]) -> tuple[Tab, ...]:
    return tuple(replace(tab, views=tuple(map(_view, tab.views))) for tab in draw())


def _view(view: View) -> View:
    match view:
        case Table():
            return replace(view, rows=tuple(replace(row, source=SOURCE, basis=Basis.PREDICTED) for row in view.rows))
        case BitGrid():
            return replace(view, sets=tuple(replace(each, source=SOURCE) for each in view.sets))
        case Bars():
            return replace(view, bars=tuple(replace(bar, source=SOURCE, basis=Basis.PREDICTED) for bar in view.bars))
        case Rulers():
            return replace(view, source=SOURCE)
    return view
