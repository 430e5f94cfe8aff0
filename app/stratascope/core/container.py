"""Engines, containers and the options requested for them, in one form for Docker and Podman.

Docker's and Podman's JSON is translated into these types in `engines/` and nowhere else. Decided against
keeping the engines' field names: they differ between the two and between versions of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from stratascope.core.accounts import Account, Accounts
from stratascope.core.message import Message, msg
from stratascope.core.runtime_flaws import RuntimeBuild
from stratascope.core.sandbox import Sandbox
from stratascope.value import Value, field


class EngineKind(StrEnum):
    DOCKER = "docker"
    PODMAN = "podman"
    SANDBOXES = "sandboxes"  # no engine: this machine's sandboxes of other makers, as `makers` finds them in /proc


ENGINES = (EngineKind.DOCKER, EngineKind.PODMAN)


class EngineState(StrEnum):
    CONNECTED = "connected"
    DENIED = "denied"  # the socket is there, but not for this user
    ABSENT = "absent"  # not installed
    STOPPED = "stopped"  # installed, nothing listens
    UNREACHABLE = "unreachable"  # hangs, answers nonsense, or the network fails


class Status(StrEnum):
    """A container's state in its engine's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    STOPPING = "stopping"
    EXITED = "exited"
    DEAD = "dead"
    PREDICTED = "predicted"  # does not exist: read from a command or file that would create it
    UNKNOWN = "unknown"

    @property
    def rests(self) -> bool:
        """Whether it has no process and can be started."""
        return self in (Status.CREATED, Status.EXITED)


class EngineFacts(Value):
    """What an engine reports about itself (`docker info`, `podman info`). Empty text: not reported."""

    UNPRINTED = ("id_maps",)

    storage_driver: str = ""
    cgroup_driver: str = ""
    cgroup_version: str = ""
    network_helper: str = ""  # slirp4netns, pasta, rootlesskit …
    runtime: str = ""  # the default OCI runtime
    operating_system: str = ""
    kernel: str = ""  # the kernel that the engine runs on
    security_options: tuple[str, ...] = ()
    default_capabilities: tuple[str, ...] = ()  # CAP_… names
    seccomp_profile: str = ""  # "builtin", "unconfined" or a path
    selinux: bool = False
    apparmor: bool = False
    userns_remap: bool = False
    data_root: str = ""  # directory with its containers, images and volumes
    # of a rootless engine, of users and of groups: (inside, outside, length), in order; empty: not reported
    id_maps: tuple[tuple[tuple[int, int, int], ...], ...] = ()
    runtimes: tuple[RuntimeBuild, ...] = ()  # the OCI runtimes whose versions it reports


class Daemon(Value):
    """What the process that answers for an engine has itself, as read from its /proc: it gives containers nothing else.
    None: not known.
    """

    capabilities: int | None = None  # its bounding set as a mask
    namespaces: tuple[tuple[str, bool], ...] = ()  # kinds, and whether its own is the host's; unknown ones are left out
    oom_score_adj: int | None = None
    gid: int | None = None  # its user's group
    port_start: int | None = None  # the first port that everyone may bind in its network namespace

    def is_hosts(self, kind: str) -> bool | None:
        """Whether its namespace of that kind is the host's."""
        return dict(self.namespaces).get(kind)


class Engine(Value):
    """One engine endpoint. `id`: short and stable (`docker`, `podman-rootless`); `message`: what to do if it failed."""

    id: str
    kind: EngineKind
    endpoint: str  # unix:///run/docker.sock, ssh://…, tcp://…
    rootless: bool = False
    state: EngineState = EngineState.STOPPED
    version: str = ""
    message: Message | None = None
    error: str = ""  # the engine's own error text
    daemon_uid: int | None = None
    socket_mode: int | None = None  # permission bits of the socket, e.g. 0o660
    socket_group: str | None = None
    socket_file: str = ""  # identity of the socket, `DEVICE:INODE`, whatever its path; empty: not known
    facts: EngineFacts = field(default_factory=EngineFacts)
    daemon: Daemon = field(default_factory=Daemon)

    @property
    def local(self) -> bool:
        """Whether its containers can run on this machine at all: it listens on a Unix socket."""
        return self.kind is EngineKind.SANDBOXES or self.endpoint.startswith("unix://")


class ProfileKind(StrEnum):
    """Which seccomp or AppArmor profile was requested."""

    DEFAULT = "default"
    CUSTOM = "custom"
    UNCONFINED = "unconfined"
    UNKNOWN = "unknown"


WRITABLE_BELOW = "writable-below"


# What stands for an engine where none is: this machine's sandboxes of other makers
NO_ENGINE = Engine(EngineKind.SANDBOXES.value, EngineKind.SANDBOXES, "", state=EngineState.CONNECTED)


