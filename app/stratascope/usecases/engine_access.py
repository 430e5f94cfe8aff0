"""What hardening needs of one engine and its machine: a port of the use cases, whose adapter is in `wiring`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import Ground
from stratascope.core.host_files import HostFiles
from stratascope.core.observation.needs import NeedsStore
from stratascope.core.owners import Owners
from stratascope.core.ports import Relauncher
from stratascope.core.record import Trouble
from stratascope.core.relaunch.evidence import Answer, Ask, Liveness, RootFiles
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.evidence.expected import Clock
from stratascope.usecases.evidence.startup_processes import ProcessKind


class EngineAccess(Protocol):
    """Containers by full id. Everything is read anew at each call; what can't be read is None, never a guess."""

    @property
    def engine(self) -> Engine: ...

    @property
    def ground(self) -> Ground: ...

    @property
    def port(self) -> Relauncher: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def host(self) -> HostFiles: ...

    @property
    def owners(self) -> Owners | None:
        """None: nothing that Compose or systemd owns is changed."""

    @property
    def needs(self) -> NeedsStore:
        """What was learned of its containers."""

    @property
    def clock(self) -> Clock: ...

    def read(self, container: str) -> ContainerState | None:
        """Its state as it is now; None if the engine does not have it. Raises EngineError."""

    def containers(self) -> Sequence[Container]:
        """All of the engine. Raises EngineError."""

    def profile_text(self, path: str) -> str | None:
        """A file of the user's, for a seccomp profile."""

    def profile_place(self, text: str) -> str:
        """Where a seccomp profile of that content goes: a full path on this machine."""

    def keep_profile(self, path: str, text: str) -> None:
        """Put it there. Raises JournalError."""

    def listeners(self) -> tuple[tuple[str, int], ...] | None:
        """Addresses and ports that listen on the host."""

    def bound(self) -> tuple[tuple[str, int], ...] | None:
        """The same of UDP."""

    def owner_text(self, kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
        """What an owner's file must say for these options. Raises OwnerError."""

    def startup_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """What it started in its first seconds and still has. Raises EngineError."""

    def all_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """Every process that it has now. Raises EngineError."""

    def liveness(self, container: str) -> Liveness:
        """Its ports and counters."""

    def root_files(self, container: str) -> RootFiles:
        """What takes a moment to look at, and only a plan and a proof ask for."""

    def trouble(self) -> Trouble | None:
        """Why the engine's kernel could not be asked when it was last tried; None where it could."""

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[Answer, ...] | None:
        """What it says at its TCP ports, from inside its own network, else where it is published. None: neither."""

    def caught_signals(self, container: str) -> tuple[int, ...] | None:
        """The signals for which its first process has a handler. None: that can't be read."""

    def release(self, cgroup: str) -> None:
        """Remove that control group, and nothing that is in it; no error where it is gone, or may not be removed."""
