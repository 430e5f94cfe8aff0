"""Records the state of containers and their resource usage while the window or the background service is open.

It gets the live view's snapshots, which exist anyway, and reads none of that again; in addition it reads usage
counters. Everything on one thread of its own. A write error is reported in `trouble`, retried, and blocks nobody.
"""

from __future__ import annotations

import math
import os
import pwd
import threading
import time
from collections.abc import Callable, Collection, Sequence

from stratascope.collector.names import SECCOMP
from stratascope.core.container import Engine, EngineKind, EngineState
from stratascope.core.history.entry import (
    GONE,
    Batch,
    Counters,
    Exposed,
    HistoryEntry,
    HistoryError,
    HistoryStore,
    Image,
    Limits,
    Made,
    Meter,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
    changed,
    standing_of,
)
from stratascope.core.history.fold import nearly_equal, up
from stratascope.core.message import Message
from stratascope.core.options.given import flags
from stratascope.core.relaunch.launch_spec import TRANSACTION, TWIN, TwinRecord, is_mark
from stratascope.core.relaunch.owner import COMPOSED, SYSTEMD_UNIT, OwnerKind
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.value import replace

_OF_ROOT = frozenset({SECCOMP, "seccomp:0"})  # readings of each process that root's reader reached
_COMMAND_SECONDS = 60.0  # that most commands take at most, for each of which an agent makes a sandbox
_DRIFT_MOST, _THREATS_MOST, _COMMAND_MOST = 20, 60, 60  # processes, threats, characters of a command


def subject_of(state: ContainerState, twins: Collection[str]) -> Subject | None:
    """The subject that it belongs to; None for temporary containers: twins, by their numbers, and relaunches under way.
    A sandbox is known by its id, which a restart does not change; one that may be a single command has none yet.

    An image can bring a twin's label, but no number that the journal has.
    """
    container = state.container
    if container.sandbox is not None:
        brief = container.sandbox.folded or _is_young(state)
        return None if brief else Subject(container.engine, container.recorded_as)
    if container.error or is_mark(container.name) or dict(container.labels).get(TWIN) in twins:
        return None
    return Subject(container.engine, container.recorded_as)


def _is_young(state: ContainerState) -> bool:
    """Whether it is a sandbox that may be a single command."""
    sandbox = state.container.sandbox
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return sandbox is not None and now - sandbox.started / os.sysconf("SC_CLK_TCK") < _COMMAND_SECONDS


def standing(state: ContainerState, snapshot: Snapshot) -> Standing:
    """All parts that are known now."""
    container = state.container
    run = Run(container.status.value, container.started, container.exit_code, container.out_of_memory)
    still = Standing(
        made=_made(state, snapshot),
        image=Image(container.image, container.image_id),
        run=run,
        settings=flags(container.asked),
    )
    if not up(run) or state.matrix is None:
        return still
    matrix = state.matrix
    opened = [each.threat.id for severity in (Severity.CRITICAL, Severity.HIGH) for each in matrix.open(severity)]
    return Standing(
        made=still.made,
        image=still.image,
        run=run,
        settings=still.settings,
        limits=_limits(state),
        exposed=Exposed(round(matrix.exposure.worst, 2), round(matrix.exposure.best, 2), _by_root(state, snapshot)),
        layers=tuple((layer.id, layer.assessment.verdict.value) for layer in state.layers),
        threats=tuple(opened[:_THREATS_MOST]),
        drift=_drift(state),
    )


def _by_root(state: ContainerState, snapshot: Snapshot) -> bool:
    """Whether it was read as root: what is there already when root's reader comes is read again a moment later."""
    names = () if state.capture is None else state.capture.names()
    return snapshot.privilege.state is PrivilegeState.ON and not _OF_ROOT.isdisjoint(names)


def _made(state: ContainerState, snapshot: Snapshot) -> Made:
    names = {name for name, _ in state.container.labels}
    owner = OwnerKind.SYSTEMD.value if SYSTEMD_UNIT in names else ""
    if not owner and not COMPOSED.isdisjoint(names):
        owner = OwnerKind.COMPOSE.value
    return Made(state.container.id, TRANSACTION in names, _login(state, snapshot), owner)


_UNSET = 0xFFFFFFFF  # no login began it: credentials(7), (uid_t) -1


def _login(state: ContainerState, snapshot: Snapshot) -> str:
    """The login name of who started it, by /proc/PID/loginuid, which its processes have from Podman's; empty: not
    known. A daemon's are those of who started the daemon.
    """
    engine, capture = _engine(snapshot, state.container.engine), state.capture
    elsewhere = any(name == state.container.engine for name, _ in snapshot.elsewhere)
    if engine is None or engine.kind is not EngineKind.PODMAN or not engine.local or elsewhere or capture is None:
        return ""
    text = capture.text("loginuid") if capture.via == "proc" else ""
    words = text.strip() if isinstance(text, str) else ""
    if not words.isdecimal() or len(words) > 10 or int(words) >= _UNSET:
        return ""
    try:
        return pwd.getpwuid(int(words)).pw_name[:_COMMAND_MOST]
    except (KeyError, OSError, OverflowError):
        return f"uid {int(words)}"


