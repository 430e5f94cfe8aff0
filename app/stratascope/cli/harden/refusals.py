"""`--watch-refusals`: what is refused to a replacement that stays, and what would allow just that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratascope.cli.output import complain, write
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.trial import Loosening, TwinRefusal
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.presentation.relaunch_words import passed_lines
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan


def watch(
    hardening: Hardening,
    made: Plan,
    container: str,
    seconds: float,
    cancelled: Callable[[], bool],
    *,
    as_json: bool,
) -> list[dict[str, Any]] | None:
    """Watch, and print. The part of the last line of the JSON; None, with the reason printed, if it can't be watched.

    The replacement stays whatever is refused to it.
    """
    if not as_json:
        write(translate(msg("Watching for refusals for {seconds} seconds.", seconds=f"{seconds:g}")) + "\n")
    try:
        *_, found = hardening.refused(made, container, seconds, cancelled)
    except ProbeError as error:
        complain(translate(error.message))
        return None
    except (EngineError, NoSuchContainerError) as error:
        complain(plain(str(error), 1000))
        return None
    if not as_json:
        write("".join(f"  {plain(line, 500)}\n" for line in _lines(found.refusals)))
        write("".join(f"  {plain(translate(each), 500)}\n" for each in passed_lines(found.passed)))
    if found.ended:
        complain(translate(msg("It ended while being watched. stratascope undo brings back the original.")))
    return [_object(each, ended=found.ended) for each in found.refusals]


def _lines(found: tuple[TwinRefusal, ...]) -> list[str]:
    lines = []
    for each in found:
        lines.append(f"! {translate(each.text)}")
        if each.loosening is not None:
            lines.append(f"  {_remedy(each.loosening)}")
    return lines or [translate(msg("Nothing new was refused to it."))]


def _remedy(loosening: Loosening) -> str:
    if loosening.choice is None:
        return translate(msg("To allow it, leave out {toggle}.", toggle=loosening.toggle))
    value = toggle(loosening.toggle).typed(loosening.choice.value)
    return translate(msg("To allow it: {setting}", setting=f"--set {loosening.toggle}={value}"))


def _object(each: TwinRefusal, *, ended: bool) -> dict[str, Any]:
    """`ended`: it ended, or was started again, while it was watched."""
    remedy = None
    if each.loosening is not None:
        value = None if each.loosening.choice is None else each.loosening.choice.value
        remedy = {"toggle": each.loosening.toggle, "value": value, "text": _remedy(each.loosening)}
    return {"what": plain(translate(each.text)), "ended": ended, "remedy": remedy}
