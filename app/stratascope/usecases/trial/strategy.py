"""Searches on twins for the largest set of choices that works: decides what to try next, and tries it.

`strategy` is a pure generator: it yields attempts and is sent their results. It tries the unchanged container first: if
that twin does not work, no trial proves anything. Then the whole set, which usually works. If it breaks, what refusals
or the diagnosis name is loosened; if they name nothing, a binary search finds the first choice that breaks it. Choices
left out on suspicion are tried again at the end, so that the result is maximal: each choice left out breaks it. The
result is then repeated a few times.

A set that depends on one choice (another user) has an alternative set, which is tried as soon as the first one breaks
and nothing certain is left to loosen.

Decided against concluding that a superset of a broken set breaks too: settings help each other (another user needs
other folders writable), so only a set that was tried itself is known.

`loosen` is for a relaunch that failed for no known reason: once the original runs again, trials find the largest subset
of the choices that works, and the rest breaks it. It is limited in time, since the person asked only for a relaunch.
Decided against trying subsets by relaunching: each would interrupt the container.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from enum import StrEnum

from stratascope.core.message import Message, followed, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.relaunch.trial import Loosening, Tried, Works
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.trial import Trials
from stratascope.value import Value, replace

_ROUNDS = 3  # how often a set that worked may fail when repeated

Set = tuple[Choice, ...]


class Purpose(StrEnum):
    UNCHANGED = "unchanged"  # the reference for all others
    WHOLE = "whole"
    LOOSENED = "loosened"  # without the choices that a failure named
    SEARCH = "search"  # a failure named nothing
    TIGHTER = "tighter"  # with choices that may have been left out needlessly
    REPEAT = "repeat"


PURPOSES = {
    Purpose.UNCHANGED: msg("its settings unchanged"),
    Purpose.WHOLE: msg("everything that it seems not to need"),
    Purpose.LOOSENED: msg("without what it was refused"),
    Purpose.SEARCH: msg("a part of it"),
    Purpose.TIGHTER: msg("with what may have been left out needlessly"),
    Purpose.REPEAT: msg("the same again"),
}


class Attempt(Value):
    """The next set to try. `left`: the least number of attempts after this one."""

    choices: Set
    purpose: Purpose
    left: int


class Ends(StrEnum):
    FOUND = "found"  # the largest set that works, repeated as often as requested
    NOTHING = "nothing"  # none of the choices works
    UNCHANGED_BREAKS = "unchanged-breaks"
    REFUSED = "refused"  # this container can have no twin
    UNSTEADY = "unsteady"  # sets that worked fail when repeated
    CUT_OFF = "cut-off"  # cancelled, or an engine went away


ENDS = {
    Ends.FOUND: msg("These settings work."),
    Ends.NOTHING: msg("None of the settings tried works."),
    Ends.UNCHANGED_BREAKS: msg("A copy of it does not work even unchanged, so trials prove nothing."),
    Ends.REFUSED: msg("No copy of it is possible, so nothing was tried."),
    Ends.UNSTEADY: msg("What worked once did not work again, so trials prove nothing."),
    Ends.CUT_OFF: msg("The trials were interrupted."),
}


class Verdict(Value):
    """How it ended. `choices`: what works; empty unless FOUND. `last`: the trial that shows why, if there is one."""

    ends: Ends
    choices: Set = ()
    last: Tried | None = None


class _CutOffError(Exception):
    def __init__(self, tried: Tried) -> None:
        super().__init__(tried.works)
        self.tried = tried


Strategy = Generator[Attempt, Tried, Verdict]
_Trying = Generator[Attempt, Tried, Tried]
_Searching = Generator[Attempt, Tried, Set]


def strategy(
    choices: Sequence[Choice], repeats: int = REPEATS, *, narrow: str = "", otherwise: Sequence[Choice] = ()
) -> Strategy:
    """Search for the largest subset of `choices` that works; earlier choices have priority.

    `otherwise`: an alternative set, used if `choices` still break after everything certain is loosened. `narrow`: a
    toggle whose value lists what is kept (capabilities): at the end, one trial per item removes those not needed.
    """
    search = _Towards(choices, repeats, narrow, otherwise)
    try:
        return (yield from search.all())
    except _CutOffError as error:
        return Verdict(Ends.CUT_OFF, last=error.tried)


class _Towards:
    def __init__(self, choices: Sequence[Choice], repeats: int, narrow: str, otherwise: Sequence[Choice]) -> None:
        self._wanted, self._repeats, self._narrow = tuple(choices), repeats, narrow
        self._otherwise = tuple(otherwise)
        self._known: dict[frozenset[Choice], Tried] = {}
        self._doubted: list[Choice] = []  # left out on suspicion

    def all(self) -> Strategy:
        unchanged = yield from self._try((), Purpose.UNCHANGED, 1 + self._repeats)
        if unchanged.works is Works.BREAKS:
            return Verdict(Ends.UNCHANGED_BREAKS, last=unchanged)
        if not self._wanted:
            return Verdict(Ends.REFUSED if unchanged.works is Works.REFUSED else Ends.NOTHING, last=unchanged)
        current, tried = self._wanted, (yield from self._try(self._wanted, Purpose.WHOLE, self._repeats))
        if Works.REFUSED is unchanged.works is tried.works:
            return Verdict(Ends.REFUSED, last=tried)
        if self._otherwise:
            current, tried = yield from self._loosened(current, tried, only_certain=True)
            if tried.works is not Works.YES:
                self._wanted = current = self._otherwise
                tried = yield from self._try(current, Purpose.WHOLE, self._repeats)
        for _ in range(_ROUNDS):
            current, tried = yield from self._loosened(current, tried)
            if tried.works is not Works.YES:
                current = yield from self._largest((), self._last_doubted(current), Purpose.SEARCH)
            elif len(self._doubted) > 1:
                current = yield from self._largest(current, self._doubted, Purpose.TIGHTER)
            current = yield from self._narrowed(current)
            if not current:
                return Verdict(Ends.NOTHING, last=tried)
            for left in reversed(range(self._repeats)):
                tried = yield from self._new(current, Purpose.REPEAT, left)
                if tried.works is not Works.YES:
                    break
            else:
                return Verdict(Ends.FOUND, current, self._known[frozenset(current)])
        return Verdict(Ends.UNSTEADY, last=tried)

    def _try(self, choices: Sequence[Choice], purpose: Purpose, left: int) -> _Trying:
        """Try the choices, or return the earlier result if they were tried before."""
        known = self._known.get(frozenset(choices))
        return known if known is not None else (yield from self._new(choices, purpose, left))

    def _new(self, choices: Sequence[Choice], purpose: Purpose, left: int) -> _Trying:
        tried = yield Attempt(self._ordered(choices), purpose, left)
        if tried.works is Works.UNKNOWN:
            raise _CutOffError(tried)
        self._known[frozenset(choices)] = tried
        return tried

    def _ordered(self, choices: Sequence[Choice]) -> Set:
        places = {choice.toggle: place for place, choice in enumerate(self._wanted)}
        return tuple(sorted(choices, key=lambda choice: places.get(choice.toggle, len(places))))

    def _loosened(
        self, current: Set, tried: Tried, *, only_certain: bool = False
    ) -> Generator[Attempt, Tried, tuple[Set, Tried]]:
        """Loosen step by step, until the set works or the failure suggests nothing new."""
        while tried.works is not Works.YES:
            step = self._step(current, tried, only_certain=only_certain)
            if not step:
                break
            named = {each.toggle for each in step if each.choice is None}
            self._doubted += (choice for choice in current if choice.id in named)
            current = applied(current, step)
            tried = yield from self._try(current, Purpose.LOOSENED, self._repeats)
        return current, tried

    def _step(self, current: Set, tried: Tried, *, only_certain: bool) -> tuple[Loosening, ...]:
        """All certain loosenings, else the likeliest one; never a step that leads to a set tried before."""
        certain = tuple(each for each in tried.loosenings if each.certain)
        likely = () if only_certain else tried.loosenings
        for step in (certain, *((each,) for each in likely)):
            after = applied(current, step)
            if after and after != current and frozenset(after) not in self._known:
                return step
        return ()

    def _last_doubted(self, current: Set) -> Set:
        """The current set plus every doubted choice; these come last, so that they are the first to be dropped."""
        doubted = tuple(choice for choice in dict.fromkeys(self._doubted) if choice not in current)
        return (*current, *self._ordered(doubted))

    def _largest(self, good: Set, rest: Sequence[Choice], purpose: Purpose) -> _Searching:
        """Extend `good`, which works, by as many choices of `rest` as possible, by binary search."""
        left = [choice for choice in rest if choice not in good]
        while left:
            if (yield from self._works((*good, *left), purpose, len(left))):
                return self._ordered((*good, *left))
            low, high = 0, len(left)  # the first `low` work, the first `high` break
            while high - low > 1:
                middle = (low + high) // 2
                if (yield from self._works((*good, *left[:middle]), purpose, high - low)):
                    low = middle
                else:
                    high = middle
            good, left = (*good, *left[:low]), left[high:]
        return self._ordered(good)

    def _works(self, choices: Sequence[Choice], purpose: Purpose, size: int) -> Generator[Attempt, Tried, bool]:
        tried = yield from self._try(choices, purpose, self._repeats + size.bit_length())
        return tried.works is Works.YES

    def _narrowed(self, current: Set) -> _Searching:
        mine = next((choice for choice in current if choice.id == self._narrow), None)
        if mine is None:
            return current
        for part in mine.value.split(","):
            parts = [each for each in mine.value.split(",") if each != part]
            if not parts:
                break
            less = Choice(mine.toggle, ",".join(parts))
            candidate = tuple(less if choice.toggle is mine.toggle else choice for choice in current)
            if (yield from self._works(candidate, Purpose.TIGHTER, 0)):
                current, mine = candidate, less
        return current


def applied(choices: Set, loosenings: Sequence[Loosening]) -> Set:
    """The choices with the loosenings applied: choices are dropped, replaced or added."""
    instead = {each.toggle: each.choice for each in loosenings}
    found = (instead.pop(choice.id, choice) for choice in choices)
    kept = tuple(choice for choice in found if choice is not None)
    return (*kept, *(choice for choice in instead.values() if choice is not None))


_AGAIN = 2  # extra trials of the unchanged container, to see refusals that it gets only now and then


class TrialBegun(Value):
    """A trial begins. `number`: from 1; `seconds_left`: a lower bound including this trial, by the average duration so
    far; None: not known.
    """

    number: int
    attempt: Attempt
    seconds_left: float | None

    @property
    def sentence(self) -> Message:
        """What is tried, and the least time left."""
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
    """How the search ended. `unchanged`: the reference trial, if there was one; `trials`: their number."""

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
    """Carry out `strategy`. The last item is a `Searched`; errors of an engine are not raised.

    `unchanged`: an earlier, successful trial of the unchanged container, reused as the first one. Closing the generator
    ends the search between two trials; `trials.cancelled` also ends it within one. See `strategy` for the rest.
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
    """Whether it failed only by refusals that no choice explains: the unchanged container may get them, too."""
    return tried.works is Works.BREAKS and tried.failure is None and bool(tried.refusals) and not tried.loosenings


