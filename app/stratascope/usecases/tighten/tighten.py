"""A container tightened: watched on a twin, its needs learned, the tightest settings derived, and tried on twins.

Ends with settings that were found to work, and changes nothing of the original: the relaunch is `harden`'s, with the
same plan, proof and way back as any other. Where nothing can be observed the strict settings are tried as they are, and
what they take too much is found by trials alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from stratascope.core.message import Message
from stratascope.core.observation.needs import Needs, NeedsError
from stratascope.core.observation.observation import Observation
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS, JournalError
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.layers.shared.toggle_values import LEARNED, TIGHT
from stratascope.layers.toggles import toggle
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.image_folders import image_folders
from stratascope.usecases.plan.learned import Resolved
from stratascope.usecases.plan.look import Look
from stratascope.usecases.tighten.derive import derive
from stratascope.usecases.tighten.refusals import Allowing, Counts, Loosen
from stratascope.usecases.trial.paces import Exercises
from stratascope.usecases.trial.search import Searched, SearchEvent, TrialBegun, TrialDone, search
from stratascope.usecases.trial.strategy import Attempt, Ends, Purpose, Verdict
from stratascope.usecases.trial.trial import Observe, Trials, unwatched
from stratascope.value import Value, replace

_NARROW = "capabilities"  # found by trials alone where no observation tells which of them it uses


class Lesson(Protocol):
    """Watches twins, and remembers what the one that ran last was seen to use."""

    @property
    def observe(self) -> Observe:
        """For the trials."""

    def seen(self) -> Observation | None:
        """Of the last twin; None where it could not be observed."""

    counts: Counts  # whether a refusal can be a trial's fault
    loosen: Loosen  # what would allow something that was refused

    @property
    def why_not(self) -> Message | None:
        """Why nothing could be observed, if so."""


class Wishes(Value):
    """What a person asks for. `keep`: toggles that are left as they are; `tight`: only what was seen."""

    exercises: Exercises = Exercises()
    repeats: int = REPEATS
    keep: tuple[str, ...] = ()
    tight: bool = False


class Tightened(Value):
    """How it ended. `choices`: what works, with why; `tried`: the last trial of it; `needs`: all that was learned."""

    verdict: Verdict
    derived: Resolved
    needs: Needs | None
    trials: int
    seconds: float
    unwatched: Message | None = None  # why it was not observed, if so

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.verdict.choices

    @property
    def tried(self) -> Tried | None:
        return self.verdict.last


def tighten(
    access: EngineAccess,
    seen: Look,
    wishes: Wishes,
    lesson: Lesson | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[SearchEvent | Tightened]:
    """`seen`: a fresh look. The last thing is a `Tightened`; raises nothing that an engine can cause, but EngineError
    where the container can't be looked at.
    """
    observe = unwatched if lesson is None else lesson.observe
    trials = Trials(access, seen, wishes.exercises, observe, cancelled)
    attempt = Attempt((), Purpose.UNCHANGED, 1 + wishes.repeats)
    yield TrialBegun(1, attempt, None)
    unchanged = trials.run(())
    yield TrialDone(1, Purpose.UNCHANGED, unchanged)
    why_not = None if lesson is None else lesson.why_not
    if unchanged.works is Works.BREAKS or unchanged.works is Works.UNKNOWN:
        ends = Ends.UNCHANGED_BREAKS if unchanged.works is Works.BREAKS else Ends.CUT_OFF
        yield Tightened(Verdict(ends, last=unchanged), Resolved(()), None, 1, unchanged.seconds, why_not)
        return
    needs = _learn(access, seen, lesson, unchanged)
    observation = None if needs is None else needs.observation
    subject = replace(seen.subject, seen=observation)
    subject = replace(subject, folders=image_folders(access, subject, seen.changes))  # also where only the twin wrote
    trials.know(subject)

    def kept(text: str) -> str:
        path = access.profile_place(text)
        access.keep_profile(path, text)
        return path

    def tightest(*kept_toggles: str) -> Resolved:
        return derive(subject, kept, keep=(*wishes.keep, *kept_toggles), tight=wishes.tight,
                      exercised=bool(wishes.exercises.commands))  # fmt: skip

    try:
        derived = tightest()
        users = tuple(item.toggle for item in derived.choices if toggle(item.toggle).changes_users)
        # much depends on it, and if it does not work all else has to be as for root
        otherwise = tightest(*users) if users else Resolved(())
    except JournalError as error:
        cut = replace(unchanged, works=Works.UNKNOWN, words=error.words)
        yield Tightened(Verdict(Ends.CUT_OFF, last=cut), Resolved(()), needs, 1, unchanged.seconds, why_not)
        return
    allowing = Allowing(subject, TIGHT if wishes.tight else LEARNED, kept)
    if lesson is not None:
        lesson.counts, lesson.loosen = allowing.counts, allowing
    known = observation is not None and observation.seen.starts > 0 and observation.saw("capabilities")
    found = search(trials, derived.choices, repeats=wishes.repeats, narrow="" if known else _NARROW,
                   otherwise=otherwise.choices, unchanged=unchanged)  # fmt: skip
    for event in found:
        if isinstance(event, TrialBegun):
            allowing.begin(event.attempt.choices)
        if isinstance(event, Searched):
            changed = any(item.toggle in users for item in event.verdict.choices)
            of = derived if changed or not users else otherwise
            yield Tightened(event.verdict, of, needs, event.trials, event.seconds, why_not)
        else:
            yield event


def _learn(access: EngineAccess, seen: Look, lesson: Lesson | None, unchanged: Tried) -> Needs | None:
    """What the unchanged twin used is kept; what was known before counts as well."""
    container = seen.state.container
    observed = lesson.seen() if lesson is not None and unchanged.works is Works.YES else None
    if observed is not None:
        with suppress(NeedsError):
            return access.needs.add(container, observed)
    with suppress(NeedsError):
        return access.needs.of(container)
    return None
