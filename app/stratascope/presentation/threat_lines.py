"""The threats of one container as lines of text: the worst open ones, and the table of threats and layers."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.layer import Layer
from stratascope.core.message import NOTHING, msg, plural
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Basis, Outcome, Ruling, Stance
from stratascope.core.threats.verified import is_verified
from stratascope.i18n.translate import translate
from stratascope.presentation.matrix_order import by_outcome, counts, counts_line, exposure_line
from stratascope.presentation.terminal import SEVERITY_STYLE, Style, clip, pad, width_of, wrap
from stratascope.presentation.threat_outcomes import SERIOUS, kind_of
from stratascope.presentation.words import OUTCOMES, SEVERITIES, STANCE_MARKS, depth_words, exposure_level, stance_mark

MOST = 5  # open threats that the summary tells in full
_PLAIN = {Stance.STOPS: "#", Stance.LETS_THROUGH: "o", Stance.UNKNOWN: "?", Stance.NOT_ITS_JOB: "."}
_PLAIN_AS_ASKED = {**_PLAIN, Stance.STOPS: "=", Stance.LETS_THROUGH: "c"}
_SAID = (Stance.STOPS, Stance.LETS_THROUGH)
_LEVEL_STYLE = {"critical": "1;31", "high": "31", "medium": "33", "low": "32", "none": "32"}
_OUTCOME_STYLE = {Outcome.OPEN: "31", Outcome.UNKNOWN: "2", Outcome.STOPPED: "32"}


def exposure_lines(matrix: Matrix, style: Style) -> Iterator[str]:
    """Exposure and counts."""
    level = exposure_level(matrix.exposure.worst)
    yield "  " + style.paint(translate(exposure_line(matrix)), _LEVEL_STYLE[level])
    yield from wrap(translate(counts_line(counts(matrix))), "  ", style, "2")


def open_lines(matrix: Matrix, style: Style) -> Iterator[str]:
    """The worst open threats, each with its sentence; with details also what to do."""
    serious = [state for state in by_outcome(matrix) if kind_of(state) in SERIOUS]
    shown = serious if style.details else serious[:MOST]
    words = max(width_of(translate(word)) for word in SEVERITIES.values())
    indent = " " * (words + 4)
    for state in shown:
        threat = state.threat
        word = style.paint(pad(translate(SEVERITIES[threat.severity]), words), SEVERITY_STYLE[threat.severity])
        text = msg("{title}: {what}", title=threat.title, what=threat.what)
        lines = wrap(translate(text), indent, style)
        yield f"  {word}  {lines[0].lstrip()}"
        yield from lines[1:]
        if style.details:
            arrow = "→ " if style.unicode else "> "
            yield from wrap(arrow + translate(threat.advice), indent, style)
    if len(shown) < len(serious):
        rest = plural("and {count} more serious one", "and {count} more serious ones", len(serious) - len(shown))
        yield indent + style.paint(translate(rest), "2")


def table_lines(matrix: Matrix, layers: tuple[Layer, ...], style: Style) -> Iterator[str]:
    """Every threat with each layer's stance, its outcome and depth."""
    yield ""
    yield "  " + style.paint(translate(msg("What a process in it could try")), "1")
    marks = STANCE_MARKS if style.unicode else _PLAIN
    key = msg(
        "{stops} stops it, {open} lets it through, {unknown} not known, {none} not its job; the columns are the "
        "layers, G is the host's settings.",
        stops=marks[Stance.STOPS],
        open=marks[Stance.LETS_THROUGH],
        unknown=marks[Stance.UNKNOWN],
        none=marks[Stance.NOT_ITS_JOB],
    )
    yield from wrap(translate(key), "    ", style, "2")
    if not all(map(is_verified, matrix.threats)):
        stops, through = (_mark(Ruling(each, NOTHING, "", basis=Basis.ASKED), style) for each in _SAID)
        asked = msg("{stops} and {open}: only the engine states it, and this user can't read the kernel's own value.",
                    stops=stops, open=through)  # fmt: skip
        yield from wrap(translate(asked), "    ", style, "2")
    severities = max(width_of(translate(word)) for word in SEVERITIES.values())
    outcomes = max(width_of(translate(word)) for word in OUTCOMES.values())
    heads = [*(str(layer.number) for layer in layers), "G"]
    title_width = min(44, style.width - severities - outcomes - 2 * len(heads) - 20)
    yield "    " + style.paint(" " * (title_width + severities + 4) + " ".join(heads), "2")
    for state in by_outcome(matrix):
        title = pad(clip(translate(state.threat.title), title_width), title_width)
        severity = pad(translate(SEVERITIES[state.threat.severity]), severities)
        stances = " ".join(_mark(ruling, style) for ruling in _rulings(state, layers))
        outcome = style.paint(pad(translate(OUTCOMES[state.outcome]), outcomes), _OUTCOME_STYLE[state.outcome])
        yield f"    {title}  {severity}  {stances}  {outcome}  {translate(depth_words(state.depth))}"


def _rulings(state: ThreatState, layers: tuple[Layer, ...]) -> Iterator[Ruling | None]:
    for layer in layers:
        yield state.ruling(layer.id)
    yield state.weakest.ground


def _mark(ruling: Ruling | None, style: Style) -> str:
    if style.unicode:
        return stance_mark(ruling)
    if ruling is None:
        return _PLAIN[Stance.NOT_ITS_JOB]
    return (_PLAIN_AS_ASKED if ruling.basis is Basis.ASKED else _PLAIN)[ruling.stance]
