"""The ports: what the use cases need from engines and probes, as protocols. Adapters live in `engines/` and `probe/`.

Others are `core.host_files`, `core.owners`, and the journal of relaunches (`core.relaunch.transaction.Journal`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from stratascope.core.capture import Capture
from stratascope.core.container import Asked, Container, Engine, EngineState, Image
from stratascope.core.denials.ended.end import End
from stratascope.core.message import Message
from stratascope.core.relaunch.launch_spec import (
    ContainerFile,
    Created,
    Executed,
    FileChange,
    Health,
    LaunchSpec,
    Limits,
    RestartPolicy,
    Running,
)
from stratascope.core.relaunch.twin import TwinMount
from stratascope.core.relaunch.volume_owners import VolumeOwners
from stratascope.value import Value


class EngineError(Exception):
    """An engine could not do what was asked: its state from now on, what to do, and its own words."""

    def __init__(self, state: EngineState, message: Message, words: str = "") -> None:
        super().__init__(f"{state}: {words or message.id}")
        self.state = state
        self.message = message
        self.words = words


class NoSuchContainerError(Exception):
    """The engine does not know that container (any more)."""


class ProbeError(Exception):
    """The collector can't be run, speaks another protocol version, or died; `message` says what to do."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(words or message.id)
        self.message = message
        self.words = words


class ConfinedError(ProbeError):
    """The sandbox that this program runs in keeps it from this machine; `command` would allow it."""

    def __init__(self, message: Message, command: str) -> None:
        super().__init__(message, command)
        self.command = command


class EventKind(StrEnum):
    CHANGED = "changed"  # inspect it again
    REMOVED = "removed"


class Event(Value):
    """A container changed or went away."""

    kind: EventKind
    container: str  # full id


class RawContainer(Value):
    """An engine's answer about one container, whole, as JSON text without the values of its environment."""

    engine: str
    id: str
    inspect: str


