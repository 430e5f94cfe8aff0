"""Settings that decide whether the kernel checks a capability: the host's, and the first port that everyone may bind.

Two layers deal with capabilities. A stance sees its posture but no ground, so the values of the few settings that
threats mention are passed along in it.

`net.ipv4.ip_unprivileged_port_start` is per network namespace, and /proc shows the reader's. A process in the host's
has the host's; any other can only be read from inside, with privilege. Otherwise the engine's information is used: what
was requested, else what it sets in each network that it creates. Ports below the first free one require
NET_BIND_SERVICE in the user namespace that owns the network (inet_port_requires_bind_service, include/net/ip.h).
"""

from __future__ import annotations

from functools import cache

from stratascope.bounded_cache import remembered
from stratascope.collector.names import PORT_START
from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, Engine
from stratascope.core.ground import Ground, Surroundings, inode_of
from stratascope.core.message import Message, msg
from stratascope.core.options.rules import rules_of
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.ground_rulings import holds
from stratascope.core.threats.needs import Capability, Setting
from stratascope.core.threats.threat import Ruling, lets, unknown
from stratascope.layers.shared.whose_namespace import hosts_after, is_hosts, shared_mode
from stratascope.linux.machine import parse_number, path_of
from stratascope.linux.namespace import Namespace

Answers = tuple[tuple[Setting, bool | None], ...]


@cache
def conditions() -> tuple[Setting, ...]:
    """The settings that decide whether a capability is required, without duplicates."""
    found: dict[Setting, None] = {}
    for need in needs_of(all_threats()):
        if isinstance(need, Capability) and need.only_if is not None:
            found[need.only_if] = None
    return tuple(found)


@remembered()
def answers(ground: Ground) -> Answers:
    """Whether each of them holds on this host; None if it could not be read."""
    return tuple((setting, holds(setting, ground)) for setting in conditions())


def asked_for(need: Capability, known: Answers) -> bool | None:
    """Whether the kernel requires that capability at all; None if the host's setting is unknown."""
    if need.only_if is None:
        return True
    return dict(known).get(need.only_if)


def not_asked_for(setting: Setting) -> Ruling:
    """The ruling if this host's kernel allows it to everyone, without the capability."""
    text = msg("No capability is needed on this host: {setting} does not require it.", setting=setting.name)
    return lets(text, path_of(setting.name))


def perhaps_asked_for(setting: Setting) -> Ruling:
    """The ruling if the missing capability only matters under a setting that could not be read."""
    return unknown(unread(setting), path_of(setting.name))


def unread(setting: Setting) -> Message:
    """Why it is unknown."""
    return msg("It depends on {setting} of the host, which could not be read.", setting=setting.name)


SETTING = "net.ipv4.ip_unprivileged_port_start"
PRIVILEGED_PORTS = 1024  # PROT_SOCK, include/net/sock.h


def in_host_network(capture: Capture, around: Surroundings) -> bool | None:
    """Whether it is in the host's network namespace; None if one of the two is unknown."""
    inode = inode_of(capture.text("ns/net"))
    if inode is not None:
        return around.ground.is_hosts("net", inode)
    return is_hosts(capture, Namespace.NET, around.ground)


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
    """The first free port in a network that the engine creates for this container; None if it does not."""
    if shared_mode(network):
        return None
    return rules_of(engine).port_start if start is None else start


def low_ports_free(start: int | None) -> bool | None:
    """Whether some port below 1024 is free for everyone."""
    return None if start is None else start < PRIVILEGED_PORTS


def port_start_after(now: int | None, before: Asked, after: Asked, around: Surroundings) -> int | None:
    """The first free port after a relaunch; None if unknown."""
    wanted = asked_port(after)
    if before.sysctls != after.sysctls and wanted is not None:
        return wanted
    if before.network_mode != after.network_mode and after.network_mode == "host":
        hosts = hosts_after("host", around, Namespace.NET)
        return around.ground.sysctl_number(SETTING) if hosts else around.engine.daemon.port_start
    own = not shared_mode(before.network_mode) and not shared_mode(after.network_mode)
    return now if own or before.network_mode == after.network_mode else None