class AskedMount(Value):
    """A requested mount."""

    kind: str  # bind, volume, tmpfs, image …
    source: str  # path on the engine's host; empty for tmpfs
    target: str
    writable: bool
    propagation: str = ""
    volume: str = ""  # the volume's name
    # For a new tmpfs: uid=, gid=, mode=, exec; empty: the engine's defaults. For a bind mount: nosuid, suid …, idmap;
    # bind: not recursive; WRITABLE_BELOW: submounts stay writable if the mount is read-only.
    options: str = ""


class AskedDevice(Value):
    """A host device passed in; `permissions`: some of r (read), w (write), m (mknod)."""

    source: str
    target: str
    permissions: str


def is_loopback(address: str) -> bool:
    """Whether that address, or name, is of the loopback interface."""
    return address.startswith("127.") or address in ("::1", "localhost")


class AskedPort(Value):
    """A published port. `host_ip` empty: all addresses; `host_port` empty: the engine chooses."""

    container_port: str  # "80/tcp"
    host_ip: str
    host_port: str

    @property
    def local(self) -> bool:
        """Whether it is published on a loopback address."""
        return is_loopback(self.host_ip)


class AskedLimit(Value):
    """A resource limit (ulimit), named as in `--ulimit`: nofile, nproc, core."""

    name: str
    soft: int
    hard: int


class LogKeeping(StrEnum):
    """Where a container's output is stored and whether its size is limited, according to its log driver and options."""

    UNLIMITED = "unlimited"  # a file of unlimited size on the disk that holds the containers
    LIMITED = "limited"  # size-limited, or not stored at all
    JOURNAL = "journal"  # the host's journal, which limits itself
    ELSEWHERE = "elsewhere"  # sent to another program, whose limits are not known here
    UNKNOWN = "unknown"  # the engine does not say


class Asked(Value):
    """The options requested from the engine, for all layers. None: not reported by the engine (which is not "no")."""

    privileged: bool = False
    user: str = ""
    # Namespaces: "private", "host", "container:ID", "shareable", "none", "pod", or the engine's own value
    pid_mode: str = "private"
    ipc_mode: str = "private"
    uts_mode: str = "private"
    network_mode: str = "private"
    cgroupns_mode: str = "private"
    userns_mode: str = ""  # empty is not "host": rootless engines and userns-remap leave it empty
    read_only_root: bool = False
    masked_paths: tuple[str, ...] | None = None
    read_only_paths: tuple[str, ...] | None = None
    mounts: tuple[AskedMount, ...] = ()
    devices: tuple[AskedDevice, ...] = ()
    device_rules: tuple[str, ...] | None = ()  # device cgroup rules as typed: "c 1:3 rwm"
    # cgroup limits in bytes and cores; None or 0: no limit requested
    memory: int | None = None
    memory_swap: int | None = None
    pids: int | None = None
    cpu_cores: float | None = None
    cpuset: str = ""
    cgroup_parent: str = ""
    oom_score_adj: int = 0  # added to its badness when the OOM killer picks a victim, proc(5); 0: not requested
    # Capabilities: CAP_… names or "ALL"
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    capabilities: tuple[str, ...] | None = None  # the bounding set that the options result in
    no_new_privileges: bool = False
    seccomp: ProfileKind = ProfileKind.UNKNOWN
    seccomp_profile: str = ""  # path or JSON of a custom profile
    apparmor: ProfileKind = ProfileKind.UNKNOWN
    apparmor_profile: str = ""
    selinux_label: str = ""  # the process label chosen by the engine
    selinux_options: tuple[str, ...] = ()  # "disable", "type:spc_t", "level:s0:c1"
    uid_map: tuple[tuple[int, int, int], ...] = ()  # explicitly requested (inside, outside, length)
    ports: tuple[AskedPort, ...] = ()
    limits: tuple[AskedLimit, ...] = ()
    shm_size: int | None = None  # bytes of /dev/shm
    sysctls: tuple[tuple[str, str], ...] = ()  # namespaced sysctls by name; Podman reports those that were typed
    # Paths excluded from the masked and read-only ones (`--security-opt unmask=`). Only known for containers to be
    # created, or from the create command: inspect does not list them.
    unmasked: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()  # likewise those that are masked in addition (`--security-opt mask=`)
    log_driver: str = ""
    log: LogKeeping = LogKeeping.UNKNOWN
    groups: tuple[str, ...] = ()  # supplementary groups of its first process, by number or by name in the image
    gid_map: tuple[tuple[int, int, int], ...] = ()  # as `uid_map`; if empty, `uid_map` applies to groups too
    account: Account | None = None  # whom `user` means in its image; None: not known. Only of predicted containers
    foreign_mounts: bool = False  # it also has mounts of other containers (--volumes-from), which are not known


