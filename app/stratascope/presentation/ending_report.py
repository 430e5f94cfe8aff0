"""Why a container ended, as the object of `denials --json` for one that does not run (a contract), and for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope.core.denials.ended.ending import ENGINE, IMAGE, PROGRAM, Cause, Ending, Source
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation import denials_report
from stratascope.presentation.denials_report import layer_title, remedy_object, remedy_text
from stratascope.presentation.terminal import Style, wrap

_EVIDENCE_MAX = 600  # characters of a line of a log, or of an engine's words
_TITLES = {PROGRAM: msg("Program"), IMAGE: msg("Image"), ENGINE: msg("Engine")}


def who(layer: str) -> Message:
    """The name of whose doing it was: whoever may refuse something, its program, image or engine."""
    return _TITLES.get(layer) or layer_title(layer)


def json_object(ending: Ending) -> dict[str, Any]:
    """What stands below `ended`."""
    return {
        "engine": ending.engine,
        "id": ending.container,
        "name": ending.name,
        "state": ending.phase.value,
        "headline": translate(ending.headline),
        "exit_code": ending.exit_code,
        "signal": ending.signal or None,
        "out_of_memory": ending.out_of_memory,
        "restarts": ending.restarts,
        "started": ending.begun or None,
        "finished": ending.ended or None,
        "facts": [{"source": fact.source.value, "text": translate(fact.text)} for fact in ending.facts],
        "cause": None if ending.cause is None else _cause(ending.cause),
        "others": [_cause(each) for each in ending.others],
        "refusals": [denials_report.json_object(each) for each in ending.refusals if not each.benign],
        "log": list(ending.log),
    }


def lines(ending: Ending, style: Style) -> list[str]:
    """For people: what happened, why, what would help, and on what that stands."""
    return list(_lines(ending, style))


def _lines(ending: Ending, style: Style) -> Iterator[str]:
    yield style.paint(plain(ending.name, 200), "1") + "  " + translate(ending.headline)
    for fact in ending.facts:
        if fact.source is not Source.LOG or ending.cause is None or not ending.cause.evidence:
            yield from wrap(translate(fact.text), "  ", style)
    if ending.cause is not None:
        yield ""
        yield from _told(ending.cause, style)
    elif ending.exit_code:
        yield ""
        yield translate(msg("Neither its engine nor the kernel nor its log says why."))
    if ending.others:
        yield ""
        yield translate(msg("Other possible reasons:"))
        for each in ending.others:
            yield from wrap(translate(each.claim.what), "  ", style)
    if len(ending.log) > 1:
        yield ""
        yield translate(msg("The end of its log"))
        for line in ending.log:
            yield from wrap(line, "  ", style, "2")


def _told(cause: Cause, style: Style) -> Iterator[str]:
    by, what = translate(who(cause.claim.layer)), translate(cause.claim.what)
    yield from wrap(f"{by}: {what}", "", style, "1")
    reason = cause.reason if cause.certain else msg("This is a guess. {reason}", reason=cause.reason)
    yield from wrap(translate(reason), "  ", style)
    if cause.evidence:
        yield from wrap(plain(cause.evidence, _EVIDENCE_MAX), "  ", style, "2")
    for remedy in cause.remedies[:1]:
        yield from wrap(remedy_text(remedy), "  ", style)


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "layer": cause.claim.layer,
        "what": translate(cause.claim.what),
        "certain": cause.certain,
        "reason": translate(cause.reason),
        "evidence": plain(cause.evidence, _EVIDENCE_MAX),
        "remedies": [remedy_object(each) for each in cause.remedies],
    }
