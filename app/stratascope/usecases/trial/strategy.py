"""What to try next: pure, a generator that yields attempts and is sent what each came to.

First the unchanged one: where its twin does not work, no trial says anything. Then the whole set, which mostly works.
Where it breaks, what refusals or the diagnosis name is loosened; only where these are silent it is searched, by halving
towards the first choice that breaks it. What was left out by mere suspicion is tried again in the end, so that the
result is as large as can be: each choice left out breaks it. The result is then tried some times more.

A set that stands or falls with one choice (another user) has a second one behind it: that comes as soon as the first
breaks and nothing certain is left to loosen.

Decided against remembering that a larger set must break too: settings help each other (another user needs other folders
writable), so only what was tried itself is known.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from enum import StrEnum

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import REPEATS
from stratascope.core.relaunch.trial import Loosening, Tried, Works
from stratascope.value import Value

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
    search = _Search(choices, repeats, narrow, otherwise)
    try:
        return (yield from search.all())
    except _CutOffError as error:
        return Verdict(Ends.CUT_OFF, last=error.tried)


class _Search:
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
