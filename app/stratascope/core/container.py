"""Engines and containers as the rest of the program knows them: what an engine was asked for, in one form.

Docker's and Podman's JSON is translated into these types in `engines/` and nowhere else. Decided against
keeping the engines' field names: they differ between the two and between versions of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value, field


class EngineKind(StrEnum):
    DOCKER = "docker"
    PODMAN = "podman"


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
    PREDICTED = "predicted"  # not started: read from a text by which it could be
    UNKNOWN = "unknown"

    @property
    def rests(self) -> bool:
        """Whether nothing of it runs, and it can be started."""
        return self in (Status.CREATED, Status.EXITED)


class EngineFacts(Value):
    """What an engine says of itself, where it does. Empty text: not said."""

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
    data_root: str = ""  # the folder of its containers, images and volumes


class Engine(Value):
    """One endpoint. `id` is short and stable (`docker`, `podman-rootless`), `message` says what to do."""

    id: str
    kind: EngineKind
    endpoint: str  # unix:///run/docker.sock, ssh://…, tcp://…
    rootless: bool = False
    state: EngineState = EngineState.STOPPED
    version: str = ""
    message: Message | None = None
    error: str = ""  # the engine's own words
    daemon_uid: int | None = None
    socket_mode: int | None = None  # permission bits of the socket, e.g. 0o660
    socket_group: str | None = None
    socket_file: str = ""  # the file itself, `DEVICE:INODE`, whatever name it is reached by; empty: not known
    facts: EngineFacts = field(default_factory=EngineFacts)

    @property
    def local(self) -> bool:
        """Whether its processes may be of this machine at all (a socket in the file system)."""
        return self.endpoint.startswith("unix://")


class ProfileKind(StrEnum):
    """Which profile was asked for (seccomp, AppArmor)."""

    DEFAULT = "default"
    CUSTOM = "custom"
    UNCONFINED = "unconfined"
    UNKNOWN = "unknown"


WRITABLE_BELOW = "writable-below"


class AskedMount(Value):
    """A mount that was requested."""

    kind: str  # bind, volume, tmpfs, image …
    source: str  # path on the engine's host; empty for tmpfs
    target: str
    writable: bool
    propagation: str = ""
    volume: str = ""  # the volume's name
    # of a tmpfs that is to be made: uid=, gid=, mode=, exec; empty: as the engine would. Of a bind: nosuid, suid …;
    # bind: without what is mounted below its source; WRITABLE_BELOW: that stays writable if it is read-only; idmap
    options: str = ""


class AskedDevice(Value):
    """A host device passed in; `permissions` of r, w, m."""

    source: str
    target: str
    permissions: str


class AskedPort(Value):
    """A published port. `host_ip` empty: all addresses; `host_port` empty: the engine chooses."""

    container_port: str  # "80/tcp"
    host_ip: str
    host_port: str


class AskedLimit(Value):
    """A resource limit of the processes (ulimit), by its name as in `--ulimit`: nofile, nproc, core."""

    name: str
    soft: int
    hard: int


class LogKeeping(StrEnum):
    """What becomes of all that a container prints, by its log driver and that one's options."""

    UNLIMITED = "unlimited"  # a file on the disk that holds the containers, without a limit of its size
    LIMITED = "limited"  # kept up to a size, or not at all
    JOURNAL = "journal"  # the host's journal, which limits itself
    ELSEWHERE = "elsewhere"  # handed to another program, whose limits are not known here
    UNKNOWN = "unknown"  # the engine does not say


