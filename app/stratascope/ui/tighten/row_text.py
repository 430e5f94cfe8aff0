"""What the sheet of trials says. Pure, no Qt."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Engine
from stratascope.core.message import Message, msg, plural
from stratascope.core.privilege import Privilege, PrivilegeState
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import WORKS, Works
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, together, translate
from stratascope.layers.toggles import value_text
from stratascope.presentation.needs_report import phase_word
from stratascope.presentation.relaunch_words import toggle_title
from stratascope.presentation.terms import seconds_text
from stratascope.ui.use.rows import Cell, Row
from stratascope.usecases.tighten.settings import Setting
from stratascope.usecases.tighten.tighten import Tightened
from stratascope.usecases.trial.search import TrialBegun, TrialDone
from stratascope.usecases.trial.strategy import ENDS, PURPOSES, Ends

WORKS_INK = {Works.YES: "enf", Works.BREAKS: "open", Works.REFUSED: "unk", Works.UNKNOWN: "unk"}
_SIGNS = {Works.YES: "tick", Works.BREAKS: "cross"}


def watching(privilege: Privilege, engine: Engine | None) -> Message | None:
    """Before it begins: whether the twins can be watched, and what that takes."""
    alone = msg("Its twins can't be watched here, so what it needs is found by trials alone, which takes longer.")
    if engine is not None and (engine.rootless or not engine.local):
        return alone
    if privilege.state is PrivilegeState.ON:
        return None
    if privilege.command:
        return msg("Root watches the twins, to see what it needs: you may be asked for a password. Without one, it "
                   "is found by trials alone, which takes longer.")  # fmt: skip
    return None


def trial_row(event: TrialBegun | TrialDone) -> Row:
    """A trial as a row: what was tried over why it came out so; outcome; seconds."""
    if isinstance(event, TrialBegun):
        name, what = msg("Trial {number}", number=event.number), translate(PURPOSES[event.attempt.purpose])
        return (Cell(translate(name), below=what, sign="…"), Cell(translate(msg("in progress")), ink="text2"), Cell(""))
    tried = event.tried
    what = translate(PURPOSES[event.purpose])
    why = "" if tried.why is None else plain(translate(tried.why), 400)
    below = translate(msg("{what}: {why}", what=what, why=why)) if why else what
    return (
        Cell(
            translate(msg("Trial {number}", number=event.number)),
            below=below,
            more=plain(tried.words, 400),
            sign=_SIGNS.get(tried.works, "?"),
        ),
        Cell(translate(WORKS[tried.works]), ink=WORKS_INK[tried.works], bold=True),
        Cell(seconds_text(tried.seconds), ink="text2", right=True),
    )


def title(done: Tightened, asked: int, found: Sequence[Setting]) -> Message:
    """How it ended. `asked`: how many settings were chosen to be tried; 0: they were derived."""
    count, loosened = len(done.choices), sum(each.loosened for each in found)
    if done.verdict.ends is not Ends.FOUND:
        return ENDS[done.verdict.ends]
    if asked and count == asked and loosened:
        return plural("It breaks with all of them, and works with {count} value loosened.",
                      "It breaks with all of them, and works with {count} values loosened.", loosened)  # fmt: skip
    if asked and count == asked:
        return msg("It works with everything that is switched on.")
    if asked:
        return msg("It breaks with all of them, and works with {count} of {asked}.", count=count, asked=asked)
    return plural("It works with {count} setting.", "It works with {count} settings.", count)


def lead(done: Tightened) -> str:
    """How it was found."""
    told = [plural("Found in one trial of {seconds} s.", "Found in {count} trials, {seconds} s.", done.trials,
                   seconds=round(done.seconds))]  # fmt: skip
    if done.verdict.ends is not Ends.FOUND:
        told = [done.tried.why] if done.tried is not None and done.tried.why is not None else []
    elif done.needs is not None:
        phases = listed(map(phase_word, done.needs.observation.seen.phases))
        told.append(msg("Seen: {phases}.", phases=phases))
    told.append(msg("Nothing has been changed so far."))
    return together([plain(translate(each), 400) for each in told])


def setting_title(setting: Setting, done: Tightened) -> str:
    """The setting with the value that works."""
    name, choice = toggle_title(setting.toggle), setting.choice
    if choice is None:
        return name
    shown = value(choice, done)
    if setting.loosened:
        return translate(msg("{title}, loosened: {value}", title=name, value=shown))
    return translate(msg("{title}: {value}", title=name, value=shown))


def value(choice: Choice, done: Tightened) -> str:
    """For reading; a filter is known by how much passes it."""
    if choice.toggle == "seccomp" and done.calls is not None:
        return translate(plural("{count} system call passes", "{count} system calls pass", done.calls))
    return plain(value_text(choice), 300)


def why(setting: Setting) -> str:
    """All reasons."""
    return plain(together([translate(each) for each in setting.why]), 600)


def setting_rows(found: Sequence[Setting], done: Tightened) -> tuple[Row, ...]:
    """For the card of the page "Use"."""
    rows = []
    for each in found:
        times = translate(msg("tried {count}×", count=each.tried))
        works = each.choice is not None
        reason = why(each)
        if works:
            told, sign, ink = translate(msg("Works")), "tick", "enf"
        elif each.tried:
            told, sign, ink = translate(msg("Breaks: {why}", why=reason)), "cross", "open"
        else:
            told, sign, ink = translate(msg("Left out: {why}", why=reason)), "?", "text2"
        rows.append(
            (
                Cell(setting_title(each, done), sign=sign, more=reason),
                Cell(told, ink=ink, more=reason if works else ""),
                Cell(times, ink="text2", right=True),
            )
        )
    return tuple(rows)
