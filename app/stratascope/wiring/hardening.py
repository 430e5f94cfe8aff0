"""Wiring for hardening: a workbench for one engine, and which engine a container is of.

Beside `engines`, which every start imports: this is imported only where something is to be changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stratascope.core.capture import Capture
from stratascope.core.container import Container, Engine, EngineKind, EngineState, meant
from stratascope.core.ground import Ground, decode_ground
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, EnginePort, Found, NoSuchContainerError, ProbeError, Relauncher
from stratascope.core.process_match import belongs
from stratascope.core.record import Record
from stratascope.core.relaunch.launch_spec import Inside, Vitals
from stratascope.core.relaunch.owner import OwnerError, OwnerKind, OwnerText
from stratascope.core.relaunch.run_options import RunOptions
from stratascope.core.snapshot import ContainerState
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.export import quadlet, run
from stratascope.export.export import ExportError, ExportKind, export
from stratascope.export.shared import compact_profile, has_profile
from stratascope.layers import all_layers
from stratascope.linux.decode import DecodeError
from stratascope.linux.tcp import parse_listeners
from stratascope.owners.local import LocalOwners
from stratascope.presentation.unseen import not_found
from stratascope.state.journal import FileJournal
from stratascope.usecases.evidence import root_files
from stratascope.usecases.evidence.liveness import MEMBER_WANTS, WANTS, vitals
from stratascope.usecases.evidence.startup_processes import Hand, born_with, present
from stratascope.usecases.hardening import Workbench
from stratascope.usecases.live.reader import machine_of
from stratascope.usecases.plan.plan import Plan, Workshop
from stratascope.usecases.relaunch.probation import Clock
from stratascope.wiring.engines import Engines, assembler, describe, open_engines, translations

_PROFILE_MAX = 1 << 20  # bytes of a profile file


class Station:
    """One engine with all that hardening a container of it takes."""

    def __init__(self, engines: Engines, port: EnginePort, engine: Engine, journal: FileJournal) -> None:
        self.engine = engine
        self._port = port
        self._shared = translations()
        self._reader = engines.reader(self._shared)
        self._host: Capture = machine_of(self._reader, engine) or self._reader.host()
        self.ground: Ground = decode_ground(self._host)
        self.shop = Workshop(
            port=self._relauncher(),
            journal=journal,
            engine=engine,
            read=self.read,
            containers=self.containers,
            host=LocalFiles(engine.endpoint),
            text_of=_text,
            listeners=self._listeners,
            clock=Clock(),
            owners=LocalOwners(engine),
            owner_text=owner_text,
            memory_total=self.ground.memory_total,
            born_with=lambda container: self._crew(container, lambda found: born_with(found, self.ground)),
            present=lambda container: self._crew(container, present),
            vitals=self._vitals,
            inside=self._inside,
            trouble=lambda: self._reader.trouble if engine.local else None,
        )
        self.bench = Workbench(self.shop, all_layers(), self.ground)

    def read(self, container: str) -> ContainerState | None:
        """A container as it is now; None where the engine has it not. Raises EngineError."""
        try:
            raw = self._port.inspect(container)
        except NoSuchContainerError:
            return None
        records = self._reader.records(self.engine, (raw,), self.ground)
        record = Record(time.time(), self._host, (self.engine,), records)
        return next(iter(assembler(self._shared).snapshot(record).containers), None)

    def containers(self) -> Sequence[Container]:
        """All containers of the engine, translated."""
        return tuple(self._shared.container(raw, self.engine) for raw in self._port.list())

    def _crew(self, container: str, hands: Callable[[Found], frozenset[Hand] | None]) -> frozenset[Hand] | None:
        """Processes of a container that runs; None where they are out of reach."""
        try:
            raw = self._port.inspect(container)
        except NoSuchContainerError:
            return None
        found = self._reader.records(self.engine, (raw,), self.ground)[0].found
        if found is None or belongs(self._shared.container(raw, self.engine), found.first, self.ground) is not None:
            return None
        return hands(found)

    def _vitals(self, container: str) -> Vitals:
        """Read anew each time: nothing where the engine or its kernel can't be asked now."""
        try:
            found = self._shared.container(self._port.inspect(container), self.engine)
        except (EngineError, NoSuchContainerError):
            return Vitals()
        read = self._reader.once(self.engine, found.pid, WANTS, MEMBER_WANTS) if found.pid else None
        return vitals(found, read, self.ground)

    def _inside(self, container: str) -> Inside:
        """Nothing where it can't be looked at now."""
        try:
            found = self._shared.container(self._port.inspect(container), self.engine)
        except (EngineError, NoSuchContainerError):
            return Inside()
        if not found.pid:
            return Inside()
        read = self._reader.once(self.engine, found.pid, root_files.WANTS)
        parent = None if self.engine.rootless else root_files.parent(found, read, self.ground)
        publisher = None if parent is None else self._reader.once(self.engine, parent, root_files.PUBLISHER_WANTS)
        return root_files.inside(found, read, publisher, self.ground)

    def _relauncher(self) -> Relauncher:
        made: Relauncher = self._port.relauncher()  # type: ignore[attr-defined]
        return made

    def _listeners(self) -> tuple[tuple[str, int], ...] | None:
        if not self.engine.local:
            return None
        try:
            texts = [Path("/proc/net", name).read_text(encoding="ascii") for name in ("tcp", "tcp6")]
            return tuple(listener for text in texts for listener in parse_listeners(text))
        except (OSError, DecodeError):
            return None


