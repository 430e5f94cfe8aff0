"""The content of the card below a container's name: what can happen, what else is open, and the plan's button. No Qt.

Nothing is called stopped unless that is known. Decided against a button if nothing serious is open: there is nothing to
press for, and the column at the right has the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, StrEnum

from stratascope.core.container import Engine, EngineState, Status
from stratascope.core.message import NOTHING, msg, plural
from stratascope.core.options.meaning import ANYBODY
from stratascope.core.relaunch.hardening_plan import Change, HardeningPlan
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, raised, raising_most
from stratascope.core.threats.depth import BANDS, Matrix, ThreatState
from stratascope.core.threats.threat import Outcome, Stance, evidence
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.exposure import why, worst_open
from stratascope.presentation.plan_rows import keeping_text
from stratascope.presentation.takeover import danger_in_brief, runs
from stratascope.presentation.threat_outcomes import not_known, open_questions, small
from stratascope.ui.harden.next_step import TRY, PlanButton, Sign, effect
from stratascope.ui.harden.next_step import Act as PlanAct
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
    PLAN = "plan"  # press the plan's button
    ROOT = "root"  # read as root
    AGAIN = "again"  # read the engine again
    BEFORE = "before"  # judge the command that creates it, before it is started
    SESSION = "session"  # show the exec session that raises the exposure, to end it


class Answer(Value):
    """The content of the card. `short`: always one line high. `proof`: the evidence, as raw text. `brief`: the first
    line in a few words, if there is no room for it; empty: it is brief itself. `lead`: before `line`, only where that
    is shown. `counted`: show the exposure in any tone.
    """

    tone: Tone = Tone.UNK
    first: str = ""
    second: str = ""
    proof: str = ""
    act: Act = Act.NOTHING
    word: str = ""
    button: PlanButton | None = None
    numbers: tuple[str, ...] = ()
    note: str = ""
    lead: str = ""
    line: str = ""
    short: bool = False
    brief: str = ""
    counted: bool = False


def answer(
    state: ContainerState,
    engine: Engine | None,
    plan: HardeningPlan | None,
    button: PlanButton | None,
    lines: Sequence[str] = (),
    *,
    can_ask: bool,
    as_text: bool = False,
    coming: bool = False,
    silent: str = "",
) -> Answer:
    """Return the card's content for the container in view. `plan`: as the column shows it, None until it has come;
    `button`: that of the column; `lines`: what would change in the command for what the plan leaves open; `can_ask`:
    whether reading as root can be requested; `as_text`: whether the command that creates it can be shown; `coming`:
    the plan is on its way, so the place of its button is kept; `silent`: since when its engine does not answer.
    """
    matrix, worst = state.matrix, worst_open(state)
    if engine is not None and engine.state is not EngineState.CONNECTED:
        told = msg("{engine} does not answer. This is its last known state.", engine=engine.id)
        if silent:
            told = msg("{engine} has not answered since {time}. This is how it was then.", engine=engine.id,
                       time=silent)  # fmt: skip
        text = translate(told)
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
            _also(matrix, perhaps, plan, state),
            _proof(perhaps, state),
            brief=translate(msg("As root: {threat}", threat=translate(perhaps.threat.title))),
            counted=True,
        )
    elif worst is None or worst.threat.severity not in SERIOUS:
        return _calm(state, matrix, can_ask=can_ask)
    else:
        who, worse = raised(state), open_questions(matrix, worst)
        also = _questions(matrix, worse, ask=can_ask) if worse else _also(matrix, worst, plan, state)
        found = Answer(
            Tone.OPEN if worst.threat.severity is Severity.CRITICAL else Tone.WEAK,
            plain(translate(danger_in_brief(worst, state)), 400),
            also if who is None else translate(who),
            _proof(worst, state),
            brief=translate(msg("It could {threat}.", threat=small(translate(worst.threat.title)))),
        )
    if _lifted_by_session(state):
        return replace(found, act=Act.SESSION, word=translate(msg("Show the session")))
    if coming and plan is None:
        word = TRY if button is None else button.word
        return replace(found, act=Act.PLAN, button=PlanButton(PlanAct.NOTHING, word), note="\N{NO-BREAK SPACE}")
    if plan is None or button is None:
        return found
    on = sum(change.on for change in plan.changes)
    note = plural("{count} change, as in the plan", "{count} changes, as in the plan", on)
    usual = (PlanAct.TRY, PlanAct.RELAUNCH, PlanAct.CANCEL, PlanAct.NOTHING)
    if button.line is not None and (button.act not in usual or button.sign in (Sign.UNKNOWN, Sign.ATTENTION)):
        note = button.line  # what stands in the way, and the button is the way out; or why no copy is tried
    instead = _instead(plan)
    return replace(
        found,
        act=Act.PLAN,
        button=button,
        numbers=effect(plan),
        note=plain(translate(note), 300),
        lead=translate(msg("Instead:")) if instead else "",
        line="  ".join(plain(line, 200) for line in instead or lines if plan.keeping),
    )


def _instead(plan: HardeningPlan) -> Sequence[str]:
    """The options that change with what would help, where what keeps it critical is used."""
    used = plan.keeping[0] if plan.keeping and plan.keeping[0].evidence.used else None
    lines = next((each.lines for each in used.alternatives if each.lines), ()) if used is not None else ()
    return tuple(line for line in lines if line[:2] in ("- ", "+ "))


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


def _unknown(text: str, *, ask: bool) -> Answer:
    if not ask:
        return Answer(Tone.UNK, text, short=True)
    return Answer(Tone.UNK, text, act=Act.ROOT, word=translate(msg("Read as root")), short=True)


def _as_started(state: ContainerState, matrix: Matrix, worst: ThreatState | None) -> Answer:
    """Return the content for a container that does not run: nothing is fact, so there is no colour, and no relaunch."""
    serious = worst is not None and worst.threat.severity in SERIOUS
    then = (
        plain(translate(danger_in_brief(worst, state)), 400)
        if worst is not None and serious
        else _calm(state, matrix, can_ask=False).first
    )
    brief = translate(msg("As it would start"))
    return Answer(
        Tone.UNK,
        translate(msg("Not running. This is how it would start.")),
        plain(then, 400),
        brief=brief,
        counted=True,
    )


def _calm(state: ContainerState, matrix: Matrix, *, can_ask: bool) -> Answer:
    """Return the content if nothing serious is known to be open."""
    serious = [each for each in matrix.threats if each.threat.severity in SERIOUS]
    undecided = open_questions(matrix, None)
    if undecided:
        found = _unknown(translate(msg("Nothing serious is known to be open.")), ask=can_ask)
        return replace(found, second=_questions(matrix, undecided, ask=can_ask), short=False, counted=True)
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


def _questions(matrix: Matrix, undecided: Sequence[ThreatState], *, ask: bool) -> str:
    """How many threats are not known, what that makes of the exposure, and which are the worst of them. `ask`: reading
    as root would tell.
    """
    count = not_known(matrix) or NOTHING
    titles = listed((small(translate(each.threat.title)) for each in undecided), _NAMED)
    worst = f"{matrix.exposure.worst:.1f}"
    if ask:
        text = msg("{count} It is {worst} if all are open. Reading as root tells whether it can {threats}.",
                   count=count, worst=worst, threats=titles)  # fmt: skip
    else:
        text = msg("{count} It is {worst} if all are open, such as: {threats}.", count=count, worst=worst,
                   threats=titles)  # fmt: skip
    return translate(text)


def _also(matrix: Matrix, worst: ThreatState, plan: HardeningPlan | None, state: ContainerState) -> str:
    """Return what the plan leaves open and why, else what else is open."""
    keeping = () if plan is None else plan.keeping
    if plan is not None and keeping:
        return _kept(keeping[0], plan, state)
    if plan is not None and plan.changes and plan.left:
        titles = listed(small(translate(each.threat.title)) for each in plan.left[:_NAMED])
        return translate(msg("The plan leaves open: {threats}", threats=titles))
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


def _kept(change: Change, plan: HardeningPlan, state: ContainerState) -> str:
    """What was granted and stays: why, and what would help instead."""
    if not change.evidence.used:
        return translate(keeping_text(change, plan, state))
    told = [translate(change.evidence.why)] if change.evidence.why.id else []
    told.append(translate(msg("So the plan leaves it.")))
    if not _instead(plan):  # else the line below says it
        told += [translate(each.text) for each in change.alternatives[:1]]
    return together(told)


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
