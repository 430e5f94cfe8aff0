"""What the sheet of several containers says. Pure, no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import Progress, RelaunchResult
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.layers.toggles import toggle
from stratascope.presentation.relaunch_words import RunKind, ending_title, toggle_title
from stratascope.ui.use.rows import Cell, Row
from stratascope.usecases.many.plan_together import members
from stratascope.usecases.many.together import FAILURES, Outcome
from stratascope.usecases.plan.plan import Plan

WAITS = msg("waiting")
NAMED = 4  # containers named at most


def names(made: Plan) -> str:
    """Whose relaunch it is."""
    return ", ".join(plain(each.spec.name, 80) for each in members(made))


def plan_row(made: Plan) -> Row:
    """A relaunch to come: who, over what is set; how many settings."""
    told = [plain(translate(toggle(item.toggle).told(item.value)), 200) for item in made.choices]
    count = translate(plural("{count} setting", "{count} settings", len(told)))
    titles = listed([toggle_title(item.toggle, item.value) for item in made.choices])
    return (Cell(names(made), below=titles, more="\n".join(told)), Cell(count, ink="text2", right=True))


def waiting_row(name: str) -> Row:
    """One that was not begun."""
    return (Cell(name), Cell(translate(WAITS), ink="text2"))


def step_row(name: str, step: Progress) -> Row:
    """One that is under way."""
    told = plain(translate(step.message), 200)
    return (Cell(name, below=told, sign="…"), Cell(translate(msg("in progress")), ink="text2"))


def ended_row(name: str, ended: RelaunchResult, kind: RunKind) -> Row:
    """One that came to its end."""
    failed = ended.ending in FAILURES
    why = "" if ended.why is None else plain(translate(ended.why), 400)
    return (
        Cell(name, below=why, more=plain(ended.words, 400), sign="cross" if failed else "tick"),
        Cell(translate(ending_title(ended.ending, kind)), ink="open" if failed else "enf"),
    )


def outcome_row(name: str, outcome: Outcome | None, kind: RunKind) -> Row:
    """The same at the end of all; None: it was not begun."""
    if outcome is None:
        return (Cell(name, sign="?"), Cell(translate(msg("not started")), ink="text2"))
    if outcome.undone is None:
        return ended_row(name, outcome.ended, kind)
    failed = outcome.undone.ending in FAILURES
    why = translate(msg("Undone because a later one failed.") if outcome.undone.why is None else outcome.undone.why)
    return (
        Cell(name, below=plain(why, 400), sign="cross"),
        Cell(translate(ending_title(outcome.undone.ending, RunKind.UNDO)), ink="open" if failed else "text2"),
    )


def blocks(plans: Sequence[Plan]) -> tuple[str, ...]:
    """What stands in the way, each once with whose it is."""
    return _grouped((each, block.sentence) for made in plans for each in members(made) for block in each.checked.blocks)


def short(names: Sequence[str]) -> str:
    """So many names as can be read at a glance, and how many more."""
    shown = [plain(name, 80) for name in names[:NAMED]]
    return listed([*shown, f"+{len(names) - NAMED}"] if len(names) > NAMED else shown)


def warnings(plans: Sequence[Plan]) -> tuple[str, ...]:
    """What to keep in mind; what is said of all of them is said once."""
    every = [each for made in plans for each in members(made)]
    told = [{warning.text for warning in each.checked.warnings} for each in every]
    shared = set.intersection(*told) if len(told) > 1 else set()
    ordered = dict.fromkeys(warning.text for each in every for warning in each.checked.warnings)
    return (
        *(plain(translate(text), 400) for text in ordered if text in shared),
        *_grouped((each, text) for each in every for text in ordered
                  if text not in shared and text in {warning.text for warning in each.checked.warnings}),
    )  # fmt: skip


def _grouped(told: Iterable[tuple[Plan, Message]]) -> tuple[str, ...]:
    """The same of several once, with their names."""
    whose: dict[Message, dict[str, None]] = {}
    for made, text in told:
        whose.setdefault(text, {})[made.spec.name] = None
    return tuple(
        plain(translate(msg("{name}: {text}", name=short(tuple(names)), text=text)), 500)
        for text, names in whose.items()
    )