def groups_of(state: ContainerState, snapshot: Snapshot) -> str:
    """The text of its /proc/PID/cgroup, if it is of this kernel and the group is its own; else empty."""
    engine = _engine(snapshot, state.container.engine)
    facts, capture = _cgroup(state), state.capture
    elsewhere = any(name == state.container.engine for name, _ in snapshot.elsewhere)
    if engine is None or not engine.local or elsewhere or facts is None or not facts.own or capture is None:
        return ""
    text = capture.text("cgroup") if capture.via == "proc" else ""
    return text if isinstance(text, str) else ""


def _engine(snapshot: Snapshot, name: str) -> Engine | None:
    return next((each for each in snapshot.engines if each.id == name), None)


def _cgroup(state: ContainerState) -> CgroupFacts | None:
    return state.facts_of(CgroupFacts)


def _limits(state: ContainerState) -> Limits | None:
    facts = _cgroup(state)
    if facts is None or {"memory_max", "pids_max", "cpu_cores"} & set(facts.unknown):
        return None
    return Limits(facts.memory_max, facts.pids_max, facts.cpu_cores)


def _drift(state: ContainerState) -> tuple[Unlike, ...]:
    """Sorted, without duplicates: PIDs differ with each healthcheck, and mean nothing later."""
    unlike = [process for process in state.processes if process.drift]
    found = {Unlike(each.command[:_COMMAND_MOST], each.kind, each.drift) for each in unlike}
    return tuple(sorted(found, key=lambda each: (each.command, each.kind, each.fields)))[:_DRIFT_MOST]


LOOK = 2.0  # seconds between two checks for news: the selected container is read that often
SAMPLE = 10.0  # seconds between two readings of the counters
ROW = 60.0  # seconds covered by a row of usage
AGAIN = 30.0  # seconds after which a failure is tried again
TIDY = 3600.0  # seconds between two times that old rows are thinned out
ASLEEP = 60.0  # seconds without a check, after which the time in between is unknown: the machine slept
logger = fault_logger(__name__)


class _Metered:
    """Measurements of one run of one container."""

    def __init__(self, run: tuple[str, float]) -> None:
        self.run, self.meter = run, Meter()
        self.written: UsageRow | None = None


