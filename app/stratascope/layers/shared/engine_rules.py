"""What Docker and Podman do differently where a layer depends on it: a row an engine.

By moby and containers/podman, and as measured on them. What options mean in both is in `core/options`.
"""

from __future__ import annotations

from stratascope.core.container import Engine, EngineKind
from stratascope.value import Value

Version = tuple[int, int, int]


class EngineRules(Value, kw_only=True):
    """`since` versions: None if the engine never does it."""

    socket: str  # the usual one of a rootful engine
    storage: str  # the usual directory of a rootful engine
    answer: str  # what of its API says how it runs
    # The first port that everyone may bind in a network that it creates. Docker frees all of them since 20.10 (moby,
    # daemon/oci_linux.go, WithSysctls), if the kernel has the setting per network (Linux 4.11) and the user namespace
    # is the initial one; Podman leaves the kernel's default
    port_start: int
    apparmor: str  # its default profile; Podman's goes on with the version of containers/common
    built_in_filter: bool  # its default filter is part of the program; a path is another filter
    names_capabilities: bool  # another user than root holds what it is given by name (in the ambient set)
    typed_capabilities: bool  # it reports capabilities as typed, rather than computed back from the process
    writable_root: bool  # its topmost image layer has mode 0755, whatever the image's root directory has
    own_users: bool  # it can give one container a user namespace; then it requests no device rules
    rootlesskit: bool  # rootless, its containers' namespaces belong to RootlessKit's user namespace
    own_mounter: (
        bool  # its overlay file systems are mounted from a domain that Debian's policy lets write nothing there
    )
    # It gives volumes no propagation, and the runtime makes all mounts slaves; a bind that contains the daemon's data
    # becomes one implicitly (moby, volume/mounts/linux_parser.go)
    slave_mounts: bool
    recursive_read_only_since: Version | None  # read-only binds include what is mounted below (mount_setattr(2))
    profile_if_privileged_since: Version | None  # a profile counts together with --privileged (moby's change 47500)
    pids: int  # the limit that it sets where none was asked for, containers.conf(5); 0: none


_RULES = {
    EngineKind.DOCKER: EngineRules(
        socket="/run/docker.sock",
        storage="/var/lib/docker",
        answer="info",
        port_start=0,
        apparmor="docker-default",
        built_in_filter=True,
        names_capabilities=False,
        typed_capabilities=True,
        writable_root=True,
        own_users=False,
        rootlesskit=True,
        own_mounter=False,
        slave_mounts=True,
        recursive_read_only_since=(25, 0, 0),
        profile_if_privileged_since=(27, 0, 0),
        pids=0,
    ),
    EngineKind.PODMAN: EngineRules(
        socket="/run/podman/podman.sock",
        storage="/var/lib/containers/storage",
        answer="libpod/info",
        port_start=1024,
        apparmor="containers-default-0",
        built_in_filter=False,
        names_capabilities=True,
        typed_capabilities=False,
        writable_root=False,
        own_users=True,
        rootlesskit=False,
        own_mounter=True,
        slave_mounts=False,
        recursive_read_only_since=None,
        profile_if_privileged_since=(0, 0, 0),
        pids=2048,
    ),
}


def rules_of(engine: Engine) -> EngineRules:
    """The engine's row."""
    return _RULES[engine.kind]
