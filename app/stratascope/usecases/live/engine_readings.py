"""The live view's readings of each engine and of this machine, and the schedule of the next ones.

The machine's facts are read once, again on request, and retried while unreadable; its mounts are read more often.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from math import inf

from stratascope.collector.members import BY_CGROUP
from stratascope.core.capture import Capture, GapKind, Reading, whole_gap
from stratascope.core.container import Engine
from stratascope.core.ground import MOUNTS, Ground, decode_ground, with_mounts_of
from stratascope.core.history.entry import Counted
from stratascope.core.ports import ContainerCapture, ControlGroups, EnginePort, Event, EventKind
from stratascope.core.process_match import thread_of
from stratascope.core.snapshot import CapturedContainer
from stratascope.usecases.live.further_processes import ends_matter, setting_up
from stratascope.usecases.live.reader import Reader
from stratascope.value import Struct, field, replace

ALL = "*"  # in place of a container's id
SECOND_LOOK = 0.6  # seconds after an event until its container is read again
LATE_LOOK = 2.4  # seconds after that until the processes of one in which a command began are looked at once more
LASTING = 10.0  # seconds until a health check that is not over is looked at as any command
LATEST = 1.2  # seconds after an event until its container is read where events go on
REST = 10.0  # seconds between readings of the container in view while nothing runs in it
FEW, CALM = 8.0, 2.0  # events that are followed at once, and how many of them are forgotten per second
LONG = 10.0  # seconds of more events than that, from which on it is no burst
NAMED_BYTES = 64 << 20  # of inspect JSON per engine
NAMED_MAX = 1000  # containers waiting to be read, or remembered as removed


class EngineReadings(Struct):
    """The latest readings of one engine, and their schedule. `ready` guards all fields."""

    port: EnginePort
    ready: threading.Condition = field(default_factory=threading.Condition)
    engine: Engine | None = None
    captured: dict[str, CapturedContainer] = field(default_factory=dict)
    host: Capture | None = None  # set for another machine
    due: dict[str, float] = field(default_factory=dict)  # container id or ALL -> when to read it
    later: dict[str, float] = field(default_factory=dict)  # the same, for the second reading
    # container and run -> when to look whether that command runs or left something
    commands: dict[tuple[str, str], float] = field(default_factory=dict)
    late: set[tuple[str, str]] = field(default_factory=set)  # of which that look will be the second one
    health: dict[str, str] = field(default_factory=dict)  # what the health checks said
    lately: tuple[float, float] = (0.0, 0.0)  # how many events there were lately, as of when
    crowded: float = inf  # since when there are more than few events, by time.monotonic()
    attending: set[str] = field(default_factory=set)  # see `attended`
    listed: bool = False  # whether all its containers have been read once
    gone: set[str] = field(default_factory=set)  # removed since the last list: a late answer must not bring it back
    beat: float = 0.0
    described: float = 0.0  # when the engine was last asked how it is
    hurried: bool = False  # somebody waits for the next reading
    unsettled: set[str] = field(default_factory=set)  # judged by the moment of their reading, see `look_again`
    watched: str = ""  # the container whose use is shown
    used: tuple[float, str, Counted] | None = None  # see `at_rest`: as of when, by time.monotonic(), and of which
    try_now: threading.Event = field(default_factory=threading.Event)

    def started(self, captured: Sequence[CapturedContainer]) -> bool:
        """Whether any of them has another first process than at its last reading."""
        with self.ready:
            return any(
                item.found is not None and _pid(item) != _pid(self.captured.get(item.raw.id)) for item in captured
            )

    def keep(self, captured: Sequence[CapturedContainer], whole: bool) -> bool:
        """Store new readings; whether any says something new: one that says the same stays the same object, of which
        nothing is decoded or judged again. If engines report containers one by one beyond the size limit, everything
        is listed anew.
        """
        new = {item.raw.id: item for item in map(self._news, captured) if item and item.raw.id not in self.gone}
        news = bool(new) or whole > self.listed
        self.captured.update(new)
        self.attending -= {item.raw.id for item in captured}
        self.attending |= {item.raw.id for item in captured if item.found is not None and ends_matter(item.found)}
        self.listed = self.listed or whole
        if not whole and sum(len(item.raw.inspect) for item in self.captured.values()) > NAMED_BYTES:
            self.captured.clear()
            self.want(ALL, time.monotonic())
            return True
        return news

    def _news(self, item: CapturedContainer) -> CapturedContainer | None:
        """What is new in a reading; where its processes are as before, these stay the same object."""
        before = self.captured.get(item.raw.id)
        if before is None or item.raw.id in self.unsettled:
            return item
        if before == item:
            return None
        if not alike(before.found, item.found, watched=item.raw.id == self.watched):
            return item
        return None if before.raw == item.raw else replace(item, found=before.found)

    def renew(self, before: Sequence[CapturedContainer], captured: Sequence[CapturedContainer], ground: Ground) -> None:
        """Store new readings of those that nobody has read since."""
        pairs = zip(before, captured, strict=True)
        renewed = [new for old, new in pairs if self.captured.get(old.raw.id) is old]
        self.keep(renewed, whole=False)
        self.look_again(renewed, ground)

    def attended(self) -> tuple[CapturedContainer, ...]:
        """Those with further processes whose end must be noticed."""
        self.attending &= self.captured.keys()
        return tuple(self.captured[each] for each in self.attending)

    def look_again(self, captured: Sequence[CapturedContainer], ground: Ground) -> None:
        """Schedule another reading of those with an exec in progress: no event says when the runtime becomes the
        process.
        """
        now = time.time()
        self.unsettled -= {item.raw.id for item in captured}
        for item in captured:
            if item.found is not None and any(setting_up(member, ground, now) for member in item.found.members):
                self.unsettled.add(item.raw.id)
                self.later.setdefault(item.raw.id, time.monotonic() + SECOND_LOOK)

    def want(self, what: str, now: float, *, hurried: bool = False) -> None:
        """Read it now, and again a moment later. If too many are waiting individually, read all instead.
        Where events go on, and nobody waits for it (`hurried`), once it has settled: so each is read once, and what
        comes and goes is not.
        """
        if len(self.due) >= NAMED_MAX or len(self.later) >= NAMED_MAX:
            self.due.clear()
            self.later.clear()
            what = ALL
        count, when = self.lately
        count = min(2 * FEW, max(0.0, count - CALM * (now - when)) + 1)
        self.lately = count, now
        self.crowded = inf if count <= FEW else min(self.crowded, now)
        if count <= FEW or hurried or what == ALL:
            self.due[what] = now
        else:
            self.due.setdefault(what, now + LATEST)
        self.later[what] = now + SECOND_LOOK

    def crowded_for_long(self, now: float) -> bool:
        """Whether more events than few have come for LONG, and still come."""
        with self.ready:
            count, when = self.lately
            return now - self.crowded >= LONG and count - CALM * (now - when) > FEW

    def at_rest(self, item: CapturedContainer, groups: ControlGroups, now: float) -> bool:
        """Whether a reading of it would say what the last one said: nothing has run in its control groups since. What
        changes it from outside runs elsewhere, so that this is believed for REST only.
        """
        text = self._groups_of(item)
        count = Counted() if text is None else groups.read(text)
        last = self.used
        if last is not None and count.cpu is not None and last[1:] == (item.raw.id, count) and now < last[0] + REST:
            return True
        self.used = now, item.raw.id, count
        return False

    def _groups_of(self, item: CapturedContainer) -> str | None:
        text = None if item.found is None or self.host is not None else item.found.first.text("cgroup")
        return text if isinstance(text, str) else None

    def differs(self, command: tuple[str, str], groups: ControlGroups, now: float) -> bool:
        """Whether its container has other processes than at its last reading, or that is not known: whether the command
        runs, or left something. If not, it is looked once more, since a busy engine begins a command late.
        """
        with self.ready:
            item = self.captured.get(command[0])
            text = None if item is None else self._groups_of(item)
            found = None if item is None else item.found
        if text is None or found is None or found.members_from != BY_CGROUP or found.unread:
            return True
        known = frozenset((found.first.pid, *(each.pid for each in found.members if thread_of(each) is None)))
        if groups.processes(command[0], text) != known:
            return True
        with self.ready:
            if command in self.late:
                self.late.discard(command)
            elif command[1]:
                self.late.add(command)
                self.commands[command] = now + LATE_LOOK
        return False

    def hears_health(self, container: str, said: str) -> bool:
        """Whether what a container's health check said is new."""
        with self.ready:
            before = self.health.get(container)
            self.health[container] = said
        return before != said

    def put_off(self, what: str) -> None:
        """Restart the delay of the second reading: with many containers, the first one takes longer than the delay."""
        with self.ready:
            if what in self.later:
                self.later[what] = time.monotonic() + SECOND_LOOK

    def take_due(self, now: float) -> set[str]:
        """Take what is due by now off the schedule."""
        taken = {what for waiting in (self.due, self.later) for what, when in waiting.items() if when <= now}
        for what in taken:
            self.due.pop(what, None)
            if self.later.get(what, now) <= now:
                self.later.pop(what, None)
        return taken

    def hear(self, event: Event, health: str, now: float) -> bool:
        """A command began or ended; whether the schedule begins earlier now. Its process appears after the event, most
        are over soon, and most are health checks, whose words are `health`: so it is only looked whether its container
        `differs`, a moment later; of a health check when it is over, or lasts.
        """
        soonest = min(self.commands.values(), default=inf)
        if len(self.commands) >= NAMED_MAX:
            self.commands.clear()
            self.want(ALL, now)
        elif event.kind is EventKind.COMMAND and event.run and event.said and event.said == health:
            self.commands[event.container, event.run] = now + LASTING
        elif event.kind is EventKind.COMMAND:
            self.commands.setdefault((event.container, event.run), now + SECOND_LOOK)
        else:
            self.commands.pop((event.container, event.run), None)
            self.late.discard((event.container, event.run))
            self.commands.setdefault((event.container, ""), now + SECOND_LOOK)
        return min(self.commands.values(), default=0.0) < soonest

    def take_commands(self, now: float) -> set[tuple[str, str]]:
        """Take those off the schedule that may be seen, or over, by now."""
        taken = {each for each, when in self.commands.items() if when <= now}
        for each in taken:
            del self.commands[each]
        return taken

    def forget(self, container: str) -> None:
        """The container was removed."""
        if len(self.gone) >= NAMED_MAX:
            self.gone.clear()
            self.due[ALL] = 0.0
        self.gone.add(container)
        self.captured.pop(container, None)
        self.unsettled.discard(container)
        for waiting in (self.due, self.later, self.health):
            waiting.pop(container, None)


