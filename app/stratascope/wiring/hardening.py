"""Hardening on this environment's engines: what it reads through an engine's adapters (`usecases.engine_access`), and
plans as text: exports, the text for the owner's files, and the equivalent command.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path

from stratascope import atomic_file
from stratascope.collector.read import TooLongError
from stratascope.core.capture import Capture, or_none
from stratascope.core.container import NO_ENGINE, Asked, Container, Engine, EngineKind, EngineState, matching
from stratascope.core.ground import Ground, decode_ground, with_mounts_of
from stratascope.core.message import msg
from stratascope.core.observation.observation import NeedsStore, places_of
from stratascope.core.options.request import RunOptions
from stratascope.core.ports import (
    ContainerCapture,
    CopyEngine,
    EngineError,
    EnginePort,
    NoSuchContainerError,
    OwnerError,
    Owners,
    ProbeError,
    Prober,
    RawContainer,
)
from stratascope.core.process_match import belongs
from stratascope.core.relaunch.data_volume import new_volumes
from stratascope.core.relaunch.evidence import Ask, Clock, Liveness, PortReply, RootFiles
from stratascope.core.relaunch.launch_spec import ContainerFile, LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import CapturedContainer, ContainerState, MachineCapture, Trouble
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.formats.quadlet import write as quadlet
from stratascope.formats.run import write as run
from stratascope.formats.shared import compact_profile, has_profile
from stratascope.i18n.translate import translate
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import parse_stat, parse_status
from stratascope.owners.local import LocalOwners
from stratascope.presentation.takeover import not_found
from stratascope.probe import control_groups, network
from stratascope.state import needs
from stratascope.state.journal import FileJournal
from stratascope.state.needs import FileNeeds
from stratascope.usecases.evidence import readings
from stratascope.usecases.evidence.answers import answer_of, published
from stratascope.usecases.evidence.readings import ProcessKind, all_processes, startup_processes
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.live.reader import EngineQueries, machine_of
from stratascope.usecases.observe.service import ObservationService, held
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.watched_twins import WatchedTwins
from stratascope.value import Value, replace
from stratascope.wiring.engines import Engines, assembler, describe, not_among, open_engines, translations
from stratascope.wiring.views import predictions

_PROFILE_MAX = 1 << 20  # bytes of a profile file


class _Machine:
    """The engine's machine, as last read."""

    def __init__(self, host: Capture) -> None:
        self.pids: dict[str, int] = {}  # first processes that existed when its mounts were read
        self.see(host)

    def see(self, host: Capture) -> None:
        self.host, self.ground = host, decode_ground(host)


