"""The exposure in words, numbers and colours, and what each family of threats adds to it. Pure, no Qt.

Shown is the least that it can be, with "to 5.6" where something is not known: nothing is called open that may not be.
"""

from __future__ import annotations

from stratascope.core.message import msg, plural
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import FLOORS, Matrix, ThreatState
from stratascope.core.threats.threat import Family, Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.words import exposure_level, exposure_word
from stratascope.ui.widgets.gap_words import runs, summary
from stratascope.value import Value

_INKS = {"none": "enf", "low": "enf", "medium": "weak", "high": "open", "critical": "open"}
NOTHING = "–"


class FamilyShare(Value):
    """A family's worst threat, and how much it raises the exposure over what the families before it came to."""

    family: Family
    state: ThreatState
    adds: float


class Breakdown(Value):
    """The exposure with all that is unknown let through: families with the largest first, and what a floor adds."""

    families: tuple[FamilyShare, ...]
    floor: float  # 0.0 where the sum is above it anyway
    lift: float  # what the floor adds


def number_text(matrix: Matrix | None) -> str:
    """The least, with one digit; a dash where nothing is known."""
    return NOTHING if matrix is None else f"{matrix.exposure.best:.1f}"


def to_text(matrix: Matrix | None) -> str:
    """What it may be at worst, where that is more; else empty."""
    if matrix is None or f"{matrix.exposure.worst:.1f}" == f"{matrix.exposure.best:.1f}":
        return ""
    return translate(msg("to {number}", number=f"{matrix.exposure.worst:.1f}"))


def level_word(matrix: Matrix | None) -> str:
    """The word of CVSS; none where it is low at best and may be more."""
    return translate(
        msg("Not known") if matrix is None or _may_be_more(matrix) else exposure_word(matrix.exposure.best)
    )


def level_ink(matrix: Matrix | None) -> str:
    """The colour token; what is low at best and may be more is never green."""
    if matrix is None:
        return "text3"
    return "text2" if _may_be_more(matrix) else _INKS[exposure_level(matrix.exposure.best)]


def worst_text(matrix: Matrix | None) -> str:
    """The most that it can be, with one digit; a dash where nothing is known."""
    return NOTHING if matrix is None else f"{matrix.exposure.worst:.1f}"


def worst_word(matrix: Matrix | None) -> str:
    """The word of CVSS for that."""
    return "" if matrix is None else translate(exposure_word(matrix.exposure.worst))


def worst_ink(matrix: Matrix | None) -> str:
    """The colour token for that."""
    return "text3" if matrix is None else _INKS[exposure_level(matrix.exposure.worst)]


def _may_be_more(matrix: Matrix) -> bool:
    best, worst = (_INKS[exposure_level(number)] for number in (matrix.exposure.best, matrix.exposure.worst))
    return best == "enf" and worst != "enf"


def exposure_sentence(matrix: Matrix | None) -> str:
    """For the ear and for tooltips."""
    if matrix is None:
        return translate(msg("Exposure not known"))
    word, number = exposure_word(matrix.exposure.best), number_text(matrix)
    if to_text(matrix):
        worst = f"{matrix.exposure.worst:.1f}"
        return translate(msg("Exposure {number} to {worst}, at least {word}", number=number, worst=worst, word=word))
    return translate(msg("Exposure {number}, {word}", number=number, word=word))


def why(state: ContainerState) -> str:
    """The one sentence below a container's name: its worst open threat, or why there is none to tell."""
    matrix = state.matrix
    if matrix is None or not runs(state) or state.gap is not None or state.container.error:
        return summary(state)
    worst = worst_open(state)
    unknown = sum(each.outcome is Outcome.UNKNOWN for each in matrix.threats)
    if worst is not None:
        return translate(worst.threat.what)
    if unknown:
        return translate(
            plural(
                "Nothing that it could try is known to be open, but of {count} thing it is not known.",
                "Nothing that it could try is known to be open, but of {count} things it is not known.",
                unknown,
            )
        )
    return translate(msg("Everything that a process in it could try is stopped."))


def worst_open(state: ContainerState) -> ThreatState | None:
    """The threat that the sentence is about: the most severe open one; of equal ones the catalogue's first."""
    if state.matrix is None or not runs(state):
        return None
    order = list(Severity)
    open_now = [each for each in state.matrix.threats if each.outcome is Outcome.OPEN]
    return min(open_now, key=lambda each: order.index(each.threat.severity), default=None)


def breakdown(matrix: Matrix) -> Breakdown:
    """What each family adds. The parts sum up to the exposure but for its rounding up to 0.1."""
    counted = sorted((share for share in matrix.exposure.shares if share.counted), key=lambda share: -share.worst)
    families = []
    left = 1.0
    for share in counted:
        state = matrix.of(share.threat)
        if state is not None and share.worst > 0:
            families.append(FamilyShare(share.family, state, 10 * left * share.worst))
            left *= 1.0 - share.worst
    total = 10 * (1 - left)
    floor = max(
        (
            FLOORS.get(each.threat.severity, 0.0)
            for each in matrix.threats
            if each.outcome in (Outcome.OPEN, Outcome.UNKNOWN)
        ),
        default=0.0,
    )
    lift = max(0.0, floor - total)
    return Breakdown(tuple(families), floor if lift > 0.05 else 0.0, lift if lift > 0.05 else 0.0)


def held_by_words(state: ThreatState) -> str:
    """Where a threat stands and how deep, in words."""
    least, most = state.depth
    if state.outcome is Outcome.OPEN:
        return translate(msg("nothing"))
    if state.by_ground:
        return translate(msg("the host's settings"))
    if least != most:
        return translate(msg("{least} to {most} layers", least=least, most=most))
    return translate(plural("{count} layer", "{count} layers", least))
