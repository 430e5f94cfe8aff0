"""The ports: what the use cases need from engines, probes, owners and host files, as protocols.

Adapters are in `engines/`, `probe/` and `owners/`. The port to the journal is `core.relaunch.transaction.Journal`, the
one to the observer `core.observation.observation.Observer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from stratascope.core.capture import Capture
from stratascope.core.container import Asked, Container, Engine, EngineState
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.relaunch.data_volume import DataVolumes
from stratascope.core.relaunch.file_owners import RootFolders, VolumeOwners
from stratascope.value import Value

if TYPE_CHECKING:  # only for signatures: commands that only read do not load the code of a relaunch
    from stratascope.core.history.entry import Counted
    from stratascope.core.refusals.ended.ending import End
    from stratascope.core.relaunch.launch_spec import (
        ContainerFile,
        Created,
        Executed,
        FileChange,
        Health,
        LaunchSpec,
        PlainOptions,
        RestartPolicy,
        Running,
        TwinMount,
    )
    from stratascope.core.relaunch.owner import Owned, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
    from stratascope.linux.mounts import Propagation


class EngineError(MessageError):
    """An engine could not do what was asked: its state from now on, what to do, and its own words."""

    def __init__(self, state: EngineState, message: Message, words: str = "") -> None:
        super().__init__(message, words)
        self.args = (f"{state}: {words or message.id}",)
        self.state = state


class NoSuchContainerError(Exception):
    """The engine does not have that container (any more)."""


class ProbeError(MessageError):
    """The collector can't be run, speaks another protocol version, or died; `message` says what to do."""


class RootOnlyError(ProbeError):
    """Only root may enter a process, to try threats there."""

    def __init__(self) -> None:
        command = "sudo stratascope try NAME --in-place"
        super().__init__(msg("Only root may enter it. In a terminal: {command}", command=command))


class ConfinedError(ProbeError):
    """Our own sandbox keeps us from this machine; `command` would grant access."""

    def __init__(self, message: Message, command: str) -> None:
        super().__init__(message, command)
        self.command = command


class EventKind(StrEnum):
    CHANGED = "changed"  # inspect it again
    COMMAND = "command"  # a command began in it, as a health check does every few seconds
    COMMAND_OVER = "command over"
    HEALTH = "health"  # what its health check said, whether that is new or not
    REMOVED = "removed"


class Event(Value):
    """A container changed or was removed. `said`: the words of a command that begins; or what a health check said:
    healthy, unhealthy … `run`: the number of the command's run. Both empty if not told.
    """

    kind: EventKind
    container: str  # full id
    said: str = ""
    run: str = ""


class RawContainer(Value):
    """An engine's full inspect JSON for one container, with the values of environment variables removed."""

    engine: str
    id: str
    inspect: str