_USE = re.compile(r"cgroup:.*:(?:memory\.(?:current|usage_in_bytes|peak|max_usage_in_bytes)|pids\.peak)")
_PIDS = re.compile(r"cgroup:.*:pids\.current")  # with those of all containers, in a group above
_SHOWN = re.compile(r"cgroup:[^:]*:0:.*")  # of the container's own group
# lines of /proc/PID/status, proc_pid_status(5), that are mere use, and those that say when a process last ran
_LINES_OF_USE = re.compile(
    r"^(?:Vm\w+|Rss\w+|HugetlbPages|SigQ|voluntary_ctxt_switches|nonvoluntary_ctxt_switches):.*\n?", re.M
)


def alike(one: ContainerCapture | None, two: ContainerCapture | None, *, watched: bool = False) -> bool:
    """Whether two readings of a container's processes differ at most in the mere use of memory and the like, on which
    nothing depends. `watched`: its own group's use is shown, so that must be the same.
    """
    if one is None or two is None:
        return one is two
    if (one.members_from, one.unread, len(one.members)) != (two.members_from, two.unread, len(two.members)):
        return False
    pairs = zip((one.first, *one.members), (two.first, *two.members), strict=True)
    return all(_alike(a, b, watched=watched) for a, b in pairs)


def _alike(one: Capture, two: Capture, *, watched: bool) -> bool:
    if (one.pid, one.via, len(one.readings)) != (two.pid, two.via, len(two.readings)):
        return False
    return all(
        a == b
        or (
            not (watched and _SHOWN.fullmatch(a.name))
            and (_mere_use(a, b) or (_PIDS.fullmatch(a.name) and _no_limit(a.name, one) and _no_limit(b.name, two)))
        )
        for a, b in zip(one.readings, two.readings, strict=True)
    )


