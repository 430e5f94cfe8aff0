"""What to loosen where a relaunch failed and nothing says why: searched on twins, once the original runs again.

The largest part of the choices that works is found by trials (`search`), and the rest breaks it. Bounded in time, since
nobody asked for more than a relaunch. Decided against trying parts by relaunching: each would take the container down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Tried
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.search import Searched, SearchEvent, search
from stratascope.usecases.trial.strategy import ENDS, Ends, Verdict
from stratascope.usecases.trial.trial import Trials
from stratascope.value import Value

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
