"""Refusals after a relaunch: what is refused to the replacement while somebody uses it, and was not to its original.

What nobody asked for in a trial comes when people use it, so this goes on for a time of the person's choice, once the
replacement stays. Nothing is done about a refusal by itself: most programs go on after one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from stratascope.core.message import msg
from stratascope.core.observation.fold import Fold
from stratascope.core.observation.observer import Observer, Target
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.trial import Refusal
from stratascope.layers.shared.toggle_values import LEARNED
from stratascope.usecases.evidence.expected import Clock
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.refusals import Allowing, counts, refusal

_LOOK = 0.2  # seconds between two looks whether it is over
_END = 10.0  # seconds in which its last events have come
_LATE = 2.0  # seconds beyond its time after which it is ended from here


def refused(
    observer: Observer,
    made: Plan,
    pid: int,
    container: str,
    seconds: float,
    place: Callable[[str], str],
    clock: Clock,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Refusal, ...]:
    """What is new, each once, with what would allow it. Blocks for so long. Raises ProbeError.

    `place`: where a seccomp profile of a content goes.
    """
    stream = observer.begin(Target(pid, container=container, seconds=seconds))
    fold, trouble = Fold(None), list[ProbeError]()

    def follow() -> None:
        try:
            for event in stream:
                fold.feed(event)
        except ProbeError as error:
            trouble.append(error)

    thread, until = threading.Thread(target=follow, name="refusals", daemon=True), clock.now() + seconds + _LATE
    thread.start()
    while thread.is_alive() and clock.now() < until and not cancelled():
        clock.sleep(_LOOK)
    stream.close()
    thread.join(_END)
    if trouble:
        raise trouble[0]
    found = fold.observation()
    if (why := found.why_nothing) is not None:
        raise ProbeError(msg("It can't be watched: {why}", why=why), why)
    loosen = Allowing(made.subject, LEARNED, place)
    loosen.begin(made.choices)
    seen = made.subject.seen
    before = {refusal(each, lambda denied: None).key for each in (() if seen is None else seen.denied)}
    new = (refusal(each, loosen) for each in found.denied if counts(each))
    return tuple({each.key: each for each in new if each.key not in before}.values())