class Recorder:
    """`see` may be called from any thread, and returns at once; `start` and `close` from one."""

    def __init__(
        self,
        store: HistoryStore,
        counters: Counters,
        twins: Callable[[], Sequence[TwinRecord]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`twins`: the journal's; `clock`: seconds since the epoch."""
        self._store, self._counters, self._journal, self._clock = store, counters, twins, clock
        self._twins: set[str] = set()  # numbers of all that the journal has had since
        self.trouble: Message | None = None
        self.recording = False  # whether this program is the one that writes
        self.waiting = False  # whether another one is
        self.wrote: Callable[[], None] = _nothing  # called on our thread after something was written
        self._newest: Snapshot | None = None
        self._came, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._shown: Snapshot | None = None
        self._standing: dict[Subject, Standing] = {}  # the latest stored state of each
        # the state it was derived from, and whether it was read as root
        self._read: dict[Subject, tuple[ContainerState, bool]] = {}
        self._metered: dict[Subject, _Metered] = {}
        self._measurable: list[tuple[Subject, tuple[str, float], str]] = []  # with run and control groups
        self._measurable_of: Snapshot | None = None
        self._entries: list[tuple[Subject, HistoryEntry]] = []
        self._watch: WatchSpan | None = None
        self._sample_at = self._row_at = self._tidy_at = self._claim_at = self._stepped_at = 0.0
        self._ripe_at = math.inf  # when sandboxes that were too young are looked at again

    def see(self, snapshot: Snapshot) -> None:
        """A newer snapshot. A replayed one is not this machine's history."""
        if not snapshot.demo:
            self._newest = snapshot
            self._came.set()

    def start(self) -> None:
        """Start; returns at once."""
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left, and end; returns after two seconds at most. May be called twice."""
        self._ending.set()
        self._came.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._ending.is_set():
            # wake for a new snapshot, at most once per LOOK; without one, when the counters are due, or to see whether
            # the program that records has ended
            if self._came.wait(self._patience()):
                self._came.clear()
            self.step()
            self._ending.wait(LOOK)
        self.step(last=True)
        self._store.close()

    def _patience(self) -> float | None:
        if not self.recording:
            return None if self._newest is None and self._shown is None else LOOK
        return min(SAMPLE, max(0.1, self._sample_at - self._clock()))

    def step(self, *, last: bool = False) -> None:
        """Do what is due now: check news, read the counters, write. `last`: write everything left. Never raises."""
        try:
            self._step(self._clock(), last=last)
            if self.recording:
                self.trouble = None
        except HistoryError as error:
            self._fail(error.message)
        except Exception:  # a bug here must not end the history
            logger.exception("the history could not be written")
            self._fail(None)

    def _fail(self, why: Message | None) -> None:
        """Forget what was not written, so that it is found to be new again."""
        self.trouble = why
        self._claim_at = self._clock() + AGAIN
        self.recording = False
        self._entries.clear()
        self._read.clear()

    def _step(self, now: float, *, last: bool) -> None:
        if now < self._stepped_at:  # the clock was set back: what was due then would take long to come
            self._sample_at = self._row_at = self._tidy_at = self._claim_at = 0.0
        slept, self._stepped_at = now - self._stepped_at > ASLEEP, now
        if not self._begun(now, slept=slept):
            return
        newest, self._newest = self._newest, None
        if newest is None and now >= self._ripe_at:
            newest = self._shown  # a sandbox may have lived long enough since
        if newest is not None:
            self._compare(newest)
            young = any(_is_young(state) for state in newest.containers)
            self._ripe_at = now + _COMMAND_SECONDS if young else math.inf
        if now >= self._sample_at or last:
            self._sample_at = now + SAMPLE
            self._sample(now)
        if self._entries or now >= self._row_at or last:
            self._write(now, rows=now >= self._row_at or last)
        if now >= self._tidy_at and not last:
            self._tidy_at = now + TIDY
            self._store.tidy(now)

    def _begun(self, now: float, *, slept: bool) -> bool:
        """Whether there is something to write, and this program is the writer. `slept`: for longer than ASLEEP there
        was no step.
        """
        if self._newest is None and self._shown is None:
            return False
        if not self.recording:
            if now < self._claim_at:
                return False
            self._claim_at = now + AGAIN
            self.waiting = not self._store.claim()
            if self.waiting:
                self._claim_at = now + LOOK  # whoever records may end at any moment, and nothing is to be lost
                if self._store.renewed():
                    self.wrote()
                return False
            self._standing = self._store.latest()
            self._newest = self._newest or self._shown
            self.recording, self._watch = True, None
            self._row_at = now + ROW
            self._tidy_at = self._tidy_at or now + ROW
        if self._watch is None or slept or now < self._watch.until:
            self._watch = WatchSpan(now, now)
            self._metered.clear()
        return True

    # -- state

    def _compare(self, snapshot: Snapshot) -> None:
        self._shown = snapshot
        self._twins.update(each.id for each in self._journal())
        root = snapshot.privilege.state is PrivilegeState.ON
        listed_subjects: set[Subject] = set()
        for state in snapshot.containers:
            subject = subject_of(state, self._twins)
            if subject is None or subject in listed_subjects:
                continue
            listed_subjects.add(subject)
            read = self._read.get(subject)
            if read is None or read[0] is not state or read[1] is not root:
                self._read[subject] = (state, root)
                self._note(subject, standing(state, snapshot), snapshot.taken_at)
        listed = {each.id for each in snapshot.engines if each.state is EngineState.CONNECTED} & snapshot.listed
        for subject, last_state in self._standing.items():
            run = last_state.run
            if subject not in listed_subjects and subject.engine in listed and run is not None and run.status != GONE:
                self._note(subject, Standing(run=Run(GONE, run.started)), snapshot.taken_at)
                self._read.pop(subject, None)

    def _note(self, subject: Subject, now: Standing, at: float) -> None:
        held = self._standing.get(subject, Standing())
        if now.made is not None and held.made is not None and not now.made.by and held.made.id == now.made.id:
            now = replace(now, made=replace(now.made, by=held.made.by))  # not read this time, or not running
        parts = changed(held, now)
        self._entries.extend((subject, HistoryEntry(at, kind, part)) for kind, part in parts)

    # -- usage

    def _sample(self, now: float) -> None:
        snapshot = self._shown
        if snapshot is None:
            return
        if snapshot is not self._measurable_of:
            self._measurable_of = snapshot
            self._measurable = [
                (subject, (state.container.id, state.container.started), groups)
                for state in snapshot.containers
                if (subject := subject_of(state, self._twins)) is not None and (groups := groups_of(state, snapshot))
            ]
        measured: set[Subject] = set()
        for subject, run, groups in self._measurable:
            metered = self._metered.get(subject)
            if metered is None or metered.run != run:
                metered = self._metered[subject] = _Metered(run)
            metered.meter.add(now, self._counters.read(groups))
            measured.add(subject)
        for subject in self._metered.keys() - measured:
            del self._metered[subject]

    def _rows(self) -> list[tuple[Subject, UsageRow]]:
        """Rows that differ from the one written last."""
        found = []
        for subject, metered in self._metered.items():
            row = metered.meter.take()
            if row is not None and (metered.written is None or not nearly_equal(metered.written, row)):
                metered.written = row
                found.append((subject, row))
        return found

    # -- writing

    def _write(self, now: float, *, rows: bool) -> None:
        watch = self._watch = WatchSpan(self._watch.began if self._watch is not None else now, now)
        used = self._rows() if rows else []
        if rows:
            self._row_at = now + ROW
        entries, self._entries = self._entries, []
        if not entries and not used and not rows:
            return
        self._store.write(Batch(watch, tuple(entries), tuple(used)))
        for subject, entry in entries:
            self._standing[subject] = standing_of([(entry.kind, entry.value)], self._standing.get(subject))
        self.wrote()


def _nothing() -> None:
    return None