class Top(Protocol):
    """Podman's own view of a container's processes, from the machine that the engine runs on."""

    def __call__(self, container: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """One row per process, columns as requested (podman-top(1): hpid, capeff, seccomp …).

        Raises EngineError, NoSuchContainerError, and ValueError if the answer has another form.
        """


class EnginePort(Protocol):
    """One engine endpoint. Every call has a time limit; none is made on the window's thread."""

    @property
    def id(self) -> str:
        """Stable id of the engine."""

    @property
    def shell(self) -> tuple[str, ...]:
        """Command prefix that runs a command on the engine's machine; empty if that is this machine, or impossible."""

    @property
    def top(self) -> Top | None:
        """The engine's own process listing; None if it has nothing that /proc lacks."""

    def describe(self) -> Engine:
        """Kind and state of the engine. Never raises: a failure is a state with a message."""

    def list(self) -> tuple[RawContainer, ...]:
        """All containers, running or not. Raises EngineError."""

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""

    def exported(self, container: str) -> Iterator[bytes]:
        """All of its files, except those of mounts, as a tar archive. Raises EngineError, NoSuchContainerError."""

    def events(self) -> Iterator[Event]:
        """Events from now on: the stream is open when this returns. Raises EngineError.

        The iterator blocks until the stream ends (returns) or fails (EngineError); `close` ends it.
        """

    def close(self) -> None:
        """Release connections, end `events`, end an API service that we started. May be called twice."""


class Translator(Protocol):
    """Pure: one kind of engine's inspect JSON to a Container. Works on saved captures too."""

    def __call__(self, raw: RawContainer, engine: Engine) -> Container:
        """Raises ValueError, with a readable text, if the JSON is damaged."""


class ControlGroups(Protocol):
    """What the kernel says at once of a container's control groups, given the text of /proc/PID/cgroup. Neither raises
    anything.
    """

    def read(self, groups: str) -> Counted:
        """Its counters."""

    def processes(self, container: str, groups: str) -> frozenset[int] | None:
        """All of its processes; None: not known. `container`: its id."""


class Wish(Value):
    """A request to read these names of this process; `members`: list the container's other PIDs as well.

    `others`: these are the other PIDs, where no control group and no PID namespace tells them.
    """

    pid: int
    wants: tuple[str, ...]
    member_wants: tuple[str, ...] = ()
    members: bool = True
    container: str = ""  # its id
    others: tuple[int, ...] | None = None


class ContainerCapture(Value):
    """The answer to one wish: the process, and each further process of the same container."""

    first: Capture
    members: tuple[Capture, ...] = ()
    members_from: str = ""  # "cgroup", "pid namespace", "caller", or "" if they could not be listed
    unread: int = 0  # at least this many further processes are missing from the members


class Prober(Protocol):
    """Runs the collector on one machine. Raises ProbeError if it can't run at all; every other failure is a gap."""

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        """These facts of the host; None: `core.ground.HOST_WANTS`."""

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """One answer per wish, in order."""

    def close(self) -> None:
        """End the collector, if it is a process."""


class RefusedError(EngineError):
    """The engine refused this one call for a reason of the call's own (a conflict, a bad option), and is fine
    otherwise.
    """


class Relauncher(VolumeOwners, DataVolumes, Protocol):
    """Engine calls needed by hardening. Containers by full id. Every call has a time limit.

    All raise EngineError (RefusedError if the engine refused this very call, with its error), and NoSuchContainerError
    if the container is gone. Only `remove_overlays` and `remove_volumes` delete volumes.
    """

    def plan(self, container: str) -> LaunchSpec:
        """Everything needed to recreate it. What can't be recovered is in `lost`."""

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        """Pure: the spec's create request, with the difference between `spec.asked` and `asked` applied."""

    def with_image(self, body: str, image: str, name: str) -> str:
        """Pure: the same create request with another image, by id; `name` is that image's name."""

    def repointed(self, body: str, moved: Mapping[str, str]) -> str:
        """Pure: the same create request, with references to other containers (ids, names) replaced by the ids in
        `moved`.
        """

    def twin(
        self, spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str = ""
    ) -> str:
        """Pure: the create request for the container's twin of this number, with exactly these mounts.

        No network but its own, no published ports, no restart, no auto-removal, none of its labels; a healthcheck each
        second. `cgroup_parent`: parent control group in the engine's notation; empty: the engine's default.
        """

    def overlay(self, number: str, mounts: tuple[TwinMount, ...]) -> None:
        """Create the overlays that these need, with the twin's label. Raises ToggleError for what can't be overlaid."""

    def remove_overlays(self, number: str) -> None:
        """Remove what `overlay` made, complete or not, once the twin is gone. No error if there is nothing."""

    def check_health(self, container: str) -> Health:
        """The state of its healthcheck, running it if the engine would not by itself. STARTING: no result yet."""

    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        """Create without starting."""

    def initialize(self, container: str) -> int | None:
        """Create its first process, which waits for `start`: its PID. None if this engine can't."""

    def start(self, container: str) -> None: ...

    def stop(self, container: str, seconds: int) -> None:
        """SIGTERM, then SIGKILL after `seconds`; returns when it has stopped. No error if it was stopped."""

    def signal(self, container: str, name: str) -> None:
        """Send a signal, named without SIG, to its first process. Raises RefusedError if it is not running."""

    def rename(self, container: str, name: str) -> None: ...

    def remove(self, container: str) -> None:
        """Remove it, running or not. Its volumes stay, anonymous ones too."""

    def restart_policy(self, container: str, policy: RestartPolicy) -> None: ...

    def limit(self, container: str, limits: Asked) -> None:
        """Change memory, swap, processes and cores of a running container (None: unchanged), then read them back;
        RefusedError if they were not applied.
        """

    def running(self, container: str) -> Running: ...

    def told(self, inspect: str) -> Running:
        """Pure: the container's state according to earlier inspect JSON, as in `LaunchSpec.inspect`."""

    def end(self, container: str) -> End:
        """How it last ended, or why it did not start; valid also if it runs again by now."""

    def labelled(self, label: str, value: str) -> tuple[Running, ...]:
        """All containers with that label, running or not; an empty value matches any."""

    def named(self, name: str) -> Running | None:
        """The container of that name."""

    def changes(self, container: str) -> tuple[FileChange, ...]:
        """Changes in its writable layer against the image, without files that the engine makes for each container."""

    def size(self, container: str) -> int | None:
        """Bytes of its writable layer; None if the engine does not say."""

    def log(self, container: str, lines: int) -> str:
        """The last lines of its output, both streams; foreign text."""

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """Run a command in it by the engine's exec, and wait for its end; `seconds`: longest silence."""

    def commit(self, container: str, repository: str) -> str:
        """Commit its writable layer as an image; returns the image's id."""

    def remove_image(self, name: str) -> None:
        """Remove this name, and the image with its last name. No error if it does not exist or is in use."""

    def file(self, container: str, path: str, most: int, seconds: float) -> ContainerFile | None:
        """The file at that path, following the container's own symlinks and never this machine's; None if it is no
        regular file. Larger than `most` bytes: without content. `seconds`: for the whole answer.
        """

    def has_path(self, container: str, path: str) -> bool:
        """Whether its root directory or volumes have that path. For a running container, Docker looks below a tmpfs;
        Podman looks into it, and follows a final symlink.
        """

    def oci_config(self, container: str) -> str:
        """The runtime's resolved config.json, if this user may read it; else raises EngineError."""


class CopyEngine(Relauncher, Protocol):
    """A `Relauncher` that makes containers in which our own program tries threats."""

    def attempting(self, spec: LaunchSpec, body: str, twin: str, program: str, words: Sequence[str]) -> str:
        """Pure: `twin`, a create request of that spec and body's twin, with another first process: the program at that
        absolute path. It shares what namespaces the container shares with the host or with others.
        """

    def import_image(self, name: str, archive: bytes) -> None:
        """Make an image of that name (REPOSITORY:TAG) from a tar archive of a root directory."""

    def plain(self, image: str, words: Sequence[str], options: PlainOptions) -> str:
        """Pure: the create request of a container of that image with that command and these options alone."""

    def put(self, container: str, path: str, archive: bytes) -> None:
        """Unpack a tar archive into that folder of a created container, with its owners, by the ids inside."""


class LogLine(Value):
    """One line of output, foreign text; `moment` as written by the engine (RFC 3339), empty if unknown."""

    moment: str
    text: str


class LogStream(Protocol):
    """A container's output, oldest first; blocks for more until the container ends or `close` is called."""

    def __iter__(self) -> Iterator[LogLine]:
        """Raises EngineError if the engine goes away."""

    def close(self) -> None:
        """End the stream, from any thread; may be called twice."""


class StopFacts(Value):
    """The settings of a stop, as the engine reports them now. `seconds`: grace period before SIGKILL."""

    auto_remove: bool
    restart: RestartPolicy
    seconds: int
    signal: str  # empty: SIGTERM


class DailyEngine(Protocol):
    """Calls for viewing and controlling containers by full id: start, stop, logs, exec. Raises as `Relauncher` does."""

    @property
    def client(self) -> tuple[str, ...]:
        """The engine's own command line client, with the arguments that select this engine."""

    def start(self, container: str) -> None:
        """Start it. No error if it is running."""

    def stop(self, container: str) -> None:
        """Stop it with its own signal and timeout; returns when it has stopped. No error if it was stopped."""

    def restart(self, container: str) -> None:
        """Stop as above, then start."""

    def stop_facts(self, container: str) -> StopFacts: ...

    def follow(self, container: str, lines: int, since: str) -> LogStream:
        """The last `lines` of its output, then what follows. `since`: only from that LogLine's moment on; empty: from
        the beginning. Raises RefusedError if its log driver keeps nothing readable.
        """

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """See `Relauncher`."""


class HostEntry(Value):
    """A file or folder below a mount, by its path in the container. Owner and group in the host's numbering."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits
    folder: bool


class HostPathKind(StrEnum):
    FOLDER = "folder"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"  # a device, a pipe


class HostPath(Value):
    """What is at a path. `path`: with a final symlink resolved; `mounted`: the path itself is a mount point.

    `sockets`: whether the folder holds any; None if it has more entries than were looked at.
    """

    path: str
    kind: HostPathKind
    mounted: bool
    sockets: bool | None = False


class HostFiles(RootFolders, Protocol):
    """Files on an engine's host. Every method returns None where this program can't look."""

    def exists(self, path: str) -> bool | None: ...

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        """Whether `source` is no longer the file that the process `pid` has mounted at `target`."""

    def propagation(self, path: str) -> Propagation | None:
        """The propagation of the mount that the path is on, as seen by the engine."""

    def entries(self, source: str, target: str, most: int) -> tuple[HostEntry, ...] | None:
        """Files at and below `source`, at most `most`, nearest first."""

    def place(self, path: str, most: int) -> HostPath | None:
        """What is at that path; looks at no more than `most` entries below it."""


class OwnerError(EngineError):
    """An owner could not do what was asked; `message` says what to do, `words` is the owner's own output."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(EngineState.CONNECTED, message, words)


class OwnerFailedError(OwnerError):
    """The owner's command failed; what it was asked to create may not be running."""


class OwnerGoneError(OwnerError):
    """The files that the container was made from are gone, so nobody can recreate it from them."""


class Owners(Protocol):
    """Calls to owners needed by hardening. Every call has a time limit."""

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[OwnerKind], OwnerText],
        along: frozenset[str] = frozenset(),
    ) -> OwnerPlan | OwnerRefusal | None:
        """Plan the change; reads only. None if the container has no owner. `text` may raise OwnerError. `along`: ids of
        containers changed with it.
        """

    def check(self, owned: Owned) -> None:
        """Raise OwnerError if the owner's files changed since planning."""

    def holds(self, owned: Owned) -> bool:
        """Whether every file has our text in it, unchanged. Raises OwnerError."""

    def put(self, owned: Owned) -> None:
        """Write our text into the files; a crash leaves all of it or nothing. Idempotent. Raises OwnerError."""

    def take(self, owned: Owned) -> None:
        """Remove our text; a file that holds nothing else is deleted. Idempotent. Raises OwnerError."""

    def recreate(self, owned: Owned) -> None:
        """Let the owner recreate this service's container from the files as they are. Raises OwnerError,
        OwnerGoneError.
        """

    def last_words(self, owned: Owned) -> str:
        """The last output of the service's container, if the owner keeps it; else empty."""
