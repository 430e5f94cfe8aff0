"""What hardening needs of one engine and its machine: a port of the use cases; the adapter is in `wiring`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import Ground
from stratascope.core.observation.observation import NeedsStore
from stratascope.core.ports import CopyEngine, HostFiles, Owners, Relauncher
from stratascope.core.relaunch.evidence import Ask, Clock, Liveness, PortReply, RootFiles
from stratascope.core.relaunch.launch_spec import ContainerFile, LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import ContainerState, Trouble
from stratascope.usecases.evidence.readings import ProcessKind


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
        """None: containers owned by Compose or systemd are not changed."""

    @property
    def needs(self) -> NeedsStore:
        """What was learned about its containers."""

    @property
    def clock(self) -> Clock: ...

    def read(self, container: str) -> ContainerState | None:
        """The container's present state; None if the engine does not have it. Raises EngineError."""

    def containers(self) -> Sequence[Container]:
        """All containers of the engine. Raises EngineError."""

    def profile_text(self, path: str) -> str | None:
        """A seccomp profile in a file of the user's."""

    def profile_place(self, text: str) -> str:
        """Where a seccomp profile with that content belongs: an absolute path on this machine."""

    def keep_profile(self, path: str, text: str) -> None:
        """Write it there. Raises JournalError."""

    def listeners(self) -> tuple[tuple[str, int], ...] | None:
        """Addresses and ports with a listener on the host."""

    def bound(self) -> tuple[tuple[str, int], ...] | None:
        """`listeners` for UDP: bound addresses and ports."""

    def owner_text(self, kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
        """The text for an owner's file that asks for these options. Raises OwnerError."""

    def file_inside(self, container: str, path: str, most: int) -> tuple[ContainerFile | None] | None:
        """Read a file of a running container through /proc, not through its engine. `(None,)`: the container has no
        such file; None: not readable this way, for instance without root. Raises EngineError.
        """

    def moment(self) -> EngineAccess:
        """A short-lived copy of this access that caches what it reads of each container."""

    def startup_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """Processes that the container started in its first seconds and still has. Raises EngineError."""

    def all_processes(self, container: str) -> frozenset[ProcessKind] | None:
        """All processes of the container. Raises EngineError."""

    def liveness(self, container: str) -> Liveness:
        """The container's listening ports and kernel counters."""

    def root_files(self, container: str) -> RootFiles:
        """What only root can read of a container's files and listeners. Slow, so only a plan and a proof use it."""

    def trouble(self) -> Trouble | None:
        """Why the engine's kernel could not be read at the last attempt; None if it could."""

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[PortReply, ...] | None:
        """What its TCP ports answer, from inside its own network, else at the published ports. None: neither is
        possible.
        """

    def caught_signals(self, container: str) -> tuple[int, ...] | None:
        """Signals that its first process has a handler for. None: not readable."""

    def release(self, cgroup: str) -> None:
        """Remove that control group if it is empty; no error if it is gone or can't be removed."""


class CopyAccess(EngineAccess, Protocol):
    """The same for trying threats."""

    @property
    def port(self) -> CopyEngine: ...

    def beside_all(self) -> CopyAccess:
        """A short-lived copy of this access that compares what it reads with the containers of all engines of the
        machine, which it reads once.
        """
