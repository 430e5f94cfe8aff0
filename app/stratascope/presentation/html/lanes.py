"""Lanes and names of the strata inside a page: as in the window, in the lengths of the design (logical pixels).

Widths of text are estimated: a page has no font to ask. Where lanes and names go is decided in `rays_layout`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import bundles
from stratascope.presentation.rays_layout import Lane, Name, Place, lay_out, place_names
from stratascope.presentation.terminal import width_of
from stratascope.presentation.threat_outcomes import family_word

LETTER = 6.9
WIDE_LETTER = 11.5  # of Japanese, at 11 px
AROUND = 28.0  # what stands around a name: its letter, and the ends of a pill


def lanes(matrix: Matrix, numbers: Mapping[str, int], left: float, right: float) -> tuple[Place, ...]:
    """Families and lanes between two edges; `numbers` are the layers' by id."""
    bundled = bundles(matrix, numbers)
    names = {bundle.family: room(family_word(bundle.family)) + 4 for bundle in bundled}
    return lay_out(bundled, left, right, 1.0, names)


def room(text: str) -> float:
    """About how wide the text is."""
    wide = max(0, width_of(text) - len(text))
    return (len(text) - wide) * LETTER + wide * WIDE_LETTER


def names(found: Sequence[Lane], left: float, right: float) -> tuple[tuple[Name, ...], int]:
    """Names of the open serious threats, and how many found no room."""
    widths = {lane.id: room(translate(lane.rays[0].state.threat.title)) + AROUND for lane in found if lane.letter}
    return place_names(found, widths, left, right, 1.0)
