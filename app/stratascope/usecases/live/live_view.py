"""The live view: three threads per engine, and one that publishes snapshots. No caller ever waits for an engine.

One of an engine's threads follows its events, another reads: all containers when the engine answers, later only those
with events, and these again a moment later, because an exec session's process appears after its event. The third asks
the kernel whether an exec session, or another process that matters, has ended: that takes no engine, and none reports
it in time. A failed engine is retried with growing pauses, without affecting the others. Decided against asyncio: the
reads block.

Where something changes after a moment in which little did, it is read and shown at once. Where changes go on, each
container is read once when it has settled, and all is shown every STEADY, however many events there are, and every
CROWDED where many go on for long, except for what a user asked for, which is never put off. A reading that says what is
known already makes no snapshot.

Finding engines and loading their SDKs must not delay the first picture: `DeferredLiveView` creates the real one on a
thread. If that fails, the snapshot says why, and `refresh` tries again, so that a window does not wait for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from operator import is_

from stratascope.core.capture import Capture
from stratascope.core.container import ENGINES, Engine, EngineState
from stratascope.core.ground import UNREAD, Ground, decode_ground, with_mounts_of
from stratascope.core.message import Message, msg
from stratascope.core.ports import (
    ControlGroups,
    EngineError,
    EnginePort,
    Event,
    EventKind,
    NoSuchContainerError,
    ProbeError,
    Prober,
    RawContainer,
)
from stratascope.core.snapshot import CapturedContainer, MachineCapture, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.live.assembler import Assembler
from stratascope.usecases.live.engine_readings import ALL, SECOND_LOOK, EngineReadings, OwnMachine
from stratascope.usecases.live.predictions import Predictions
from stratascope.usecases.live.reader import Reader, machine_of
from stratascope.usecases.live.root_readings import Elevation, RootAccess
from stratascope.value import replace

logger = fault_logger(__name__)
Publish = Callable[[Snapshot], None]

PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds between attempts to reach an engine; the last one repeats
HEARTBEAT = 5.0  # seconds between checks whether an engine still answers (a SIGSTOPped one does not end its stream)
FLOOD = 2000  # events per second that are followed individually
PACE = 2.0  # seconds between readings of the selected container, by default
ATTENTION = 0.5  # seconds between looks whether processes have ended
GATHER = 0.02  # seconds in which changes are gathered where somebody waits for them
STEADY = 0.8  # seconds between readings of an engine, and between snapshots, while changes go on
CROWDED = 2.0  # seconds between snapshots where many have gone on for long


class LiveView:
    """Follows engines from `start` to `stop`. `publish` is called from one thread of ours, never concurrently."""

    def __init__(
        self,
        ports: Sequence[EnginePort],
        reader: Reader,
        assembler: Assembler,
        demo: Callable[[], Snapshot] | None = None,
        root: RootAccess | None = None,
        predictions: Predictions | None = None,
        gather: float = GATHER,
        groups: Callable[[], ControlGroups] | None = None,
    ) -> None:
        """`demo` is shown while no engine at all can be used; `gather`: seconds between snapshots that are waited for,
        and the least between others. `groups`: this machine's control groups, made for each engine's thread; they show
        at once whether a container need not be read.
        """
        self._gather, self._steady = gather, max(gather, STEADY)
        self._hurry = threading.Event()  # somebody waits for the next snapshot
        self._predictions = predictions or Predictions()
        self._reader = reader
        self._demo = demo
        self._assembler = assembler
        self.engines = tuple(EngineReadings(port) for port in ports)
        self._groups = {} if groups is None else {each.port.id: groups() for each in self.engines}
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._elevation = Elevation(root, self._changed.set)
        self._threads: list[threading.Thread] = []
        self._machine = OwnMachine(reader)
        self._capture: MachineCapture | None = None
        self._focus: tuple[str, str] | None = None
        self._pace = PACE
        self._next_look = 0.0  # when to read the selected container again

    def start(self, publish: Publish) -> None:
        """Start; returns at once."""
        self._spawn("publish", partial(self._publish, publish))
        for known in self.engines:
            self._spawn(f"follow {known.port.id}", partial(self._follow, known))
            self._spawn(f"read {known.port.id}", partial(self._work, known))
            self._spawn(f"attend {known.port.id}", partial(self._attend, known))
        if not self.engines:
            self._changed.set()

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Read one container, or everything, again; failed engines are retried at once."""
        if key is None:
            self._machine.forget()
        self._reader.forget(key)
        for known in self.engines:
            if key is None or known.port.id == key[0]:
                self._want(known, ALL if key is None else key[1], hurried=True)
                known.try_now.set()

    def focus(self, key: tuple[str, str] | None) -> None:
        """The selected container: its usage is read repeatedly, see `pace`; if it is not running, its start is
        predicted.
        """
        self._focus, self._next_look = key, 0.0
        if self._predictions.look_at(key):
            self._hurry.set()
            self._changed.set()
        for known in self.engines:
            with known.ready:
                known.watched = key[1] if key is not None and key[0] == known.port.id else ""
                known.ready.notify_all()

    def pace(self, seconds: float) -> None:
        """Set the seconds between readings of the selected container."""
        self._pace = seconds

    def elevate(self) -> None:
        """Start reading what only root can, of all present and future containers; returns at once.

        Each snapshot's `privilege` has the state. A refusal leaves everything else as it was.
        """
        if self._elevation.begin():
            # `stop` does not wait for this thread: a person may leave the password prompt open
            asking = partial(self._elevation.ask, self._use)
            threading.Thread(target=asking, name="elevate", daemon=True).start()

    def _use(self, root: Prober) -> None:
        self._reader.use(root, self._elevation.fall)
        self.refresh()

    def once(self, engine: Engine, pid: int, wants: tuple[str, ...], container: str) -> Capture | None:
        """One-off readings of one process, as root if there is root. None: out of reach. Blocks."""
        found = self._reader.once(engine, pid, wants, container=container)
        return None if found is None else found.first

    def capture(self) -> MachineCapture | None:
        """The raw text behind the last snapshot, for saving; None before the first one."""
        return self._capture

    def stop(self) -> None:
        """End all threads and release the engines; returns when they are done or after two seconds."""
        self._ending.set()
        self._hurry.set()
        self._changed.set()
        for known in self.engines:
            known.try_now.set()
            with known.ready:
                known.ready.notify_all()
            known.port.close()
        limit = time.monotonic() + 2.0
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _follow(self, known: EngineReadings) -> None:
        """Connect, follow events, and start over when the stream ends."""
        failures = 0
        while not self._ending.is_set():
            known.try_now.clear()
            engine = known.port.describe()
            self._describe(known, engine)
            if engine.state is EngineState.CONNECTED:
                failures = 0
                self._want(known, ALL)
                self._stream(known)
            if self._ending.is_set():
                return
            known.try_now.wait(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    def _stream(self, known: EngineReadings) -> None:
        try:
            events = known.port.events()
            with known.ready:
                # events before the stream began, however long that took, are covered by a second reading
                known.later[ALL] = time.monotonic() + SECOND_LOOK
                known.ready.notify_all()
            since, count = time.monotonic(), 0
            for event in events:
                if self._ending.is_set():
                    return
                count += 1
                if count > FLOOD:  # too many to follow individually: read everything now and then
                    count, since = 0, self._held_up(known, since)
                if event.kind is EventKind.REMOVED:
                    with known.ready:
                        known.forget(event.container)
                    self._changed.set()
                elif event.kind is EventKind.HEALTH:
                    if known.hears_health(event.container, event.said):
                        self._want(known, event.container)
                elif event.kind is EventKind.CHANGED:
                    self._want(known, event.container)
                else:
                    self._hear(known, event)
        except EngineError:
            return  # describe() will report the state

    def _held_up(self, known: EngineReadings, since: float) -> float:
        """Called after FLOOD events since that moment: if that was too fast, wait. Returns the new start for
        counting.
        """
        left = 1.0 - (time.monotonic() - since)
        if left > 0:
            self._want(known, ALL)
            self._ending.wait(left)
        return time.monotonic()

    def _want(self, known: EngineReadings, what: str, *, hurried: bool = False) -> None:
        """Read it now, and again a moment later. `hurried`: somebody waits for it."""
        with known.ready:
            now = time.monotonic()
            known.want(what, now, hurried=hurried)
            known.hurried = known.hurried or hurried
            known.ready.notify_all()

    def _hear(self, known: EngineReadings, event: Event) -> None:
        """A command began or ended."""
        with known.ready:
            item, engine = known.captured.get(event.container), known.engine
        about = None if item is None or engine is None else self._reader.container(item.raw, engine)
        with known.ready:
            if known.hear(event, "" if about is None else about.health_command, time.monotonic()):
                known.ready.notify_all()

    def _work(self, known: EngineReadings) -> None:
        """Read what is due, until the end."""
        while not self._ending.is_set():
            with known.ready:
                now = time.monotonic()
                due, commanded = known.take_due(now), known.take_commands(now)
                if not (due or commanded) and (known.engine is None or now < known.beat):
                    known.ready.wait(self._patience(known, now))
                    continue
                engine, hurried, known.hurried = known.engine, known.hurried, False
            if engine is None:
                continue
            begun, used = time.monotonic(), time.thread_time()
            try:
                due |= self._differing(known, commanded)
                if due and engine.state is EngineState.CONNECTED:
                    self._read(known, engine, due, hurried=hurried or not known.listed)
                elif not due and time.monotonic() >= known.beat:
                    self._beat(known)
            except Exception:
                logger.exception("reading %s failed", known.port.id)
                self._ending.wait(PAUSES[0])
            # an engine with constant events gets half of this thread's time, and none of the window's; what it took the
            # engine to answer is not counted: the window would be late by as much again
            self._ending.wait(max(self._gather, time.thread_time() - used))
            if due or commanded:
                left = begun + self._steady - time.monotonic()
                with known.ready:
                    known.ready.wait_for(lambda: known.hurried or self._ending.is_set(), left)

    def _attend(self, known: EngineReadings) -> None:
        """Read containers again of which a process has ended that mattered, until the end.

        Events are not enough: Podman reports the end of a detached exec session five minutes later (conmon(8),
        `--exit-delay`), an engine that hangs reports none, and no engine those of other processes.
        """
        while not self._ending.is_set():
            with known.ready:
                engine, attended = known.engine, known.attended()
                if engine is None or not attended:
                    known.ready.wait()
                    continue
            begun = time.monotonic()
            try:
                ended = self._reader.ended(engine, attended)
                if ended:
                    ground = self._ground_of(known)
                    again = self._reader.captured(engine, [item.raw for item in ended], ground)
                    with known.ready:
                        known.renew(ended, again, ground)
                        known.ready.notify_all()
                    self._changed.set()
            except Exception:
                logger.exception("what ended at %s can't be read", known.port.id)
            self._ending.wait(max(ATTENTION, time.monotonic() - begun))

    def _patience(self, known: EngineReadings, now: float) -> float:
        """Seconds until this engine needs attention."""
        moments = [
            *known.due.values(),
            *known.later.values(),
            *known.commands.values(),
            known.beat if known.engine is not None else now + HEARTBEAT,
        ]
        return max(0.01, min(min(moments) - now, HEARTBEAT))

    def _beat(self, known: EngineReadings) -> None:
        """Check that the engine still answers, and read the selected container's usage."""
        focus = self._focus
        watched = focus is not None and focus[0] == known.port.id
        pause = min(self._pace, HEARTBEAT) if watched else HEARTBEAT
        now = time.monotonic()
        if watched and focus is not None and known.engine is not None and now >= self._next_look:
            self._next_look = now + self._pace
            with known.ready:
                capture = known.captured.get(focus[1])
            if capture is not None and known.engine.state is EngineState.CONNECTED and not self._rests(known, capture):
                self._store(known, known.engine, (capture.raw,))
        if known.described <= now < known.described + HEARTBEAT - pause / 2:
            with known.ready:
                known.beat = now + pause
            return
        engine = known.port.describe()
        before = known.engine
        self._describe(known, engine, pause)
        if engine.state is EngineState.CONNECTED and before is not None and before.state is not engine.state:
            self._want(known, ALL)

    def _rests(self, known: EngineReadings, item: CapturedContainer) -> bool:
        groups = self._groups_for(known)
        return groups is not None and known.at_rest(item, groups, time.monotonic())

    def _groups_for(self, known: EngineReadings) -> ControlGroups | None:
        """Those of an engine of this machine. A sandbox's processes may be in others than its first."""
        engine = known.engine
        ours = engine is not None and engine.local and engine.kind in ENGINES
        return self._groups.get(known.port.id) if ours else None

    def _differing(self, known: EngineReadings, commanded: set[tuple[str, str]]) -> set[str]:
        """The containers in which one of these commands runs, or left something."""
        groups, now = self._groups_for(known), time.monotonic()
        return {each[0] for each in commanded if groups is None or known.differs(each, groups, now)}

    def _read(self, known: EngineReadings, engine: Engine, due: set[str], *, hurried: bool) -> None:
        try:
            if ALL in due:
                with known.ready:
                    known.gone.clear()
                raws = known.port.list()
                host = machine_of(self._reader, engine)  # may start ssh: not under the lock
                with known.ready:
                    known.host = host
                    known.captured = {raw.id: known.captured[raw.id] for raw in raws if raw.id in known.captured}
                self._store(known, engine, raws, whole=True, hurried=hurried)
                known.put_off(ALL)
                return
            raws = tuple(raw for what in due if (raw := self._inspect(known, what)) is not None)
            if raws:
                self._store(known, engine, raws, hurried=hurried)
        except EngineError as error:
            failed = replace(engine, state=error.state, message=error.message, error=error.words)
            self._describe(known, failed)
            return

    def _inspect(self, known: EngineReadings, container: str) -> RawContainer | None:
        try:
            return known.port.inspect(container)
        except NoSuchContainerError:
            with known.ready:
                known.forget(container)
            self._changed.set()
            return None

    def _store(
        self,
        known: EngineReadings,
        engine: Engine,
        raws: Sequence[RawContainer],
        *,
        whole: bool = False,
        hurried: bool = False,
    ) -> None:
        """Read the processes of these containers, and trigger a new snapshot if that says something new. `whole`: these
        are all; `hurried`: somebody waits for it.
        """
        ground = self._ground_of(known)
        captured = self._reader.captured(engine, raws, ground)
        if known.started(captured):
            self._read_mounts(known, engine)
        with known.ready:
            news = known.keep(captured, whole)
            known.look_again(captured, ground)
            for item in captured:
                due = self._reader.due((item.raw.engine, item.raw.id))
                if due < inf:
                    known.later.setdefault(item.raw.id, due)
            known.ready.notify_all()
        if hurried:
            self._hurry.set()
        if news or whole or hurried:
            self._changed.set()

    def _read_mounts(self, known: EngineReadings, engine: Engine) -> None:
        if known.host is None:
            self._machine.read_mounts()
        elif (later := machine_of(self._reader, engine)) is not None:  # may take long: not under the lock
            with known.ready:
                known.host = with_mounts_of(known.host, later)

    def _ground_of(self, known: EngineReadings) -> Ground:
        return decode_ground(known.host) if known.host is not None else self._machine.facts()[1]

    def _describe(self, known: EngineReadings, engine: Engine, until_next: float = 0.0) -> None:
        with known.ready:
            if engine.state is EngineState.UNREACHABLE and not engine.version and known.engine is not None:
                # what is still shown of its containers depends on what it reported of itself
                told = known.engine
                engine = replace(engine, version=told.version, rootless=told.rootless, facts=told.facts)
            if engine != known.engine:
                known.engine = engine
                self._hurry.set()
                self._changed.set()
            if engine.state not in (EngineState.CONNECTED, EngineState.UNREACHABLE):
                known.captured.clear()  # containers of a hanging engine stay on screen, those of a stopped one do not
            known.described = time.monotonic()
            known.beat = known.described + (until_next or HEARTBEAT)
            known.ready.notify_all()

    def _publish(self, publish: Publish) -> None:
        published = -self._gather
        shown: Snapshot | None = None
        while True:
            self._changed.wait()
            self._ending.wait(published + self._gather - time.monotonic())
            self._hurry.wait(max(0.0, published + self._interval() - time.monotonic()))
            if self._ending.is_set():
                return
            hurried = self._hurry.is_set()
            self._hurry.clear()
            self._changed.clear()
            engines: list[Engine] = []
            containers: list[CapturedContainer] = []
            hosts: list[tuple[str, Capture]] = []
            listed: set[str] = set()
            asking: list[str] = []
            for known in self.engines:
                with known.ready:
                    if known.engine is None:
                        asking.append(known.port.id)
                        continue
                    engines.append(known.engine)
                    containers.extend(known.captured.values())
                    if known.listed:
                        listed.add(known.engine.id)
                    elif known.engine.state is EngineState.CONNECTED and known.engine.kind in ENGINES:
                        asking.append(known.engine.id)
                    if known.host is not None:
                        hosts.append((known.engine.id, known.host))
            # after the containers, so that the mounts are those that the containers saw
            host = self._machine.facts()[0]
            capture = MachineCapture(
                time.time(), host, tuple(engines), tuple(containers), tuple(hosts), trouble=self._reader.trouble
            )
            self._capture = capture
            self._reader.forget_all_but({(item.raw.engine, item.raw.id) for item in containers})
            try:
                snapshot = self._predictions.added(self._assembler.snapshot(capture))
                privilege = self._elevation.privilege
                snapshot = replace(snapshot, privilege=privilege, listed=frozenset(listed), asking=tuple(asking))
                snapshot = self._with_demo(snapshot)
                if hurried or shown is None or not _says_the_same(shown, snapshot):
                    shown = snapshot
                    publish(snapshot)
            except Exception:
                # a bug in one snapshot must not end the live view; the next change makes another one
                logger.exception("this snapshot could not be made")
            published = time.monotonic()

    def _interval(self) -> float:
        """Seconds between snapshots for which nobody waits."""
        now = time.monotonic()
        crowded = any(known.crowded_for_long(now) for known in self.engines)
        return max(self._steady, CROWDED) if crowded else self._steady

    def _with_demo(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot, or the demo's containers together with the real engines' states if none can be used."""
        if self._demo is None or snapshot.containers or snapshot.asking:
            return snapshot
        usable = (EngineState.CONNECTED, EngineState.UNREACHABLE)  # an unreachable one may return at any moment
        if any(engine.state in usable for engine in snapshot.engines):
            return snapshot
        return replace(self._predictions.added(self._demo()), engines=snapshot.engines)


class DeferredLiveView:
    """Creates the real one on a thread of its own and forwards everything to it."""

    def __init__(self, make: Callable[[], tuple[LiveView, Callable[[], None]]]) -> None:
        """`make` returns the view and a function that releases its resources; it may take seconds."""
        self._make = make
        self._lock = threading.Lock()
        self._watch: LiveView | None = None
        self._give_back: Callable[[], None] = _nothing
        self._focus: tuple[str, str] | None = None
        self._pace: float | None = None
        self._ended = False
        self._publish: Publish | None = None
        self._thread: threading.Thread | None = None

    def start(self, publish: Publish) -> None:
        """Start; returns at once."""

        def run() -> None:
            try:
                watch, give_back = self._make()
            except ProbeError as error:
                self._failed(publish, error.message)
                return
            except Exception as error:  # even after a bug of ours, the window must not wait for ever
                logger.exception("engines can't be looked for")
                why = str(error) or type(error).__name__
                self._failed(publish, msg("This is a bug in this program ({why}).", why=why))
                return
            with self._lock:
                if not self._ended:
                    self._watch, self._give_back = watch, give_back
                    watch.focus(self._focus)
                    if self._pace is not None:
                        watch.pace(self._pace)
                    watch.start(publish)
                    return
            give_back()

        self._publish = publish
        self._thread = threading.Thread(target=run, name="find engines", daemon=True)
        self._thread.start()

    def _failed(self, publish: Publish, why: Message) -> None:
        with self._lock:
            self._thread = None
            if not self._ended:
                publish(Snapshot(time.time(), UNREAD, (), (), unsought=why))

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """See `LiveView`; if creating it failed, try again."""
        if self._watch is not None:
            self._watch.refresh(key)
        elif self._thread is None and self._publish is not None:
            self.start(self._publish)

    def focus(self, key: tuple[str, str] | None) -> None:
        """See LiveView."""
        self._focus = key
        if self._watch is not None:
            self._watch.focus(key)

    def pace(self, seconds: float) -> None:
        """See LiveView."""
        self._pace = seconds
        if self._watch is not None:
            self._watch.pace(seconds)

    def elevate(self) -> None:
        """See LiveView."""
        if self._watch is not None:
            self._watch.elevate()

    def once(self, engine: Engine, pid: int, wants: tuple[str, ...], container: str) -> Capture | None:
        """See LiveView."""
        return None if self._watch is None else self._watch.once(engine, pid, wants, container)

    def capture(self) -> MachineCapture | None:
        """See LiveView."""
        return None if self._watch is None else self._watch.capture()

    def stop(self) -> None:
        """End everything; returns after a few seconds at most."""
        with self._lock:
            self._ended = True
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        self._give_back()


def _says_the_same(one: Snapshot, two: Snapshot) -> bool:
    """Whether two snapshots of the same states differ in their moment alone."""
    if len(one.containers) != len(two.containers) or not all(map(is_, one.containers, two.containers)):
        return False
    return replace(one, taken_at=0.0, containers=()) == replace(two, taken_at=0.0, containers=())


def _nothing() -> None:
    return None
