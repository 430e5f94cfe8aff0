"""A plan as the JSON of `plan --json` (a contract) and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope.core.message import Message, became, msg, plural
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan
from stratascope.core.relaunch.toggle import Use
from stratascope.core.sandboxes.lines import Written
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.plan_rows import GROUPS, effect_text, evidence_word, keeping_text, row_words
from stratascope.presentation.terminal import LEVEL_STYLE, Style, pad, width_of, wrap
from stratascope.presentation.terms import exposure_level, timestamp
from stratascope.value import replace

SCHEMA = 1
_EFFECTS = msg("At the right: what flipping a switch does to the number, with all others as they stand. Switches "
               "overlap, so these don't add up.")  # fmt: skip
_CHANGE, _EVIDENCE = 46, 14  # columns


def use_word(change: Change) -> str:
    """Its evidence in a word, in the user's language."""
    return translate(evidence_word(change).text)


def json_object(
    plan: HardeningPlan, state: ContainerState | None = None, line: Written | None = None
) -> dict[str, Any]:
    """The plan as JSON types: `exposure` and `plan`. `state`: whose it is; what it has is counted in the titles.
    `line`: of a sandbox, what it would be started with.
    """
    return {
        "exposure": {
            "now": plan.now.exposure.worst,
            "then": plan.then.exposure.worst,
            "then_at_best": plan.then.exposure.best,
        },
        "plan": [_change(change, state) for change in plan.changes],
        "impossible": [
            {"id": choice.id, "value": choice.value, "why": _text(why)} for choice, why in plan.impossible
        ],
        **({} if line is None else {"line": {"place": _text(line.place), "text": line.text, "new": list(line.lines)}}),
    }  # fmt: skip


def _change(change: Change, state: ContainerState | None) -> dict[str, Any]:
    evidence = change.evidence
    instead = next(iter(change.alternatives), None)
    choice = None if instead is None else instead.choice
    measured = evidence.use is Use.MEASURED
    return {
        "id": change.choice.id,
        "value": change.choice.value,
        "along": [{"id": each.id, "value": each.value} for each in change.choices[1:]],
        "kind": change.kind.value,
        "title": row_words(change, state),
        "on": change.on,
        "evidence": {
            "word": (Use.NOT_USED if measured else evidence.use).value,  # more than the limit is not used
            "measured": measured,
            "shown": use_word(change),
            "by": [plain(name, 80) for name in evidence.by],
            "at": timestamp(evidence.at) if evidence.at else None,
            "text": _text(evidence.why),
        },
        "reason": None if change.reason is None else _text(change.reason),
        "closes": list(change.closes),
        "exposure": {"alone": change.alone, "in_order": change.in_order, "effect": change.effect},
        "deeper": change.deeper,
        "shuts": list(change.shuts),
        "breaks": " ".join(map(_text, change.breaks)) or None,
        "alternative": None
        if instead is None
        else {
            "id": None if choice is None else choice[0],
            "value": None if choice is None else choice[1],
            "text": _text(instead.text),
        },
    }


def lines(
    name: str, plan: HardeningPlan, style: Style, state: ContainerState | None = None, line: Written | None = None
) -> Iterator[str]:
    """For people: the number, a line a change, what keeps it critical; of a sandbox the corrected line."""
    now, then = plan.now.exposure, plan.then.exposure
    arrow = translate(became(f"{now.worst:.1f}", f"{then.worst:.1f}"))
    on = sum(change.on for change in plan.changes)
    count = translate(plural("{on} of {count} change on", "{on} of {count} changes on", len(plan.changes), on=on))
    called, number = plain(name, 80), style.paint(arrow, LEVEL_STYLE[exposure_level(then.worst)])
    apart = "  " if width_of(f"{called}  {arrow}  {count}") <= style.width else "\n  "
    yield f"{style.paint(called, '1')}{apart}{number}  {count}"
    for kind in ChangeKind:
        found = [change for change in plan.changes if change.kind is kind]
        if found:
            yield ""
            yield style.paint(translate(GROUPS[kind][0]), "1")
        for change in found:
            yield from _row(change, state, style)
    if sum(abs(change.effect) >= 0.1 for change in plan.changes) > 1:
        yield ""
        yield from wrap(translate(_EFFECTS), "", style, "2")
    for change in plan.keeping:
        yield ""
        yield from wrap(translate(keeping_text(change, plan, state)), "", style)
    if plan.impossible:
        yield ""
        yield style.paint(translate(msg("No switch closes these")), "1")
        for choice, why in plan.impossible:
            yield from wrap(f"{translate(choice.told)}: {translate(why)}", "  ", style)
    if line is not None and plan.choices:
        yield ""
        yield style.paint(_text(line.place), "1")
        yield from (plain(each, 1 << 16) for each in line.text.splitlines())
        if line.filled:
            yield from wrap(translate(FILLED), "", style, "2")


FILLED = msg("Values of variables are not shown: dots stand for them, or the name of the variable that has it.")


def _row(change: Change, state: ContainerState | None, style: Style) -> Iterator[str]:
    mark = "[x]" if change.on else "[ ]"
    *before, last = wrap(row_words(change, state), "", replace(style, width=_CHANGE))
    heads = [f"  {mark if number == 0 else '   '} {each}" for number, each in enumerate((*before, last))]
    yield from heads[:-1]
    yield f"{pad(heads[-1], _CHANGE + 6)} {pad(use_word(change), _EVIDENCE)} {effect_text(change)}"
    told = [change.evidence.why, *([] if change.reason is None else [change.reason])]
    text = " ".join(filter(None, (translate(each) for each in told if each.id)))
    if text:
        yield from wrap(text, "      ", style, "2")
    for alternative in change.alternatives:
        yield from wrap(translate(msg("Instead: {text}", text=alternative.text)), "      ", style)


def _text(message: Message) -> str:
    return plain(translate(message), 2000)
