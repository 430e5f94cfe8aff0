"""The search with trials that are made up: what comes now and then, and what is no choice's fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Loosening, Tried, TwinRefusal, Works
from stratascope.layers.toggles import choice_of
from stratascope.usecases.trial.strategy import Ends, Purpose, Searched, TrialDone, search
from stratascope.usecases.trial.trial import Trials

ON = (choice_of("read-only-root", "on"), choice_of("pids", "100"))
RARE = TwinRefusal("rare", msg("It is refused now and then."))


class Made:
    """Trials in which a refusal comes with each changed twin, and with so many of the unchanged ones only."""

    def __init__(self, refusal: TwinRefusal, unchanged: Sequence[bool]) -> None:
        self._refusal, self._unchanged = refusal, list(unchanged)

    def run(self, choices: Sequence[Choice], like: Tried | None = None) -> Tried:
        if not choices:
            refused = self._unchanged.pop(0) if self._unchanged else False
            return Tried((), Works.YES, 1.0, refusals=(self._refusal,) if refused else ())
        known = {each.key for each in like.refusals} if like is not None else set()
        if self._refusal.key in known:
            return Tried(tuple(choices), Works.YES, 1.0)
        told = () if self._refusal.loosening is None else (self._refusal.loosening,)
        return Tried(tuple(choices), Works.BREAKS, 1.0, loosenings=told, refusals=(self._refusal,))


def ended(refusal: TwinRefusal, *unchanged: bool) -> tuple[Searched, list[Purpose]]:
    """How it ended, and what was tried."""
    events = list(search(cast(Trials, Made(refusal, unchanged)), ON, repeats=1))
    done = events[-1]
    assert isinstance(done, Searched)
    return done, [event.purpose for event in events if isinstance(event, TrialDone)]


def test_what_comes_unchanged_too_is_nobody_s_fault() -> None:
    """It was not there the first time: one more look at the unchanged one tells."""
    done, purposes = ended(RARE, False, True)
    assert (done.verdict.ends, done.verdict.choices) == (Ends.FOUND, ON)
    assert purposes == [Purpose.UNCHANGED, Purpose.WHOLE, Purpose.UNCHANGED, Purpose.REPEAT]


def test_it_is_not_looked_for_without_end() -> None:
    """What never comes unchanged is what the choices break."""
    done, purposes = ended(RARE)
    assert done.verdict.ends is Ends.NOTHING
    assert purposes.count(Purpose.UNCHANGED) == 3


@pytest.mark.parametrize("loosening", [Loosening("pids"), Loosening("pids", choice_of("pids", "200"), certain=True)])
def test_what_a_choice_explains_needs_no_other_look(loosening: Loosening) -> None:
    _, purposes = ended(TwinRefusal("told", msg("It is refused."), loosening), False, True)
    assert purposes.count(Purpose.UNCHANGED) == 1
