"""A container tightened: watched on a twin, its needs learned, the tightest settings derived, and tried on twins.

Ends with settings that were found to work, and changes nothing of the original: the relaunch is `harden`'s, with the
same plan, proof and way back as any other. Where nothing can be observed the strict settings are tried as they are, and
what they take too much is found by trials alone. Settings that a person chose go the same way: all of them are tried,
and where they break it the most of them that work are looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Needs, NeedsError, Observation
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.transaction import REPEATS, JournalError
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.layers.shared.toggle_values import LEARNED, TIGHT
from stratascope.layers.toggles import toggle
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp_profile import allowed_names
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.choices import PathOf, Resolved, resolved
from stratascope.usecases.plan.look import Look
from stratascope.usecases.plan.written_files import image_folders
from stratascope.usecases.tighten.derive import derive
from stratascope.usecases.tighten.refusals import Allowing, Counts, Loosen
from stratascope.usecases.trial.paces import Exercises
from stratascope.usecases.trial.search import Searched, SearchEvent, TrialBegun, TrialDone, search
from stratascope.usecases.trial.strategy import Attempt, Ends, Purpose, Verdict
from stratascope.usecases.trial.trial import Observe, Trials, unwatched
from stratascope.value import Value, replace

_NARROW = "capabilities"  # found by trials alone where no observation tells which of them it uses


class TwinObserver(Protocol):
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
    """What a person asks for. `keep`: toggles that are left as they are; `tight`: only what was seen.

    `chosen`: just these are tried, instead of what is derived.
    """

    exercises: Exercises = Exercises()
    repeats: int = REPEATS
    keep: tuple[str, ...] = ()
    tight: bool = False
    chosen: tuple[Choice, ...] = ()


class Tightened(Value):
    """How it ended. `choices`: what works, with why; `tried`: the last trial of it; `needs`: all that was learned.

    `calls`: how many system calls pass the filter that was found, with some arguments at the least; None: it has none.
    """

    verdict: Verdict
    derived: Resolved
    needs: Needs | None
    trials: int
    seconds: float
    unwatched: Message | None = None  # why it was not observed, if so
    calls: int | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.verdict.choices

    @property
    def tried(self) -> Tried | None:
        return self.verdict.last


def found_alone(why: Message) -> Message:
    """That nobody observed, so that trials alone had to find it."""
    return msg("It was not watched, so what it needs was found by trials alone: {why}", why=why)


def tighten(
    access: EngineAccess,
    seen: Look,
    wishes: Wishes,
    twins: TwinObserver | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[SearchEvent | Tightened]:
    """`seen`: a fresh look. The last thing is a `Tightened`; raises nothing that an engine can cause, but EngineError
    where the container can't be looked at.
    """
    observe = unwatched if twins is None else twins.observe
    trials = Trials(access, seen, wishes.exercises, observe, cancelled)
    attempt = Attempt((), Purpose.UNCHANGED, 1 + wishes.repeats)
    yield TrialBegun(1, attempt, None)
    unchanged = trials.run(())
    yield TrialDone(1, Purpose.UNCHANGED, unchanged)
    why_not = None if twins is None else twins.why_not
    if unchanged.works is Works.BREAKS or unchanged.works is Works.UNKNOWN:
        ends = Ends.UNCHANGED_BREAKS if unchanged.works is Works.BREAKS else Ends.CUT_OFF
        yield Tightened(Verdict(ends, last=unchanged), Resolved(()), None, 1, unchanged.seconds, why_not)
        return
    needs = _learn(access, seen, twins, unchanged)
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
        derived = _as_chosen(wishes.chosen, subject, kept) if wishes.chosen else tightest()
        users = tuple(item.toggle for item in derived.choices if toggle(item.toggle).changes_users)
        users = () if wishes.chosen else users
        # much depends on it, and if it does not work all else has to be as for root
        otherwise = tightest(*users) if users else Resolved(())
    except ToggleError as error:  # of what was chosen: nothing was learned that it could be made of
        refused = replace(unchanged, works=Works.REFUSED, why=error.message)
        yield Tightened(Verdict(Ends.REFUSED, last=refused), Resolved(()), needs, 1, unchanged.seconds, why_not)
        return
    except JournalError as error:
        cut = replace(unchanged, works=Works.UNKNOWN, words=error.words)
        yield Tightened(Verdict(Ends.CUT_OFF, last=cut), Resolved(()), needs, 1, unchanged.seconds, why_not)
        return
    allowing = Allowing(subject, TIGHT if wishes.tight else LEARNED, kept)
    if twins is not None:
        twins.counts, twins.loosen = allowing.counts, allowing
    known = observation is not None and observation.seen.starts > 0 and observation.saw("capabilities")
    found = search(trials, derived.choices, repeats=wishes.repeats, narrow="" if known or wishes.chosen else _NARROW,
                   otherwise=otherwise.choices, unchanged=unchanged)  # fmt: skip
    for event in found:
        if isinstance(event, TrialBegun):
            allowing.begin(event.attempt.choices)
        if isinstance(event, Searched):
            changed = any(item.toggle in users for item in event.verdict.choices)
            of = derived if changed or not users else otherwise
            calls = _calls(access, event.verdict.choices)
            yield Tightened(event.verdict, of, needs, event.trials, event.seconds, why_not, calls)
        else:
            yield event


def _as_chosen(chosen: tuple[Choice, ...], subject: Subject, place: PathOf) -> Resolved:
    """Each says what it is for, where nothing was learned of it. Raises ToggleError."""
    found = resolved(chosen, subject, place)
    why = dict(found.why)
    told = tuple((item.toggle, why.get(item.toggle, toggle(item.toggle).what)) for item in found.choices)
    return replace(found, why=told)


def _calls(access: EngineAccess, choices: tuple[Choice, ...]) -> int | None:
    path = next((item.value for item in choices if item.toggle == "seccomp"), None)
    text = None if path is None else access.profile_text(path)
    if text is None:
        return None
    with suppress(DecodeError):
        return len(allowed_names(text))
    return None


def _learn(access: EngineAccess, seen: Look, twins: TwinObserver | None, unchanged: Tried) -> Needs | None:
    """What the unchanged twin used is kept; what was known before counts as well."""
    container = seen.state.container
    observed = twins.seen() if twins is not None and unchanged.works is Works.YES else None
    if observed is not None:
        with suppress(NeedsError):
            return access.needs.add(container, observed)
    with suppress(NeedsError):
        return access.needs.of(container)
    return None