def _text(path: str) -> str | None:
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_PROFILE_MAX + 1)
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= _PROFILE_MAX else None


class Stations(tuple[Station, ...]):
    """One for each engine that answers; `engines` has the others too, which say why they do not."""

    engines: tuple[Engine, ...] = ()


def connected(engines: Engines, journal: FileJournal | None = None) -> Stations:
    """A station for each of these engines that answers."""
    described = describe(engines)
    found = Stations(
        Station(engines, port, engine, journal or FileJournal())
        for port, engine in zip(engines.ports, described, strict=True)
        if engine.state is EngineState.CONNECTED
    )
    found.engines = tuple(described)
    return found


@contextmanager
def stations(only: tuple[str, ...] = (), journal: FileJournal | None = None) -> Iterator[Stations]:
    """The same for the engines of this environment. Raises ProbeError where one of `only` is not known."""
    with open_engines(only) as engines:
        yield connected(engines, journal)


def bench_of(engines: Engines, engine_id: str, journal: FileJournal) -> Workbench:
    """The bench of one engine. Raises EngineError where it can't be used now."""
    port = next((port for port in engines.ports if port.id == engine_id), None)
    if port is None:
        raise EngineError(EngineState.ABSENT, msg("The engine {name} is not among those found.", name=engine_id))
    engine = port.describe()
    if engine.state is not EngineState.CONNECTED:
        text = engine.message or msg("The engine {name} can't be used now.", name=engine_id)
        raise EngineError(engine.state, text, engine.error)
    station = Station(engines, port, engine, journal)
    trouble = station.shop.trouble()
    if trouble is not None and not trouble.command:  # it may be well the next time: nothing is kept of this one
        raise EngineError(EngineState.UNREACHABLE, trouble.message, trouble.words)
    return station.bench


def exports_of(made: Plan) -> tuple[tuple[ExportKind, Callable[[], str]], ...]:
    """Each kind of export with the text that it comes to. Raises ExportError, ValueError when it is wanted."""

    def text_of(kind: ExportKind) -> Callable[[], str]:
        return lambda: export(kind, run_options(made))

    return tuple((kind, text_of(kind)) for kind in ExportKind)


def station_of(found: Sequence[Station], name: str) -> tuple[Station, str]:
    """The engine that has a container of that name or id, and its full id. Raises ProbeError where none or several."""
    every = [(station, container) for station in found for container in station.containers()]
    keys = {container.key for container in meant(name, (container for _, container in every))}
    hits = [(station, container.id) for station, container in every if container.key in keys]
    if not hits:
        asked = found.engines if isinstance(found, Stations) else tuple(station.engine for station in found)
        raise ProbeError(not_found(name, asked), name)
    if len(hits) > 1 and len({station.engine.id for station, _ in hits}) == 1:
        ids = ", ".join(number[:16] for _, number in hits)
        text = msg("Several containers have an id that begins with {name}: {ids}. Give more of it.", name=name, ids=ids)
        raise ProbeError(text, name)
    if len(hits) > 1:
        engines = ", ".join(station.engine.id for station, _ in hits)
        raise ProbeError(msg("Several engines have a {name}: say which, with --engine: {engines}.", name=name,
                             engines=engines), name)  # fmt: skip
    return hits[0]


def run_options(made: Plan) -> RunOptions:
    """What the exports write, read from the body that the plan would create. Raises ValueError."""
    if made.spec.kind is EngineKind.DOCKER:
        from stratascope.engines.docker.run_options import run_options as read
    else:
        from stratascope.engines.podman.run_options import run_options as read
    return read(made.spec, made.wanted, made.body)


def owner_text(made: Plan, kind: OwnerKind) -> OwnerText:
    """The override file or drop-in, with the seccomp profile that it names. No secrets. Raises OwnerError."""
    try:
        options = run_options(made)
        text = export(ExportKind.COMPOSE if kind is OwnerKind.COMPOSE else ExportKind.QUADLET, options)
    except (ExportError, ValueError) as error:
        raise OwnerError(msg("Its settings can't be written as a file of its owner."), str(error)) from error
    if not has_profile(options):
        return OwnerText(text)
    name = run.profile_path(options) if kind is OwnerKind.COMPOSE else quadlet.profile_path(options)
    return OwnerText(text, compact_profile(options), name)


def command(made: Plan) -> str:
    """The command that would do the same, without the values of the environment; with an owner, that one's."""
    if made.owner is not None:
        return "\n".join(made.owner.commands) + "\n"
    kind = ExportKind.DOCKER_RUN if made.spec.kind is EngineKind.DOCKER else ExportKind.PODMAN_RUN
    try:
        return export(kind, run_options(made))
    except (ExportError, ValueError):
        return ""