class Top(Protocol):
    """Podman's own view of a container's processes: it comes from where the engine runs."""

    def __call__(self, container: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """A row for each process, in the order of `columns` (podman-top(1): hpid, capeff, seccomp …).

        Raises EngineError, NoSuchContainerError, and ValueError where the answer has another form.
        """


class EnginePort(Protocol):
    """One engine endpoint. Every call has a time limit; none is made on the window's thread."""

    @property
    def id(self) -> str:
        """Stable id of the engine."""

    @property
    def shell(self) -> tuple[str, ...]:
        """What to put before a command to run it on the engine's machine; empty where that is this one, or no way."""

    @property
    def top(self) -> Top | None:
        """What it tells of processes by itself; None where that is nothing which /proc would not."""

    def describe(self) -> Engine:
        """What it is and in which state; never raises: a failure is a state with a message."""

    def list(self) -> tuple[RawContainer, ...]:
        """All containers, running or not. Raises EngineError."""

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""

    def events(self) -> Iterator[Event]:
        """What happens from now on: the stream has begun when this returns. Raises EngineError.

        The iterator blocks and yields until the stream ends (returns) or fails (EngineError); `close` ends it.
        """

    def close(self) -> None:
        """Give back connections, end `events`, end an API service that we started. May be called twice."""


class ImageSource(Protocol):
    """An engine that can tell of its images."""

    def image(self, name: str) -> Image | None:
        """What an image brings along; None where the engine has it not."""


class Translator(Protocol):
    """Pure: one kind of engine's inspect JSON into a container. Works on a saved capture too."""

    def __call__(self, raw: RawContainer, engine: Engine) -> Container:
        """Raises ValueError with a clear text where the JSON is damaged."""


class Wish(Value):
    """Read these names of this process; `members` also lists the other PIDs of that container."""

    pid: int
    wants: tuple[str, ...]
    member_wants: tuple[str, ...] = ()
    members: bool = True
    container: str = ""  # its id


class ContainerCapture(Value):
    """The answer to one wish: the process, and each further process of the same container."""

    first: Capture
    members: tuple[Capture, ...] = ()
    members_from: str = ""  # "cgroup", "pid namespace", or "" where they could not be listed
    unread: int = 0  # further processes that are not among the members, at the least


class Prober(Protocol):
    """Runs the collector somewhere. Raises ProbeError where it can't be run at all; else gaps."""

    def host(self) -> Capture:
        """The host's facts (`core.ground.HOST_WANTS`)."""

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """One answer per wish, in order."""

    def close(self) -> None:
        """End the collector, if it is a process."""


class RefusedError(EngineError):
    """The engine refused one call for a reason of that call's own (a conflict, a bad option); it is well otherwise."""


class Relauncher(VolumeOwners, Protocol):
    """What hardening asks of an engine. Containers by full id. Every call has a time limit.

    All raise EngineError (RefusedError where the engine refused this very call, with its own words), and
    NoSuchContainerError where the container is gone. None of them deletes a volume but `remove_overlays`.
    """

    def plan(self, container: str) -> LaunchSpec:
        """Everything needed to create it again. What can't be recovered is in `lost`."""

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        """Pure: the spec's create request with the difference from `spec.asked` to `asked` written into it."""

    def with_image(self, body: str, image: str, name: str) -> str:
        """Pure: the same create request, from another image by its id; `name` is what that one is called."""

    def repointed(self, body: str, moved: Mapping[str, str]) -> str:
        """Pure: the same create request; where it names others (ids, names) it names what they moved to (ids)."""

    def twin(
        self, spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str = ""
    ) -> str:
        """Pure: from a create request of this container that of its twin of this number, with just these mounts.

        No network but its own, nothing published, no restart, no removal by itself, none of its labels; a healthcheck
        each second. `cgroup_parent`: below which control group, as the engine takes it; empty: the engine's own.
        """

    def overlay(self, number: str, mounts: tuple[TwinMount, ...]) -> None:
        """Make what these need beside the twin, labelled as its own. Raises ToggleError for what can't be overlaid."""

    def remove_overlays(self, number: str) -> None:
        """What `overlay` made, or a part of it; the twin is gone by then. No error where there is nothing."""

    def check_health(self, container: str) -> Health:
        """What its healthcheck says; run for it where the engine would not by itself. STARTING: not yet."""

    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        """Create, not start."""

    def initialize(self, container: str) -> int | None:
        """Make its first process, which waits for `start`: its PID. None where this engine can't."""

    def start(self, container: str) -> None: ...

    def stop(self, container: str, seconds: int) -> None:
        """SIGTERM, and SIGKILL after so many seconds; returns when it has stopped. No error if it did before."""

    def signal(self, container: str, name: str) -> None:
        """Send its first process that signal, by its name without SIG. Raises RefusedError where it does not run."""

    def rename(self, container: str, name: str) -> None: ...

    def remove(self, container: str) -> None:
        """Also one that runs. Its volumes stay, anonymous ones too."""

    def restart_policy(self, container: str, policy: RestartPolicy) -> None: ...

    def limit(self, container: str, limits: Limits) -> None:
        """Change limits of a running container; reads them again, and raises RefusedError where they are not so."""

    def running(self, container: str) -> Running: ...

    def told(self, inspect: str) -> Running:
        """Pure: how it was doing by what its engine said then, as in `LaunchSpec.inspect`."""

    def end(self, container: str) -> End:
        """How it ended the last time, or why it did not begin, running by now or not."""

    def labelled(self, label: str, value: str) -> tuple[Running, ...]:
        """All containers with that label, running or not; an empty value: whatever its value."""

    def named(self, name: str) -> Running | None:
        """The container of that name."""

    def changes(self, container: str) -> tuple[FileChange, ...]:
        """What its writable layer holds over its image, without what its engine makes anew in the next one."""

    def size(self, container: str) -> int | None:
        """Bytes of its writable layer; None where the engine does not say."""

    def log(self, container: str, lines: int) -> str:
        """The last lines that it printed, both streams, foreign text."""

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """Run a command in it, as its engine's exec does, and wait for its end; `seconds`: of silence."""

    def commit(self, container: str, repository: str) -> str:
        """Its writable layer as an image; returns the image's id."""

    def remove_image(self, name: str) -> None:
        """Only that name of it where it has several. No error where it is not there, or is still used."""

    def file(self, container: str, path: str, most: int, seconds: float) -> ContainerFile | None:
        """What lies at that path, by the container's own links, never by this machine's; None where that is no regular
        file. Without content where that is more than `most` bytes. `seconds`: for the whole answer.
        """

    def has_path(self, container: str, path: str) -> bool:
        """Whether anything lies there in its root directory and its volumes. Docker looks below a tmpfs of one that
        runs; Podman looks into it, and follows a link at the end.
        """

    def oci_config(self, container: str) -> str:
        """The runtime's resolved config.json, where this user may read it. Raises EngineError otherwise."""


class LogLine(Value):
    """One line that a container printed, foreign text; `moment` as its engine writes it (RFC 3339), empty: not told."""

    moment: str
    text: str


class LogStream(Protocol):
    """What a container prints, oldest first; it waits for more until the container ends, or `close` is called."""

    def __iter__(self) -> Iterator[LogLine]:
        """Raises EngineError where the engine goes away."""

    def close(self) -> None:
        """From any thread; may be called twice."""


class StopFacts(Value):
    """What a stop depends on, as the engine has it now. `seconds`: until it kills what does not end by itself."""

    auto_remove: bool
    restart: RestartPolicy
    seconds: int
    signal: str  # empty: SIGTERM


class DailyEngine(Protocol):
    """What is asked of an engine every day. Containers by full id. Raises as `Relauncher` does."""

    @property
    def client(self) -> tuple[str, ...]:
        """How its own command line is called so that it asks this engine."""

    def start(self, container: str) -> None:
        """No error if it runs."""

    def stop(self, container: str) -> None:
        """With the container's own signal and time; returns when it has stopped. No error if it had before."""

    def restart(self, container: str) -> None:
        """The same, and a start."""

    def stop_facts(self, container: str) -> StopFacts: ...

    def follow(self, container: str, lines: int, since: str) -> LogStream:
        """The last `lines` of what it printed, and then what it prints. `since`: only from that moment of a LogLine on;
        empty: from the beginning. Raises RefusedError where its log driver keeps nothing that could be read.
        """

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """See `Relauncher`."""
