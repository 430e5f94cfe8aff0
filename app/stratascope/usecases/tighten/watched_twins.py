"""Watches twins from before their start: the observer is attached to an empty control group, which the twin then joins.

A rootless engine can't use that group: there the first process is created first, and waits while the observer is
attached to it. Docker's first process can't wait. Where only what is started in a twin from outside counts, the
observer is attached to its first process once that runs: it then knows the twin's PID namespace, and misses nothing of
what joins that and ends within milliseconds.

What a twin is refused becomes a refusal with a key that is the same in every run, and with the toggle that would allow
it, if that is among those tried.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stratascope.core.container import Engine
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Observation, Observer, ObserverRequest
from stratascope.core.ports import ProbeError
from stratascope.core.refusals.ring import RefusalEntry
from stratascope.core.relaunch.trial import TwinRefusal
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.observe.service import Follower
from stratascope.usecases.tighten.refusals import Counts, Loosen, counts, refusal
from stratascope.usecases.trial.trial import Observe, Witness, unwatched

Places = tuple[tuple[str, bool], ...]
ATTACH = 60.0  # seconds in which an observer is attached


class _Watching:
    """One twin's control group, watched."""

    def __init__(
        self,
        cgroup: str,
        group: str,
        observer: Callable[[], Observer],
        held: CapabilitySet | None,
        places: Places,
        counts: Counts,
        loosen: Loosen,
    ) -> None:
        """`cgroup`: as the engine takes it; `group`: its path; empty: it is watched by its first process."""
        self.cgroup = cgroup
        self._group, self._observer, self._held, self._places = group, observer, held, places
        self._counts, self._loosen = counts, loosen
        self._follower: Follower | None = None
        self.trouble: ProbeError | None = None

    def attach(self, container: str, initialize: Callable[[], int | None]) -> None:
        """The observer makes the group. What keeps it from that is kept as `trouble`."""
        try:
            target = ObserverRequest(group=self._group, places=self._places)
            if not self._group:
                pid = initialize()
                if pid is None:
                    why = msg("This engine's containers can't be watched from before their start: it is rootless.")
                    raise ProbeError(why)
                target = ObserverRequest(pid, container=container, places=self._places)
            self._follower = Follower(self._observer().begin(target), self._held).start()
        except ProbeError as error:
            self.trouble = error
            return
        if not self._follower.attached(ATTACH):  # what it does at its start is not all that is seen
            self.trouble = self._follower.trouble or ProbeError(msg("The observer was not ready before it started."))

    def started(self, container: str) -> None:
        """It was attached before."""

    def refusals(self) -> tuple[TwinRefusal, ...]:
        """All of it, once its last events have come."""
        if self._follower is None:
            return ()
        self._follower.end()
        found = (refusal(each, self._loosen) for each in self._follower.seen().denied if self._counts(each))
        return tuple({each.key: each for each in found}.values())

    def refused(self) -> tuple[RefusalEntry, ...]:
        """Each of them, as it is explained for a container."""
        return () if self._follower is None else self._follower.refused().entries

    def seen(self) -> Observation | None:
        """None where it was not observed to its end."""
        if self._follower is None or not self._follower.end():
            return None
        self.trouble = self.trouble or self._follower.trouble
        if self.trouble is not None:
            return None
        found = self._follower.seen()
        why = found.why_nothing
        if why is None:
            return found
        self.trouble = ProbeError(msg("It can't be watched: {why}", why=why), why)
        return None


class WatchedTwins:
    """A `usecases.tighten.tighten.TwinObserver` by an observer that is root."""

    def __init__(
        self,
        observer: Callable[[], Observer],
        engine: Engine,
        held: CapabilitySet | None,
        places: Places = (),
        *,
        running: bool = False,
    ) -> None:
        """`observer` may ask for a password, and raise ProbeError; `held`: the container's bounding set, if known.
        `running`: they are watched once they run, and so is what is started in them from outside, however short it is.
        `places`: as `places_of` the container; its twins have copies of them, at the same paths. What a twin names
        there counts as used; that one of them is not used can't be said, since overlayfs takes no mark on a mount.
        """
        self._observer, self._engine, self._held, self._places = observer, engine, held, places
        self._running = running
        self._last: _Watching | None = None
        self.counts: Counts = counts
        self.loosen: Loosen = lambda denied: None
        self.why_not: Message | None = None

    @property
    def observe(self) -> Observe:
        """See the protocol."""
        return self._watched

    def seen(self) -> Observation | None:
        """See the protocol."""
        return None if self._last is None else self._last.seen()

    def refused(self) -> tuple[RefusalEntry, ...]:
        """What the last twin was refused, one by one."""
        return () if self._last is None else self._last.refused()

    @contextmanager
    def _watched(self, number: str) -> Iterator[Witness]:
        self._last = None
        if not self._engine.local:
            self.why_not = msg("It runs on another machine. A container can be watched only where it runs.")
        if self.why_not is not None:
            with unwatched(number) as nobody:
                yield nobody
            return
        cgroup, group = ("", "") if self._engine.rootless or self._running else self._new_group()
        watching = self._last = _Watching(
            cgroup, group, self._observer, self._held, self._places, self.counts, self.loosen
        )
        try:
            yield watching
        finally:
            watching.seen()
            if watching.trouble is not None:
                self.why_not = watching.trouble.message

    def _new_group(self) -> tuple[str, str]:
        """A new control group as the engine takes it for a parent, and its path."""
        number = secrets.token_hex(8)
        if self._engine.facts.cgroup_driver == "systemd":  # a dash would put it below another slice
            return f"stratascope_{number}.slice", f"/stratascope_{number}.slice"
        return f"/stratascope-{number}", f"/stratascope-{number}"
