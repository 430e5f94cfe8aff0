"""An in-memory `usecases.engine_access`, which returns only what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rig.usecases.host import Host
from stratascope.core.container import Asked, Container, Engine, EngineKind
from stratascope.core.ground import UNREAD, Ground
from stratascope.core.observation.observation import Needs, NeedsStore, Observation, added, needs_key
from stratascope.core.ports import HostFiles, Owners, Relauncher
from stratascope.core.relaunch.evidence import Ask, Clock, Liveness, PortReply, RootFiles
from stratascope.core.relaunch.launch_spec import ContainerFile, LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import ContainerState, Trouble
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.value import replace

ENGINE = Engine("memory", EngineKind.DOCKER, "unix:///memory")


@dataclass
class Seconds:
    """A clock that advances only by sleeping."""

    passed: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.passed, self.sleep)


class MemoryNeeds:
    """An in-memory store of needs."""

    def __init__(self) -> None:
        self._known: dict[str, Needs] = {}
        self._same: dict[str, str] = {}
        self.watches: dict[str, Observation] = {}

    def of(self, container: Container, but: str = "") -> Needs | None:
        return self._known.get(self._key(container))

    def so_far(self, container: Container, watch: str, observation: Observation) -> None:
        self.watches[watch] = observation

    def add(self, container: Container, observation: Observation, watch: str = "") -> Needs:
        known = self._known.get(self._key(container), Needs(container.image, container.command))
        found = replace(known, observation=added(known.observation, observation))
        self._known[self._key(container)] = found
        self.watches.pop(watch, None)
        return found

    def share(self, container: Container, other: Container) -> None:
        if self._key(container) != needs_key(other):
            self._same[needs_key(other)] = self._key(container)

    def forget(self, container: Container) -> bool:
        return self._known.pop(self._key(container), None) is not None

    def _key(self, container: Container) -> str:
        return self._same.get(needs_key(container), needs_key(container))


@dataclass
class MemoryAccess:
    """See the module."""

    port: Relauncher
    journal: Journal
    engine: Engine = ENGINE
    owners: Owners | None = None
    clock: Clock = field(default_factory=lambda: Seconds().clock())
    ground: Ground = UNREAD
    host: HostFiles = field(default_factory=Host)
    state_of: Callable[[str], ContainerState | None] = lambda container: None
    processes: frozenset[ProcessKind] | None = None
    processes_after: frozenset[ProcessKind] | None = None
    needs: NeedsStore = field(default_factory=MemoryNeeds)
    profiles: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)

    def read(self, container: str) -> ContainerState | None:
        return self.state_of(container)

    def containers(self) -> Sequence[Container]:
        return ()

    def profile_text(self, path: str) -> str | None:
        return self.profiles.get(path)

    def profile_place(self, text: str) -> str:
        return f"/memory/{len(text)}.json"

    def keep_profile(self, path: str, text: str) -> None:
        self.profiles[path] = text

    def listeners(self) -> tuple[tuple[str, int], ...] | None:
        return None

    def bound(self) -> tuple[tuple[str, int], ...] | None:
        return None

    def owner_text(self, kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
        return OwnerText(body)

    def file_inside(self, container: str, path: str, most: int) -> tuple[ContainerFile | None] | None:
        return None

    def moment(self) -> MemoryAccess:
        return self

    def startup_processes(self, container: str) -> frozenset[ProcessKind] | None:
        return self.processes

    def all_processes(self, container: str) -> frozenset[ProcessKind] | None:
        return self.processes_after

    def liveness(self, container: str) -> Liveness:
        return Liveness()

    def root_files(self, container: str) -> RootFiles:
        return RootFiles()

    def trouble(self) -> Trouble | None:
        return None

    def caught_signals(self, container: str) -> tuple[int, ...] | None:
        return None

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[PortReply, ...] | None:
        return None

    def release(self, cgroup: str) -> None:
        self.released.append(cgroup)