def _no_limit(name: str, capture: Capture) -> bool:
    """Whether the control group whose number of processes that is limits none: how many more fit depends on it else."""
    limit = capture.text(name.removesuffix("current") + "max")
    return limit.strip() == "max" if isinstance(limit, str) else limit.kind is GapKind.ABSENT


def _mere_use(one: Reading, two: Reading) -> bool:
    if one.text is None or two.text is None or (one.name, one.source) != (two.name, two.source):
        return False
    if one.name == "status":
        return _LINES_OF_USE.sub("", one.text) == _LINES_OF_USE.sub("", two.text)
    return _USE.fullmatch(one.name) is not None


def _pid(capture: CapturedContainer | None) -> int | None:
    return None if capture is None or capture.found is None else capture.found.first.pid


AGAIN = 5.0  # seconds until an unreadable machine is tried again
STEP = 1.0  # seconds by which the wall clock may differ from the boot clock before it counts as set


def boot_time() -> float:
    """When CLOCK_BOOTTIME was 0 by the wall clock of now, in seconds since the epoch (time_namespaces(7))."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class OwnMachine:
    """Thread-safe. `boot_time`: replaced by tests, which set no clock."""

    def __init__(self, reader: Reader, boot_time: Callable[[], float] = boot_time) -> None:
        self._reader, self._boot_time = reader, boot_time
        self._booted = 0.0  # when it was read
        self._lock = threading.Lock()
        self._host: Capture | None = None
        self._ground: Ground | None = None
        self._asked = False  # whether to read it again
        self._due = 0.0  # when to retry after a failure

    def forget(self) -> None:
        """Read everything again next time."""
        self._asked = True  # without the lock: a reading may be in progress

    def read_mounts(self) -> None:
        """Read its mounts again, since a container has started."""
        with self._lock:
            if self._host is None:
                return
            host = with_mounts_of(self._host, self._reader.host((MOUNTS,)))
            if host is not self._host:
                self._host, self._ground = host, decode_ground(host)

    def facts(self) -> tuple[Capture, Ground]:
        """Its raw text, and the decoded form."""
        with self._lock:  # other threads wait for the one that reads
            now = time.monotonic()
            failed = self._host is not None and whole_gap(self._host) is not None
            again = self._asked or abs(self._boot_time() - self._booted) > STEP or (failed and now >= self._due)
            if self._host is None or self._ground is None or again:
                self._booted = self._boot_time()
                self._asked = False  # cleared first: a request during the reading asks for another one
                self._host = self._reader.host()
                self._ground = decode_ground(self._host)
                self._due = now + AGAIN
            return self._host, self._ground