class Container(Value):
    """One container of one engine. `pid`: its first process as the engine numbers it; None if it is not running."""

    engine: str
    id: str
    name: str
    image: str
    status: Status
    pid: int | None
    created: float  # seconds since the epoch; 0.0: not reported
    started: float
    runtime: str = ""  # runc, crun, runsc (gVisor), kata …
    command: str = ""
    image_id: str = ""  # the engine's id of the image it was created from
    pod: str = ""
    pod_name: str = ""  # the pod's host name, which its containers share
    infra: bool = False  # the pod's infra container, which holds its namespaces
    init: bool = False  # an init process runs as PID 1 (docker run --init)
    configuration: str = ""  # path of its OCI config.json on the engine's machine, if reported
    labels: tuple[tuple[str, str], ...] = ()
    exposed: tuple[str, ...] = ()  # ports named by its image or options, published or not: "80/tcp"
    networks: tuple[str, ...] = ()  # names of the engine's networks it is attached to
    # Other containers it depends on, by name or id. Shared namespaces are not here but in `asked`.
    links: tuple[str, ...] = ()  # docker run --link on the default network
    requires: tuple[str, ...] = ()  # containers that Podman starts before it (--requires)
    exit_code: int | None = None  # of its last run; None while it runs, or if not reported
    ended: float = 0.0  # end of its last run, seconds since the epoch; 0.0 while it runs, or if not reported
    out_of_memory: bool = False  # its last run was ended by the kernel's OOM killer
    health: str = ""  # result of its healthcheck: starting, healthy, unhealthy; empty if it has none
    health_command: str = ""  # what its health check runs in it, as events name it; empty if it has none
    restored: bool = False  # its processes were restored from a checkpoint instead of started
    error: str = ""  # why the engine's answer could not be parsed; everything else is then unknown
    asked: Asked = field(default_factory=Asked)
    sandbox: Sandbox | None = None  # set if no engine runs it: it is a sandbox of another maker

    @property
    def profile_file(self) -> str:
        """The path of its own seccomp profile, where the engine names the file; empty if not, or if it isn't known when
        the container was made: the file may have been changed since.
        """
        named = self.asked.seccomp_profile
        return named if named.startswith("/") and self.created else ""

    @property
    def key(self) -> tuple[str, str]:
        """Identity across snapshots."""
        return (self.engine, self.id)

    @property
    def kind(self) -> str:
        """What it is: container, or what kind of sandbox (agent, application …)."""
        return "container" if self.sandbox is None else self.sandbox.group.value

    @property
    def recorded_as(self) -> str:
        """The name of its history, which a restart or relaunch does not change."""
        return self.id if self.sandbox is not None else self.name or self.id

    @property
    def short_id(self) -> str:
        """The part of its id that is usually shown; a sandbox's is short, and told apart by its end."""
        return self.id[:12] if self.sandbox is None else self.id


DEV_CONTAINER = "devcontainer.metadata"


class Image(Value):
    """An image's defaults for its containers, as reported by an engine that has the image."""

    user: str = ""  # as in a Dockerfile's USER; empty: root
    volumes: tuple[str, ...] = ()  # paths that get an anonymous volume each
    exposed: tuple[str, ...] = ()  # "80/tcp"
    layers: tuple[str, ...] = ()  # their folders on the engine's machine, topmost first; empty: not told
    accounts: Accounts | None = None  # None: not known
    dev_container: str = ""  # its label DEV_CONTAINER: JSON of what it asks for as a dev container


SHORTEST_ID = 3  # characters: shorter prefixes of an id are not accepted


def matching(word: str, containers: Iterable[Container]) -> tuple[Container, ...]:
    """The containers with that name or full id, or the sandbox of the process with that PID; if there are none, those
    whose id starts with `word`.
    """
    every = tuple(containers)
    exact = tuple(each for each in every if word in (each.name, each.id) or _has_process(each, word))
    if exact or len(word) < SHORTEST_ID:
        return exact
    return tuple(each for each in every if each.id.startswith(word))


def _has_process(container: Container, word: str) -> bool:
    return container.sandbox is not None and word in map(str, container.sandbox.pids)


# Runtimes with a kernel of their own: this machine's /proc does not describe what their workload runs on.
OTHER_KERNEL_RUNTIMES = ("runsc", "kata", "krun", "io.containerd.runsc", "io.containerd.kata")

OTHER_KERNEL = msg("It has its own kernel, which can't be read from outside.")


def other_kernel(container: Container) -> bool:
    """Whether the container runs on another kernel than the engine (gVisor, Kata, libkrun)."""
    runtime = container.runtime.rsplit("/", 1)[-1].lower()
    return any(runtime.startswith(name) for name in OTHER_KERNEL_RUNTIMES)
