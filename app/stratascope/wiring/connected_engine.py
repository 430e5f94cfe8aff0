"""What hardening needs of one engine, read through its adapters: `usecases.engine_access` for real."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from stratascope import atomic_file
from stratascope.core.capture import Capture, or_none
from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import Ground, decode_ground, with_mounts_of
from stratascope.core.machine_capture import MachineCapture, Trouble
from stratascope.core.observation.needs import NeedsStore
from stratascope.core.owners import Owners
from stratascope.core.ports import ContainerCapture, EngineError, EnginePort, NoSuchContainerError, Relauncher
from stratascope.core.process_match import belongs
from stratascope.core.relaunch.evidence import Ask, Liveness, PortReply, RootFiles
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import ContainerState
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.linux.process import parse_status
from stratascope.owners.local import LocalOwners
from stratascope.probe import control_groups, network
from stratascope.state import profiles
from stratascope.state.needs import FileNeeds
from stratascope.usecases.evidence import liveness, root_files
from stratascope.usecases.evidence.answers import answer_of, published
from stratascope.usecases.evidence.expected import Clock
from stratascope.usecases.evidence.startup_processes import ProcessKind, all_processes, startup_processes
from stratascope.usecases.live.reader import machine_of
from stratascope.wiring.engines import Engines, assembler, translations
from stratascope.wiring.exports import owner_text
from stratascope.wiring.foresight import foresight

_PROFILE_MAX = 1 << 20  # bytes of a profile file


class ConnectedEngine:
    """A `usecases.engine_access.EngineAccess` of one engine that answers."""

    def __init__(self, engines: Engines, port: EnginePort, engine: Engine, journal: Journal) -> None:
        self.engine, self.journal = engine, journal
        self.needs: NeedsStore = FileNeeds()
        self._port = port
        self._shared = translations()
        self._reader = engines.reader(self._shared)
        self._host: Capture = self._machine()
        self.ground: Ground = decode_ground(self._host)
        self.port: Relauncher = relauncher_of(port)
        self.host = LocalFiles(engine.endpoint)
        self.owners: Owners | None = LocalOwners(engine)
        self._pids: dict[str, int] = {}  # of the first processes that were there when the host's mounts were read
        self._foresight = foresight()
        self.clock = Clock()

    def read(self, container: str) -> ContainerState | None:
        """See `EngineAccess`."""
        try:
            raw = self._port.inspect(container)
        except NoSuchContainerError:
            return None
        captured = self._reader.captured(self.engine, (raw,), self.ground)
        found = captured[0].found
        if found is not None and self._pids.get(container) != found.first.pid:
            self._pids[container] = found.first.pid
            self._host = with_mounts_of(self._host, self._machine())
            self.ground = decode_ground(self._host)
        capture = MachineCapture(time.time(), self._host, (self.engine,), captured)
        state = next(iter(assembler(self._shared).snapshot(capture).containers), None)
        if state is None or not state.container.status.rests:
            return state
        return self._foresight.foreseen(state, self.engine, self.ground)

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
        return profiles.place(text, reader=self.engine.daemon_uid)

    def keep_profile(self, path: str, text: str) -> None:
        """See `EngineAccess`."""
        profiles.keep(path, text)

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
            self._reader.once(self.engine, found.pid, liveness.WANTS, liveness.MEMBER_WANTS, found.id)
            if found.pid
            else None
        )
        return liveness.liveness_of(found, read, self.ground)

    def root_files(self, container: str) -> RootFiles:
        """See `EngineAccess`."""
        found = self._inspected(container)
        if found is None or not found.pid:
            return RootFiles()
        read = self._reader.once(self.engine, found.pid, root_files.WANTS, container=found.id)
        parent = None if self.engine.rootless else root_files.parent(found, read, self.ground)
        publisher = None if parent is None else self._reader.once(self.engine, parent, ("ns/net",))
        if parent is not None and publisher is not None and publisher.first.text("ns/net") != _own_network():
            publisher = self._reader.once(self.engine, parent, root_files.PUBLISHER_WANTS)
        else:
            publisher = None  # what listens beside us is known
        return root_files.root_files_of(found, read, publisher, self.ground)

    def trouble(self) -> Trouble | None:
        """See `EngineAccess`."""
        return self._reader.trouble if self.engine.local else None

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[PortReply, ...] | None:
        """See `EngineAccess`."""
        if not self.engine.local:  # its processes and its ports are another machine's
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
        """None where the engine can't be asked now."""
        try:
            return self._shared.container(self._port.inspect(container), self.engine)
        except (EngineError, NoSuchContainerError):
            return None

    def _found(self, container: str) -> ContainerCapture | None:
        """What the collector read of a container that runs; None where it is out of reach."""
        try:
            raw = self._port.inspect(container)
        except NoSuchContainerError:
            return None
        found = self._reader.captured(self.engine, (raw,), self.ground)[0].found
        if found is None or belongs(self._shared.container(raw, self.engine), found.first, self.ground) is not None:
            return None
        return found


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
