"""Engine rules shared by both engines' adapters, the checks and the exports: implied values, and how the engines
differ.

From moby (daemon/oci_linux.go, daemon/create.go) and containers/podman (pkg/specgen, pkg/specgenutil).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stratascope.core.container import Asked, Engine, EngineKind, LogKeeping, ProfileKind
from stratascope.value import Value

WRITABLE = ("/run", "/tmp", "/var/tmp")  # tmpfs mounts that Podman adds with --read-only (--read-only-tmpfs)
# Default period of a CPU quota in microseconds, the kernel's (Documentation/scheduler/sched-bwc.rst)
CPU_PERIOD = 100_000
_SWAP = 2  # memory plus swap, as a multiple of memory, if only memory was given
_FILES = frozenset(("json-file", "k8s-file"))
_BOUNDED = frozenset(("local", "none"))  # Docker's local driver keeps 100 MB by default


# -- differences between the engines

Version = tuple[int, int, int]


class EngineRules(Value, kw_only=True):
    """Differences between Docker and Podman, one row per engine: from moby and containers/podman, and as measured.

    Sandboxes of other makers have a row too, of what no engine gave them.

    `since` versions: None if the engine never does it.
    """

    process: str  # name of the engine's process
    socket: str  # default path for a rootful engine
    storage: str  # default directory of a rootful engine
    answer: str  # the API endpoint that reports how it runs
    # The first port that unprivileged users may bind in its networks. Docker allows all ports since 20.10 (moby,
    # daemon/oci_linux.go, WithSysctls), if the kernel has the setting per network (Linux 4.11) and the user namespace
    # is the initial one; Podman leaves the kernel's default
    port_start: int
    apparmor: str  # name of its default profile; Podman's is followed by the version of containers/common
    built_in_filter: bool  # its default seccomp profile is built in; a path means another one
    names_capabilities: bool  # a user other than root holds capabilities added by name (in the ambient set)
    typed_capabilities: bool  # it reports capabilities as typed, rather than computed back from the process
    own_users: bool  # it can give a single container a user namespace, and then requests no device rules
    rootlesskit: bool  # rootless, its containers' namespaces belong to RootlessKit's user namespace
    own_mounter: bool  # it mounts overlays from an SELinux domain that may not write there under Debian's policy
    # It gives volumes no propagation, and the runtime makes all mounts slaves; a bind that contains the daemon's data
    # becomes one implicitly (moby, volume/mounts/linux_parser.go)
    slave_mounts: bool
    recursive_read_only_since: Version | None  # read-only binds include what is mounted below (mount_setattr(2))
    profile_if_privileged_since: Version | None  # a profile works together with --privileged (moby's change 47500)
    daemon: bool  # a daemon: no containers are managed while it is stopped
    makes_sources: bool  # it creates the missing source folder of a bind mount
    needs_shared: bool  # it refuses to start with a bind mount whose requested propagation is not possible
    writable: tuple[str, ...]  # tmpfs mounts it adds to a read-only root, though inspect does not list them
    pids: int  # its default pids limit, containers.conf(5); 0: none
    measure: EngineKind  # the engine whose defaults tell what is more than usual


_RULES = {
    EngineKind.DOCKER: EngineRules(
        process="dockerd",
        socket="/run/docker.sock",
        storage="/var/lib/docker",
        answer="info",
        port_start=0,
        apparmor="docker-default",
        built_in_filter=True,
        names_capabilities=False,
        typed_capabilities=True,
        own_users=False,
        rootlesskit=True,
        own_mounter=False,
        slave_mounts=True,
        recursive_read_only_since=(25, 0, 0),
        profile_if_privileged_since=(27, 0, 0),
        daemon=True,
        makes_sources=True,
        needs_shared=True,
        writable=(),
        pids=0,
        measure=EngineKind.DOCKER,
    ),
    EngineKind.PODMAN: EngineRules(
        process="podman",
        socket="/run/podman/podman.sock",
        storage="/var/lib/containers/storage",
        answer="libpod/info",
        port_start=1024,
        apparmor="containers-default-0",
        built_in_filter=False,
        names_capabilities=True,
        typed_capabilities=False,
        own_users=True,
        rootlesskit=False,
        own_mounter=True,
        slave_mounts=False,
        recursive_read_only_since=None,
        profile_if_privileged_since=(0, 0, 0),
        daemon=False,
        makes_sources=False,
        needs_shared=False,
        writable=WRITABLE,
        pids=2048,
        measure=EngineKind.PODMAN,
    ),
    EngineKind.SANDBOXES: EngineRules(
        process="",
        socket="",
        storage="",
        answer="",
        port_start=1024,
        apparmor="",
        built_in_filter=True,
        names_capabilities=False,
        typed_capabilities=False,
        own_users=False,
        rootlesskit=False,
        own_mounter=False,
        slave_mounts=False,
        recursive_read_only_since=None,
        profile_if_privileged_since=None,
        daemon=False,
        makes_sources=False,
        needs_shared=False,
        writable=(),
        pids=0,
        measure=EngineKind.DOCKER,
    ),
}


def rules_of(engine: Engine | EngineKind) -> EngineRules:
    """The rules of this engine."""
    return _RULES[engine if isinstance(engine, EngineKind) else engine.kind]


# -- what both do the same way


def memory_and_swap(memory: int) -> int:
    """The limit of memory plus swap that an engine sets if only memory was requested."""
    return _SWAP * memory


def security_option(word: str) -> tuple[str, str]:
    """A security option's name and value: `seccomp=x`, `seccomp:x` (before Docker 1.11) and `no-new-privileges`."""
    at = next((place for place, letter in enumerate(word) if letter in "=:"), len(word))
    return word[:at], word[at + 1 :]


def no_new_privileges(words: Iterable[str], default: bool = False) -> bool:
    """Whether these security options set no-new-privileges; the last one counts."""
    said = [value for name, value in map(security_option, words) if name == "no-new-privileges"]
    return said[-1].lower() not in ("false", "0", "f") if said else default


def profile(name: str, default: Collection[str]) -> tuple[ProfileKind, str]:
    """Which kind of profile a name means, and the name or text of a custom one. `default`: the engine's own names."""
    if name in default:
        return ProfileKind.DEFAULT, ""
    return (ProfileKind.UNCONFINED, "") if name == "unconfined" else (ProfileKind.CUSTOM, name)


def profile_text(kind: ProfileKind, name: str) -> str:
    """The inverse: the name or text of a profile; empty for the engine's default."""
    if kind is ProfileKind.UNCONFINED:
        return "unconfined"
    return name if kind is ProfileKind.CUSTOM else ""


def log_keeping(driver: str, *, limited: bool = False) -> LogKeeping:
    """How a log driver limits the stored output. `limited`: whether a size was given."""
    if driver in _BOUNDED:
        return LogKeeping.LIMITED
    if driver in _FILES:
        return LogKeeping.LIMITED if limited else LogKeeping.UNLIMITED
    return LogKeeping.JOURNAL if driver == "journald" else LogKeeping.ELSEWHERE


def label_disabled(asked: Asked) -> bool:
    """Whether Docker adds `label=disable` by itself (generateSecurityOpt)."""
    return asked.privileged or "host" in (asked.pid_mode, asked.ipc_mode)


def labels_of(words: Iterable[str]) -> tuple[str, ...]:
    """The SELinux options among security options."""
    return tuple(value for name, value in map(security_option, words) if name == "label")
