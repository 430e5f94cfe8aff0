"""After a relaunch that was rolled back, and nothing says why: what breaks it, found on twins, and what works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratascope.cli.harden import trials
from stratascope.cli.output import complain_of, write
from stratascope.core.message import msg
from stratascope.core.notation import NoNotationError
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import words
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.trial.loosen import Loosened
from stratascope.usecases.trial.search import TrialBegun, TrialDone


def run(hardening: Hardening, made: Plan, cancelled: Callable[[], bool], *, as_json: bool) -> dict[str, Any] | None:
    """Search, and tell. What the last line of the JSON says of it; None where the container is out of reach."""
    if not as_json:
        write(translate(msg("Searching on twins for the setting that breaks it:")) + "\n")
    found: Loosened | None = None
    try:
        for event in hardening.loosen(made, cancelled):
            match event:
                case TrialBegun():
                    trials.begun(event, as_json=as_json)
                case TrialDone():
                    trials.done(event, as_json=as_json)
                case Loosened():
                    found = event
    except (EngineError, NoSuchContainerError) as error:
        complain_of(error)
    if found is None:
        return None
    why = "" if found.why is None else translate(found.why)
    if not as_json:
        write("".join(f"{plain(line, 2000)}\n" for line in _lines(made, found, why)))
    return {
        "works_with": [{"id": item.toggle, "value": item.value} for item in found.works_with],
        "breaks": list(found.breaks),
        "why": why,
    }


def _lines(made: Plan, found: Loosened, why: str) -> list[str]:
    lines = []
    if found.breaks:
        lines.append(translate(msg("It does not work with {toggles}.", toggles=", ".join(found.breaks))))
    if why:
        lines.append(why)
    if found.works_with:
        lines.append(translate(msg("This works:")))
        lines.append(f"  {_command(made, found)}")
    return lines


def _command(made: Plan, found: Loosened) -> str:
    chosen = (f"{item.toggle}={toggle(item.toggle).typed(item.value)}" for item in found.works_with)
    options = (word for each in chosen for word in ("--set", each))
    try:
        return words(("stratascope", "harden", "--engine", made.spec.engine, made.spec.id[:12], *options))
    except NoNotationError:
        return ""