class _Moment:
    """Readings of containers shared by one pass."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[RawContainer, CapturedContainer]] = {}
        self.lock = threading.Lock()


class _Others:
    """The containers that one is compared with, read once. `ports`: of engines beside its own."""

    def __init__(self, ports: Sequence[EnginePort] = ()) -> None:
        self.ports = ports
        self.found: _Sharers | None = None
        self.lock = threading.Lock()


_Sharers = tuple[tuple[Engine, tuple[CapturedContainer, ...]], ...]


class ConnectedEngine:
    """A `usecases.engine_access.EngineAccess` for one engine that answers."""

    def __init__(self, engines: Engines, port: EnginePort, engine: Engine, journal: Journal) -> None:
        self.engine, self.journal = engine, journal
        self.needs: NeedsStore = FileNeeds()
        self._port, self._engines = port, engines
        self._shared = translations()
        self._reader = engines.reader(self._shared)
        self._seen = _Machine(self._machine())
        self.port: CopyEngine = relauncher_of(port)
        self.host = LocalFiles(engine.endpoint)
        self.owners: Owners | None = LocalOwners(engine)
        self._moment: _Moment | None = None
        self._others: _Others | None = None
        self._predictions = predictions()
        self.clock = Clock()

    def read(self, container: str) -> ContainerState | None:
        """See `EngineAccess`."""
        try:
            _, captured = self._captured(container)
        except NoSuchContainerError:
            return None
        found, seen = captured.found, self._seen
        if found is not None and seen.pids.get(container) != found.first.pid:
            seen.pids[container] = found.first.pid
            seen.see(with_mounts_of(seen.host, self._machine()))
        sharers = self._sharers()
        others = [each for _, listed in sharers for each in listed if each.raw.id != captured.raw.id]
        engines = tuple(engine for engine, _ in sharers)
        capture = MachineCapture(time.time(), seen.host, engines, (captured, *others))
        snapshot = assembler(self._shared).snapshot(capture, wanted=lambda each: each.id == captured.raw.id)
        state = next(iter(snapshot.containers), None)
        if state is None or not state.container.status.rests:
            return state
        return self._predictions.foreseen(state, self.engine, self.ground)

    def use(self, root: Prober) -> None:
        """From now on, read everything that only root can read, by this prober, which is root."""
        self._reader.use(root)

    @property
    def ground(self) -> Ground:
        """See `EngineAccess`."""
        return self._seen.ground

    def moment(self) -> ConnectedEngine:
        """See `EngineAccess`."""
        if self._moment is not None:
            return self
        made = copy(self)
        made._moment, made._others = _Moment(), _Others()
        return made

    def beside_all(self) -> ConnectedEngine:
        """See `CopyAccess`."""
        if self._others is not None and self._others.ports:
            return self
        made = copy(self)
        made._others = _Others(self._engines.ports)
        return made

    def file_inside(self, container: str, path: str, most: int) -> tuple[ContainerFile | None] | None:
        """See `EngineAccess`."""
        found = self._found(container)
        stat = None if found is None else or_none(found.first.decoded("stat", parse_stat))
        if found is None or stat is None:
            return None
        try:
            return (self.host.file_inside(found.first.pid, stat.start, path, most),)
        except (OSError, ValueError, DecodeError, TooLongError):
            return None

    def _machine(self) -> Capture:
        return machine_of(self._reader, self.engine) or self._reader.host()

    def containers(self) -> Sequence[Container]:
        """See `EngineAccess`."""
        return tuple(self._shared.container(raw, self.engine) for raw in self._port.list())

    def profile_text(self, path: str) -> str | None:
        """See `EngineAccess`."""
        return _text(path)

    def profile_place(self, text: str) -> str:
        """See `EngineAccess`."""
        return needs.profile_path(text, reader=self.engine.daemon_uid)

    def keep_profile(self, path: str, text: str) -> None:
        """See `EngineAccess`."""
        needs.keep_profile(path, text)

    def listeners(self) -> tuple[tuple[str, int], ...] | None:
        """See `EngineAccess`."""
        return network.listeners() if self.engine.local else None

    def bound(self) -> tuple[tuple[str, int], ...] | None:
        """See `EngineAccess`."""
        return network.bound() if self.engine.local else None

    def owner_text(self, kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
        """See `EngineAccess`."""
        return owner_text(kind, spec, wanted, body)

    def startup_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """See `EngineAccess`."""
        found = self._found(container)
        return None if found is None else startup_processes(found, self.ground)

    def all_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """See `EngineAccess`."""
        found = self._found(container)
        return None if found is None else all_processes(found)

    def liveness(self, container: str) -> Liveness:
        """See `EngineAccess`."""
        found = self._inspected(container)
        if found is None:
            return Liveness()
        read = (
            self._reader.once(self.engine, found.pid, readings.LIVENESS_WANTS, readings.LIVENESS_MEMBER_WANTS, found.id)
            if found.pid
            else None
        )
        return readings.liveness_of(found, read, self.ground)

    def root_files(self, container: str) -> RootFiles:
        """See `EngineAccess`."""
        found = self._inspected(container)
        if found is None or not found.pid:
            return RootFiles()
        read = self._reader.once(self.engine, found.pid, readings.ROOT_FILES_WANTS, container=found.id)
        parent = None if self.engine.rootless else readings.parent(found, read, self.ground)
        publisher = None if parent is None else self._reader.once(self.engine, parent, ("ns/net",))
        if parent is not None and publisher is not None and publisher.first.text("ns/net") != _own_network():
            publisher = self._reader.once(self.engine, parent, readings.PUBLISHER_WANTS)
        else:
            publisher = None  # listeners in our own namespace are known
        return readings.root_files_of(found, read, publisher, self.ground)

    def trouble(self) -> Trouble | None:
        """See `EngineAccess`."""
        return self._reader.trouble if self.engine.local else None

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[PortReply, ...] | None:
        """See `EngineAccess`."""
        if not self.engine.local:  # its processes and its ports are on another machine
            return None
        found = self._found(container)
        heard = None if found is None else network.hear_inside(found.first.pid, asks)
        if heard is None:
            there = self._inspected(container)
            places = {} if there is None else published(there.asked.ports)
            reached = [ask for ask in asks if ask.port in places]
            heard = network.hear(reached, places) if reached else None
        return None if heard is None else tuple(map(answer_of, heard))

    def caught_signals(self, container: str) -> tuple[int, ...] | None:
        """See `EngineAccess`."""
        found = self._found(container)
        status = None if found is None else or_none(found.first.decoded("status", parse_status))
        caught = None if status is None else status.caught
        return None if caught is None else tuple(bit + 1 for bit in range(64) if caught >> bit & 1)

    def release(self, cgroup: str) -> None:
        """See `EngineAccess`."""
        if self.engine.local:
            control_groups.remove(cgroup)

    def _inspected(self, container: str) -> Container | None:
        """Inspect a container; None if the engine can't answer now."""
        try:
            raw = self._port.inspect(container) if self._moment is None else self._captured(container)[0]
        except (EngineError, NoSuchContainerError):
            return None
        return self._shared.container(raw, self.engine)

    def _found(self, container: str) -> ContainerCapture | None:
        """What the collector read of a running container; None if it is out of reach."""
        try:
            raw, captured = self._captured(container)
        except NoSuchContainerError:
            return None
        found = captured.found
        if found is None or belongs(self._shared.container(raw, self.engine), found.first, self.ground) is not None:
            return None
        return found

    def _captured(self, container: str) -> tuple[RawContainer, CapturedContainer]:
        """Inspect and read a container. Raises EngineError, NoSuchContainerError."""
        if self._moment is None:
            raw = self._port.inspect(container)
            return raw, self._reader.captured(self.engine, (raw,), self.ground)[0]
        with self._moment.lock:  # several threads want it at the same time
            if container not in self._moment.known:
                raw = self._port.inspect(container)
                self._moment.known[container] = raw, self._reader.captured(self.engine, (raw,), self.ground)[0]
            return self._moment.known[container]

    def _sharers(self) -> _Sharers:
        """The containers of each engine, its own first, with only what they may share with each other: in a user
        namespace of all, as of a rootless Podman, each may enter the others' processes that it sees.
        """
        others = self._others or _Others()
        with others.lock:  # several threads want it at the same time
            if others.found is None:
                ours = (self._port.id, NO_ENGINE.id)
                ports = [port for port in others.ports if port.id not in ours and not port.shell]
                asked = EngineQueries(ports if self.engine.local else ())
                own = self._reader.captured(self.engine, self._port.list(), self.ground, lambda _: False)
                others.found = ((self.engine, own), *self._beside(asked))
            return others.found

    def _beside(self, asked: EngineQueries) -> Iterator[tuple[Engine, tuple[CapturedContainer, ...]]]:
        for described, listing in asked.engines:
            engine = described.result()
            with suppress(EngineError):  # one that fails meanwhile has none
                raws = listing.result()
                if engine.state is EngineState.CONNECTED and engine.local:
                    yield engine, self._reader.captured(engine, raws, self.ground, lambda _: False)


