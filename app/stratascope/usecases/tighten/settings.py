"""What trials came to, setting by setting: as it works and why, or left out and why. Pure.

Why a setting is so is said by what was learned, and where it had to be loosened also by what was refused to a twin.
Decided against telling trials alone: a person asks about settings.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.layers.toggles import toggle
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.tighten.tighten import Tightened
from stratascope.usecases.trial.search import Loosened, TrialDone
from stratascope.usecases.trial.strategy import Ends, Verdict
from stratascope.value import Value


class Setting(Value):
    """One that was tried, or speaks against itself. `choice`: as it works; None: it is left out. `loosened`: another
    value was tried first.

    `tried`: in how many trials it was; those of other values too.
    """

    toggle: str
    choice: Choice | None
    why: tuple[Message, ...]
    loosened: bool
    tried: int


def settings(done: Tightened, trials: Sequence[TrialDone]) -> tuple[Setting, ...]:
    """All that were tried, in the order in which they were, and what was left out before; `trials`: of the same search,
    as they came.
    """
    why, derived = dict(done.derived.why), {item.toggle: item.value for item in done.derived.choices}
    works = {item.toggle: item for item in done.choices}
    tried = [each.tried for each in trials]
    names = dict.fromkeys(item.toggle for one in tried for item in one.choices)
    found = []
    for name in (*works, *(name for name in names if name not in works)):
        choice = works.get(name)
        with_it = [one for one in tried if any(item.toggle == name for item in one.choices)]
        if choice is None:
            loosened, told = False, _against(name, with_it)
        else:
            loosened = name in derived and derived[name] != choice.value
            told = (why.get(name, toggle(name).what), *(_against(name, with_it) if loosened else ()))
        found.append(Setting(name, choice, told, loosened, len(with_it)))
    found += [Setting(name, None, (against,), False, 0) for name, against in done.derived.left if name not in names]
    return tuple(found)


def after_failure(wanted: Sequence[Choice], found: Loosened, trials: Sequence[TrialDone]) -> Tightened:
    """What was found of a relaunch with these that failed, as of settings that were tried; some of them break it."""
    last = next((each.tried for each in reversed(trials) if each.tried.choices == found.works_with), None)
    ends = Ends.FOUND if found.works_with else Ends.NOTHING
    seconds = sum(each.tried.seconds for each in trials)
    return Tightened(Verdict(ends, found.works_with, last), Resolved(tuple(wanted)), None, len(trials), seconds)


def _against(name: str, tried: Sequence[Tried]) -> tuple[Message, ...]:
    """What spoke against it: what was refused by it, else why the last trial with it broke."""
    broken = [one for one in tried if one.works in (Works.BREAKS, Works.REFUSED)]
    refused = [
        each.text
        for one in broken
        for each in one.refusals
        if each.loosening is not None and each.loosening.toggle == name
    ]
    if refused:
        return tuple(dict.fromkeys(refused))
    for one in reversed(broken):
        if one.why is not None:
            return (one.why,)
    return (msg("It was found by trials: with it, or with more of it, the twin breaks."),)
