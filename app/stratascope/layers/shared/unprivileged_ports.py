"""Ports that everyone may bind in a process's network namespace: `net.ipv4.ip_unprivileged_port_start`.

The setting is per network namespace, and /proc shows the reader's. A process in the host's has the host's; any other
can only be read from inside, with privilege. Otherwise the engine's information is used: what was requested, else what
it sets in each network that it creates. Ports below the first free one require NET_BIND_SERVICE in the user namespace
that owns the network (inet_port_requires_bind_service, include/net/ip.h), so two layers need this.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.ground import Surroundings, inode_of
from stratascope.layers.shared import world_readable
from stratascope.layers.shared.toggle_values import hosts_after, shared_mode
from stratascope.linux.namespace import Kind
from stratascope.linux.sysctl import parse_number

SETTING = "net.ipv4.ip_unprivileged_port_start"
PORT_START = f"netns:{SETTING}"
PRIVILEGED_PORTS = 1024  # PROT_SOCK, include/net/sock.h


def in_host_network(capture: Capture, around: Surroundings) -> bool | None:
    """Whether it is in the host's network namespace; None if one of the two is unknown."""
    inode = inode_of(capture.text("ns/net"))
    if inode is not None:
        return around.ground.is_hosts("net", inode)
    return world_readable.is_hosts(capture, Kind.NET, around.ground)


def first_free_port(capture: Capture, around: Surroundings) -> int | None:
    """The first port that needs no capability; None if unknown."""
    found = capture.decoded(PORT_START, parse_number)
    if not isinstance(found, Gap):
        return found
    return around.ground.sysctl_number(SETTING) if in_host_network(capture, around) else None


def asked_port(asked: Asked) -> int | None:
    """The first free port requested by --sysctl; None if nobody requested one."""
    wanted = dict(asked.sysctls).get(SETTING, "")
    return int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else None


def requested_port(network: str, start: int | None, engine: Engine) -> int | None:
    """The first free port in a network that the engine creates for this container; None if it does not.

    Docker frees all of them since 20.10 (moby, daemon/oci_linux.go, WithSysctls), if the kernel has the setting per
    network (Linux 4.11) and the user namespace is the initial one; Podman leaves the kernel's default.
    """
    if shared_mode(network):
        return None
    if start is not None:
        return start
    return 0 if engine.kind is EngineKind.DOCKER else PRIVILEGED_PORTS


def low_ports_free(start: int | None) -> bool | None:
    """Whether some port below 1024 is free for everyone."""
    return None if start is None else start < PRIVILEGED_PORTS


def port_start_after(now: int | None, before: Asked, after: Asked, around: Surroundings) -> int | None:
    """The first free port after a relaunch; None if unknown."""
    wanted = asked_port(after)
    if before.sysctls != after.sysctls and wanted is not None:
        return wanted
    if before.network_mode != after.network_mode and hosts_after(after.network_mode, around, network=True):
        return around.ground.sysctl_number(SETTING)
    own = not shared_mode(before.network_mode) and not shared_mode(after.network_mode)
    return now if own or before.network_mode == after.network_mode else None
