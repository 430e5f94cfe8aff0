"""Prints trials on twins as they happen, for `tighten` and for a failed relaunch, whose breaking setting is searched.

The search follows a relaunch that was rolled back for no known reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from stratascope.cli.output import complain, complain_of, say, write
from stratascope.cli.progress import progress
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import WORKS, Loosening, TwinRefusal, Works
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import NoNotationError, words
from stratascope.i18n.translate import translate
from stratascope.presentation.relaunch_words import passed_lines
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.afterwards import Afterwards
from stratascope.usecases.trial.strategy import PURPOSES, Loosened, TrialBegun, TrialDone


def begun(event: TrialBegun, *, as_json: bool) -> None:
    """Print that a trial begins, for people only."""
    if as_json:
        return
    then = msg("at least {count} more", count=event.attempt.left) if event.attempt.left else None
    progress.doing(msg("Trial {number}: {what}", number=event.number, what=PURPOSES[event.attempt.purpose]), then)
    if not progress.on:
        say(translate(event.sentence))


def done(event: TrialDone, name: str = "", *, as_json: bool) -> None:
    """Print the outcome of a trial. `name`: its container, if there are several."""
    tried = event.tried
    why = "" if tried.why is None else translate(tried.why)
    if as_json:
        write(
            json.dumps(
                {
                    **({"name": name} if name else {}),
                    "trial": event.number,
                    "purpose": event.purpose.value,
                    "choices": [choice_object(item, None) for item in tried.choices],
                    "works": {Works.YES: True, Works.BREAKS: False}.get(tried.works),
                    "seconds": round(tried.seconds, 3),
                    "why": why,
                    "compared": [translate(item) for item in tried.compared],
                    "not_compared": [translate(item) for item in tried.not_compared],
                    "refusals": [translate(each.text) for each in tried.refusals],
                }
            )
            + "\n"
        )
        return
    outcome = translate(msg("{outcome} ({seconds} s)", outcome=WORKS[tried.works], seconds=f"{tried.seconds:.1f}"))
    if progress.on:  # the line that said what is tried is gone
        progress.done()
        what = msg("Trial {number}: {what}", number=event.number, what=PURPOSES[event.purpose])
        say(translate(what))
    say(plain(f"  {outcome}  {why}".rstrip(), 400))


def choice_object(item: Choice, why: Message | None) -> dict[str, Any]:
    """A choice for JSON."""
    return {"id": item.id, "value": item.value, "why": "" if why is None else translate(why)}


def search(hardening: Hardening, made: Plan, cancelled: Callable[[], bool], *, as_json: bool) -> dict[str, Any] | None:
    """Search for the breaking setting, and print progress. Returns fields for the JSON's last line; None if the
    container can't be reached.
    """
    if not as_json:
        say(translate(msg("Searching on copies for the change that breaks it:")))
    found: Loosened | None = None
    try:
        for event in hardening.loosen(made, cancelled):
            match event:
                case TrialBegun():
                    begun(event, as_json=as_json)
                case TrialDone():
                    done(event, as_json=as_json)
                case Loosened():
                    found = event
    except (EngineError, NoSuchContainerError) as error:
        complain_of(error)
    if found is None:
        return None
    why = "" if found.why is None else translate(found.why)
    if not as_json:
        say(*(plain(each, 2000) for each in _found_lines(made, found, why)))
    return {
        "works_with": [{"id": item.id, "value": item.value} for item in found.works_with],
        "breaks": list(found.breaks),
        "why": why,
    }


def _found_lines(made: Plan, found: Loosened, why: str) -> list[str]:
    lines = []
    if found.breaks:
        lines.append(translate(msg("It does not work with {toggles}.", toggles=", ".join(found.breaks))))
    if why:
        lines.append(why)
    if found.works_with:
        lines.append(translate(msg("This works:")))
        lines.append(f"  {_found_command(made, found)}")
    return lines


def _found_command(made: Plan, found: Loosened) -> str:
    chosen = (f"{item.id}={item.typed}" for item in found.works_with)
    options = (word for each in chosen for word in ("--set", each))
    try:
        return words(("stratascope", "harden", "--engine", made.spec.engine, made.spec.id[:12], *options))
    except NoNotationError:
        return ""


def watch_refusals(
    hardening: Hardening,
    made: Plan,
    container: str,
    seconds: float,
    cancelled: Callable[[], bool],
    *,
    as_json: bool,
    allowing: bool = False,
) -> Afterwards | None:
    """Watch the replacement, and print its refusals; None, with the reason printed, if it can't be watched. `allowing`:
    no longer than until it is known whether what it was to allow passes.

    The replacement stays, whatever it is refused.
    """
    if not as_json:
        say(translate(msg("Watching for refusals for {seconds} s.", seconds=f"{seconds:g}")))
    progress.doing(msg("Watching for refusals"))
    try:
        *_, found = hardening.refused(made, container, seconds, cancelled, allowing=allowing)
    except ProbeError as error:
        complain(translate(error.message))
        return None
    except (EngineError, NoSuchContainerError) as error:
        complain(plain(str(error), 1000))
        return None
    progress.done()
    if not as_json:
        say(*(f"  {plain(each, 500)}" for each in _refusal_lines(found.refusals)))
        told = passed_lines(found.passed, found.waiting)
        say(*(f"  {plain(translate(each), 500)}" for each in told))
    if found.ended:
        complain(translate(msg("It ended while being watched. stratascope undo brings back the original.")))
    return found


def refusal_objects(found: Afterwards | None) -> list[dict[str, Any]] | None:
    """Fields for the JSON's last line."""
    return None if found is None else [_refusal_object(each, ended=found.ended) for each in found.refusals]


def _refusal_lines(found: tuple[TwinRefusal, ...]) -> list[str]:
    lines = []
    for each in found:
        lines.append(f"! {translate(each.text)}")
        if each.loosening is not None:
            lines.append(f"  {_remedy(each.loosening)}")
    return lines or [translate(msg("Nothing new was refused to it."))]


def _remedy(loosening: Loosening) -> str:
    if loosening.choice is None:
        return translate(msg("To allow it, leave out {toggle}.", toggle=loosening.toggle))
    return translate(msg("To allow it: {setting}", setting=f"--set {loosening.toggle}={loosening.choice.typed}"))


def _refusal_object(each: TwinRefusal, *, ended: bool) -> dict[str, Any]:
    """A refusal for JSON. `ended`: the container ended or restarted while it was watched."""
    remedy = None
    if each.loosening is not None:
        value = None if each.loosening.choice is None else each.loosening.choice.value
        remedy = {"toggle": each.loosening.toggle, "value": value, "text": _remedy(each.loosening)}
    return {"what": plain(translate(each.text)), "ended": ended, "remedy": remedy}
