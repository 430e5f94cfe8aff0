"""The content of the card below a container's name: what can happen, what else is open, and what would close it. No Qt.

Nothing is called stopped unless that is known. Decided against a button if nothing serious is open: there is nothing to
press for, and the column at the right has the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, StrEnum

from stratascope.core.container import Engine, EngineState, Status
from stratascope.core.message import msg, plural
from stratascope.core.options.meaning import ANYBODY
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, raised, raising_most
from stratascope.core.threats.depth import BANDS, Matrix, ThreatState
from stratascope.core.threats.threat import Outcome, Stance, evidence
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.exposure import why, worst_open
from stratascope.presentation.takeover import runs
from stratascope.presentation.threat_outcomes import small
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import Value, replace

_NAMED = 3  # further threats that are named
_TWICE = 2


class Tone(StrEnum):
    """The card's background and outline, as tokens: `open_soft`, `card_line_open`."""

    OPEN = "open"
    WEAK = "weak"
    ENF = "enf"
    UNK = "unk"


class Act(Enum):
    """The action of its button."""

    NOTHING = "nothing"
    CLOSE = "close"
    ROOT = "root"  # read as root
    AGAIN = "again"  # read the engine again
    BEFORE = "before"  # judge the command that creates it, before it is started
    SESSION = "session"  # show the exec session that raises the exposure, to end it


CHIPS_MAX = 8  # four lines


class AnswerChip(Value):
    """A toggle of the set: `key` as in the column at the right, `layer` its number there."""

    key: str
    word: str
    layer: int
    on: bool
    whole: str


class Answer(Value):
    """The content of the card. `short`: always one line high. `proof`: the evidence, as raw text. `brief`: the first
    line in a few words, if there is no room for it; empty: it is brief itself. `counted`: show the exposure in any
    tone.
    """

    tone: Tone = Tone.UNK
    first: str = ""
    second: str = ""
    proof: str = ""
    act: Act = Act.NOTHING
    word: str = ""
    chips: tuple[AnswerChip, ...] = ()
    short: bool = False
    brief: str = ""
    counted: bool = False


def answer(
    state: ContainerState,
    engine: Engine | None,
    offer: Offer | None,
    on: frozenset[str],
    numbers: dict[str, int],
    *,
    can_ask: bool,
    as_text: bool = False,
) -> Answer:
    """Return the card's content for the container in view. `offer`: None until it has come; `on`: the keys of toggles
    switched on; `can_ask`: whether reading as root can be requested; `as_text`: whether the command that creates it can
    be shown.
    """
    matrix, worst = state.matrix, worst_open(state)
    if engine is not None and engine.state is not EngineState.CONNECTED:
        text = translate(msg("{engine} does not answer. This is its last known state.", engine=engine.id))
        return Answer(Tone.UNK, text, act=Act.AGAIN, word=translate(msg("Try again")), short=True)
    if matrix is None or not runs(state) or state.gap is not None or state.container.error:
        unread = state.gap is not None and runs(state) and can_ask  # of a stopped container root would know no more
        return _unknown(why(state), ask=unread)
    if state.would_start:
        found = _as_started(state, matrix, worst)
        return replace(found, act=Act.BEFORE, word=translate(msg("Before it starts"))) if as_text else found
    perhaps = _as_root(state, matrix, worst)
    if perhaps is not None:
        found = Answer(
            Tone.UNK,
            translate(msg("As root: {threat}", threat=translate(perhaps.threat.what))),
            _also(matrix, perhaps, offer),
            _proof(perhaps, state),
            brief=translate(msg("As root: {threat}", threat=translate(perhaps.threat.title))),
            counted=True,
        )
    elif worst is None or worst.threat.severity not in SERIOUS:
        return _calm(state, matrix, can_ask=can_ask)
    else:
        who = raised(state)
        found = Answer(
            Tone.OPEN if worst.threat.severity is Severity.CRITICAL else Tone.WEAK,
            translate(worst.threat.what),
            _also(matrix, worst, offer) if who is None else translate(who),
            _proof(worst, state),
            brief=translate(worst.threat.title),
        )
    if _lifted_by_session(state):
        return replace(found, act=Act.SESSION, word=translate(msg("Show the session")))
    if offer is None or offer.smallest is None or not offer.of(Preset.CRITICAL):
        return found
    now, then = (f"{each.exposure.worst:.1f}" for each in (offer.smallest.before, offer.smallest.after))
    if state.container.status is Status.PREDICTED:
        word = msg("Write it so: {now} → {then}", now=now, then=then)
    elif offer.left:
        word = msg("Lower it: {now} → {then}", now=now, then=then)
    else:
        word = msg("Close it: {now} → {then}", now=now, then=then)
    needed = [option for option in offer.options if Preset.CRITICAL in option.presets]
    return replace(found, act=Act.CLOSE, word=translate(word), chips=chips_of(needed, numbers, on))


def _lifted_by_session(state: ContainerState) -> bool:
    """Whether its first process alone would be in a lower band: then it is enough to end the session."""
    raising = raising_most(state)
    if raising is None or not raising.kind:
        return False
    begins = (band.least for band in BANDS.values())
    return any((state.first_exposure or 0.0) < band <= (raising.exposure or 0.0) for band in begins)


