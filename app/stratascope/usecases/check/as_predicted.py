"""What is said of a container that exists and does not run: nothing of it was read, and all of it is told so. Pure.

Its inspect is where it comes from. A place in /proc would claim that a process was looked at.
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
    """The layer as it rules then. One for each, so that containers which are alike are judged once."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        found = layer.stance(need, posture)
        return None if found is None else replace(found, source=SOURCE, basis=Basis.PREDICTED)

    return replace(layer, stance=stance)


def placed(states: tuple[LayerState, ...]) -> tuple[LayerState, ...]:
    """The layers with findings and views as they are to be told."""
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
