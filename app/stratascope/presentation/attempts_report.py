"""What came of trying threats: as the JSON lines of `try --json` (a contract), and as lines for people."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from stratascope.core.message import NOTHING, Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.threats.attempt import AttemptOutcome, Checked, Tried
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.history_report import layer_title
from stratascope.presentation.terminal import Style, cut_middle, pad

PREDICTED = {Outcome.OPEN: msg("open"), Outcome.STOPPED: msg("is stopped"), Outcome.UNKNOWN: msg("not known")}
TRIED = {Tried.OPEN: msg("got through"), Tried.STOPPED: msg("was stopped"), Tried.NOT_TRIED: msg("not tried")}
_NAME, _WORD, _LAYER = 34, 12, 14  # cells
_RED, _DIM = "31", "2"


def json_object(outcome: AttemptOutcome) -> dict[str, Any]:
    """One line of `try --json`."""
    return {
        "threat": outcome.threat,
        "predicted": outcome.predicted.value,
        "tried": outcome.tried.value,
        "layer": outcome.layer,
        "call": outcome.call,
        "errno": outcome.errno,
        "step": outcome.step,
        "seconds": round(outcome.seconds, 4),
        "why": None if outcome.why is None else translate(outcome.why),
    }


def answered_by(outcome: AttemptOutcome) -> str:
    """The layer that stopped it, as a word; empty if there is none."""
    if outcome.layer is None:
        return ""
    return translate(msg("the machine")) if outcome.layer == "ground" else layer_title(outcome.layer)


def refusal(outcome: AttemptOutcome) -> Message:
    """What the kernel said, in a few words."""
    if outcome.tried is Tried.NOT_TRIED or outcome.why is not None:
        return outcome.why or NOTHING
    if outcome.tried is Tried.OPEN:
        return msg("{call} succeeded", call=outcome.call)
    if not outcome.errno:
        return msg("{call} reached nothing", call=outcome.call)
    return msg("{call} said {error}", call=outcome.call, error=errno.errorcode.get(outcome.errno, str(outcome.errno)))


def lines(outcomes: Sequence[AttemptOutcome], style: Style, *, everything: bool) -> list[str]:
    """A line a threat; without `everything` only those that got through or came otherwise than predicted."""
    found = []
    for outcome in outcomes:
        if not everything and outcome.tried is not Tried.OPEN and not outcome.differs:
            continue
        words = (
            pad(cut_middle(outcome.threat, _NAME), _NAME),
            pad(translate(PREDICTED[outcome.predicted]), _WORD),
            pad(translate(TRIED[outcome.tried]), _WORD),
            pad(cut_middle(answered_by(outcome), _LAYER), _LAYER),
            plain(translate(refusal(outcome)), 300),
        )
        code = _RED if outcome.differs else _DIM if outcome.tried is Tried.NOT_TRIED else ""
        text = "  ".join(words).rstrip()
        found.append(style.paint(text, code) if code else text)
    return found


def header() -> str:
    """The heads of the columns of `lines`."""
    words = (
        pad(translate(msg("threat")), _NAME),
        pad(translate(msg("predicted")), _WORD),
        pad(translate(msg("tried")), _WORD),
        pad(translate(msg("layer")), _LAYER),
        translate(msg("what the kernel said")),
    )
    return "  ".join(words)


def summary(outcomes: Sequence[AttemptOutcome]) -> tuple[Message, ...]:
    """How many came as predicted, and how many otherwise."""
    tried = [each for each in outcomes if each.tried is not Tried.NOT_TRIED]
    differ = sum(each.differs for each in tried)
    found = [
        plural("{tried} of {all} threats were tried, and one came otherwise than predicted.",
               "{tried} of {all} threats were tried, and {count} came otherwise than predicted.", differ,
               tried=len(tried), all=len(outcomes))
        if differ
        else msg("{tried} of {all} threats were tried, and all came as predicted.", tried=len(tried), all=len(outcomes))
    ]  # fmt: skip
    if differ:
        found.append(msg("Please report this with what was read: {command}",
                         command="stratascope report --save-capture FILE"))  # fmt: skip
    return tuple(found)


def checked_object(checked: Checked) -> dict[str, Any]:
    """One line of `try --self-check --json`."""
    return {
        "engine": checked.engine,
        "configuration": checked.configuration,
        "tried": len(checked.tried),
        "agree": len(checked.tried) - len(checked.differing),
        "differ": [json_object(each) for each in checked.differing],
        "why": None if checked.why is None else translate(checked.why),
    }


def checked_lines(checked: Checked, style: Style) -> list[str]:
    """One configuration of one engine, and what came otherwise in it."""
    head = f"{checked.engine} {checked.configuration}"
    if checked.why is not None:
        return [f"{head}: {plain(translate(checked.why), 300)}"]
    agree = len(checked.tried) - len(checked.differing)
    text = msg("{agree} of {all} as predicted", agree=agree, all=len(checked.tried))
    return [f"{head}: {translate(text)}", *(f"  {each}" for each in lines(checked.differing, style, everything=True))]


def title_of(threat: str) -> Message:
    """Its name for people."""
    return next(each.title for each in all_threats() if each.id == threat)
