"""The search on twins for the largest set of choices that works: what to try next, tried until it ends or is cancelled.

`strategy` is pure, a generator that yields attempts and is sent what each came to. First the unchanged one: where its
twin does not work, no trial says anything. Then the whole set, which mostly works. Where it breaks, what refusals or
the diagnosis name is loosened; only where these are silent it is searched, by halving towards the first choice that
breaks it. What was left out by mere suspicion is tried again in the end, so that the result is as large as can be: each
choice left out breaks it. The result is then tried some times more.

A set that stands or falls with one choice (another user) has a second one behind it: that comes as soon as the first
breaks and nothing certain is left to loosen.

Decided against remembering that a larger set must break too: settings help each other (another user needs other folders
writable), so only what was tried itself is known.

`loosen` is for a relaunch that failed where nothing says why: the largest part of the choices that works is found by
trials once the original runs again, and the rest breaks it. Bounded in time, since nobody asked for more than a
relaunch. Decided against trying parts by relaunching: each would take the container down.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from enum import StrEnum

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.relaunch.trial import Loosening, Tried, Works
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.trial import Trials
from stratascope.value import Value, replace

_ROUNDS = 3  # times that a set which worked may fail when it is repeated

Set = tuple[Choice, ...]


class Purpose(StrEnum):
    UNCHANGED = "unchanged"  # what all others are held against
    WHOLE = "whole"
    LOOSENED = "loosened"  # without what was named
    SEARCH = "search"  # nothing was named
    TIGHTER = "tighter"  # with what may have been left out for nothing
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
    """To be tried now. `left`: how many more there are at the least."""

    choices: Set
    purpose: Purpose
    left: int


class Ends(StrEnum):
    FOUND = "found"  # the largest set that works, tried as often as was wanted
    NOTHING = "nothing"  # none of the choices works
    UNCHANGED_BREAKS = "unchanged-breaks"
    REFUSED = "refused"  # there can be no twin
    UNSTEADY = "unsteady"  # what works once does not work again
    CUT_OFF = "cut-off"  # cancelled, or an engine went away


ENDS = {
    Ends.FOUND: msg("These settings work."),
    Ends.NOTHING: msg("None of the settings tried works."),
    Ends.UNCHANGED_BREAKS: msg("A twin of it does not work even unchanged, so trials prove nothing."),
    Ends.REFUSED: msg("There can be no twin of it, so nothing was tried."),
    Ends.UNSTEADY: msg("What worked once did not work again, so trials prove nothing."),
    Ends.CUT_OFF: msg("The trials were interrupted."),
}


class Verdict(Value):
    """How it ended. `choices`: what works; empty unless FOUND. `last`: the trial that says why, where there is one."""

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
    """Towards the largest set of these that works, those that come first kept where not all can be.

    `otherwise`: the set in their place, where they do not work with what is certain loosened. `narrow`: a toggle whose
    value is a list of what stays (capabilities): in the end each part of it that is not needed is taken out of it, by
    one trial each.
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
        self._doubted: list[Choice] = []  # left out because something pointed to them

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
        """Of what was tried before, what that came to."""
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
        """As long as something points somewhere new."""
        while tried.works is not Works.YES:
            step = self._step(current, tried, only_certain=only_certain)
            if not step:
                break
            named = {each.toggle for each in step if each.choice is None}
            self._doubted += (choice for choice in current if choice.toggle in named)
            current = applied(current, step)
            tried = yield from self._try(current, Purpose.LOOSENED, self._repeats)
        return current, tried

    def _step(self, current: Set, tried: Tried, *, only_certain: bool) -> tuple[Loosening, ...]:
        """All that is certain, else the likeliest. Nothing that leads to what was tried before."""
        certain = tuple(each for each in tried.loosenings if each.certain)
        likely = () if only_certain else tried.loosenings
        for step in (certain, *((each,) for each in likely)):
            after = applied(current, step)
            if after and after != current and frozenset(after) not in self._known:
                return step
        return ()

    def _last_doubted(self, current: Set) -> Set:
        """All again, in the values that were learned, those that something pointed to last."""
        doubted = tuple(choice for choice in dict.fromkeys(self._doubted) if choice not in current)
        return (*current, *self._ordered(doubted))

    def _largest(self, good: Set, rest: Sequence[Choice], purpose: Purpose) -> _Searching:
        """The first choices of `rest` that work together with `good`, which works."""
        left = [choice for choice in rest if choice not in good]
        while left:
            if (yield from self._works((*good, *left), purpose, len(left))):
                return self._ordered((*good, *left))
            low, high = 0, len(left)  # so many of them work, so many break
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
        mine = next((choice for choice in current if choice.toggle == self._narrow), None)
        if mine is None:
            return current
        for part in mine.value.split(","):
            parts = [each for each in mine.value.split(",") if each != part]
            if not parts:
                break
            less = Choice(mine.toggle, ",".join(parts))
            candidate = tuple(less if choice.toggle == mine.toggle else choice for choice in current)
            if (yield from self._works(candidate, Purpose.TIGHTER, 0)):
                current, mine = candidate, less
        return current


def applied(choices: Set, loosenings: Sequence[Loosening]) -> Set:
    """The choices with these taken back, and with what has to come beside them."""
    instead = {each.toggle: each.choice for each in loosenings}
    found = (instead.pop(choice.toggle, choice) for choice in choices)
    kept = tuple(choice for choice in found if choice is not None)
    return (*kept, *(choice for choice in instead.values() if choice is not None))


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