def _own_network() -> str:
    try:
        return str(Path("/proc/self/ns/net").readlink())
    except OSError:
        return ""


def _text(path: str) -> str | None:
    try:
        data = atomic_file.read(Path(path), _PROFILE_MAX)
        return None if data is None else data.decode()
    except (OSError, ValueError):
        return None


_FORMATS = {OwnerKind.COMPOSE: ExportKind.COMPOSE, OwnerKind.SYSTEMD: ExportKind.QUADLET}
_PROFILE_PATHS = {OwnerKind.COMPOSE: run.profile_path, OwnerKind.SYSTEMD: quadlet.profile_path}


def exports_of(made: Plan) -> tuple[tuple[ExportKind, Callable[[], str]], ...]:
    """Each kind of export with a function for its text, which raises ExportError, ValueError."""

    def text_of(kind: ExportKind) -> Callable[[], str]:
        return lambda: export(kind, options_of(made))

    return tuple((kind, text_of(kind)) for kind in ExportKind)


def run_options(spec: LaunchSpec, wanted: Asked, body: str) -> RunOptions:
    """The options that exports write, read from the body that a plan would create. Raises ValueError."""
    if spec.kind is EngineKind.DOCKER:
        from stratascope.engines.docker.run_options import run_options as read
    else:
        from stratascope.engines.podman.run_options import run_options as read
    found = read(spec, wanted, body)
    filled = {volume.target for volume in new_volumes(spec.asked, wanted)}  # elsewhere, by nobody but the engine
    mounts = (
        replace(mount, words=tuple(word for word in mount.words if word != "nocopy"))
        if mount.kind == "volume" and mount.target in filled
        else mount
        for mount in found.mounts
    )
    return replace(found, mounts=tuple(mounts))


