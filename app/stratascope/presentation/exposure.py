"""A container's exposure and gaps in words, numbers and colour tokens. No Qt.

The exposure shown is the worst case, as in the reports, with the best case next to it if something is unknown.
"""

from __future__ import annotations

from stratascope.core.capture import Gap, gap_words
from stratascope.core.container import OTHER_KERNEL, Container, Status, other_kernel
from stratascope.core.layer import Verdict
from stratascope.core.message import bracketed, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Band, Matrix, ThreatState, band_of
from stratascope.core.threats.threat import Family, Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import danger, runs
from stratascope.presentation.terms import STATUSES, exposure_level, exposure_word
from stratascope.presentation.threat_outcomes import best_number, exposure_line
from stratascope.value import Value


def reason(gap: Gap) -> str:
    """The reason for a gap, in one sentence."""
    return translate(gap_words(gap).sentence)


def advice(gap: Gap) -> str:
    """What a person can do about a gap; empty if nothing."""
    found = gap_words(gap).advice
    return translate(found) if found else ""


def status_word(container: Container) -> str:
    """The container's state in a word."""
    return translate(STATUSES[container.status])


def ended_word(container: Container) -> str:
    """The container's state in a word, with the exit code if it has ended."""
    word = status_word(container)
    if container.status not in (Status.EXITED, Status.DEAD) or container.exit_code is None:
        return word
    return translate(bracketed(word, str(container.exit_code)))


def summary(state: ContainerState) -> str:
    """The one sentence below a container's name: its worst finding, or why there is none."""
    container = state.container
    if container.error:
        return translate(msg("The engine's answer about it could not be understood: {words}", words=container.error))
    if not runs(state):
        return translate(msg("None of its processes runs. Shown is what the engine was asked for."))
    if state.gap is not None and other_kernel(container):
        return translate(OTHER_KERNEL)
    if state.gap is not None:
        text = msg(
            "Nothing about it could be read. {reason} {advice}", reason=reason(state.gap), advice=advice(state.gap)
        )
        return translate(text).strip()
    if state.findings:
        return translate(state.findings[0].text)
    if any(layer.assessment.verdict is Verdict.UNKNOWN for layer in state.layers):
        return translate(msg("No weakness was found, but not every layer could be read."))
    return translate(msg("No weakness was found."))


_INKS = {"none": "enf", "low": "enf", "medium": "weak", "high": "open", "critical": "open"}
NOTHING = "–"


class FamilyShare(Value):
    """A family's share of the exposure, and its threat with the largest share."""

    family: Family
    state: ThreatState
    part: float


class Breakdown(Value):
    """How the worst-case exposure comes about: its range, the worst threat, and shares by family, largest first."""

    band: Band
    because: ThreatState | None  # the worst threat that is open or may be; None if none is serious
    families: tuple[FamilyShare, ...]


def number_text(matrix: Matrix | None) -> str:
    """The worst-case exposure with one decimal; a dash if not known."""
    return NOTHING if matrix is None else f"{matrix.exposure.worst:.1f}"


def best_text(matrix: Matrix | None) -> str:
    """The best-case exposure, where it shows as another number; else empty."""
    best = "" if matrix is None else best_number(matrix)
    return translate(msg("best {number}", number=best)) if best else ""


def at_best_text(matrix: Matrix | None) -> str:
    """The same, where there is room for one word more."""
    best = "" if matrix is None else best_number(matrix)
    return translate(msg("{number} at best", number=best)) if best else ""


def best_told(matrix: Matrix | None) -> str:
    """Why there is a best case beside the exposure; empty where there is none."""
    best = "" if matrix is None else best_number(matrix)
    if not best:
        return ""
    return translate(msg("What could not be read counts as open. If all of it is closed, it is {number}.", number=best))


def level_word(matrix: Matrix | None) -> str:
    """The exposure's CVSS severity word."""
    return "" if matrix is None else translate(exposure_word(matrix.exposure.worst))


def number_ink(worst: float | None) -> str:
    """The colour token of an exposure alone; pale if it is not known."""
    return "text3" if worst is None else _INKS[exposure_level(worst)]


def level_ink(matrix: Matrix | None) -> str:
    """The colour token; neither green nor red if only the worst case is above low."""
    if matrix is None:
        return "text3"
    best, worst = (_INKS[exposure_level(number)] for number in (matrix.exposure.best, matrix.exposure.worst))
    return "text2" if best == "enf" and worst != "enf" else worst


def exposure_sentence(matrix: Matrix | None) -> str:
    """The exposure as a sentence, for screen readers and tooltips."""
    return translate(msg("Exposure not known") if matrix is None else exposure_line(matrix))


def why(state: ContainerState) -> str:
    """The one sentence below a container's name: its worst open threat, or why there is none to name."""
    matrix = state.matrix
    if matrix is None or not runs(state) or state.gap is not None or state.container.error:
        return summary(state)
    worst = worst_open(state)
    unknown = sum(each.outcome is Outcome.UNKNOWN for each in matrix.threats)
    if worst is not None:
        return plain(translate(danger(worst, state)), 400)
    if unknown:
        return translate(
            plural(
                "Nothing that it could try is known to be open, but {count} thing is not known.",
                "Nothing that it could try is known to be open, but {count} things are not known.",
                unknown,
            )
        )
    return translate(msg("Everything that a process in it could try is stopped."))


def worst_open(state: ContainerState) -> ThreatState | None:
    """The most severe open threat; among equals, the first in the catalogue."""
    if state.matrix is None or not runs(state):
        return None
    open_now = [each for each in state.matrix.threats if each.outcome is Outcome.OPEN]
    return min(open_now, key=lambda each: each.threat.severity.rank, default=None)


def breakdown(matrix: Matrix) -> Breakdown:
    """Compute how the exposure comes about."""
    whole = sum(share.worst for share in matrix.exposure.shares)
    parts: dict[Family, float] = {}
    heaviest: dict[Family, tuple[float, ThreatState]] = {}
    for state, share in zip(matrix.threats, matrix.exposure.shares, strict=True):
        family = state.threat.family
        parts[family] = parts.get(family, 0.0) + share.worst / whole
        if family not in heaviest or share.worst > heaviest[family][0]:
            heaviest[family] = share.worst, state
    families = sorted(parts, key=lambda family: -parts[family])
    perhaps = [(severity, state) for state in matrix.threats if (severity := state.at_stake) is not None]
    sure = Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED  # held by a program alone
    because = min(
        (each for each in perhaps if each[0] in SERIOUS),
        key=lambda each: (each[0].rank, sure.index(each[1].outcome)),
        default=(None, None),
    )[1]
    return Breakdown(
        band_of({severity for severity, _ in perhaps}),
        because,
        tuple(FamilyShare(family, heaviest[family][1], parts[family]) for family in families),
    )


def held_by_words(state: ThreatState) -> str:
    """What stops a threat, and how deep, in words."""
    least, most = state.depth
    if state.outcome is Outcome.OPEN:
        return translate(msg("nothing"))
    if state.by_ground:
        return translate(msg("the host's settings"))
    if least != most:
        return translate(msg("{least} to {most} layers", least=least, most=most))
    return translate(plural("{count} layer", "{count} layers", least))