SECONDS = 300.0  # time limit of `loosen`
_REPEATS = 1


class Loosened(Value):
    """The choices that work, and the toggles that break it; both empty if not found. `why`: the result in words."""

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
    """Find which of the choices work, by trials. The last item is a `Loosened`. Raises EngineError,
    NoSuchContainerError if the container can't be read.
    """
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
    """The result of a search. `late`: its time limit in seconds, if that was reached."""
    match verdict.ends:
        case Ends.FOUND:
            kept = {choice.id for choice in verdict.choices}
            breaks = tuple(choice.id for choice in choices if choice.id not in kept)
            other = tuple(choice.id for choice in verdict.choices if choice not in choices)
            if breaks or other:
                return Loosened(verdict.choices, (*breaks, *other))
            text = msg(
                "On a copy all of them work, so it needs something that a copy lacks: its network, or other containers."
            )
            return Loosened(why=text)
        case Ends.NOTHING:
            return Loosened((), tuple(choice.id for choice in choices), _reason(verdict.last))
        case Ends.CUT_OFF if late is not None:
            text = msg("Nothing was found in {seconds} s.", seconds=round(late))
        case _:
            text = ENDS[verdict.ends]
    why = _reason(verdict.last)
    return Loosened(why=text if why is None else followed(text, why))


def _reason(tried: Tried | None) -> Message | None:
    return None if tried is None else tried.why