def options_of(made: Plan) -> RunOptions:
    """The options that a plan results in, with the seccomp profile's JSON where its file is not written before the plan
    is carried out. Raises ValueError.
    """
    found = run_options(made.spec, made.wanted, made.body)
    return replace(found, seccomp=dict(made.files).get(found.seccomp, found.seccomp))


def owner_text(kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
    """The override file or drop-in, with the seccomp profile that it names. No secrets. Raises OwnerError."""
    try:
        options = run_options(spec, wanted, body)
        text = export(_FORMATS[kind], options)
        if not has_profile(options):
            return OwnerText(text)
        return OwnerText(text, compact_profile(options), _PROFILE_PATHS[kind](options))
    except (ExportError, ValueError) as error:
        words = translate(error.message) if isinstance(error, ExportError) else str(error)
        raise OwnerError(msg("Its settings can't be written as a file for its owner."), words) from error


def command(made: Plan) -> str:
    """The equivalent command, without the values of the environment; with an owner, the owner's."""
    if made.owner is not None:
        return "\n".join(made.owner.commands) + "\n"
    kind = ExportKind.DOCKER_RUN if made.spec.kind is EngineKind.DOCKER else ExportKind.PODMAN_RUN
    try:
        return export(kind, options_of(made))
    except (ExportError, ValueError):
        return ""


class ConnectedHardening(Value):
    """Hardening for the command line: all engines are queried in parallel, and those that answer are kept."""

    hardening: Hardening
    accesses: tuple[ConnectedEngine, ...]
    engines: tuple[Engine, ...]  # also those that do not answer, with the reason

    def container(self, name: str) -> tuple[ConnectedEngine, str]:
        """The engine with a container of that name or id, and its full id. Raises ProbeError if not exactly one
        matches.
        """
        every = [(access, container) for access in self.accesses for container in access.containers()]
        keys = {container.key for container in matching(name, (container for _, container in every))}
        hits = [(access, container.id) for access, container in every if container.key in keys]
        if not hits:
            raise ProbeError(not_found(name, self.engines, (container.name for _, container in every)), name)
        if len(hits) > 1 and len({access.engine.id for access, _ in hits}) == 1:
            ids = ", ".join(number[:16] for _, number in hits)
            text = msg("Several containers have an ID that begins with {name}: {ids}. Give more of it.", name=name,
                       ids=ids)  # fmt: skip
            raise ProbeError(text, name)
        if len(hits) > 1:
            engines = ", ".join(access.engine.id for access, _ in hits)
            raise ProbeError(msg("Several engines have a {name}. Choose one with --engine: {engines}.", name=name,
                                 engines=engines), name)  # fmt: skip
        return hits[0]

    def state(self, name: str, *, beside_all: bool = False) -> tuple[ConnectedEngine, ContainerState]:
        """The same, read now. Raises what `container` and the engine raise, NoSuchContainerError if it is gone.
        `beside_all`: as of `CopyAccess`.
        """
        access, container = self.container(name)
        access = access.beside_all() if beside_all else access
        state = access.read(container)
        if state is None:
            raise NoSuchContainerError(container)
        return access, state


def connected(
    engines: Engines,
    journal: Journal | None = None,
    *,
    terminal: bool = False,
    described: tuple[Engine, ...] | None = None,
) -> ConnectedHardening:
    """Hardening on those engines that answer. `terminal`: a person there can be asked for a password.

    `described`: the engines' descriptions, if they were already queried.
    """
    journal = journal or FileJournal()
    described = describe(engines) if described is None else described
    accesses = {
        engine.id: ConnectedEngine(engines, port, engine, journal)
        for port, engine in zip(engines.ports, described, strict=True)
        if engine.state is EngineState.CONNECTED and engine.kind is not EngineKind.SANDBOXES
    }

    def connect(engine: str) -> ConnectedEngine:
        if engine not in accesses:
            raise not_among(engine)
        return accesses[engine]

    return ConnectedHardening(
        Hardening(connect, journal, command, lambda: engines.root(terminal=terminal)),
        tuple(accesses.values()),
        described,
    )


@contextmanager
def open_hardening(
    only: tuple[str, ...] = (), journal: Journal | None = None, *, terminal: bool = False
) -> Iterator[ConnectedHardening]:
    """The same for the engines of this environment. Raises ProbeError if one of `only` is unknown."""
    with open_engines(only) as engines:
        yield connected(engines, journal, terminal=terminal)


def connect(engines: Engines, engine_id: str, journal: Journal) -> ConnectedEngine:
    """One engine, for the window. Raises EngineError if it can't be used now, and for sandboxes, which have none."""
    if engine_id == EngineKind.SANDBOXES:
        raise EngineError(EngineState.ABSENT, msg("No engine starts this sandbox, so it can't be relaunched here."))
    port = engines.port(engine_id)
    engine = port.describe()
    if engine.state is not EngineState.CONNECTED:
        text = engine.message or msg("The engine {name} can't be used now.", name=engine_id)
        raise EngineError(engine.state, text, engine.error)
    access = ConnectedEngine(engines, port, engine, journal)
    trouble = access.trouble()
    if trouble is not None and not trouble.command:  # it may succeed the next time: nothing is cached
        raise EngineError(EngineState.UNREACHABLE, trouble.message, trouble.words)
    return access


def learning(engines: Engines, *, terminal: bool) -> ObservationService:
    """The service that records observations. `terminal`: a person at our terminal can be asked for a password."""
    return ObservationService(FileNeeds(), lambda: engines.root(terminal=terminal))


def watched_twins(
    engines: Engines, engine: Engine, state: ContainerState, *, terminal: bool, running: bool = False
) -> WatchedTwins:
    """Observed twins, for trials of one container. `running`: as of `WatchedTwins`."""
    places = places_of(state.container.asked)
    return WatchedTwins(lambda: engines.root(terminal=terminal), engine, held(state), places, running=running)


def watched_twins_of(engines: Engines, state: ContainerState) -> WatchedTwins:
    """The same for the window, which has no terminal; queries the engine's description. Raises EngineError."""
    return watched_twins(engines, engines.port(state.container.engine).describe(), state, terminal=False)
