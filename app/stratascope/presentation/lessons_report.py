"""Lessons as text: their list, their stages with the strata as drawn text, and the JSON lines of `learn --json`."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from stratascope.core.lesson import Lesson, Move, StageOutcome
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.attempt import Tried
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.attempts_report import answered_by, json_object, refusal
from stratascope.presentation.terminal import Style, pad

MOVES = {Move.AWAY: msg("Take it away"), Move.BACK: msg("Put it back")}
NO_OPTION = msg("no option: the engine's default")
_ID, _TITLE = 14, 28  # cells


def list_object(lesson: Lesson) -> dict[str, Any]:
    """One line of `learn --json` without a lesson."""
    question = translate(lesson.question)
    return {"lesson": lesson.id, "layer": lesson.layer or None, "threat": lesson.threat, "question": question}


def stage_object(lesson: Lesson, made: StageOutcome, words: Sequence[str]) -> dict[str, Any]:
    """One line of `learn LESSON --json`."""
    return {
        "lesson": lesson.id,
        "move": made.stage.move.value,
        "options": list(words),
        "expected": made.stage.layer or None,
        "as_told": made.as_told,
        "recorded": None if made.recorded is None else translate(made.recorded),
        **json_object(made.outcome),
    }


def listing(lessons: Sequence[Lesson]) -> list[str]:
    """A line a lesson: its name and its question."""
    return [f"{pad(each.id, _ID)}  {translate(each.question)}" for each in lessons]


def told(made: StageOutcome) -> Message:
    """What came of a stage, in a sentence."""
    outcome = made.outcome
    said = refusal(outcome)
    if outcome.tried is Tried.OPEN:
        return msg("It got through: {said}.", said=said)
    if outcome.tried is Tried.STOPPED:
        who = answered_by(outcome) or translate(msg("the kernel"))
        return msg("It was stopped by {layer}: {said}.", layer=who, said=said)
    return msg("It was not tried: {why}", why=said)


def otherwise(made: StageOutcome) -> Message | None:
    """That it came otherwise than the lesson says; None where it did not."""
    if made.as_told or made.outcome.tried is Tried.NOT_TRIED:
        return None
    return msg("This is another outcome than the lesson's: something on this machine decides it.")


def error(made: StageOutcome) -> str:
    """The name of the error with which it was refused; empty if none was."""
    number = made.outcome.errno
    return errno.errorcode.get(number, str(number)) if number else ""


def command_words(words: Sequence[str]) -> str:
    """The options of a stage, as typed."""
    return " ".join(words) or translate(NO_OPTION)


def strata(made: StageOutcome, style: Style) -> list[str]:
    """The six layers from the program down to the kernel, and how far the attempt came."""
    through, stop, arrow = ("│", "✕", "▼") if style.unicode else ("|", "X", "v")
    layers = sorted(all_layers(), key=lambda layer: -layer.number)
    tried, by = made.outcome.tried, made.outcome.layer
    found, falling = [], tried is not Tried.NOT_TRIED
    for layer in layers:
        stopped = falling and layer.id == by
        sign = f"{stop} {error(made)}".rstrip() if stopped else through if falling else " "
        title = pad(plain(translate(layer.about.title), 60), _TITLE)
        found.append(f"     {layer.number} {title}  {sign}".rstrip())
        falling = falling and not stopped
    sign = arrow if tried is Tried.OPEN else stop if falling and by == "ground" else ""
    found.append(f"       {pad(translate(msg('Kernel')), _TITLE)}  {sign}".rstrip())
    return found


def stage_lines(number: int, made: StageOutcome, words: Sequence[str], style: Style) -> list[str]:
    """One stage: what is done, what came of it, the strata."""
    head = f"{number}. {translate(MOVES[made.stage.move])}: {command_words(words)}"
    if made.recorded is not None:
        head += f" ({translate(made.recorded)})"
    other = otherwise(made)
    said = [translate(told(made)), *(() if other is None else (translate(other),))]
    return ["", head, *(f"   {plain(each, 400)}" for each in said), *strata(made, style)]
