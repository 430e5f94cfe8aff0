"""Lanes and names of the strata inside a page: as in the window, in the lengths of the design (logical pixels).

Widths of text are estimated: a page has no font to ask. Where lanes and names go is decided in `rays_layout`.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import bundles
from stratascope.presentation.rays_layout import Label, Lane, Place, lay_out, place_labels
from stratascope.presentation.terminal import width_of
from stratascope.presentation.threat_outcomes import SERIOUS, Kind, family_word

FAMILY_GAP, LETTER, ROWS, LEAD = 11.0, 6.9, 3, 7.0
WIDE_LETTER = 11.5  # of Japanese, at 11 px


def lanes(matrix: Matrix, numbers: Mapping[str, int], left: float, right: float) -> tuple[Place, ...]:
    """Families and lanes between two edges; `numbers` are the layers' by id."""
    bundled = bundles(matrix, numbers)
    names = {bundle.family: room(family_word(bundle.family)) + 4 for bundle in bundled}
    return lay_out(bundled, left, right, FAMILY_GAP, names, grouped=False)


def room(text: str) -> float:
    """About how wide the text is."""
    wide = max(0, width_of(text) - len(text))
    return (len(text) - wide) * LETTER + wide * WIDE_LETTER


def labels(found: tuple[Lane, ...], left: float, right: float) -> tuple[tuple[Label, ...], int]:
    """Names of the open serious threats, and how many found no room. That number stands left of the field."""
    wanted = tuple(_label(lane) for lane in found if lane.ray.kind in SERIOUS)
    placed, hidden = place_labels(wanted, left, right, LEAD, ROWS, more=0.0)
    return placed, len(hidden)


def _label(lane: Lane) -> Label:
    critical = lane.ray.kind is Kind.CRITICAL
    title = translate(lane.ray.state.threat.title)
    return Label(lane.ray.id, lane.x, room(title) + (12 if critical else 4), critical)