class Asked(Value):
    """What was requested of the engine, for all layers. None: the engine does not say (which is not "no")."""

    privileged: bool = False
    user: str = ""
    # namespaces: "private", "host", "container:ID", "shareable", "none", "pod", or the engine's own word
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
    device_rules: tuple[str, ...] | None = ()  # of the device cgroup, as typed: "c 1:3 rwm"
    # cgroup: None or 0 means no limit was asked for; bytes, cores
    memory: int | None = None
    memory_swap: int | None = None
    pids: int | None = None
    cpu_cores: float | None = None
    cpuset: str = ""
    cgroup_parent: str = ""
    oom_score_adj: int = 0  # what the kernel adds to its score when it chooses whom to kill; 0: not asked for
    # capabilities, CAP_… names or "ALL"
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    capabilities: tuple[str, ...] | None = None  # the resulting bounding set, as the options imply it
    no_new_privileges: bool = False
    seccomp: ProfileKind = ProfileKind.UNKNOWN
    seccomp_profile: str = ""  # a custom profile: its path or its JSON
    apparmor: ProfileKind = ProfileKind.UNKNOWN
    apparmor_profile: str = ""
    selinux_label: str = ""  # the label that the engine chose
    selinux_options: tuple[str, ...] = ()  # "disable", "type:spc_t", "level:s0:c1"
    uid_map: tuple[tuple[int, int, int], ...] = ()  # asked for explicitly
    ports: tuple[AskedPort, ...] = ()
    limits: tuple[AskedLimit, ...] = ()
    shm_size: int | None = None  # bytes of /dev/shm
    sysctls: tuple[tuple[str, str], ...] = ()  # of its own namespaces, by name; Podman tells those that were typed
    # Kernel paths to be left in sight and writable, though they are among the masked or read-only ones; of what is to
    # be made, and where only the command says so
    unmasked: tuple[str, ...] = ()
    log_driver: str = ""
    log: LogKeeping = LogKeeping.UNKNOWN
    groups: tuple[str, ...] = ()  # further ones of its first process, by number or by the image's name
    gid_map: tuple[tuple[int, int, int], ...] = ()  # as `uid_map`; empty beside one of those: the same
    foreign_mounts: bool = False  # those of other containers come along (--volumes-from), and are not known


class Container(Value):
    """One container of one engine. `pid` is its first process's PID as the engine counts, None if none runs."""

    engine: str
    id: str
    name: str
    image: str
    status: Status
    pid: int | None
    created: float  # seconds since the epoch; 0.0 where not said
    started: float
    runtime: str = ""  # runc, crun, runsc (gVisor), kata …
    command: str = ""
    image_id: str = ""  # as the engine names what it was made from
    pod: str = ""
    pod_name: str = ""  # as its containers are told: the host name that they share
    infra: bool = False  # it holds its pod's namespaces
    init: bool = False  # a small init process was put in front (docker run --init)
    configuration: str = ""  # the path of its OCI config.json on the engine's machine, where the engine says
    labels: tuple[tuple[str, str], ...] = ()
    exposed: tuple[str, ...] = ()  # ports that its image or its options name, published or not: "80/tcp"
    networks: tuple[str, ...] = ()  # the engine's networks that it is attached to, by name
    # other containers, by name or id, that it is tied to, apart from namespaces that it shares (those are in `asked`)
    links: tuple[str, ...] = ()  # docker run --link on the default network
    requires: tuple[str, ...] = ()  # what Podman starts before it
    exit_code: int | None = None  # of its last run; None while it runs, or where not said
    ended: float = 0.0  # its last run, seconds since the epoch; 0.0 while it runs, or where not said
    out_of_memory: bool = False  # its last run was ended by the kernel for want of memory
    health: str = ""  # what its healthcheck came to: starting, healthy, unhealthy; empty where it has none
    restored: bool = False  # its processes were not started but restored from a checkpoint
    error: str = ""  # why the engine's answer could not be understood; all else is then unknown
    asked: Asked = field(default_factory=Asked)

    @property
    def key(self) -> tuple[str, str]:
        """Identity across snapshots."""
        return (self.engine, self.id)


class Image(Value):
    """What an image brings along, as reported by an engine that has it."""

    user: str = ""  # as in a Dockerfile's USER; empty: root
    volumes: tuple[str, ...] = ()  # places that get an anonymous volume each
    exposed: tuple[str, ...] = ()  # "80/tcp"


SHORTEST_ID = 3  # characters of an id that may stand for it


def matching(word: str, containers: Iterable[Container]) -> tuple[Container, ...]:
    """Those that a person means by that word: their name or whole id, else an id that begins so."""
    every = tuple(containers)
    exact = tuple(each for each in every if word in (each.name, each.id))
    if exact or len(word) < SHORTEST_ID:
        return exact
    return tuple(each for each in every if each.id.startswith(word))


# Runtimes with a kernel of their own inside: what /proc says here is not what the workload meets.
OTHER_KERNEL_RUNTIMES = ("runsc", "kata", "krun", "io.containerd.runsc", "io.containerd.kata")


def other_kernel(container: Container) -> bool:
    """Whether the container runs on another kernel than the engine (gVisor, Kata, libkrun)."""
    runtime = container.runtime.rsplit("/", 1)[-1].lower()
    return any(runtime.startswith(name) for name in OTHER_KERNEL_RUNTIMES)
