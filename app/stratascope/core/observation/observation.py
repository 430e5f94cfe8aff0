"""What a container was seen to use, and how much of its life was seen: folded from the stream, kept, added up.

All is a least: what was not exercised was not seen, so coverage is told with it. Lists are bounded, since a container
can run as many programs, and write as many paths, as it likes.


How much of a container's life was seen: of the phases that make sense for it, those that happened. Never minutes.

A start and an end make sense for all. Requests do where it serves or publishes a port, saving where it has a place that
outlives it, a reload where its first process handles SIGHUP. Processes made later and sessions from outside are no duty
of a container: they count only where they were seen. Decided against telling from the image's name what a program can.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from stratascope.core.container import Container
from stratascope.core.observation.harmless import is_notable
from stratascope.value import Value, replace

BY_MOST = 8  # programs that are told of one use
EVERYTHING = "everything"  # as a part that could not be observed
LIST_MOST = 2000  # of each list


class Phase(StrEnum):
    """What of its life was seen, in its order."""

    START = "start"
    REQUESTS = "requests"  # it accepted connections
    CHILDREN = "children"  # it made processes long after its start
    SAVE = "save"  # it forced data onto the disk, or put a file in the place of another
    RELOAD = "reload"  # it was told to, by a signal
    SESSIONS = "sessions"  # somebody came in from outside (exec)
    STOP = "stop"


class Seen(Value):
    """How long and what was watched. `lost`: events that did not come through."""

    seconds: float = 0.0
    starts: int = 0
    stops: int = 0
    reloads: int = 0
    execs: int = 0
    lost: int = 0
    phases: tuple[Phase, ...] = ()


class UsedCapability(Value):
    """A capability that the kernel asked for and was shown. `initial`: of the initial user namespace."""

    name: str
    initial: bool
    uses: int
    by: tuple[str, ...]


class UsedCall(Value):
    """A system call by entry point and name; the number where it has no name here. `uses` is a least.

    `first`: seconds of observation, of all lives together, after which it was seen first.
    """

    abi: str
    name: str
    uses: int
    by: tuple[str, ...]
    first: float = 0.0


class UsedArguments(Value):
    """One set of arguments that a call was made with."""

    abi: str
    name: str
    values: tuple[int, ...]


class UsedPort(Value):
    """A port that it listened on. `loopback`: only there; `outside`: somebody from outside used it."""

    protocol: str
    port: int
    loopback: bool
    outside: bool


class RefusedCall(Value):
    """A call that was refused to a program. `filtered`: before it began. `lacked`: capabilities that were asked for."""

    by: str
    abi: str
    name: str
    errno: int
    filtered: bool
    values: tuple[int, ...]
    path: str
    lacked: tuple[str, ...]


class Observation(Value):
    """All that was seen of one container, or of several lives of it together.

    `executed`: paths of its programs. `users`: uid and gid, as inside. `peaks`: memory (bytes), cpu (cores), pids,
    open_files. `kept`: capabilities that some process had although it was not root, and a program that did. `unseen`: a
    part that could not be observed, and why.
    """

    seen: Seen = Seen()
    capabilities: tuple[UsedCapability, ...] = ()
    calls: tuple[UsedCall, ...] = ()
    arguments: tuple[UsedArguments, ...] = ()
    denied: tuple[RefusedCall, ...] = ()
    written: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    ports: tuple[UsedPort, ...] = ()
    users: tuple[tuple[int, int], ...] = ()
    peaks: tuple[tuple[str, float], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()
    executed: tuple[str, ...] = ()

    def notable(self) -> tuple[UsedCall, ...]:
        """The calls outside the harmless set."""
        return tuple(call for call in self.calls if is_notable(call.abi, call.name))

    def growth(self) -> tuple[tuple[float, int], ...]:
        """How many calls were known after so many seconds of observation: a step wherever there came new ones."""
        found: dict[float, int] = {}
        for count, first in enumerate(sorted(call.first for call in self.calls), 1):
            found[first] = count
        return tuple(found.items())

    def peak(self, what: str) -> float | None:
        """The most of it; None where that was not seen."""
        return next((value for name, value in self.peaks if name == what), None)

    def saw(self, what: str) -> bool:
        """Whether that part could be observed: calls, capabilities, written, ports, users, peaks."""
        return bool(self.seen.starts or self.seen.seconds) and all(
            name not in (what, EVERYTHING) for name, _ in self.unseen
        )

    @property
    def why_nothing(self) -> str | None:
        """Why nothing at all could be observed; None where something could."""
        return next((why for what, why in self.unseen if what == EVERYTHING), None)


def added(one: Observation, two: Observation) -> Observation:
    """Both together, `two` after `one`. A part that one of them saw is seen."""
    if one == Observation():
        return two
    if two == Observation():
        return one
    return Observation(
        _seen(one.seen, two.seen),
        _capabilities((*one.capabilities, *two.capabilities)),
        _calls((*one.calls, *_later(two.calls, one.seen.seconds))),
        tuple(sorted({*one.arguments, *two.arguments}, key=str))[:LIST_MOST],
        tuple(sorted({*one.denied, *two.denied}, key=str))[:LIST_MOST],
        tuple(sorted({*one.written, *two.written}))[:LIST_MOST],
        tuple(sorted({*one.devices, *two.devices}))[:LIST_MOST],
        _ports((*one.ports, *two.ports)),
        tuple(sorted({*one.users, *two.users}))[:LIST_MOST],
        _peaks((*one.peaks, *two.peaks)),
        tuple(sorted({**dict(two.kept), **dict(one.kept)}.items()))[:LIST_MOST],
        tuple(item for item in one.unseen if any(item[0] == other[0] for other in two.unseen)),
        tuple(sorted({*one.executed, *two.executed}))[:LIST_MOST],
    )


def programs(*groups: Iterable[str]) -> tuple[str, ...]:
    """The first few of all, each once."""
    return tuple(dict.fromkeys(name for group in groups for name in group if name))[:BY_MOST]


def _seen(one: Seen, two: Seen) -> Seen:
    return Seen(
        one.seconds + two.seconds,
        one.starts + two.starts,
        one.stops + two.stops,
        one.reloads + two.reloads,
        one.execs + two.execs,
        one.lost + two.lost,
        tuple(phase for phase in Phase if phase in (*one.phases, *two.phases)),
    )


def _capabilities(all_of: Iterable[UsedCapability]) -> tuple[UsedCapability, ...]:
    found: dict[str, UsedCapability] = {}
    for each in all_of:
        old = found.get(each.name, UsedCapability(each.name, False, 0, ()))
        found[each.name] = UsedCapability(
            each.name, old.initial or each.initial, old.uses + each.uses, programs(old.by, each.by)
        )
    return tuple(found[name] for name in sorted(found))


def _later(calls: Iterable[UsedCall], seconds: float) -> Iterable[UsedCall]:
    return (replace(call, first=call.first + seconds) for call in calls)


def _calls(all_of: Iterable[UsedCall]) -> tuple[UsedCall, ...]:
    found: dict[tuple[str, str], UsedCall] = {}
    for each in all_of:
        key = each.abi, each.name
        old = found.get(key, UsedCall(*key, 0, (), each.first))
        found[key] = UsedCall(*key, old.uses + each.uses, programs(old.by, each.by), old.first)
    return tuple(found[key] for key in sorted(found))[:LIST_MOST]


def _ports(all_of: Iterable[UsedPort]) -> tuple[UsedPort, ...]:
    found: dict[tuple[str, int], UsedPort] = {}
    for each in all_of:
        key = each.protocol, each.port
        old = found.get(key, UsedPort(*key, True, False))
        found[key] = UsedPort(*key, old.loopback and each.loopback, old.outside or each.outside)
    return tuple(found[key] for key in sorted(found))[:LIST_MOST]


def _peaks(all_of: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for name, value in all_of:
        found[name] = max(value, found.get(name, 0.0))
    return tuple(sorted(found.items()))


_STORES = ("bind", "volume")
_HANGUP = 1 << 0  # SIGHUP, signal 1


class Coverage(Value):
    """Phases in the order of a life. `missing`: they make sense, and were not seen."""

    seen: tuple[Phase, ...]
    missing: tuple[Phase, ...]

    @property
    def share(self) -> float:
        """0.0 to 1.0."""
        return len(self.seen) / max(1, len(self.seen) + len(self.missing))


def coverage(seen: Observation, container: Container, caught: int | None = None) -> Coverage:
    """Of all that was seen of it. `caught`: the signals that its first process handles, as a mask; None: not known."""
    asked = container.asked
    sensible = {Phase.START, Phase.STOP}
    if asked.ports or seen.ports:
        sensible.add(Phase.REQUESTS)
    if any(mount.writable and mount.kind in _STORES for mount in asked.mounts):
        sensible.add(Phase.SAVE)
    if caught is not None and caught & _HANGUP:
        sensible.add(Phase.RELOAD)
    happened = seen.seen.phases
    return Coverage(
        tuple(phase for phase in Phase if phase in happened),
        tuple(phase for phase in Phase if phase in sensible and phase not in happened),
    )
