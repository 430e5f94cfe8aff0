"""Whose namespace a process is in, or will be: by files that everyone may read for any process, and by the options.

Only those who may trace a process can read its links in /proc/PID/ns. Everybody may read how many PIDs it has (NSpid,
proc(5)), how its ids are mapped, and the inode of its list of network devices, which differs per network namespace.
"""

from __future__ import annotations

from stratascope.collector.names import NETWORK_INODE, PARENTS
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.options.rules import rules_of
from stratascope.layers.shared.readings import process_status
from stratascope.linux.machine import parse_number
from stratascope.linux.namespace import FULL, Namespace, is_full, parse_full, parse_idmap, parse_parents

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


_WHOLE_RANGE = 65536  # subuid(5)


def left_its_user_namespace(capture: Capture, container: Container, around: Surroundings) -> bool:
    """Whether the process is in a user namespace below the one that the engine gave the container.

    Sandboxes (bwrap, a browser's) make one for themselves. What was mounted before is locked there, and capabilities
    have no effect on what belongs to the container's user namespace. Decided by how many user namespaces are above it
    where that is readable, else by the map: a map of one id is what anyone may write (user_namespaces(7)).
    """
    asked, engine = container.asked, around.engine
    if around.ground.initial_user_namespace is False:
        return False
    ranges = or_none(capture.decoded("uid_map", parse_idmap))
    if ranges is None:
        return False
    mapped, given = sum(part.length for part in ranges), sum(length for _, _, length in asked.uid_map)
    initial = initial_user_namespace(asked.userns_mode, asked.uid_map, engine)
    if initial and _WHOLE_RANGE <= mapped < FULL:
        return False  # as userns-remap gives, which not every engine tells
    above = or_none(capture.decoded(PARENTS, parse_parents))
    if above is not None:
        # rootless Podman is in a user namespace itself, and may give a container or a pod another one below it
        own = own_user_namespace(asked) or shared_mode(asked.userns_mode) or container.pod
        return len(above) > (0 if initial else 2 if engine.rootless and own else 1)
    if initial:
        return not is_full(ranges)
    if given and not engine.rootless:
        return mapped < given
    # an engine without ranges of its own (subuid(5)) has a single id, too: rootless Podman starts containers with it
    single = mapped < 2 and "size=1" not in asked.userns_mode.split(":")[-1].split(",")
    return single and not (engine.rootless and not rules_of(engine).rootlesskit)


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
