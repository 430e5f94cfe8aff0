"""The launch spec: everything needed to recreate a container. The engine's JSON is kept whole, security options are
typed.

Toggles change `asked`; the engine's adapter applies the difference between the spec's `asked` and the wanted one to the
body, so that everything unknown to toggles stays as the engine reported it. Decided against a model of all options: it
would lose those that it does not know.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.core.container import Asked, EngineKind
from stratascope.core.message import Message
from stratascope.value import Value

# Labels of a replacement: the relaunch that made it, the original, and its name
TRANSACTION = "io.github.stratascope.transaction"
ORIGINAL = "io.github.stratascope.original"
NAME = "io.github.stratascope.name"

# Images of committed writable layers. No registry is named `localhost/`, so engines never try to pull them
IMAGES = "localhost/stratascope/"
_IMAGE_NAME_MAX = 100  # characters; Docker allows 255 for the whole name


class RestartPolicy(Value):
    """A restart policy in the engine's terms: no, on-failure, always, unless-stopped; `retries` for on-failure."""

    name: str = "no"
    retries: int = 0


class Health(StrEnum):
    """State of a container's healthcheck."""

    NONE = "none"  # it has no healthcheck
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class RuntimeState(Value):
    """A container's state besides its options: whether the original could start again, and what a relaunch would
    interrupt. The defaults mean there is nothing to report.
    """

    restarts: int = 0  # how often the engine restarted it after it exited by itself
    attached: bool = False  # started in the foreground, or with its input kept open
    sessions: int = 0  # exec sessions running now, without its own healthcheck
    healthcheck: bool = False
    log: bool = False  # the engine keeps its output, and deletes it with the container
    networks: tuple[str, ...] = ()  # names that now belong to another network, or to none
    edited: tuple[str, ...] = ()  # files made by the engine and edited since: /etc/hosts …
    health: Health = Health.NONE  # state of its healthcheck now


def layer_image(name: str, transaction: str) -> str:
    """Name of the image for a container's writable layer.

    A repository name is lower case, with only single separators between letters and digits, which is stricter than
    container names (github.com/distribution/reference).
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_IMAGE_NAME_MAX].strip("-")
    return f"{IMAGES}{plain or 'container'}:{transaction}"


def filling_image(name: str, transaction: str) -> str:
    """Name of the image from which new volumes are filled: it exists only for that moment."""
    return f"{layer_image(name, transaction)}-data"


def own_image(image: str) -> str:
    """The image's name if it is such an image of a writable layer, else empty."""
    return image if image.startswith(IMAGES) else ""


class LaunchSpec(Value):
    """One container, ready to be recreated.

    `body` is the engine's own create request for an unchanged relaunch, without a name; `inspect` the engine's full
    JSON. These and `environment` hold secrets: they go to the engine and into the journal, never into logs or
    reports. `lost`: what can't be recovered (a reason to refuse), by name; `differs`: what must differ, by name.
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
    environment: tuple[str, ...] = ()  # "NAME=value", including those of the image
    image_environment: tuple[str, ...] = ()  # "NAME=value" as in the image: not secret
    lost: tuple[Message, ...] = ()
    differs: tuple[Message, ...] = ()
    state: RuntimeState = RuntimeState()
    mapped: tuple[tuple[str, str], ...] = ()  # source and target of volumes mounted with an id mapping

    @property
    def values(self) -> tuple[str, ...]:
        """The values of its environment, without search paths for programs."""
        pairs = (each.partition("=") for each in self.environment)
        return tuple(value for name, _, value in pairs if value and name != "PATH")


class Created(Value):
    """A created container: its id and the engine's warnings (such as a limit that it ignores)."""

    id: str
    warnings: tuple[str, ...] = ()


class Running(Value):
    """A container's present state."""

    id: str
    name: str
    status: str  # as in core.container.Status
    pid: int | None
    exit_code: int | None
    restarts: int
    health: Health
    labels: tuple[tuple[str, str], ...] = ()
    error: str = ""  # the engine's reason why it is not running
    out_of_memory: bool = False  # the engine reports an OOM kill
    published: tuple[int, ...] = ()  # TCP ports of the host that lead to it now, including those the engine chose
    created: float = 0.0  # seconds since the epoch
    restart: str = "no"  # name of its restart policy
    mounted: tuple[str, ...] = ()  # host paths of its bind mounts and volumes


class Executed(Value):
    """Result of a command run in a container: its exit status (None: not known), and its output."""

    code: int | None
    text: str


class FileChange(Value):
    """One changed path in the writable layer: `kind` is added, changed or deleted."""

    path: str
    kind: str


