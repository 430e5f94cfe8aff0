"""Whose namespace a process is in, or will be: by files that everyone may read for any process, and by the options.

Only those who may trace a process can read its links in /proc/PID/ns. Everybody may read how many PIDs it has (NSpid,
proc(5)), how its ids are mapped, and the inode of its list of network devices, which differs per network namespace.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Asked, Engine
from stratascope.core.ground import NETWORK_INODE, Ground, Surroundings
from stratascope.core.options.rules import rules_of
from stratascope.layers.shared.readings import process_status
from stratascope.linux.machine import parse_number
from stratascope.linux.namespace import Namespace, parse_full

READABLE_BY_ALL = {Namespace.PID: "status:NSpid", Namespace.NET: "net/dev", Namespace.USER: "uid_map"}


def is_hosts(capture: Capture, kind: str, ground: Ground) -> bool | None:
    """Whether it is in the host's namespace of that kind; None if these files don't show it."""
    match kind:
        case Namespace.PID if ground.first_processes:
            status = process_status(capture)
            return None if isinstance(status, Gap) or not status.nspid else len(status.nspid) == 1
        case Namespace.NET:
            inode = or_none(capture.decoded(NETWORK_INODE, parse_number))
            return None if inode is None or ground.network_inode is None else inode == ground.network_inode
        case Namespace.USER:
            # the initial one maps every id to itself, but another one may as well
            return False if or_none(capture.decoded("uid_map", parse_full)) is False else None
    return None


OWN_USER_NAMESPACE = frozenset(("private", "auto", "keep-id", "nomap"))


def own_user_namespace(asked: Asked) -> bool:
    """Whether a user namespace was requested for this container."""
    return bool(asked.uid_map) or asked.userns_mode.partition(":")[0] in OWN_USER_NAMESPACE


def initial_user_namespace(mode: str, uid_map: tuple[tuple[int, int, int], ...], engine: Engine) -> bool | None:
    """Whether the engine puts a container in the initial user namespace; None: it does not report that.

    If the engine gives containers another one (rootless, userns-remap), only `host` undoes it.
    """
    if uid_map or mode.partition(":")[0] in OWN_USER_NAMESPACE:
        return False
    if engine.rootless or mode not in ("", "host"):
        return None
    return True if mode == "host" or not engine.facts.userns_remap else None


def own_user_namespace_after(before: Asked, after: Asked, engine: Engine) -> bool | None:
    """True if a relaunch puts it in a user namespace of its own, False if in the initial one; None if that does not
    change.
    """
    if (before.userns_mode, before.uid_map) == (after.userns_mode, after.uid_map):
        return None
    if own_user_namespace(after):
        return True
    return False if initial_user_namespace(after.userns_mode, after.uid_map, engine) else None


def shared_mode(mode: str) -> bool:
    """Whether such a namespace is another's: the host's, a container's, a pod's, or one given by path."""
    return mode in ("host", "pod") or mode.startswith(("container:", "ns:"))


def hosts_after(mode: str, around: Surroundings, kind: str) -> bool | None:
    """Whether such a namespace of that kind will be the host's; None: unknown. "host" means the engine's own, which may
    be another one's (Docker in a container). Rootless Docker's network is usually RootlessKit's; if nothing is known of
    the engine's process, all other kinds, and Podman's, are taken for the host's.
    """
    if mode == "host":
        known = around.engine.daemon.is_hosts(kind)
        if known is not None:
            return known
        own = around.engine.rootless and rules_of(around.engine).rootlesskit
        return None if kind == Namespace.NET and own else True
    return None if shared_mode(mode) else False
