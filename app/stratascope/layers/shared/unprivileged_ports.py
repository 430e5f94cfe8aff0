"""Which ports everyone may bind in a process's network namespace: `net.ipv4.ip_unprivileged_port_start`.

The setting is the network namespace's own, and /proc shows the reader's. In the host's it is the host's; any other
can be read only from inside, with privilege. Below the first free port NET_BIND_SERVICE is asked for in the user
namespace that owns it (inet_port_requires_bind_service, include/net/ip.h), so two layers need to know.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings, inode_of
from stratascope.linux.sysctl import parse_number

SETTING = "net.ipv4.ip_unprivileged_port_start"
PORT_START = f"netns:{SETTING}"
PRIVILEGED_PORTS = 1024  # PROT_SOCK, include/net/sock.h


def in_host_network(capture: Capture, around: Surroundings) -> bool | None:
    """Whether it is in the host's network namespace; None where one of the two is not known."""
    inode = inode_of(capture.text("ns/net"))
    return None if inode is None else around.ground.is_hosts("net", inode)


def first_free_port(capture: Capture, around: Surroundings) -> int | None:
    """The first port that needs no capability; None where it is not known."""
    found = capture.decoded(PORT_START, parse_number)
    if not isinstance(found, Gap):
        return found
    return around.ground.sysctl_number(SETTING) if in_host_network(capture, around) else None


def low_ports_free(start: int | None) -> bool | None:
    """Whether some port below 1024 is free for everyone."""
    return None if start is None else start < PRIVILEGED_PORTS


def port_start_after(now: int | None, before: Asked, after: Asked) -> int | None:
    """The first free port of a relaunch; None where it is not known."""
    wanted = dict(after.sysctls).get(SETTING, "")
    if before.sysctls != after.sysctls and wanted.isascii() and wanted.isdigit() and len(wanted) < 6:
        return int(wanted)
    return now if before.network_mode == after.network_mode else None
