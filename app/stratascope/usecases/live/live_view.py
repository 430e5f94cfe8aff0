"""The live view: two threads per engine, and one that publishes snapshots. No caller ever waits for an engine.

Of an engine's threads one follows its events, the other reads: all containers when the engine answers, later
only what an event names, and that once more a moment later, because an exec session's process appears after
its event. An engine that fails is tried again with growing pauses; the others do not notice. Snapshots are
coalesced: many events, one picture. Decided against asyncio: both SDKs block.

`elevation` asks for root on a thread of its own, since a person may take minutes to answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stratascope.core.capture import Capture, whole_gap
from stratascope.core.container import Engine, EngineState
from stratascope.core.ground import Ground, decode_ground
from stratascope.core.ports import EngineError, EnginePort, EventKind, NoSuchContainerError, Prober, RawContainer
from stratascope.core.record import ContainerRecord, Record
from stratascope.core.snapshot import Snapshot
from stratascope.usecases.live.assembler import Assembler
from stratascope.usecases.live.elevation import Elevation, RootAccess
from stratascope.usecases.live.reader import Reader, machine_of

logger = logging.getLogger(__name__)
Publish = Callable[[Snapshot], None]

PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds between tries to reach an engine again; the last one repeats
SECOND_LOOK = 0.6  # seconds after an event at which its container is read once more
HEARTBEAT = 5.0  # seconds between questions whether an engine still answers (a stopped one ends no stream)
SETTLE = 0.25  # seconds from an engine's first list to following its events
PACE = 2.0  # seconds between readings of the container that is looked at, where nothing else was said
GATHER = 0.02  # seconds in which changes are gathered into one snapshot
ALL = "*"  # in place of a container's id


@dataclass
class _Room:
    """What is known of one engine. `ready` guards all fields."""

    port: EnginePort
    ready: threading.Condition = field(default_factory=threading.Condition)
    engine: Engine | None = None
    records: dict[str, ContainerRecord] = field(default_factory=dict)
    host: Capture | None = None  # another machine's
    due: dict[str, float] = field(default_factory=dict)  # container id or ALL -> when to read it
    later: dict[str, float] = field(default_factory=dict)  # the same, for the second look
    listed: bool = False  # whether all its containers have been read once
    gone: set[str] = field(default_factory=set)  # removed since the last list: a late answer must not revive it
    beat: float = 0.0
    try_now: threading.Event = field(default_factory=threading.Event)

    def take_due(self, now: float) -> set[str]:
        """What is to be read by now; not due any more afterwards."""
        taken = set()
        for waiting in (self.due, self.later):
            for what in [what for what, when in waiting.items() if when <= now]:
                del waiting[what]
                taken.add(what)
        return taken

    def forget(self, container: str) -> None:
        """The container is gone."""
        self.gone.add(container)
        self.records.pop(container, None)
        self.due.pop(container, None)
        self.later.pop(container, None)


class Watch:
    """Follows engines from `start` to `stop`. `publish` is called from one thread of ours, never two at once."""

    def __init__(
        self,
        ports: Sequence[EnginePort],
        reader: Reader,
        assembler: Assembler,
        demo: Callable[[], Snapshot] | None = None,
        root: RootAccess | None = None,
    ) -> None:
        """`demo` is shown while no engine at all can be used."""
        self._reader = reader
        self._demo = demo
        self._assembler = assembler
        self._rooms = tuple(_Room(port) for port in ports)
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._elevation = Elevation(root, self._changed.set)
        self._threads: list[threading.Thread] = []
        self._host_lock = threading.Lock()
        self._host: Capture | None = None
        self._ground: Ground | None = None
        self._host_asked = False  # whether this machine is to be read again
        self._host_due = 0.0  # when to try again to read the machine, where it could not be read
        self._record: Record | None = None
        self._focus: tuple[str, str] | None = None
        self._pace = PACE
        self._next_look = 0.0  # when the container that is looked at is to be read again

    def start(self, publish: Publish) -> None:
        """Begin; returns at once."""
        self._spawn("publish", partial(self._publish, publish))
        for room in self._rooms:
            self._spawn(f"follow {room.port.id}", partial(self._follow, room))
            self._spawn(f"read {room.port.id}", partial(self._work, room))
        if not self._rooms:
            self._changed.set()

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Read one container, or everything, again; engines that failed are tried at once."""
        if key is None:
            self._host_asked = True  # not under the lock: this machine may be in the midst of being read
        self._reader.forget(key)
        for room in self._rooms:
            if key is None or room.port.id == key[0]:
                self._want(room, ALL if key is None else key[1])
                room.try_now.set()

    def focus(self, key: tuple[str, str] | None) -> None:
        """The container that is looked at: its present use is read again and again, see `pace`."""
        self._focus, self._next_look = key, 0.0
        for room in self._rooms:
            with room.ready:
                room.ready.notify_all()

    def pace(self, seconds: float) -> None:
        """How often that is done."""
        self._pace = seconds

    def elevate(self) -> None:
        """Begin to read what only root can, of all containers and of those to come; returns at once.

        Each snapshot's `privilege` tells how it goes. A refusal leaves everything else as it was.
        """
        if self._elevation.begin():
            # not one of the threads that `stop` waits for: a person may let the question stand
            asking = partial(self._elevation.ask, self._use)
            threading.Thread(target=asking, name="elevate", daemon=True).start()

    def _use(self, root: Prober) -> None:
        self._reader.use(root, self._elevation.fall)
        self.refresh()

    def record(self) -> Record | None:
        """The raw text behind the last snapshot, to be saved; None before the first one."""
        return self._record

    def stop(self) -> None:
        """End all threads and give back the engines; returns when they are done or after two seconds."""
        self._ending.set()
        self._changed.set()
        for room in self._rooms:
            room.try_now.set()
            with room.ready:
                room.ready.notify_all()
            room.port.close()
        limit = time.monotonic() + 2.0
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _follow(self, room: _Room) -> None:
        """Connect, follow events, and start over when the stream ends."""
        failures = 0
        while not self._ending.is_set():
            room.try_now.clear()
            engine = room.port.describe()
            self._describe(room, engine)
            if engine.state is EngineState.CONNECTED:
                failures = 0
                self._want(room, ALL)
                self._settle(room)
                self._stream(room)
            if self._ending.is_set():
                return
            room.try_now.wait(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    def _settle(self, room: _Room) -> None:
        """Let the list come to the screen first: what is needed to follow events (an SDK) takes long to load, and would
        take its time from that. The second look, put off, finds what happens before the stream begins.
        """
        with room.ready:
            room.ready.wait_for(lambda: ALL not in room.due or self._ending.is_set(), SETTLE)
        self._ending.wait(SETTLE)
        with room.ready:
            room.later[ALL] = time.monotonic() + SECOND_LOOK

    def _stream(self, room: _Room) -> None:
        try:
            for event in room.port.events():
                if self._ending.is_set():
                    return
                if event.kind is EventKind.REMOVED:
                    with room.ready:
                        room.forget(event.container)
                    self._changed.set()
                else:
                    self._want(room, event.container)
        except EngineError:
            return  # describe() will say what it is

    def _want(self, room: _Room, what: str) -> None:
        """Read it now, and once more a moment later."""
        with room.ready:
            now = time.monotonic()
            room.due[what] = now
            room.later[what] = now + SECOND_LOOK
            room.ready.notify_all()

    def _work(self, room: _Room) -> None:
        """Read what is due, until the end."""
        while not self._ending.is_set():
            with room.ready:
                now = time.monotonic()
                due = room.take_due(now)
                if not due and (room.engine is None or now < room.beat):
                    room.ready.wait(self._patience(room, now))
                    continue
                engine = room.engine
            if engine is None:
                continue
            try:
                if not due:
                    self._beat(room)
                elif engine.state is EngineState.CONNECTED:
                    self._read(room, engine, due)
            except Exception:
                logger.exception("reading %s failed", room.port.id)
                self._ending.wait(PAUSES[0])

    def _patience(self, room: _Room, now: float) -> float:
        """Seconds until something is to be done for this engine."""
        moments = [*room.due.values(), *room.later.values(), room.beat if room.engine is not None else now + HEARTBEAT]
        return max(0.01, min(min(moments) - now, HEARTBEAT))

    def _beat(self, room: _Room) -> None:
        """Does the engine still answer? And what does the container use that is looked at?"""
        focus = self._focus
        watched = focus is not None and focus[0] == room.port.id
        now = time.monotonic()
        if watched and focus is not None and room.engine is not None and now >= self._next_look:
            self._next_look = now + self._pace
            with room.ready:
                record = room.records.get(focus[1])
            if record is not None and room.engine.state is EngineState.CONNECTED:
                self._store(room, room.engine, (record.raw,))
        engine = room.port.describe()
        before = room.engine
        self._describe(room, engine, min(self._pace, HEARTBEAT) if watched else HEARTBEAT)
        if engine.state is EngineState.CONNECTED and before is not None and before.state is not engine.state:
            self._want(room, ALL)

    def _read(self, room: _Room, engine: Engine, due: set[str]) -> None:
        try:
            if ALL in due:
                with room.ready:
                    room.gone.clear()
                raws = room.port.list()
                host = machine_of(self._reader, engine)  # may start ssh: not under the lock
                with room.ready:
                    room.host = host
                    room.records = {raw.id: room.records[raw.id] for raw in raws if raw.id in room.records}
                self._store(room, engine, raws, whole=True)
                return
            raws = tuple(raw for what in due if (raw := self._inspect(room, what)) is not None)
            self._store(room, engine, raws)
        except EngineError as error:
            failed = replace(engine, state=error.state, message=error.message, error=error.words)
            self._describe(room, failed)
            return

    def _inspect(self, room: _Room, container: str) -> RawContainer | None:
        try:
            return room.port.inspect(container)
        except NoSuchContainerError:
            with room.ready:
                room.forget(container)
            self._changed.set()
            return None

    def _store(self, room: _Room, engine: Engine, raws: Sequence[RawContainer], *, whole: bool = False) -> None:
        """Read the processes of these containers, and let the picture be made anew. `whole`: these are all."""
        ground = self._ground_of(room)
        records = self._reader.records(engine, raws, ground)
        with room.ready:
            room.records.update({item.raw.id: item for item in records if item.raw.id not in room.gone})
            room.listed = room.listed or whole
        self._changed.set()

    def _ground_of(self, room: _Room) -> Ground:
        return decode_ground(room.host) if room.host is not None else self._own_ground()[1]

    def _own_ground(self) -> tuple[Capture, Ground]:
        """This machine's facts: read once, and again after `refresh`; where they could not be read, now and then."""
        with self._host_lock:  # the others wait for the one that reads
            now = time.monotonic()
            failed = self._host is not None and whole_gap(self._host) is not None
            if self._host is None or self._ground is None or self._host_asked or (failed and now >= self._host_due):
                self._host_asked = False  # before it is read: what is asked from now on is another reading
                self._host = self._reader.host()
                self._ground = decode_ground(self._host)
                self._host_due = now + HEARTBEAT
            return self._host, self._ground

    def _describe(self, room: _Room, engine: Engine, until_next: float = HEARTBEAT) -> None:
        with room.ready:
            if engine != room.engine:
                room.engine = engine
                self._changed.set()
            if engine.state not in (EngineState.CONNECTED, EngineState.UNREACHABLE):
                room.records.clear()  # a hanging engine's containers stay on screen, a stopped one's do not
            room.beat = time.monotonic() + until_next
            room.ready.notify_all()

    def _publish(self, publish: Publish) -> None:
        while True:
            self._changed.wait()
            if self._ending.is_set():
                return
            time.sleep(GATHER)
            self._changed.clear()
            host = self._own_ground()[0]
            engines: list[Engine] = []
            containers: list[ContainerRecord] = []
            hosts: list[tuple[str, Capture]] = []
            listed: set[str] = set()
            asking: list[str] = []
            for room in self._rooms:
                with room.ready:
                    if room.engine is None:
                        asking.append(room.port.id)
                        continue
                    engines.append(room.engine)
                    containers.extend(room.records.values())
                    if room.listed:
                        listed.add(room.engine.id)
                    elif room.engine.state is EngineState.CONNECTED:
                        asking.append(room.engine.id)
                    if room.host is not None:
                        hosts.append((room.engine.id, room.host))
            record = Record(
                time.time(), host, tuple(engines), tuple(containers), tuple(hosts), trouble=self._reader.trouble
            )
            self._record = record
            try:
                snapshot = self._with_demo(self._assembler.snapshot(record))
                if not snapshot.demo:
                    privilege = self._elevation.privilege
                    snapshot = replace(snapshot, privilege=privilege, listed=frozenset(listed), asking=tuple(asking))
                publish(snapshot)
            except Exception:
                # a fault of ours in one picture must not end the live view; the next change makes another
                logger.exception("this snapshot could not be made")

    def _with_demo(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot, or the demo's containers beside the real engines' states, where none can be used."""
        if self._demo is None or snapshot.containers or len(snapshot.engines) < len(self._rooms):
            return snapshot
        usable = (EngineState.CONNECTED, EngineState.UNREACHABLE)  # one that hangs may come back any moment
        if any(engine.state in usable for engine in snapshot.engines):
            return snapshot
        return replace(self._demo(), engines=snapshot.engines)
