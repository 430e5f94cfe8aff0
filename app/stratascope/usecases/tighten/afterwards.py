"""Refusals after a relaunch: what the replacement is refused while it is used, and its original was not.

Some operations occur only in real use, not in a trial, so the replacement is watched for a time that the person chooses
once it stays. A refusal alone triggers nothing, as most programs continue after one. Each is reported with what would
allow exactly that, so that a person can give back single permissions.

If the relaunch was meant to allow something, a refusal that persists is reported again, since another layer may refuse
the call next. *Allowed* is only what was refused before and then seen to succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from stratascope.core.message import msg
from stratascope.core.observation.observation import NeedsError, Observation, Observer, ObserverRequest, RefusedCall
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.launch_spec import Running
from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.relaunch.transaction import JournalError
from stratascope.core.relaunch.trial import TwinRefusal
from stratascope.layers.shared.toggle_values import LEARNED
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.observe.service import Follower
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.proof import to_pass
from stratascope.usecases.tighten.refusals import Allowing, counts, refusal
from stratascope.usecases.trial.strategy import applied
from stratascope.value import Value, replace

_LOOK = 0.5  # seconds between two looks at what came
_LATE = 2.0  # seconds beyond its time after which it is ended from here


class Afterwards(Value):
    """What is new so far, each once. `choices`: those of the relaunch with all of it allowed. `ended`: it ended, or was
    started again, while it was watched; known at the end. Of a relaunch that gives something: `passed` are calls that
    were refused to the original, and that the replacement was seen making, none of them refused; `waiting` those that
    it did not make. `still`: whether one of them was refused again.
    """

    refusals: tuple[TwinRefusal, ...] = ()
    choices: tuple[Choice, ...] = ()
    ended: bool = False
    passed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    still: bool = False

    @property
    def settled(self) -> bool:
        """Whether all that was to be allowed was made again, and passed."""
        return bool(self.passed) and not self.waiting and not self.still


def refused(
    access: EngineAccess,
    observer: Callable[[], Observer],
    made: Plan,
    container: str,
    seconds: float,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    allowing: bool = False,
) -> Iterator[Afterwards]:
    """As soon as it is watched, whenever something is refused that is new, and once at the end. Blocks for so long;
    `allowing`: no longer than until it is known whether what was to be allowed passes.

    Raises ProbeError where it can't be watched, EngineError, NoSuchContainerError.
    """
    if not access.engine.local:
        raise ProbeError(msg("It runs on another machine. A container can be watched only where it runs."))
    begun = access.port.running(container)
    if begun.pid is None:
        raise ProbeError(msg("It exited by itself, with status {status}.", status=str(begun.exit_code)))
    told, clock = _Told(access, made), access.clock
    following = Follower(observer().begin(ObserverRequest(begun.pid, container=container, seconds=seconds))).start()
    until = clock.now() + seconds + _LATE
    try:
        yield told.so_far
        while following.alive and clock.now() < until and not cancelled():
            clock.sleep(_LOOK)
            so_far = following.seen()
            if told.take(so_far):
                yield told.so_far
            if allowing and (told.allowed(so_far, told.so_far).settled or told.allowed(so_far, told.so_far).still):
                break  # it is known
    finally:
        following.end()
    if following.trouble is not None:
        raise following.trouble
    found = following.seen()
    if (why := found.why_nothing) is not None:
        raise ProbeError(msg("It can't be watched: {why}", why=why), why)
    told.take(found)
    with suppress(EngineError, NeedsError):  # as much an observation as any
        state = access.read(container)
        if state is not None:
            access.needs.add(state.container, found)
    last = told.so_far
    yield replace(told.allowed(found, last), ended=_over(access, begun))


def _over(access: EngineAccess, begun: Running) -> bool:
    try:
        now = access.port.running(begun.id)
    except NoSuchContainerError:
        return True
    return now.status != "running" or now.restarts > begun.restarts


class _Told:
    """What was told of it, each once."""

    def __init__(self, access: EngineAccess, made: Plan) -> None:
        self._access, self._made = access, made
        seen = made.subject.seen
        before = () if seen is None else seen.denied
        self._asked_for = to_pass(made)
        self._known = {_key(each) for each in before if each not in self._asked_for}  # its original had them, too
        self._all = self._allowing()
        self.so_far = Afterwards((), made.choices)

    def take(self, found: Observation) -> bool:
        """Whether something of it is new."""
        new = []
        for each in found.denied:
            if counts(each) and _key(each) not in self._known:
                self._known.add(_key(each))
                new.append(each)
        if not new:
            return False
        told, together = self.so_far.refusals, self.so_far.choices
        for each in new:
            alone, with_others = refusal(each, self._allowing()), self._all(each)
            told = (*told, alone)
            together = applied(together, () if with_others is None else (with_others,))
        self.so_far = Afterwards(told, together)
        return True

    def allowed(self, found: Observation, so_far: Afterwards) -> Afterwards:
        """With what passed by now of what was asked for."""
        made = {(call.abi, call.name) for call in found.calls}
        refused_now = {(each.abi, each.name) for each in found.denied}
        wanted = {(each.abi, each.name) for each in self._asked_for}
        return replace(
            so_far,
            passed=_names((wanted & made) - refused_now),
            waiting=_names(wanted - made - refused_now),
            still=bool(wanted & refused_now),
        )

    def _allowing(self) -> Allowing:
        allowing = Allowing(self._made.subject, LEARNED, self._kept)
        allowing.begin(self._made.choices)
        return allowing

    def _kept(self, text: str) -> str:
        path = self._access.profile_place(text)
        try:
            self._access.keep_profile(path, text)
        except JournalError as error:  # then the filter is to be left out
            raise ToggleError(msg("The journal can no longer be written.")) from error
        return path


def _names(calls: set[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted({name for _, name in calls}))


def _key(denied: RefusedCall) -> str:
    return refusal(denied, lambda _: None).key
