"""The launch spec: everything needed to create a container again. The engine's JSON is kept whole, security is typed.

Toggles change `asked`; the engine's adapter writes the difference between the spec's `asked` and the wanted one into
the body, so what no toggle knows stays as the engine said it. Decided against a model of all options: it would lose
those that it does not know.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.core.container import Asked, EngineKind
from stratascope.core.message import Message
from stratascope.value import Value

# Labels of a replacement: which relaunch made it, of which original, under which name
TRANSACTION = "io.github.stratascope.transaction"
ORIGINAL = "io.github.stratascope.original"
NAME = "io.github.stratascope.name"

# Images that a writable layer was committed to. `localhost/` is nobody's registry, so that none is ever asked for it
IMAGES = "localhost/stratascope/"
_IMAGE_NAME_MAX = 100  # characters; Docker allows 255 for the whole


class RestartPolicy(Value):
    """As the engine names it: no, on-failure, always, unless-stopped; `retries` for on-failure."""

    name: str = "no"
    retries: int = 0


class Health(StrEnum):
    """What a container's healthcheck says."""

    NONE = "none"  # it has no healthcheck
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class RuntimeState(Value):
    """What its engine says of a container besides its options: whether the original could start again, and what a
    relaunch would cut off. The defaults are those of a container about which there is nothing to tell.
    """

    restarts: int = 0  # how often the engine started it again after it had ended by itself
    attached: bool = False  # it was started in the foreground, or its input is kept open
    sessions: int = 0  # exec sessions that run now, but for its own healthcheck
    healthcheck: bool = False
    log: bool = False  # its engine keeps what it printed, and removes that with it
    networks: tuple[str, ...] = ()  # whose name leads to another network by now, or to none
    edited: tuple[str, ...] = ()  # files that the engine makes, changed by hand: /etc/hosts …
    health: Health = Health.NONE  # what its healthcheck says now


def layer_image(name: str, transaction: str) -> str:
    """What the image of a container's writable layer is called.

    A repository is lower case, and only single separators stand between letters and digits, which is stricter than
    what containers may be called (github.com/distribution/reference).
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_IMAGE_NAME_MAX].strip("-")
    return f"{IMAGES}{plain or 'container'}:{transaction}"


def own_image(image: str) -> str:
    """The image's name where it is one of those, else nothing."""
    return image if image.startswith(IMAGES) else ""


class LaunchSpec(Value):
    """One container, ready to be created again.

    `body` is the engine's own create request for an unchanged relaunch, without a name; `inspect` the engine's answer
    in full. These and `environment` hold secrets: they go to the engine and into the journal, never into logs or
    reports.
    `lost` is what can't be recovered (a reason to refuse, by name); `differs` what must differ, by name.
    """

    UNPRINTED = ("body", "inspect", "environment")

    engine: str
    kind: EngineKind
    id: str
    name: str
    image: str  # as typed
    image_id: str
    asked: Asked
    body: str
    inspect: str
    restart: RestartPolicy = RestartPolicy()
    auto_remove: bool = False
    stop_timeout: int = 10  # seconds
    labels: tuple[tuple[str, str], ...] = ()
    environment: tuple[str, ...] = ()  # "NAME=value", also those of the image
    image_environment: tuple[str, ...] = ()  # "NAME=value" as the image has it: nobody's secret
    lost: tuple[Message, ...] = ()
    differs: tuple[Message, ...] = ()
    state: RuntimeState = RuntimeState()
    mapped: tuple[tuple[str, str], ...] = ()  # source and target of volumes that are mounted with their ids mapped

    @property
    def values(self) -> tuple[str, ...]:
        """Of its environment, but for the folders in which programs are looked for."""
        pairs = (each.partition("=") for each in self.environment)
        return tuple(value for name, _, value in pairs if value and name != "PATH")


class Created(Value):
    """A container that was created: its id and the engine's warnings (a limit that it ignores is one)."""

    id: str
    warnings: tuple[str, ...] = ()


class Running(Value):
    """How a container is doing now."""

    id: str
    name: str
    status: str  # core.container.Status's words
    pid: int | None
    exit_code: int | None
    restarts: int
    health: Health
    labels: tuple[tuple[str, str], ...] = ()
    error: str = ""  # the engine's own words for why it does not run
    out_of_memory: bool = False  # the engine says that the kernel killed it for want of memory
    published: tuple[int, ...] = ()  # TCP ports of the host that lead to it now, those that the engine chose too
    created: float = 0.0  # seconds since the epoch
    restart: str = "no"  # its restart policy's name
    mounted: tuple[str, ...] = ()  # where its binds and volumes lie on the engine's machine


class Executed(Value):
    """What a command that was run in a container came to: its exit status (None: not told), and what it printed."""

    code: int | None
    text: str


class FileChange(Value):
    """One path of the writable layer: `kind` is added, changed or deleted."""

    path: str
    kind: str


class ContainerFile(Value):
    """A regular file of a container. `path`: where it lies once links are followed, as far as its engine says."""

    UNPRINTED = ("data",)

    path: str
    mode: int  # permission bits, with set-uid, set-gid and sticky; 0 where it is too large
    data: bytes | None  # None: it is larger than what was asked for


class Limits(Value):
    """Resources that an engine changes while the container runs. None: leave as it is. Bytes, count, cores."""

    memory: int | None = None
    memory_swap: int | None = None
    pids: int | None = None
    cpu_cores: float | None = None

    def any(self) -> bool:
        """Whether anything is to be changed."""
        return any(value is not None for value in (self.memory, self.memory_swap, self.pids, self.cpu_cores))
