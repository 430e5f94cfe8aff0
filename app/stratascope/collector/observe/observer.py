"""The observer: as root, streams what one control group does, as lines, until its input ends or its time is over.

`core/observation/events.py` has the lines, `protocol` the request, `side_sources` what comes from outside the rings.

The rings are emptied ten times a second, and at once when a call was refused, so that its path can still be read.
Records younger than a moment before that wait for the next poll: rings are emptied one after the other, and a child's
first call could come before its fork. Memory is bounded everywhere: the oldest memories are dropped, and such events
are then reported twice. If the reader is slow, the rings fill up, and what they lose is counted.
"""

from __future__ import annotations

import os
import re
import select
import struct
import time
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Set, Tuple

from stratascope.collector.filters import why_not
from stratascope.collector.observe.call_programs import CHECKS
from stratascope.collector.observe.calls import Calls
from stratascope.collector.observe.checks import Checks, Means, OwnCheck
from stratascope.collector.observe.credentials import Credentials
from stratascope.collector.observe.group import Adopting, NoGroupError, place
from stratascope.collector.observe.moments import ADDRESSED, SECOND_PATHS, Moments
from stratascope.collector.observe.paths import in_flight
from stratascope.collector.observe.perf import HELP, OFTEN, POINTS, REGS, STACK, Perf, Record, Source, gone
from stratascope.collector.observe.polls import Polls
from stratascope.collector.observe.processes import Processes, Signals, is_runtime, threads
from stratascope.collector.observe.protocol import Lines, RefusedError, Request, request_of
from stratascope.collector.observe.reached import Reached, naming
from stratascope.collector.observe.refusals import TOLD_MOST, Floods, Refusals
from stratascope.collector.observe.side_sources import SideSources
from stratascope.collector.observe.system_calls import CONNECTS, MASKED, MOVED, NAMES, Asked, Pointer, SystemCalls
from stratascope.collector.observe.trace import NoTracepointsError, Point, Probes, Tracefs, start_of_process

MASKS_MAX = 8  # files; each needs as many open events as there are calls that open a file, on each CPU
MASK = "mask "
_PLAIN = re.compile(r"/[A-Za-z0-9_./-]{1,200}").fullmatch
WHEREABOUTS = ("chroot", "fchdir", "pivot_root", "setns")  # after these, a working directory is not known by a path
_MANY = "there are so many that most of them are left out"
REOPEN = 0.05  # seconds between two changes of a filter, at least


class Sources:
    """The perf events to open. `opens`: numbers of the tracepoints of opening calls. Raises OSError."""

    def __init__(
        self,
        perf: Perf,
        points: Dict[str, Optional[Point]],
        calls: Calls,
        checks: Optional[Checks],
        means: Optional[Means],
        opens: List[int],
        system_calls: Optional[SystemCalls],
    ) -> None:
        self._perf, self._calls, self._system_calls = perf, calls, system_calls
        self._opens = opens
        self._masks: Set[str] = set()
        self._beyond: Set[str] = set()
        self._reopened = 0.0
        refused = calls.refusals.filter()
        numbers = {name: point.number for name, point in points.items() if point is not None}
        leave = numbers["raw_syscalls/sys_exit"]
        self._enter = Source("enter", numbers["raw_syscalls/sys_enter"], ring=OFTEN)
        ends = [
            Source("leave", leave, REGS, refused, wakes=True),
            Source("stack", leave, REGS | STACK, refused, ring=HELP),
        ]
        self._flooded: List[Tuple[List[Source], Floods]] = [(ends, calls.floods)]
        opened = [self._enter, *ends] if system_calls is None else []
        if system_calls is not None:
            self._flooded.clear()
        told: FrozenSet[str] = frozenset() if system_calls is None else system_calls.tells
        self._checks = checks if "check" in told else None
        if means is not None and checks is not None and self._checks is None:
            opened += means.sources()
            self._flooded.append((means.sources()[:1], checks.floods))
        for name, (kind, sample, text) in POINTS.items():
            if kind and name in numbers and kind not in told:
                opened.append(Source(kind, numbers[name], sample, text, wakes=kind == "exec"))
        for source in opened:
            perf.add(source)

    def masks(self, paths: List[str]) -> bool:
        """Also report opens of these paths, as MASK and the path; whether all can be reported."""
        if self._system_calls is not None:
            return self._system_calls.masks(paths)
        for path in paths:
            if path in self._masks or path in self._beyond:
                continue
            if not self._opens or not _PLAIN(path) or len(self._masks) >= MASKS_MAX:
                self._beyond.add(path)
                continue
            try:
                for number in self._opens:
                    text = 'filename.ustring == "%s"' % path
                    self._perf.add(Source("%s%s %d" % (MASK, path, number), number, filter=text, ring=OFTEN))
                self._masks.add(path)
            except OSError as error:
                if gone(error):
                    return True
                self._beyond.add(path)
        return not self._beyond

    def refine(self, unseen: Callable[[str, str], None]) -> None:
        """Filter out what is known by now."""
        now = time.monotonic()
        if now - self._reopened < REOPEN:
            return
        changed: List[Source] = []
        left_out = self._calls.better()
        if left_out is not None and self._system_calls is not None:
            self._system_calls.leave_out(left_out)
        elif left_out is not None:
            text = " && ".join("id != %d" % number for number in left_out)
            changed.append(self._enter._replace(filter=text))
        for floods, first in ((self._calls.floods, 0), (None if self._checks is None else self._checks.floods, CHECKS)):
            crowds = None if self._system_calls is None or floods is None else floods.classes(now)
            if crowds is not None and self._system_calls is not None:
                self._system_calls.crowd(crowds, first)
                if crowds:
                    unseen("refusals", _MANY)
        for sources, floods in self._flooded:
            more = floods.change(now)
            if more is not None:
                changed += [
                    each._replace(filter=" && ".join(part for part in (each.filter, more) if part)) for each in sources
                ]
                if more:
                    unseen("refusals", _MANY)
        try:
            for source in changed:
                self._reopened = now
                self._perf.add(source)
        except OSError as error:
            if not gone(error):
                raise


