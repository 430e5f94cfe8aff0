"""A container with unread processes: claims about all of its processes are then not known. Pure.

A container is all its processes, and an unread one may hold more than those that were read. So what a layer stops, or
enforces, becomes UNKNOWN; what is open stays open. The facts are those of the first process, as always.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from stratascope.core.capture import Gap, GapKind
from stratascope.core.layer import Assessment, Finding, Layer, NamedGap, Verdict
from stratascope.core.message import msg, plural
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.value import replace


def finding(count: int, source: str) -> Finding:
    """The finding for it, of the layer that says most about what a process may do."""
    text = plural(
        "At least {count} of its processes was not read, and may be able to do more than those that were.",
        "At least {count} of its processes were not read, and may be able to do more than those that were.",
        count,
    )
    advice = msg("Limit the number of its processes (--pids-limit), and look again as root: then all of them are read.")
    return Finding("capabilities.unread-processes", "capabilities", Severity.MEDIUM, text, advice, source, ("proc(5)",))


def assessed(known: Assessment, count: int, source: str) -> Assessment:
    """The layer's assessment in that case."""
    gap = NamedGap("processes", Gap(GapKind.UNSUPPORTED, detail=f"{count} or more were not read"), source)
    if known.verdict in (Verdict.OPEN, Verdict.UNKNOWN):
        return replace(known, gaps=(*known.gaps, gap))
    fact = msg("Not all of its processes were read")
    return replace(known, verdict=Verdict.UNKNOWN, fact=fact, gaps=(*known.gaps, gap))


@cache
def ruling(layer: Layer) -> Layer:
    """The layer with its rulings in that case. Cached per layer, so that like containers are judged once."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        found = layer.stance(need, posture)
        if found is None or found.stance is not Stance.STOPS:
            return found
        return Ruling(Stance.UNKNOWN, msg("Not all of its processes were read."), "@cgroup")

    return replace(layer, stance=stance)