class ContainerFile(Value):
    """A regular file in a container. `path`: with symlinks resolved, as far as the engine reports it."""

    UNPRINTED = ("data",)

    path: str
    mode: int  # permission bits, with set-uid, set-gid and sticky; 0 if it is too large
    data: bytes | None  # None: larger than the requested limit


# -- locks of a relaunch, held in the engine itself as container names, so that all its clients see them
#
# The journal's locks are per folder, and two users have two folders. No engine has two containers of one name, so a
# name derived from a container's id is a lock that is the same for everyone and survives a crash until `recover`
# releases it. Two are needed: a container is claimed before another one takes its place, and guarded afterwards until
# it is known whether that one stays.

_PREFIX, _AFTER = "stratascope-", ".old"
_SHORT = 12  # characters of an id that engines themselves show
_MARK = re.compile(rf"{_PREFIX}[0-9a-f]{{{_SHORT}}}(\.[a-z]+)?").fullmatch

# Other labels of a replacement: what must survive the loss of the journal
FIRST = "io.github.stratascope.first"  # the original that is kept, if the replaced container was itself a replacement
RESTART = "io.github.stratascope.restart"  # restart policy of the one that it replaces
PLACE = "io.github.stratascope.place"  # position among those relaunched together: each after everything it needs


def claim(container: str) -> str:
    """The name of a container created to take this container's place."""
    return f"{_PREFIX}{container[:_SHORT]}"


def guard(container: str) -> str:
    """The name of the replaced container, until its replacement is known to stay."""
    return claim(container) + _AFTER


def is_mark(name: str) -> bool:
    """Whether it is a name of one of these locks, or one that a step gives for a moment. A person may call a container
    stratascope-web.
    """
    return _MARK(name) is not None


def policy_text(policy: RestartPolicy) -> str:
    """The policy as `--restart` accepts it."""
    return f"{policy.name}:{policy.retries}" if policy.retries else policy.name


def policy_of(text: str) -> RestartPolicy:
    """Parse a policy from a label, which is foreign text: anything invalid means none."""
    name, _, retries = text.partition(":")
    if name not in ("always", "unless-stopped", "on-failure"):
        return RestartPolicy()
    return RestartPolicy(name, int(retries) if retries.isascii() and retries.isdigit() and len(retries) < 10 else 0)


# -- twins: disposable copies of a container that run in parallel with it
#
# A twin can change nothing of its original: writable files are below an overlay, its network is empty, and anything
# that can't be copied this way refuses the twin, with the reason. It is written into the journal before it exists. Not
# in `trial`, because ports and journal use these types and every command imports them.

TWIN = "io.github.stratascope.twin"  # label of a twin and of its volumes: the twin's number
TWIN_NAME = "twin-"  # suffix of its name, after the original's name and a dot
CHECK_INTERVAL = 1_000_000_000  # nanoseconds between two runs of a twin's healthcheck
CHECK_FAILURES = 100_000  # failures allowed, practically unlimited: the trial decides how long to wait


class TwinMount(Value):
    """A bind or a volume as mounted in the twin. `source` is on the engine's host, with a final symlink resolved.

    `overlaid`: the twin writes into a layer of its own; everything else is mounted as it is, read-only. `fresh`: a
    volume of the twin's own, filled from its image; its source is where that of the container would be.
    """

    source: str
    target: str
    overlaid: bool
    volume: str = ""  # its name
    fresh: bool = False


class TwinRecord(Value):
    """A twin's entry in the journal: all that is needed to remove it and what was created for it."""

    id: str  # also the value of the label
    engine: str
    endpoint: str
    original: str  # full id
    name: str
    started_at: float
    cgroup: str = ""  # its parent control group, made for it, as a path from the cgroup root; empty: none
    image: str = ""  # the name of an image that was made for it alone; empty: it is its original's


MAPPED_TO, MAPPED = 100_000, 65_536


class PlainOptions(Value):
    """A disposable container's options; what is not named is the engine's default. `name`: says what it is."""

    name: str
    user: str = ""
    drop_all: bool = False  # capabilities
    unconfined: bool = False  # no system call filter
    privileged: bool = False
    read_only: bool = False  # its root directory
    no_new_privileges: bool = False
    host_namespaces: bool = False  # network, PID, UTS and cgroup
    host_processes: bool = False  # the PID namespace alone
    unlabelled: bool = False  # no AppArmor profile, no SELinux label
    add: tuple[str, ...] = ()  # capabilities, without CAP_
    drop: tuple[str, ...] = ()
    processes: int = 0  # at most; -1: as many as it likes
    mapped: bool = False  # its ids are MAPPED ordinary ones from MAPPED_TO on; on Podman only