PROTOCOL = 1
LOOK = 0.1  # seconds between two polls of the rings
YOUNG = 300000  # nanoseconds
MOVE = 0.01  # seconds between two scans for processes to move
POLL = 1.0
SOON = 0.2  # seconds after a poll, once another program began: one that ends soon is seen too
BURST = 512  # records
WAKES_MAX = 200  # per second
_ABIS = {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64", "arm")}


class Observer:
    """Attached to one group. The constructor raises NoGroupError, NoTracepointsError, OSError."""

    def __init__(self, request: Request, lines: Lines) -> None:
        begun = time.monotonic()
        self._lines = lines
        self._place = place(request.pid, request.start, request.container, request.group)
        self._group, self._adopting = self._place.group, self._place.adopting
        self._programs = not request.group  # whether the container's own program began, after its runtime
        self._stays = bool(request.group)  # whether the container's own program has begun, after its runtime's
        self._probes: Optional[Probes] = None
        self._system_calls: Optional[SystemCalls] = None
        self._perf: Optional[Perf] = None
        self._own: Optional[OwnCheck] = None
        self._tracefs = Tracefs()
        self._held: List[Record] = []
        self._lost = 0
        self._began = False  # whether a program began since the last poll
        try:
            self._attach(request, begun)
        except BaseException:
            self.close()
            raise

    def _attach(self, request: Request, begun: float) -> None:
        native, foreign = _ABIS.get(os.uname().machine, ("", ""))
        self._processes = Processes(self._lines.tell, native, foreign)
        points = {name: self._tracefs.point(name) for name in POINTS}
        enter, leave = points["raw_syscalls/sys_enter"], points["raw_syscalls/sys_exit"]
        if enter is None or leave is None:
            raise NoTracepointsError("this kernel has no tracepoints of system calls (CONFIG_FTRACE_SYSCALLS)")
        means = self._means(points["capability/cap_capable"])
        self._own = OwnCheck(means)  # processes forked from here on inherit our new priority
        refusals = Refusals(request.numbers, request.asked.answers, native, foreign)
        self._moments = Moments(request.asked.paths, request.numbers, self._group.counted)
        tell = self._lines.tell
        self._credentials = Credentials(request.numbers)
        self._calls = Calls(
            tell, self._processes, request.asked, (enter, leave), refusals, self._moments, self._credentials
        )
        self._checks = None
        if means is not None:
            self._calls.checks = self._checks = Checks(tell, self._processes, means, request.numbers)
        folder = os.open(self._group.perf, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # kept open while events are reopened: the intended group, and no other of its name
            namespace = self._adopting.namespace if self._adopting is not None else None
            exact = means.first if means is not None and means.answer is None else None
            further = exact, points["sched/sched_process_exec"]
            self._system_calls = self._calls.system_calls = _system_calls(
                folder, request, refusals, native, namespace, further
            )
            if self._system_calls is not None:
                self._calls.floods = Floods("id", "ret", TOLD_MOST)
            self._perf = Perf(folder, helps=self._system_calls is None)
        except BaseException:
            os.close(folder)
            raise
        self._folder = folder
        opens = [self._tracefs.point("syscalls/sys_enter_" + name) for name in ("open", "openat", "openat2")]
        numbers = [each.number for each in opens if each is not None]
        self._sources = Sources(self._perf, points, self._calls, self._checks, means, numbers, self._system_calls)
        self._points = {kind: points[name] for name, (kind, _, _) in POINTS.items()}
        self._signals = Signals(tell, self._processes, self._points)
        now = time.monotonic()
        facts = {
            "means": means.word if means is not None else "",
            "clock_ticks": os.sysconf("SC_CLK_TCK"),
            "attached": round(now - begun, 4),
            "since": round(time.time() - now, 3),
        }
        self._lines.tell(int(begun * 1e9), "begin", PROTOCOL, facts)
        if self._checks is not None:
            self._checks.initial = self._own.initial
            if self._own.initial is None:
                self._lines.now("unseen", "namespaces", "which user namespace is the initial one could not be told")
        if self._adopting is not None and not self._stays:
            self._lines.now("unseen", "sessions", "what somebody who comes in does at once may be missing")
        here = self._group.processes() or []
        self._processes.add_found(here, time.monotonic_ns())
        for pid in here:
            self._calls.add_found(pid, [(tid, in_flight(tid)) for tid in threads(pid)])
        first = (request.pid, request.start or start_of_process(request.pid)) if request.pid else (0, "")
        self._polls = Polls(self._group, first, self._lines.now)
        self._moments.elder = first[0]
        self._reached = Reached(
            tell, self._processes, request.places, request.numbers.get(native, {}), self._calls.leads,
            self._system_calls is not None,
        )  # fmt: skip
        self._side_sources = SideSources(
            self._lines, self._processes, self._signals, self._moments, self._calls, self._credentials
        )

    def _means(self, point: Optional[Point]) -> Optional[Means]:
        if point is not None:
            return Means("tracepoint", point, None)
        try:
            self._probes = Probes(self._tracefs)
            return Means("kprobe", *self._probes.points())
        except (OSError, NoTracepointsError) as error:
            why = "this kernel has neither a tracepoint nor a kprobe event for capability checks: %s" % error
            self._lines.now("unseen", "capabilities", why)
            return None

    def run(self, until: float, requests: int) -> str:
        """Observe until the input ends or the time is over; returns why it ended."""
        assert self._perf is not None
        poll = select.poll()
        poll.register(requests, select.POLLIN)
        others = () if self._system_calls is None else (self._system_calls.waker(),)
        for descriptor in (*self._perf.wakers(), *self._side_sources.wakers(), *others):
            poll.register(descriptor, select.POLLIN)
        next_poll = 0.0
        wakes, since = 0, time.monotonic()
        while True:
            now = time.monotonic()
            if now >= until:
                return "the time is over"
            wait = YOUNG / 1e9 if self._held else self._poll_interval(now)
            woken = dict(poll.poll(1000 * min(wait, until - now) + 1))
            if self._adopting is not None:
                self._processes.add_found(self._adopting.take(), time.monotonic_ns())
                for pid in self._adopting.moved():
                    self._calls.add_found(pid, [])
            if requests in woken and not self._lines.goes_on():
                return "it was ended"
            self._drain()
            self._side_sources.poll()
            self._reached.poll()
            if self._system_calls is not None and self._reached.changed:
                self._system_calls.mounts(self._reached.wanted())
            self._signals.report_logged()
            self._credentials.reread()
            now = time.monotonic()
            if now >= (next_poll if not self._began else next_poll - POLL + SOON):
                next_poll, self._began = now + POLL, False
                if not self._once_a_second():
                    return "the container has ended"
            why = self._lines.write()
            if why:
                return why
            if now - since > 1:
                wakes, since = 0, now
            wakes += bool(woken)
            if wakes > WAKES_MAX:
                time.sleep(LOOK)

    def _poll_interval(self, now: float) -> float:
        """Seconds until the next poll: short while processes have to be moved, none while a twin is awaited."""
        there = self._adopting
        if there is None:
            return LOOK
        awaited = self._stays and (not there.came or now < there.came + 1)
        return 0.0 if awaited else MOVE

    def _once_a_second(self) -> bool:
        at = time.monotonic_ns()
        self._rest(at)
        pids = self._group.processes()
        if pids is None or (self._adopting is not None and not self._stays and self._adopting.gone()):
            return False
        self._processes.missing(pids, at)
        self._polls.poll(pids)
        self._moments.elder = self._polls.first
        self._side_sources.once_a_second(self._polls.first, self._sources.masks)
        self._reached.once_a_second(self._polls.first, pids)
        if self._moments.given_up:
            self._lines.now("unseen", "paths", "a process keeps others from reading the paths that it names")
        if self._checks is not None and self._checks.symbols.hidden:
            self._lines.now("unseen", "frames", "kernel.kptr_restrict hides the kernel's functions")
        return bool(pids) or self._stays or os.path.isdir(self._group.perf)

    def _drain(self, last: bool = False) -> None:
        assert self._perf is not None
        limit = time.monotonic_ns() - (0 if last else YOUNG)
        refines = self._programs and not last
        records = self._held + self._calls.fresh(self._fresh(), self._fresh)
        records.sort(key=lambda each: each.time)
        self._held = []
        for number, record in enumerate(records):
            if record.time > limit and not last:
                self._held = records[number:]
                break
            self._one(record)
            if number % BURST == BURST - 1 and refines:
                self._sources.refine(self._side_sources.unseen)  # in a flood each moment counts
        if refines:
            self._sources.refine(self._side_sources.unseen)

    def _fresh(self) -> List[Record]:
        assert self._perf is not None
        calls = [] if self._system_calls is None else self._system_calls.drain()
        lost = 0 if self._system_calls is None else self._system_calls.lost()
        if lost:
            self._lost += lost
            self._calls.lost_at = time.monotonic_ns()
        if self._adopting is not None and self._adopting.namespace is not None:
            calls = self._join(self._adopting, calls)
        return self._side_sources.fresh(calls + self._perf.drain())

    def _join(self, adopting: Adopting, calls: List[Record]) -> List[Record]:
        """Add the processes that came in since, known by their PID namespace; without what is a runtime's still."""
        found: List[Record] = []
        tried: Set[Tuple[int, str]] = set()
        for record in calls:
            known = self._processes.known.get(record.pid)
            command = record.copied.command if record.copied is not None else ""
            if not is_runtime(command.split(":")[0]):
                found.append(record)
            if (known is not None and known.reported) or (record.pid, command) in tried:
                continue
            tried.add((record.pid, command))
            if adopting.joins(record.pid):
                self._calls.add_found(record.pid, [])  # also a runtime's: whom it works as is told from here on
                if self._processes.joined(record.pid, command, record.time - 1):
                    self._calls.joined(record.pid, record.time)
        return found

    def _one(self, record: Record) -> None:
        kind, at = record.kind, record.time
        if kind == "enter":
            self._calls.entered(record)
        elif kind == "leave":
            self._calls.left(record)
        elif kind == "check" and self._checks is not None:
            self._checks.asked(record)
        elif kind == "answer" and self._checks is not None:
            self._checks.answered(record)
        elif kind == "fork":
            self._processes.forked(record.pid, record.tid, record.extra, at)
            self._calls.forked(record)
        elif kind == "ended":
            self._calls.thread_ended(record.tid)
            if self._checks is not None:
                self._checks.thread_ended(record.tid)
            self._processes.ended(record.pid, record.tid, at)
            if record.pid not in self._processes.known:
                self._calls.process_ended(record.pid)
        elif kind == "comm":
            self._processes.named(record.pid, record.tid, record.raw.decode("utf-8", "surrogateescape"), at)
            if record.extra:
                self._calls.mapped.executed(record.pid)
        elif kind == "mapped":
            self._calls.mapped.add_record(record.pid, record.raw)
        elif kind == "help-lost":
            self._calls.mapped.lost()
        elif kind == "exec":
            self._executed(record)
        elif kind == "lost":
            self._lost += record.extra
        elif kind == "deliver":
            self._signals.delivered(record)
        elif kind == "generate":
            self._signals.generated(record)
        elif kind == "victim":
            self._lines.tell(at, "out-of-memory", self._field("victim", "pid", record.raw))
        elif kind == MOVED:
            self._calls.moved(record)
            self._reached.moved(record)
        elif kind == NAMES:
            self._reached.named(record)
        elif kind == CONNECTS:
            self._reached.connected(record)
        elif kind == MASKED:
            self._side_sources.named(record, record.raw.decode("utf-8", "surrogateescape"))
        elif kind.startswith(MASK):
            self._side_sources.named(record, kind[len(MASK) :].rpartition(" ")[0])

    def _executed(self, record: Record) -> None:
        had = self._processes.has_foreign
        offset = self._field("exec", "filename", record.raw) & 0xFFFF
        name = record.raw[offset:].split(b"\0")[0].decode("utf-8", "surrogateescape")
        if not self._programs and not is_runtime(name):
            self._programs = True
            self._calls.begin_anew()
        self._processes.executed(record.pid, name, record.bits, record.time)
        self._side_sources.executed(record, self._calls.executed(record, name))
        self._polls.user(record.pid)
        self._polls.rooted(record.pid)
        if not is_runtime(name):
            self._reached.look(record.pid)
        self._began = True
        if self._processes.has_foreign and not had and self._calls.left_out:
            self._lines.now("unseen", "first calls", "a program of 32 bits began, whose first calls may be missing")

    def _field(self, kind: str, name: str, raw: bytes) -> int:
        point = self._points[kind]
        assert point is not None
        place, size = point.fields[name]
        found: int = struct.unpack_from("=q" if size == 8 else "=i", raw, place)[0]
        return found

    def _rest(self, at: int) -> None:
        self._calls.rest(at)
        if self._checks is not None:
            self._checks.rest(at)
            self._lost += self._checks.lost
            self._checks.lost = 0
        if self._lost:
            self._lines.tell(at, "lost", self._lost)
            self._lost = 0

    def finish(self) -> None:
        """Report what is left."""
        self._drain(last=True)
        self._side_sources.poll(last=True)
        self._reached.poll(last=True)
        self._signals.report_logged(last=True)
        self._polls.last()
        self._rest(time.monotonic_ns())
        self._lines.write(last=True)

    def close(self) -> None:
        """Close everything that was opened, and remove what was made."""
        if self._perf is not None:
            self._perf.close()
            os.close(self._folder)
            self._perf = None
        names = ("_system_calls", "_own", "_polls", "_moments", "_side_sources", "_reached", "_probes", "_tracefs")
        parts = (getattr(self, name, None) for name in names)
        for part in parts:
            if part is not None:
                part.close()
        self._probes = None
        self._place.leave()


def _system_calls(
    folder: int,
    request: Request,
    refusals: Refusals,
    native: str,
    namespace: Optional[Tuple[int, int]],
    further: Tuple[Optional[Point], Optional[Point]],
) -> Optional[SystemCalls]:
    """The calls by BPF programs; None: only by events."""
    numbers = request.numbers.get(native, {})
    pointers: Dict[int, Tuple[Pointer, ...]] = {
        number: (Pointer(wanted[0]),)
        for number, wanted in request.asked.paths.get(native, {}).items()
        if wanted[1] != "fd"
    }
    for name, (second, *_) in SECOND_PATHS.items():
        number = numbers.get(name)
        if number in pointers:
            pointers[number] = (*pointers[number], Pointer(second))
    for name, (at, size) in ADDRESSED.items():
        if name in numbers:
            pointers[numbers[name]] = (Pointer(at, size),)
    opens = {numbers[name]: at for name, at in (("open", 0), ("openat", 1), ("openat2", 1)) if name in numbers}
    moves: Dict[int, Optional[int]] = {numbers[name]: None for name in WHEREABOUTS if name in numbers}
    if "chdir" in numbers:
        moves[numbers["chdir"]] = 0
    always, some = refusals.wanted()
    reached = any(request.places.values())
    more = (naming(numbers), numbers.get("connect")) if reached else (None, None)
    try:
        return SystemCalls(folder, Asked(pointers, opens, moves, always, some, namespace, *further, *more))
    except (OSError, ImportError):
        return None


def observe(found: Dict[str, Any], requests: int, replies: int) -> None:
    """Serve one request on these descriptors, to its end. Raises RefusedError before the first line only."""
    request = request_of(found)
    barred = why_not()
    if barred:
        raise RefusedError(barred)
    lines = Lines(requests, replies, time.monotonic() + request.seconds)
    try:
        observer = Observer(request, lines)
    except (NoGroupError, NoTracepointsError) as error:
        at = time.monotonic_ns()
        lines.tell(at, "begin", PROTOCOL, {"means": "", "clock_ticks": os.sysconf("SC_CLK_TCK")})
        lines.now("unseen", "everything", str(error))
        lines.now("end", "it could not be observed")
        lines.write(last=True)
        return
    try:
        lines.until = time.monotonic() + request.seconds  # attaching takes a second on a busy machine
        why = observer.run(lines.until, requests)
        observer.finish()
    finally:
        observer.close()
    # the reader may kill us at once: by now everything is restored
    lines.now("end", why)
    lines.write(last=True)
