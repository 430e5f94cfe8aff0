"""Trials on twins as they happen, of `tighten` and of a failed relaunch: lines for people, or a JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from stratascope.cli.output import write
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Works
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.usecases.tighten.words import PURPOSES, WORKS
from stratascope.usecases.trial.search import TrialBegun, TrialDone


def begun(event: TrialBegun, *, as_json: bool) -> None:
    """One that begins, for people."""
    if as_json:
        return
    what = PURPOSES[event.attempt.purpose]
    if event.seconds_left is None:
        text = msg("Trial {number}: {what} …", number=event.number, what=what)
    else:
        text = msg("Trial {number}: {what} … (at least {seconds} s more)", number=event.number, what=what,
                   seconds=round(event.seconds_left))  # fmt: skip
    write(translate(text) + "\n")


def done(event: TrialDone, name: str = "", *, as_json: bool) -> None:
    """What one came to; `name`: of which container, where there are several."""
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
    write(plain(f"  {outcome}  {why}".rstrip(), 400) + "\n")


def choice_object(item: Choice, why: Message | None) -> dict[str, Any]:
    """A choice for JSON."""
    return {"id": item.toggle, "value": item.value, "why": "" if why is None else translate(why)}
