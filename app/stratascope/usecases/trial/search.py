"""The strategy run on twins: each attempt tried, told before and after, until it ends or somebody cancels.

What to loosen where a relaunch failed and nothing says why: searched on twins, once the original runs again.

The largest part of the choices that works is found by trials (`search`), and the rest breaks it. Bounded in time, since
nobody asked for more than a relaunch. Decided against trying parts by relaunching: each would take the container down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.strategy import ENDS, PURPOSES, Attempt, Ends, Purpose, Verdict, strategy
from stratascope.usecases.trial.trial import Trials
from stratascope.value import Value, replace

_AGAIN = 2  # more looks at the unchanged one, for what it is refused only now and then


class TrialBegun(Value):
    """`number` from 1; `seconds_left`: at the least, with this one, by how long the others took; None: not known."""

    number: int
    attempt: Attempt
    seconds_left: float | None

    @property
    def sentence(self) -> Message:
        """What is tried, and how long it takes at the least."""
        what = PURPOSES[self.attempt.purpose]
        if self.seconds_left is None:
            return msg("Trial {number}: {what} …", number=self.number, what=what)
        return msg("Trial {number}: {what} … (at least {seconds} s more)", number=self.number, what=what,
                   seconds=round(self.seconds_left))  # fmt: skip


class TrialDone(Value):
    number: int
    purpose: Purpose
    tried: Tried


class Searched(Value):
    """How it ended. `unchanged`: the trial that all were held against, where there was one; `trials`: how many."""

    verdict: Verdict
    unchanged: Tried | None
    trials: int
    seconds: float


SearchEvent = TrialBegun | TrialDone | Searched


def search(
    trials: Trials,
    choices: Sequence[Choice],
    *,
    repeats: int = REPEATS,
    narrow: str = "",
    otherwise: Sequence[Choice] = (),
    unchanged: Tried | None = None,
) -> Iterator[SearchEvent]:
    """The largest set of these that works. The last thing is a `Searched`; raises nothing that an engine can cause.

    `unchanged`: a trial of the unchanged container that went before and works: the first of all, not made again.
    Closing it ends it between two trials; `trials.cancelled` within one, too. See `strategy` for the rest.
    """
    plan = strategy(choices, repeats, narrow=narrow, otherwise=otherwise)
    attempt, number, seconds, again = next(plan), 0, 0.0, _AGAIN
    while True:
        number += 1
        if attempt.purpose is Purpose.UNCHANGED and unchanged is not None:
            tried = unchanged
            seconds += tried.seconds
        else:
            mean = seconds / (number - 1) if number > 1 else None
            yield TrialBegun(number, attempt, None if mean is None else mean * (attempt.left + 1))
            tried = trials.run(attempt.choices, unchanged)
            seconds += tried.seconds
            if attempt.purpose is Purpose.UNCHANGED and tried.works is Works.YES:
                unchanged = tried
            yield TrialDone(number, attempt.purpose, tried)
            if unchanged is not None and _unexplained(tried) and again:
                again -= 1
                number += 1
                yield TrialBegun(number, Attempt((), Purpose.UNCHANGED, attempt.left), None)
                more = trials.run(())
                seconds += more.seconds
                yield TrialDone(number, Purpose.UNCHANGED, more)
                known = {each.key: each for each in (*unchanged.refusals, *more.refusals)}
                unchanged = replace(unchanged, refusals=tuple(known.values()))
                if known.keys() >= {each.key for each in tried.refusals}:
                    tried = replace(tried, works=Works.YES, why=None, refusals=())
        try:
            attempt = plan.send(tried)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            yield Searched(verdict, unchanged, number, seconds)
            return


def _unexplained(tried: Tried) -> bool:
    """Whether all that is wrong is a refusal that none of the choices explains: it may come unchanged, too."""
    return tried.works is Works.BREAKS and tried.failure is None and bool(tried.refusals) and not tried.loosenings


SECONDS = 300.0  # after which the search is broken off
_REPEATS = 1


class Loosened(Value):
    """What works, and the toggles that break it; both empty where that was not found. `why`: what there is to say."""

    works_with: tuple[Choice, ...] = ()
    breaks: tuple[str, ...] = ()
    why: Message | None = None


def loosen(
    access: EngineAccess,
    container: str,
    choices: Sequence[Choice],
    cancelled: Callable[[], bool] = lambda: False,
    *,
    seconds: float = SECONDS,
) -> Iterator[SearchEvent | Loosened]:
    """The last thing is a `Loosened`. Raises EngineError, NoSuchContainerError where it can't be looked at."""
    until = access.clock.now() + seconds

    def over() -> bool:
        return cancelled() or access.clock.now() >= until

    trials = Trials(access, look(access, container), cancelled=over)
    for event in search(trials, choices, repeats=_REPEATS):
        if isinstance(event, Searched):
            late = access.clock.now() >= until and not cancelled()
            yield found(event.verdict, choices, seconds if late else None)
            return
        yield event


def found(verdict: Verdict, choices: Sequence[Choice], late: float | None = None) -> Loosened:
    """What the search came to. `late`: the seconds after which it was broken off, if it was."""
    match verdict.ends:
        case Ends.FOUND:
            kept = {choice.toggle for choice in verdict.choices}
            breaks = tuple(choice.toggle for choice in choices if choice.toggle not in kept)
            other = tuple(choice.toggle for choice in verdict.choices if choice not in choices)
            if breaks or other:
                return Loosened(verdict.choices, (*breaks, *other))
            text = msg(
                "On a twin all of them work, so it needs something that a twin lacks: its network, or other containers."
            )
            return Loosened(why=text)
        case Ends.NOTHING:
            return Loosened((), tuple(choice.toggle for choice in choices), _said(verdict.last))
        case Ends.CUT_OFF if late is not None:
            text = msg("Nothing was found in {seconds} seconds.", seconds=round(late))
        case _:
            text = ENDS[verdict.ends]
    why = _said(verdict.last)
    return Loosened(why=text if why is None else msg("{text} {why}", text=text, why=why))


def _said(tried: Tried | None) -> Message | None:
    return None if tried is None else tried.why