def _as_root(state: ContainerState, matrix: Matrix, worst: ThreatState | None) -> ThreatState | None:
    """Return the worst threat if a container of unknown user runs as root, if that is worse than what is certain."""
    if state.container.asked.user != ANYBODY:
        return None
    for severity in SERIOUS:
        if worst is not None and worst.threat.severity is severity:
            return None
        for each in matrix.threats:
            if each.threat.severity is severity and each.outcome is Outcome.UNKNOWN:
                return each
    return None


def chip_word(option: Option) -> str:
    """Return a toggle in a word or two."""
    if option.piece:
        return option.choice.readable
    return translate(option.toggle.word or option.toggle.title)


def chips_of(needed: Sequence[Option], numbers: dict[str, int], on: frozenset[str]) -> tuple[AnswerChip, ...]:
    """Return a chip for each toggle. If they are too many for the card, the pieces of one toggle share one."""
    groups: dict[str, list[Option]] = {}
    for option in needed:
        groups.setdefault(option.key if len(needed) <= CHIPS_MAX else option.toggle.id, []).append(option)
    return tuple(
        AnswerChip(
            of[0].key,
            chip_word(of[0]) + (f" +{len(of) - 1}" if len(of) > 1 else ""),
            numbers.get(of[0].toggle.layer, 0),
            all(option.key in on for option in of),
            listed(translate(option.choice.titled) for option in of),
        )
        for of in groups.values()
    )


def _unknown(text: str, *, ask: bool) -> Answer:
    if not ask:
        return Answer(Tone.UNK, text, short=True)
    return Answer(Tone.UNK, text, act=Act.ROOT, word=translate(msg("Show what only root can read")), short=True)


def _as_started(state: ContainerState, matrix: Matrix, worst: ThreatState | None) -> Answer:
    """Return the content for a container that does not run: nothing is fact, so there is no colour, and no relaunch."""
    serious = worst is not None and worst.threat.severity in SERIOUS
    then = translate(worst.threat.what) if worst is not None and serious else _calm(state, matrix, can_ask=False).first
    brief = translate(msg("As it would start"))
    return Answer(Tone.UNK, translate(msg("Not running. This is how it would start.")), then, brief=brief, counted=True)


def _calm(state: ContainerState, matrix: Matrix, *, can_ask: bool) -> Answer:
    """Return the content if nothing serious is known to be open."""
    serious = [each for each in matrix.threats if each.threat.severity in SERIOUS]
    if any(each.outcome is Outcome.UNKNOWN for each in serious):
        text = msg("Too little can be read to tell. At worst {exposure}.", exposure=f"{matrix.exposure.worst:.1f}")
        return _unknown(translate(text), ask=can_ask)
    single = [each for each in serious if each.depth[0] < _TWICE]
    if not single:
        text = msg("At least two layers stop everything serious.")
    else:
        text = plural(
            "Nothing serious is open. {count} serious thing is stopped by a single layer, or only by the host.",
            "Nothing serious is open. {count} serious things are stopped by a single layer, or only by the host.",
            len(single),
        )
    who = raised(state)
    if who is not None:
        return Answer(Tone.ENF, translate(who), translate(text))
    return Answer(Tone.ENF, translate(text), short=True)


def _also(matrix: Matrix, worst: ThreatState, offer: Offer | None) -> str:
    """Return what else is open, or what no toggle closes."""
    if offer is not None and offer.left:
        titles = listed(small(translate(threat.title)) for threat in offer.left[:_NAMED])
        return translate(msg("Only the host, or how it is created, can change this: {threats}", threats=titles))
    others = [each for severity in SERIOUS for each in matrix.open(severity) if each is not worst]
    if others:
        titles = listed(small(translate(each.threat.title)) for each in others[:_NAMED])
        more = len(others) - _NAMED
        if more > 0:
            return translate(plural("Also open: {threats}, and {count} more", "Also open: {threats}, and {count} more",
                                    more, threats=titles))  # fmt: skip
        return translate(msg("Also open: {threats}", threats=titles))
    medium = len(matrix.open(Severity.MEDIUM))
    return translate(plural("Also open: {count} medium", "Also open: {count} medium", medium)) if medium else ""


def _proof(worst: ThreatState, state: ContainerState) -> str:
    """Return the evidence: from the reading of the layer that should stop the threat first, else of any that lets it
    through. For what is not started yet, the line that asks for it.
    """
    if state.container.status is Status.PREDICTED:
        asked = (each for each in state.findings if worst.threat.id in each.behind)
        file, _, line = next((each.source for each in asked), "").rpartition(":")
        return (
            translate(msg("{file}, line {line}", file=plain(file.rpartition("/")[2], 200), line=line)) if file else ""
        )
    rulings = {item.layer: item.ruling for item in worst.weakest.rulings if item.ruling.stance is Stance.LETS_THROUGH}
    ruling = rulings.get(worst.threat.first, next(iter(rulings.values()), None))
    return "" if ruling is None or not ruling.source else plain(evidence(ruling.source, state.container.pid), 300)
